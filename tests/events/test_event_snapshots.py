"""Readers between other transactions: what began before a cursor, what the reader itself writes, what goes while it reads."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.events import after, now

ADD = "insert into chatschema.events (kind, table_name, row_number) values ('test.added', 'messages', %s)"
OLD = "insert into chatschema.events (kind, table_name, row_number, recorded_at) values ('test.added', 'messages', %s, %s)"


def numbers(connection: "psycopg.Connection[tuple[object, ...]]", cursor: str | None) -> list[int | None]:
    return [event.row_number for event in after(connection, cursor)]


@pytest.mark.parametrize("begins", ["now", "oldest"])
def test_what_is_open_when_a_reader_begins_is_not_skipped(migrated: Database, begins: str) -> None:
    """Its number may be lower than that of an event which is there, its transaction later than all that have ended."""
    with migrated.connect() as early, migrated.connect() as late, migrated.connect() as reader:
        early.execute("begin; select pg_current_xact_id()")
        late.execute("begin")
        late.execute(ADD, ("1",))
        early.execute(ADD, ("2",))
        early.execute("commit")
        if begins == "now":
            cursor = now(reader)
        else:
            page = after(reader, None)
            assert [event.row_number for event in page] == [2]
            cursor = page[-1].cursor
        late.execute("commit")
        assert numbers(reader, cursor) == [1]


@pytest.mark.parametrize("level", ["read committed", "repeatable read"])
def test_what_the_reader_writes_is_read_later_by_others(migrated: Database, level: str) -> None:
    with migrated.connect() as writer, migrated.connect() as reader:
        writer.execute(f"begin isolation level {level}".encode())
        writer.execute(ADD, ("1",))
        # A later one that has ended: by the snapshot alone, the writer's own transaction is one of the past.
        migrated.run(ADD, "2")
        with migrated.connect() as other:
            now(other)
        cursor = now(writer)
        writer.execute(ADD, ("3",))
        writer.execute("commit")
        found = numbers(reader, cursor)
    assert found == ([1, 3] if level == "read committed" else [1, 2, 3])


def test_a_month_that_goes_while_a_reader_waits_is_told(migrated: Database) -> None:
    with migrated.connect() as reader, migrated.connect() as dropping:
        migrated.run(ADD, "1")
        migrated.run(ADD, "2")
        cursor = after(reader, None, 1)[0].cursor
        reader.execute("begin isolation level repeatable read; select 1")
        month = migrated.one("select tableoid::regclass::text from chatschema.events limit 1")
        dropping.execute("begin")
        dropping.execute(b"lock table chatschema.events in access exclusive mode")
        states: list[str | None] = []

        def read() -> None:
            with migrated.connect() as waiting, pytest.raises(psycopg.DatabaseError) as refused:
                after(waiting, cursor)
            states.append(refused.value.sqlstate)

        thread = threading.Thread(target=read)
        thread.start()
        wait = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'events_after'"
        while not migrated.one(wait):
            pass
        dropping.execute(
            b"insert into chatschema.event_state (dropped_xid, dropped_id) select e.xid, e.id from chatschema.events as e"
            b" order by e.id desc limit 1"
        )
        dropping.execute(f"drop table {month}".encode())
        dropping.execute("commit")
        thread.join()
        assert states == ["OBX03"]
        with pytest.raises(psycopg.errors.SerializationFailure, match="or than the months of events"):
            after(reader, cursor)


def test_the_mark_of_another_server_is_no_mark_of_this_one(cli: Cli, migrated: Database) -> None:
    """A dump has how far events were dropped there; transactions of this server are years behind."""
    migrated.run("insert into chatschema.event_state (dropped_xid, dropped_id) values ('900000000', 1000000)")
    old = datetime.now(UTC).replace(year=2020)
    for (name,) in migrated.all("select relname from pg_class where relname ~ '^events_y' and relkind = 'r'"):
        migrated.run(f"drop table chat_partitions.{name}")
    with migrated.connect() as reader:
        cursor = now(reader)
        migrated.run(OLD, "1", old)
        assert cli("partition", "ensure", "--url", migrated.url).code == 0
        migrated.run(ADD, "2")
        assert numbers(reader, cursor) == [1, 2]
        assert cli("maintain", "--url", migrated.url).code == 0
        assert migrated.one("select dropped_xid < pg_snapshot_xmax(pg_current_snapshot()) from chatschema.event_state")
        with pytest.raises(psycopg.DatabaseError, match="older than the oldest events"):
            after(reader, cursor)
