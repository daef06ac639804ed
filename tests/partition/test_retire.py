"""Months leave by plan: nothing early, nothing held, nothing half, and nobody's query fails for it."""

import re
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents, there

RETIRE = ("partition", "retire", "--older-than", "12mo")
NOW = ("--grace", "0d", "--yes")


def test_a_dry_run_shows_sql_and_locks_and_changes_nothing(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    result = cli(*RETIRE, "--dry-run", "--url", aged.url)
    assert result.code == 0
    assert "detach 2024-01: it ended on 2024-02-01" in result.out
    assert 'alter table "public"."messages" detach partition "chat_partitions"."messages_y2024m01" concurrently' in result.out
    assert "SHARE UPDATE EXCLUSIVE" in result.out
    assert result.out.index('"message_statuses_y2024m01"') < result.out.index('"messages_y2024m01"')
    steps = cli("partition", "plan", "--older-than", "12mo", "--json", "--url", aged.url).json()["steps"]
    assert [(step["month"], step["action"]) for step in steps] == [(JANUARY, "detach"), (FEBRUARY, "detach")]
    assert contents(aged) == before
    assert aged.one("select count(*) from chatschema.retired_months") == 0


def test_a_month_waits_out_its_days_of_grace(cli: Cli, aged: Database) -> None:
    first = cli(*RETIRE, "--url", aged.url)
    assert first.code == 0, first.err
    assert "2024-01 detached messages_y2024m01, message_statuses_y2024m01" in first.out
    assert "its grace period is not over" in first.out
    again = cli(*RETIRE, "--url", aged.url)
    assert "detached messages" not in again.out
    assert set(there(aged, JANUARY).values()) == {"detached"}
    aged.run("update chatschema.retired_months set detached_at = now() - interval '6 days 23 hours' where month < '2024-01-15'")
    assert cli(*RETIRE, "--yes", "--url", aged.url).code == 0
    assert len(there(aged, JANUARY)) == 2
    aged.run("update chatschema.retired_months set detached_at = now() - interval '7 days 1 hour' where month < '2024-01-15'")
    unasked = cli(*RETIRE, "--url", aged.url)
    assert unasked.code == 2
    assert "this drops the tables of 2024-01" in unasked.err
    assert cli(*RETIRE, "--yes", "--url", aged.url).code == 0
    assert there(aged, JANUARY) == {}
    assert len(there(aged, FEBRUARY)) == 2
    states = cli("partition", "list", "--json", "--url", aged.url).json()["partitions"]
    assert [(p["state"], p["rows"]) for p in states if p["name"].endswith("2024m01")] == [("archived", 300), ("archived", 600)]


def test_the_policy_comes_from_the_file(cli: Cli, aged: Database, tmp_path: Path) -> None:
    without = cli("partition", "retire", "--url", aged.url)
    assert without.code == 2
    assert "--older-than 24mo" in without.err
    toml = '[partition]\nkeep = "12mo"\ngrace = "0d"\narchive_dir = "elsewhere"\nahead = 2\n'
    (tmp_path / "chatschema.toml").write_text(toml)
    assert cli("partition", "retire", "--yes", "--url", aged.url).code == 0
    assert (tmp_path / "elsewhere" / JANUARY / "manifest.json").exists()


@pytest.mark.parametrize(
    "line",
    ['keep = "soon"', 'keep = "0d"', "keep = 24", "ahead = 0", "ahead = true", 'holds = "maybe"', 'kepp = "24mo"', 'grace = "-1d"'],
)
def test_a_policy_that_cannot_be_meant_is_refused(cli: Cli, tmp_path: Path, line: str) -> None:
    (tmp_path / "chatschema.toml").write_text(f"[partition]\n{line}\n")
    result = cli("status", "--url", "postgresql://nobody@127.0.0.1:1/none")
    assert result.code == 2
    assert "[partition]" in result.err


@pytest.mark.parametrize("arguments", [("--older-than", "0d"), ("--older-than", "24"), ("--older-than", "1mo", "--grace", "x"), ("--older-than", "1mo", "--holds", "x")])  # fmt: skip
def test_an_option_that_cannot_be_meant_is_refused(cli: Cli, aged: Database, arguments: tuple[str, ...]) -> None:
    assert cli("partition", "retire", *arguments, "--url", aged.url).code == 2
    assert len(there(aged, JANUARY)) == 2


def test_the_current_month_and_those_ahead_never_leave(cli: Cli, aged: Database) -> None:
    assert cli("partition", "retire", "--older-than", "1d", "--grace", "0d", "--yes", "--url", aged.url).code == 0
    assert aged.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass") == 7
    assert cli("status", "--check", "--url", aged.url).code == 0


def test_a_long_transaction_is_named_before_the_detach_begins(cli: Cli, aged: Database) -> None:
    with aged.connect() as reader:
        reader.execute("begin; select count(*) from public.message_statuses")
        time.sleep(1.1)
        timer = threading.Timer(3, reader.execute, ("commit",))
        timer.start()
        seen: list[bool] = []
        watcher = threading.Thread(target=lambda: seen.extend(_pending_while(aged, timer)))
        watcher.start()
        result = cli(*RETIRE, "--url", aged.url)
        timer.join()
        watcher.join()
    assert result.code == 0, result.err
    assert re.search(
        r"waiting before the detach of 2024-01: pid \d+ .*, open for \d+ s\) holds a lock on message_statuses", result.err
    )
    assert seen
    assert not any(seen), "the month was out of sight while somebody held it"


def _pending_while(database: Database, timer: threading.Timer) -> list[bool]:
    result = []
    while timer.is_alive():
        result.append(database.one("select exists (select from pg_inherits where inhdetachpending)"))
        time.sleep(0.1)
    # The last one may be of the moment after the commit.
    return result[:-1]


def test_a_transaction_that_does_not_end_is_named_and_nothing_is_detached(aged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatschema import postgres
    from chatschema.errors import Busy
    from chatschema.partition import detach, retire
    from chatschema.values import Settings

    monkeypatch.setattr(detach, "_STALL_S", 0.5)
    settings = Settings(aged.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
    with aged.connect() as reader, closing(postgres.connect(settings)) as connection:
        reader.execute("begin; select count(*) from public.message_statuses")
        time.sleep(1.1)
        group = retire.members(connection, aged.one("select timestamptz '2024-01-01 00:00+00'"))
        with pytest.raises(Busy, match=r"stays attached: .*, open for \d+ s\) holds a lock on message_statuses") as caught:
            detach.detach(connection, group, say=lambda _: None)
        assert f"pg_terminate_backend({reader.info.backend_pid})" in str(caught.value.hint)
    assert set(there(aged, JANUARY).values()) == {"attached"}


def leave_a_detach_pending(database: Database) -> None:
    """What a killed client or a lock timeout leaves: the month is out of sight and refuses rows."""
    with database.connect() as reader, database.connect() as detacher:
        reader.execute("begin; select count(*) from public.messages")
        detacher.execute("set lock_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            detacher.execute("alter table public.messages detach partition chat_partitions.messages_y2024m01 concurrently")
    assert there(database, JANUARY)["messages_y2024m01"] == "pending"


def test_a_pending_detach_is_found_and_finished_first_thing(cli: Cli, aged: Database) -> None:
    leave_a_detach_pending(aged)
    aged.run("insert into chatschema.retired_months (month, state) values ('2024-01-01 00:00+00', 'detaching')")
    assert aged.one("select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01 00:00+00')") == 0
    for command in (("status", "--check"), ("partition", "list", "--check")):
        result = cli(*command, "--url", aged.url)
        assert result.code == 3
        assert "messages_y2024m01 is unavailable until its pending detach is finalized" in result.out
    assert (
        f'chatschema_partitions{{database="{aged.name}",table="messages",state="detach pending"}} 1'
        in cli("partition", "list", "--openmetrics", "--url", aged.url).out
    )
    result = cli(*RETIRE, "--url", aged.url)
    assert result.code == 0, result.err
    assert "finishing the detach of messages_y2024m01" in result.err
    assert set(there(aged, JANUARY).values()) == {"detached"}


def test_a_pending_month_can_be_brought_back(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    leave_a_detach_pending(aged)
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert contents(aged) == before


def test_where_concurrently_is_refused_a_plain_detach_does_it(cli: Cli, aged: Database) -> None:
    aged.run("create table chat_partitions.rest partition of public.messages default")
    result = cli(*RETIRE, *NOW, "--url", aged.url)
    assert result.code == 0, result.err
    assert there(aged, JANUARY) == {}


def test_two_at_once_do_it_once(aged: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chatschema", *RETIRE, *NOW, "--url", aged.url]
    running = [
        subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], results
    assert sum("2024-01 dropped 300 messages, 600 statuses" in out for out, _ in results) == 1


def test_a_stranger_in_the_schema_is_left_alone(cli: Cli, aged: Database) -> None:
    """A partition off the grid, a table that was detached by hand: not ours to remove."""
    aged.run("""
        alter table public.messages detach partition chat_partitions.messages_y2024m02;
        create table chat_partitions.mine partition of public.messages
            for values from (chatschema.uuid7_floor('2023-01-05 00:00+00')) to (chatschema.uuid7_floor('2023-02-05 00:00+00'));
        create table chat_partitions.messages_y2023m12 (id uuid)
    """)
    assert cli(*RETIRE, *NOW, "--url", aged.url).code == 0
    assert aged.one("select count(*) from chat_partitions.messages_y2024m02") == 300
    assert aged.one(
        "select to_regclass('chat_partitions.mine') is not null and to_regclass('chat_partitions.messages_y2023m12') is not null"
    )


def test_every_step_is_in_the_audit_trail(cli: Cli, aged: Database) -> None:
    assert cli(*RETIRE, *NOW, "--url", aged.url).code == 0
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    actions = aged.all(
        "select action from public.audit_logs where resource_type = 'partition' and resource_id = '2024-01' order by id"
    )
    expected = ["detach", "archive", "drop", "release_attachments", "load", "restore"]
    assert [row[0].removeprefix("partition.") for row in actions] == expected
