"""Killed again and again, each row is done once."""

import os
from pathlib import Path

import pytest

from tests.support.batches import (
    DONE_ONCE,
    FILL,
    HEADER,
    TOUCH,
    add_rows,
    done,
    limits,
    started,
    touches,
    wait_for,
    wait_until,
    write_both,
)
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import applied
from tests.support.pace import long

# Of the client as many as was promised; the server rolls back in the same way.
KILLS = {"client": 5, "server": 2}
ROWS = 6000


@long
@pytest.mark.parametrize("who", KILLS)
def test_killed_again_and_again_each_row_is_done_once(cli: Cli, aged: Database, sql_dir: Path, who: str) -> None:
    write_both(sql_dir)
    add_rows(aged, ROWS)
    limits(sql_dir, target_ms=20, pause=2)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    kept = 0
    for number in range(1, KILLS[who] + 1):
        with started("migrate", *own, cwd=sql_dir) as process:
            wait_for(aged, max(kept + 1, ROWS * number // (KILLS[who] + 2)))
            if who == "client":
                process.kill()
            else:
                ends = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'chatschema' and datname = current_database()"
                assert aged.one(ends)
            _, err = process.communicate(timeout=30)
            assert process.returncode == (-9 if who == "client" else 4), err
        kept = done(aged)
        assert aged.one("select sum(touched) from public.messages") == kept
        assert kept < ROWS
        assert FILL not in applied(aged)
        state = next(one for one in cli("status", "--json", *own).json()["migrations"] if one["id"] == FILL)
        assert state["state"] == "interrupted"
        assert f"{kept} of about {ROWS + 600} rows" in state["note"]
        assert "migrate continues them" in state["note"]
    result = cli("migrate", *own)
    assert result.code == 0, result.err
    assert "continues as batch 1" in result.err
    assert touches(aged) == DONE_ONCE
    assert done(aged) == ROWS + 600
    assert applied(aged)[-1] == FILL
    assert cli("batch", "run", "--url", aged.url).out == "nothing to do: no batch is running\n"


def test_interrupted_by_the_keyboard_it_goes_on_later(cli: Cli, aged: Database, sql_dir: Path) -> None:
    import signal

    write_both(sql_dir, f"{HEADER}-- wait: no\n{TOUCH}")
    add_rows(aged, ROWS)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", *own).code == 0
    assert cli("batch", "rate", "1", "1000", "--url", aged.url).code == 0
    with started("batch", "run", "--url", aged.url, cwd=sql_dir) as process:
        wait_until(lambda: done(aged), "no batch was committed")
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=15)
        assert process.returncode == 130, err
    assert cli("batch", "rate", "1", "0", "--url", aged.url).code == 0
    assert cli("batch", "run", "--url", aged.url).code == 0
    assert touches(aged) == DONE_ONCE
