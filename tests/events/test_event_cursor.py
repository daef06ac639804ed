"""chatschema.events_after(): every event once and in order, whatever commits when; and cursors that are no good any more.

CHATSCHEMA_TEST_FULL=1 (make test-events) lets 16 writers send 4,800 messages; the short form 400.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from tests.support import ROOT
from tests.support.database import Database
from tests.support.events import SEND, SWITCH_ON, after, conversations, now, write
from tests.support.pace import long

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
WRITERS = 16
EACH = 300 if FULL else 25
ADD = "insert into chatschema.events (kind, table_name, row_number) values ('test.added', 'messages', %s)"


@contextmanager
def writing(database: Database) -> Iterator[threading.Event]:
    """Let 16 writers send messages while the block runs, and until all are done."""
    rooms = conversations(database, 8)
    database.run(SWITCH_ON)
    stop = threading.Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        done = [pool.submit(write, database.url, rooms, EACH, number, stop) for number in range(WRITERS)]
        finished = threading.Event()

        def watch() -> None:
            wait(done)
            finished.set()

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield finished
        finally:
            stop.set()
        for one in done:
            one.result()


def truth(database: Database) -> dict[UUID, list[int]]:
    """Return the events of each conversation in the order in which they were committed: each waited for the one before."""
    found: dict[UUID, list[int]] = {}
    for id, conversation in database.all(
        "select id, conversation_id from chatschema.events where kind = 'message.sent' order by id"
    ):
        found.setdefault(conversation, []).append(id)
    return found


def test_16_writers_and_a_reader_that_reconnects(migrated: Database) -> None:
    chance = random.Random(1)
    seen: dict[UUID, list[int]] = {}
    with migrated.connect() as connection:
        cursor = now(connection)
    with writing(migrated) as finished:
        while True:
            is_over = finished.is_set()
            with migrated.connect() as connection:
                for _ in range(chance.randrange(1, 10)):
                    page = after(connection, cursor, chance.choice((1, 7, 100)))
                    for event in page:
                        if event.kind == "message.sent":
                            assert event.conversation_id
                            seen.setdefault(event.conversation_id, []).append(event.id)
                    cursor = page[-1].cursor if page else cursor
                    time.sleep(0 if page else 0.005)
            if is_over and not page:
                break
    expected = truth(migrated)
    assert sum(map(len, expected.values())) > WRITERS * EACH * 0.8
    assert seen == expected, "skipped, read twice, or out of order"


def followed(output: Path) -> list[dict[str, str]]:
    """Return the events that a client printed; the last line may have been cut off by a kill."""
    found = []
    for line in output.read_text("utf-8").splitlines():
        with suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


@long
def test_a_reader_that_is_killed_goes_on_from_its_stored_cursor(migrated: Database, tmp_path: Path) -> None:
    chance = random.Random(2)
    output, command = (
        tmp_path / "out",
        [sys.executable, str(ROOT / "examples/events/follow.py"), migrated.url, str(tmp_path / "cursor")],
    )
    kills = 0
    with output.open("a") as file:

        def start() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(command, stdout=file)

        running = start()
        while not (tmp_path / "cursor").exists():
            time.sleep(0.02)
        try:
            with writing(migrated) as finished:
                while not finished.wait(chance.uniform(0.3, 0.8)):
                    running.kill()
                    running.wait()
                    file.write("\n")
                    file.flush()
                    kills += 1
                    running = start()
            expected = truth(migrated)
            ids = {id for conversation in expected.values() for id in conversation}
            deadline = time.monotonic() + 30
            while not ids <= {event.get("id") for event in followed(output)}:
                assert time.monotonic() < deadline, "events are missing"
                time.sleep(0.1)
        finally:
            running.kill()
            running.wait()
    first: dict[str, list[int]] = {}
    for event in followed(output):
        if event["kind"] == "message.sent" and int(event["id"]) not in first.setdefault(event["conversation_id"], []):
            first[event["conversation_id"]].append(int(event["id"]))
    assert kills >= 1
    assert first == {str(conversation): ids for conversation, ids in expected.items()}
    assert [event["kind"] for event in followed(output)].count("cache.cleared") == 1


def test_a_transaction_that_commits_late_is_neither_skipped_nor_waited_for(migrated: Database) -> None:
    with migrated.connect() as reader, migrated.connect() as late:
        late.execute("begin")
        late.execute(ADD, ("1",))
        for number in range(2, 6):
            migrated.run(ADD, str(number))
        page = after(reader, None, 3)
        assert [event.row_number for event in page] == [2, 3, 4]
        page += after(reader, page[-1].cursor, 3)
        assert [event.row_number for event in page] == [2, 3, 4, 5]
        late.execute("commit")
        migrated.run(ADD, "6")
        page = after(reader, page[-1].cursor, 1)
        assert [event.row_number for event in page] == [1]
        page = after(reader, page[-1].cursor, 1)
        assert [event.row_number for event in page] == [6]
        assert after(reader, page[-1].cursor) == []
        assert after(reader, "", 1)[0].row_number == 1


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_reader_with_one_snapshot_skips_nothing(migrated: Database, level: str) -> None:
    with migrated.connect() as old, migrated.connect() as reader:
        migrated.run(ADD, "1")
        old.execute(f"begin isolation level {level}".encode())
        first = after(old, None)
        assert [event.row_number for event in first] == [1]
        migrated.run(ADD, "2")
        assert after(old, first[-1].cursor) == []
        later = after(reader, first[-1].cursor)
        assert [event.row_number for event in later] == [2]
        migrated.run(ADD, "3")
        with pytest.raises(psycopg.errors.SerializationFailure, match="older than the cursor"):
            after(old, later[-1].cursor)


def test_many_events_of_one_transaction_are_read_page_by_page(migrated: Database) -> None:
    migrated.run(
        "insert into chatschema.events (kind, table_name, row_number) select 'test.added', 'messages', n from generate_series(1, 5000) as n"
    )
    with migrated.connect() as reader:
        cursor, seen = None, list[int | None]()
        while page := after(reader, cursor, 700):
            assert len(page) <= 700
            seen += [event.row_number for event in page]
            cursor = page[-1].cursor
    assert seen == [*range(1, 5001)]


def test_events_of_a_restored_dump_do_not_come_again(migrated: Database) -> None:
    """Their transaction ids lie ahead of this server's, which will reach them some day."""
    migrated.run(
        "insert into chatschema.events (xid, id, kind, table_name, row_number) overriding system value"
        " select (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 5)::text::xid8, 1, 'test.added', 'messages', 1"
    )
    migrated.run("alter table chatschema.events alter column id restart with 2")
    with migrated.connect() as reader:
        cursor = now(reader)
        seen = list[int | None]()
        for number in range(2, 15):
            migrated.run(ADD, str(number))
            page = after(reader, cursor)
            cursor = page[-1].cursor
            seen += [event.row_number for event in page]
    assert seen == [*range(2, 15)]


