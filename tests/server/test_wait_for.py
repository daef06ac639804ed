"""Reading one's own write on a standby that is 300 ms behind, while a row is updated all the time.

CHATSCHEMA_TEST_FULL=1 (make test-events) writes and reads 1,000 times; the short form 20 times.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.support import PASSWORD
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.events import SEND, conversations
from tests.support.servers import PgServer, private, programs

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
TIMES = 1000 if FULL else 20
DELAY_S = 0.3
WAIT = "call chatschema.wait_for(%s, %s)"


@pytest.fixture(scope="module")
def pair(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Database]]:
    """A migrated database on a primary, and the same on a standby that is 300 ms behind."""
    kind = "embedded" if server.version >= 180000 else "system"
    with private(programs(kind), "primary") as primary:
        for base in create(primary, "base"):
            folder = tmp_path_factory.mktemp("base")
            for command in (["migrate"], ["roles", "apply"]):
                done = run_cli(*command, "--url", base.url, cwd=folder)
                assert done.code == 0, done.err
            base.run(f"create role reader login password '{PASSWORD}' in role chat_app")
            base.run("create table public.busy (n integer); insert into public.busy values (0)")
            with private(programs(kind), "standby", of=primary, config="recovery_min_apply_delay = '300ms'") as standby:
                yield base, Database(standby, base.name)


@contextmanager
def a_row_that_is_updated_all_the_time(primary: Database) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        with primary.connect() as connection:
            while not stop.is_set():
                connection.execute("update public.busy set n = n + 1")
                time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_one_reads_ones_own_write_on_a_replica(pair: tuple[Database, Database]) -> None:
    primary, standby = pair
    room = conversations(primary, 1)[0]
    stale, again, waits = 0, 0, list[float]()
    with a_row_that_is_updated_all_the_time(primary), primary.connect() as writer, standby.connect() as reader:
        count = "select count(*) from public.messages where conversation_id = %s"
        for number in range(1, TIMES + 1):
            writer.execute(SEND, (room,))
            lsn = one(writer, "select chatschema.written_lsn()")
            if number == 1:
                assert one(reader, count, room) == 0, "the standby is not behind"
            started = time.monotonic()
            again += patiently(reader, lsn)
            waits.append(time.monotonic() - started)
            try:
                stale += one(reader, count, room) != number
            except psycopg.errors.SerializationFailure:
                again += 1
                stale += one(reader, count, room) != number
    print(
        f"{TIMES} writes: {stale} stale, {again} cancelled and tried again; waited {sorted(waits)[len(waits) // 2] * 1000:.0f} ms, at most {max(waits) * 1000:.0f} ms"
    )
    assert stale == 0
    assert max(waits) < 5


def patiently(reader: "psycopg.Connection[Any]", lsn: str) -> int:
    """Wait as the page says: again after 40001, by which replay cancels who has a snapshot in its way. Return how often."""
    again = 0
    while True:
        try:
            reader.execute(WAIT, (lsn, "5 seconds"))
        except psycopg.errors.SerializationFailure:
            again += 1
        else:
            return again


def one(connection: "psycopg.Connection[Any]", query: str, *params: object) -> Any:
    row = connection.execute(query.encode(), params or None).fetchone()
    assert row
    return row[0]


def test_the_application_may_wait_and_a_time_that_is_over_has_a_code(pair: tuple[Database, Database]) -> None:
    primary, standby = pair
    url = standby.server.url(standby.name, user="reader")
    with primary.connect() as writer, psycopg.connect(url, autocommit=True) as reader:
        writer.execute("update public.busy set n = n + 1")
        lsn = one(writer, "select chatschema.written_lsn()")
        started = time.monotonic()
        with pytest.raises(psycopg.DatabaseError, match="has not replayed") as late:
            reader.execute(WAIT, (lsn, "20 milliseconds"))
        assert time.monotonic() - started < DELAY_S
        assert late.value.sqlstate == "LSN01"
        assert late.value.diag.message_hint == "Read from the primary."
        # The same session, and the default time.
        reader.execute("call chatschema.wait_for(%s)", (lsn,))
        with pytest.raises(psycopg.errors.NullValueNotAllowed):
            reader.execute(WAIT, (None, "1 second"))


def test_an_open_transaction_is_refused_even_if_nothing_has_to_be_waited_for(pair: tuple[Database, Database]) -> None:
    _, standby = pair
    for begin in ("begin", "begin read only", "begin isolation level repeatable read"):
        with standby.connect() as reader:
            reader.execute(begin.encode())
            with pytest.raises(psycopg.errors.InvalidTransactionTermination) as refused:
                reader.execute(WAIT, ("0/1", "1 second"))
            assert "refuse_open_transaction" in str(refused.value.diag.context)
    with standby.connect() as reader:
        reader.execute("set default_transaction_isolation = 'repeatable read'")
        reader.execute(WAIT, ("0/1", "1 second"))


def test_a_primary_has_what_it_has(pair: tuple[Database, Database]) -> None:
    primary, _ = pair
    with primary.connect() as connection:
        connection.execute(WAIT, (one(connection, "select chatschema.written_lsn()"), "1 second"))
        with pytest.raises(psycopg.DatabaseError) as never:
            connection.execute(WAIT, ("FFFFFFFF/0", "1 minute"))
        assert never.value.sqlstate == "LSN01"


def test_events_are_not_read_on_a_standby(pair: tuple[Database, Database]) -> None:
    _, standby = pair
    with standby.connect() as reader:
        for call in ("chatschema.events_now()", "chatschema.events_after(null)"):
            with pytest.raises(psycopg.DatabaseError, match="cannot be read on a standby") as refused:
                reader.execute(f"select {call}".encode())
            assert refused.value.sqlstate == "OBX01"
