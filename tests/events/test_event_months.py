"""Months of events: created ahead, append-only, dropped after their time; and events that no month takes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.events import after, behind
from tests.support.pace import long

MONTHS = "select relname from pg_class where relname ~ '^events_y' and relkind = 'r' order by 1"
ADD = "insert into chatschema.events (kind, table_name, row_number, recorded_at) values ('test.added', 'messages', %s, %s)"


def months(database: Database) -> list[str]:
    return [row[0] for row in database.all(MONTHS)]


def drop_all_months(database: Database) -> None:
    for name in months(database):
        database.run(f"drop table chat_partitions.{name}")


def test_migrate_creates_them_and_status_knows_how_far_they_reach(cli: Cli, migrated: Database) -> None:
    runway = {one["parent"]: one for one in cli("status", "--json", "--url", migrated.url).json()["runway"]}
    assert runway["events"]["months"] == runway["messages"]["months"] == len(months(migrated)) == 7
    assert runway["events"]["until"] == runway["messages"]["until"]
    for name in months(migrated)[2:]:
        migrated.run(f"drop table chat_partitions.{name}")
    checked = cli("status", "--check", "--url", migrated.url)
    assert checked.code == 3
    assert "events has partitions for" in checked.out + checked.err
    done = cli("partition", "ensure", "--json", "--url", migrated.url)
    assert [month["parent"] for month in done.json()["created"]] == ["events"] * 5
    assert cli("status", "--check", "--url", migrated.url).code == 0
    assert "no difference" in cli("verify", "--url", migrated.url).out


def test_an_event_without_a_month_is_moved_into_one(cli: Cli, migrated: Database) -> None:
    drop_all_months(migrated)
    now = datetime.now(UTC)
    for number, when in enumerate((now, now.replace(year=now.year - 1), now.replace(year=now.year + 50)), 1):
        migrated.run(ADD, str(number), when)
    with migrated.connect() as reader:
        first = after(reader, None, 1)[0]
        assert migrated.one("select count(*) from chat_partitions.events_default") == 3
        checked = cli("status", "--check", "--url", migrated.url)
        assert checked.code == 3
        assert "for whose month there is no partition; move them: chatschema maintain" in checked.out + checked.err
        done = cli("partition", "ensure", "--url", migrated.url)
        assert done.code == 0, done.err
        assert migrated.all("select row_number from chat_partitions.events_default") == [(3,)]
        assert [event.row_number for event in after(reader, None)] == [1, 2, 3]
        assert [event.row_number for event in after(reader, first.cursor)] == [2, 3]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        migrated.run("truncate chat_partitions.events_default")
    assert "no difference" in cli("verify", "--url", migrated.url).out


def test_a_partition_of_events_without_a_month_becomes_that_of_the_missing_months(cli: Cli, migrated: Database) -> None:
    """Nothing is copied: copying millions of events would keep all senders waiting."""
    drop_all_months(migrated)
    now = datetime.now(UTC)
    migrated.run(ADD, "1", now)
    migrated.run(ADD, "2", now - timedelta(days=70))
    held = migrated.one("select 'chat_partitions.events_default'::regclass::oid")
    with migrated.connect() as reader:
        first = after(reader, None, 1)[0]
        assert cli("partition", "ensure", "--url", migrated.url).code == 0
        assert migrated.one("select count(*) from chat_partitions.events_default") == 0
        found = migrated.one("select array_agg(distinct tableoid::oid) from chatschema.events")
        assert found == [held], "it was copied"
        assert [event.row_number for event in after(reader, None)] == [1, 2]
        assert [event.row_number for event in after(reader, first.cursor)] == [2]
    assert "no difference" in cli("verify", "--url", migrated.url).out
    assert cli("status", "--check", "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from pg_trigger where tgrelid = %s and tgname = 'month_refuse_truncate'", held) == 1


@long
def test_months_are_created_beside_writers_and_migrate_leaves_a_busy_table_to_maintain(
    cli: Cli, migrated: Database, tmp_path: Path
) -> None:
    with migrated.connect() as writer:
        writer.execute("begin")
        writer.execute(ADD.encode(), ("1", datetime.now(UTC)))
        (tmp_path / "chatschema.toml").write_text("[partition]\nahead = 8\n")
        assert cli("partition", "ensure", "--url", migrated.url).code == 0
        assert len(months(migrated)) == 9
        # As pg_dump does.
        writer.execute("lock table chat_partitions.events_default in access share mode")
        (tmp_path / "chatschema.toml").write_text("[partition]\nahead = 9\n")
        done = cli("migrate", "--url", migrated.url)
        assert done.code == 0, done.err
        assert "months of events were not created" in done.err
        assert len(months(migrated)) == 9
        writer.execute("commit")
        assert cli("migrate", "--url", migrated.url).code == 0
    assert len(months(migrated)) == 10


def test_an_event_that_was_rolled_back_leaves_no_finding(cli: Cli, migrated: Database) -> None:
    """The partition without a month then has a size and no row; only its owner could see that it has none."""
    with migrated.connect() as writer:
        writer.execute("begin")
        writer.execute(ADD.encode(), ("1", datetime.now(UTC) + timedelta(days=5000)))
        writer.execute("rollback")
    assert "for whose month there is no partition" in cli("status", "--check", "--url", migrated.url).out
    assert cli("partition", "ensure", "--url", migrated.url).code == 0
    checked = cli("status", "--check", "--url", migrated.url)
    assert (checked.code, "for whose month there is no partition" in checked.out) == (0, False)


def test_they_are_append_only(migrated: Database) -> None:
    migrated.run(ADD, "1", datetime.now(UTC))
    month = f"chat_partitions.{months(migrated)[0]}"
    for table in ("chatschema.events", month, "chat_partitions.events_default"):
        for role in ("origin", "replica"):
            statements = [f"truncate {table}"]
            if table != "chat_partitions.events_default":
                statements += [f"update {table} set row_count = 1", f"delete from {table}"]
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="events is append-only") as refused:
                    migrated.run(f"set session_replication_role = {role}; {statement}")
                assert "chatschema maintain" in str(refused.value.diag.message_hint)


def test_maintain_drops_whole_months_and_a_reader_who_missed_them_learns_of_it(
    cli: Cli, migrated: Database, tmp_path: Path
) -> None:
    drop_all_months(migrated)
    now = datetime.now(UTC)
    old = now.replace(year=now.year - 1)
    migrated.run(ADD, "1", old)
    migrated.run(ADD, "2", old)
    assert cli("partition", "ensure", "--url", migrated.url).code == 0
    migrated.run(ADD, "3", now)
    with migrated.connect() as reader:
        one, two, three = after(reader, None)
        assert cli("maintain", "--url", migrated.url).code == 0
        (tmp_path / "chatschema.toml").write_text('[events]\nkeep = "90d"\n')
        migrated.run(ADD, "4", now)
        assert [event.row_number for event in after(reader, None)] == [3, 4]
        with pytest.raises(psycopg.DatabaseError, match="older than the oldest events") as refused:
            after(reader, one.cursor)
        assert refused.value.sqlstate == "OBX03"
        # Who had read them all has missed nothing.
        assert [event.row_number for event in behind(reader, two.cursor)] == [3, 4]
        assert [event.row_number for event in after(reader, three.cursor)] == [4]
    late = cli("events", "tail", "--after", one.cursor, "--url", migrated.url)
    assert (late.code, "events.too-old" in late.err) == (1, True)


@long
def test_the_time_to_keep_is_read_from_the_configuration(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    drop_all_months(migrated)
    now = datetime.now(UTC)
    migrated.run(ADD, "1", now.replace(year=now.year - 1))
    (tmp_path / "chatschema.toml").write_text('[events]\nkeep = "24mo"\n')
    assert cli("maintain", "--url", migrated.url).code == 0
    assert len(months(migrated)) >= 19
    (tmp_path / "chatschema.toml").write_text('[events]\nkeep = "3mo"\n')
    done = cli("maintain", "--json", "--url", migrated.url).json()
    assert {month["parent"] for month in done["events"]} == {"events"}
    assert len(months(migrated)) in (10, 11)
    (tmp_path / "chatschema.toml").write_text("[events]\nkeep = 30\n")
    assert cli("maintain", "--url", migrated.url).code == 2