def state_of(connection: "psycopg.Connection[tuple[object, ...]]", cursor: str) -> str | None:
    with pytest.raises(psycopg.DatabaseError) as refused:
        after(connection, cursor)
    assert refused.value.diag.message_hint
    return refused.value.sqlstate


def test_cursors_that_are_no_good_are_refused(migrated: Database) -> None:
    migrated.run(ADD, "1")
    with migrated.connect() as reader:
        cursor = after(reader, None)[0].cursor
        origin, rest = cursor.split(";")[1], cursor.split(";", 2)[2]
        system, timeline, table = origin.split("/")
        assert state_of(reader, f"1;{int(system) + 1}/{timeline}/{table};{rest}") == "OBX02"
        assert state_of(reader, f"1;{system}/0000000F/{table};{rest}") == "OBX02"
        # A restore into the same server makes another table.
        assert state_of(reader, f"1;{system}/{timeline}/{int(table) + 1};{rest}") == "OBX02"
        # From before a restore of the same server to an earlier time.
        assert state_of(reader, f"1;{origin};1:1:;900000000:900000000:;0;900000000;0") == "OBX02"
        for text in ("nonsense", cursor[:-1] + "x", f"2{cursor[1:]}"):
            assert state_of(reader, text) == "22023"


def test_sending_is_not_refused_where_an_event_has_no_month(migrated: Database) -> None:
    rooms = conversations(migrated, 1)
    migrated.run(SWITCH_ON)
    for (month,) in migrated.all(
        "select format('chat_partitions.%I', relname) from pg_class where relname ~ '^events_y' and relkind = 'r'"
    ):
        migrated.run(f"drop table {month}")
    migrated.run(SEND, rooms[0])
    assert migrated.one("select count(*) from chat_partitions.events_default") == 1
