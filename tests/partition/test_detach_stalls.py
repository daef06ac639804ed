"""A month leaves whole or not at all: an old transaction on either table, or on neither, leaves no month half out for long."""

import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatschema import postgres
from chatschema.errors import Busy
from chatschema.partition import create, detach, grid
from chatschema.postgres import locks
from chatschema.values import Settings
from tests.support import ROOT, golden
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.here import Here, here
from tests.support.months import FEBRUARY, JANUARY, contents, there
from tests.support.pace import LONG

DUE = ("2023-10", "2023-11", "2023-12", JANUARY, FEBRUARY)
RETIRE = ("partition", "retire", "--older-than", "12mo")
POLICY = '[partition]\nkeep = "12mo"\n'


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    """The command, with a moment in place of the half minute that a detach waits for old transactions."""
    monkeypatch.setattr(detach, "_STALL_S", 0.6)
    monkeypatch.setattr(detach, "_MOMENT_S", 0.4)
    (tmp_path / "chatschema.toml").write_text(POLICY)
    return here(monkeypatch, capsys, tmp_path)


@pytest.fixture
def five(aged: Database) -> Database:
    """Five months that are due."""
    settings = Settings(aged.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
    lowers = [datetime(2023, month, 1, tzinfo=UTC) for month in (10, 11, 12)]
    with closing(postgres.connect(settings)) as connection:
        plan = [grid.month(parent.table, lower) for lower in lowers for parent in grid.GROUP]
        list(create.ensure(connection, plan, say=print))
    return aged


@contextmanager
def reading(database: Database, query: str, *, age_s: float = 1.1) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(database.url, application_name="billing", autocommit=True) as reader:
        reader.execute(f"begin; {query}".encode())
        time.sleep(age_s)
        yield reader


@contextmanager
def upserting(database: Database) -> Iterator[list[tuple[float, str]]]:
    """Report statuses of January's messages as read, again and again; yield the list of failures, each with its time."""
    failures: list[tuple[float, str]] = []
    is_over = threading.Event()
    upsert = (
        "insert into public.message_statuses (message_id, user_id, status)"
        " select m.id, u.id, 'read' from public.messages as m, public.users as u where u.username = 'alice'"
        " and m.id = %s on conflict (message_id, user_id) do update set status = 'read', read_at = now()"
    )
    message = database.one("select id from public.messages order by id limit 1")

    def work() -> None:
        with database.connect() as client:
            while not is_over.is_set():
                try:
                    client.execute(upsert, (message,))
                except psycopg.Error as error:
                    failures.append((time.monotonic(), str(error)))
                time.sleep(0.005)

    client = threading.Thread(target=work)
    client.start()
    try:
        yield failures
    finally:
        is_over.set()
        client.join()


def states(database: Database) -> set[str]:
    return {state for month in DUE for state in there(database, month).values()}


@pytest.mark.parametrize("table", ["messages", "message_statuses"] if LONG else ["messages"])
def test_a_reader_of_one_table_keeps_every_month_whole(quick: Here, five: Database, table: str) -> None:
    before = contents(five)
    with reading(five, f"select count(*) from public.{table}"), upserting(five) as failures:
        started = time.monotonic()
        first = quick("maintain", "--url", five.url)
        took = time.monotonic() - started
        second = quick("maintain", "--url", five.url)
    assert failures == []
    assert (first.code, second.code) == (5, 5), first.err
    assert took < 6, "every month was waited for"
    assert states(five) == {"attached"}
    assert contents(five)["messages"] == before["messages"]
    # Each migration leaves an entry in the trail.
    (sealed,) = re.findall(r"^sealed \d+ audit entries", first.out, re.MULTILINE)
    golden.check(f"maintain_stalled_by_{table}", first, {sealed: "sealed N audit entries"})
    third = quick("maintain", "--url", five.url)
    assert third.code == 0, third.err
    assert states(five) == {"detached"}


def test_a_prepared_transaction_is_named_and_keeps_every_month_whole(quick: Here, five: Database) -> None:
    if five.one("select current_setting('max_prepared_transactions')") == "0":
        pytest.skip("this server has no prepared transactions")
    five.run("begin; lock table public.messages in access share mode; prepare transaction 'order-7'")
    time.sleep(1.1)
    try:
        result = quick(*RETIRE, "--url", five.url)
        assert result.code == 5
        assert states(five) == {"attached"}
        golden.check("retire_stalled_by_prepared", result)
    finally:
        five.run("rollback prepared 'order-7'")


@pytest.mark.parametrize(
    "query",
    [
        "update public.users set status = 'away' where username = 'alice'",
        "set transaction isolation level repeatable read; select count(*) from public.audit_logs",
    ],
    ids=["writer of users", "old snapshot"],
)
def test_what_only_the_end_of_a_detach_waits_for_is_waited_for_before_it(quick: Here, aged: Database, query: str) -> None:
    """A detach that was cut off needs a lock on users, and waits for every older snapshot: of this there is no way back."""
    with reading(aged, query):
        result = quick(*RETIRE, "--url", aged.url)
        assert result.code == 5, result.err
        assert "(billing, user" in result.err
    assert set(there(aged, JANUARY).values()) == {"attached"}


def test_a_reader_that_comes_between_the_two_tables_has_the_first_attached_again(
    quick: Here, aged: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, original, readers = contents(aged), detach._detach, []

    def then_a_reader_comes(connection: Any, month: Any, *rest: Any) -> None:
        original(connection, month, *rest)
        reader = aged.connect()
        reader.execute("begin; select count(*) from public.messages")
        readers.append(reader)
        time.sleep(1.1)

    monkeypatch.setattr(detach, "_detach", then_a_reader_comes)
    with upserting(aged) as failures:
        result = quick(*RETIRE, "--url", aged.url)
        given_up = time.monotonic()
        time.sleep(0.3)
    assert result.code == 5, result.err
    assert "2024-01 stays attached" in result.err
    assert [failure for at, failure in failures if at > given_up] == []
    assert set(there(aged, JANUARY).values()) == {"attached"} == set(there(aged, FEBRUARY).values())
    assert contents(aged)["messages"] == before["messages"]
    assert aged.one("select state from chatschema.retired_months where month < '2024-01-15'") == "attached"
    for reader in readers:
        reader.close()


def test_a_month_that_an_older_run_left_half_out_is_attached_again_while_it_cannot_leave(quick: Here, aged: Database) -> None:
    """What a kill between the two tables leaves, and what the release before this one left of every due month."""
    before = contents(aged)
    for month in ("01", "02"):
        aged.run(
            f"alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m{month} concurrently"
        )
        aged.run(f"insert into chatschema.retired_months (month, state) values ('2024-{month}-01 00:00+00', 'detaching')")
    listed = quick("partition", "list", "--check", "--url", aged.url)
    assert listed.code == 3
    assert "2024-01 is half detached" in listed.out
    # Deleted while its statuses were away.
    deleted = aged.one("delete from public.messages where id = (select id from public.messages order by id limit 1) returning id")
    with reading(aged, "select count(*) from public.messages"):
        result = quick("maintain", "--url", aged.url)
        assert result.code == 5, result.err
        assert set(there(aged, JANUARY).values()) == {"attached"} == set(there(aged, FEBRUARY).values())
    now = contents(aged)
    assert now["message_statuses"][FEBRUARY] == before["message_statuses"][FEBRUARY]
    assert now["message_statuses"][JANUARY][0] == before["message_statuses"][JANUARY][0] - 2
    assert aged.one("select count(*) from public.message_statuses where message_id = %s", deleted) == 0
    assert "half detached" not in quick("partition", "list", "--check", "--url", aged.url).out
    assert quick("maintain", "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}


def test_a_month_that_is_half_out_and_cannot_be_helped_is_no_success(
    quick: Here, aged: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MONTHS", locks.Patience(0.15, 3, 0.1))
    aged.run("insert into chatschema.retired_months (month, state) values ('2024-01-01 00:00+00', 'detaching')")
    with reading(aged, "select count(*) from public.messages", age_s=0) as reader:
        with aged.connect() as detacher:
            detacher.execute("set lock_timeout = '300ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                detacher.execute("alter table public.messages detach partition chat_partitions.messages_y2024m01 concurrently")
        result = quick(*RETIRE, "--url", aged.url)
        assert result.code == 1
        golden.check("retire_half_out", result)
        maintained = quick("maintain", "--url", aged.url)
        assert maintained.code == 1
        assert set(there(aged, FEBRUARY).values()) == {"attached"}
        reader.execute("commit")
    assert quick("maintain", "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}


def test_a_month_that_needs_no_wait_goes_on_and_is_told(quick: Here, cli: Cli, aged: Database) -> None:
    first = cli("partition", "retire", "--older-than", f"{days_since(2024, 2, 15)}d", "--url", aged.url)
    assert first.code == 0, first.err
    with reading(aged, "select count(*) from public.messages"):
        result = quick(*RETIRE, "--grace", "0d", "--yes", "--url", aged.url)
    assert result.code == 5
    assert (there(aged, JANUARY), set(there(aged, FEBRUARY).values())) == ({}, {"attached"})
    # How many attachments and replies there are differs from run to run.
    golden.check("retire_stalled_after_a_drop", Result(result.code, "", result.err))


def test_a_plain_owner_waits_for_a_transaction_whose_age_is_hidden(aged: Database) -> None:
    role = f"plain_{uuid.uuid4().hex[:8]}"
    aged.run(f"create role {role} login password 'plain'; grant usage on schema chat_partitions to {role}")
    settings = Settings(aged.server.url(aged.name, user=role, password="plain"), "test", None, ROOT / "sql", ROOT / "seeds", Path())
    group = [grid.month(parent.table, datetime(2024, 1, 1, tzinfo=UTC)) for parent in grid.GROUP]
    try:
        reading_now = reading(aged, "select count(*) from public.messages", age_s=0)
        with closing(postgres.connect(settings)) as connection, reading_now as reader:
            pid = reader.info.backend_pid
            with pytest.raises(Busy) as caught:
                detach.wait_for_old_transactions(connection, group, print, 0.1)
        assert caught.value.message.startswith(f"pid {pid} (billing, user ")
        assert "grant pg_read_all_stats" in caught.value.message
    finally:
        aged.run(f"drop owned by {role}; drop role {role}")


def days_since(year: int, month: int, day: int) -> int:
    return (datetime.now(UTC) - datetime(year, month, day, tzinfo=UTC)).days
