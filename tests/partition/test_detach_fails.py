"""A detach that ends between the two tables of a month, whatever ended it, leaves the month whole, and no other is tried."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatschema.cli.signals import Terminated
from chatschema.partition import detach
from tests.support import golden
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.here import here
from tests.support.months import FEBRUARY, JANUARY, contents, there

RETIRE = ("partition", "retire", "--older-than", "12mo")
# The statement is that of the second table.
AT_MESSAGES = """
    create function public.at_messages() returns event_trigger language plpgsql as $$
    begin
        if current_query() ~ 'public.*messages.*detach partition' and current_query() !~ 'message_statuses' then
            {};
        end if;
    end $$;
    create event trigger at_messages on ddl_command_start execute function public.at_messages();
"""
REFUSES = "raise 'no table leaves without a ticket'"
CANCELLED = "perform pg_cancel_backend(pg_backend_pid()), pg_sleep(10)"


def is_whole(database: Database) -> bool:
    return {*there(database, JANUARY).values(), *there(database, FEBRUARY).values()} == {"attached"}


@pytest.mark.parametrize(("name", "body"), [("refused", REFUSES), ("cancelled", CANCELLED)])
def test_a_failure_between_the_two_tables_leaves_every_month_whole(cli: Cli, aged: Database, name: str, body: str) -> None:
    before = contents(aged)
    aged.run(AT_MESSAGES.format(body))
    result = cli(*RETIRE, "--url", aged.url)
    assert result.code == 1, result.err
    assert is_whole(aged), result.err
    assert contents(aged) == before
    assert aged.one("select string_agg(state, ' ') from chatschema.retired_months") == "attached"
    golden.check(f"retire_detach_{name}", result, {aged.name: "chat"})
    aged.run("drop event trigger at_messages")
    assert cli(*RETIRE, "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}


def test_a_signal_between_the_two_tables_leaves_every_month_whole(aged: Database, tmp_path: Path) -> None:
    before = contents(aged)
    aged.run(AT_MESSAGES.format("perform pg_sleep(60)"))
    command = (sys.executable, "-m", "chatschema", *RETIRE, "--url", aged.url)
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE, text=True) as running:
        asleep, deadline = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'", time.monotonic() + 20
        while not aged.one(f"{asleep} and datname = current_database()"):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.terminate()
        err = running.communicate(timeout=20)[1]
    assert running.returncode == 143, err
    assert "attaching message_statuses_y2024m01 again: this run was interrupted" in err
    assert is_whole(aged), err
    assert contents(aged) == before


def test_a_signal_while_the_first_table_is_pending_leaves_every_month_whole(
    aged: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = contents(aged)

    def is_cut_off(connection: Any, month: Any, *rest: Any) -> None:
        with aged.connect() as reader, aged.connect() as detacher:
            reader.execute(f"begin; select count(*) from chat_partitions.{month.name}")
            detacher.execute("set lock_timeout = '300ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                detacher.execute(f"alter table public.{month.parent} detach partition chat_partitions.{month.name} concurrently")
        raise Terminated

    monkeypatch.setattr(detach, "_detach", is_cut_off)
    result = here(monkeypatch, capsys, tmp_path)(*RETIRE, "--url", aged.url)
    assert result.code == 143, result.err
    assert is_whole(aged), result.err
    assert contents(aged) == before
