"""Rows that another session holds do not stop the rest: they are done last."""

import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.batches import DONE_ONCE, HEADER, add_rows, done, limits, started, touches, wait_until, write_both
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import LONG, long

ROWS = 3000


@pytest.mark.parametrize("count", [1, 400] if LONG else [1])
def test_held_rows_are_done_last(cli: Cli, aged: Database, sql_dir: Path, count: int) -> None:
    write_both(sql_dir)
    add_rows(aged, ROWS)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", "--to", "20990101000000", *own).code == 0
    with aged.connect() as holder:
        holder.execute("begin")
        held = "select count(*) from (select from public.messages where id > chatschema.uuid7_floor('2024-01-15') order by id limit %s for update) as held"
        assert holder.execute(held, (count,)).fetchone() == (count,)
        with started("migrate", *own, cwd=sql_dir) as process:
            began = time.monotonic()
            wait_until(lambda: done(aged) >= ROWS + 600 - count, "the rest is not done")
            print(f"all rows but {count} after {time.monotonic() - began:.1f} s")
            assert done(aged) == ROWS + 600 - count
            assert process.stderr
            blocker = f"blocked by pid {holder.info.backend_pid}"
            waiting = next(line for line in process.stderr if blocker in line)
            holder.execute("rollback")
            rest = process.stderr.read()
            assert process.wait(timeout=30) == 0, rest
    assert "waiting for rows that other sessions hold" in waiting
    assert touches(aged) == DONE_ONCE
    assert done(aged) == ROWS + 600


def test_a_locked_table_is_waited_for_and_no_row_is_set_aside_for_long(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", "--to", "20990101000000", *own).code == 0
    limits(sql_dir, target_ms=50)
    with started("migrate", *own, cwd=sql_dir) as process:
        with aged.connect() as holder:
            holder.execute("begin; lock table public.messages in share mode")
            time.sleep(4)
            holder.execute("rollback")
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert touches(aged) == DONE_ONCE


@long
def test_a_deadlock_costs_a_batch_and_not_the_run(cli: Cli, aged: Database, sql_dir: Path) -> None:
    # Two seconds until it comes to the row that is held, in which the other session begins to wait for the first one.
    sleeps = "case when id < chatschema.uuid7_floor('2024-01-12') then length(pg_sleep(0.015)::text) else 0 end"
    slow = f"update public.messages set touched = touched + 1 + {sleeps} where {{batch}};\n"
    write_both(sql_dir, HEADER + slow)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", "--to", "20990101000000", *own).code == 0
    limits(sql_dir, target_ms=5000)
    aged.run(f"alter database {aged.name} set deadlock_timeout = '50ms'")
    ids = [row[0] for row in aged.all("select id from public.messages order by id limit 150")]
    with aged.connect() as other:
        other.execute("set deadlock_timeout = '60s'")
        other.execute("begin")
        other.execute("select from public.messages where id = %s for update", (ids[149],))
        before = aged.one("select deadlocks from pg_stat_database where datname = current_database()")
        with started("migrate", *own, cwd=sql_dir) as process:
            free = "select id from public.messages where id = %s for update skip locked"
            wait_until(lambda: not aged.all(free, ids[0]), "no batch has locked the first row")
            # Waits for the batch, which has this row and will want the other one.
            other.execute("select from public.messages where id = %s for update", (ids[0],))
            other.execute("commit")
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, err
    wait_until(lambda: aged.one("select deadlocks from pg_stat_database where datname = current_database()") > before, "there was no deadlock", 20)  # fmt: skip
    assert touches(aged) == DONE_ONCE


def test_clients_that_edit_the_same_rows_are_never_a_victim(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    add_rows(aged, ROWS)
    failed: list[Exception] = []
    stop = threading.Event()
    edits = "update public.messages set is_deleted = is_deleted where id in (select id from public.messages tablesample system (20) limit 3)"

    def edit() -> None:
        with aged.connect() as client:
            while not stop.is_set():
                try:
                    client.execute(edits)
                except psycopg.Error as error:
                    failed.append(error)

    client = threading.Thread(target=edit)
    client.start()
    try:
        result = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
    finally:
        stop.set()
        client.join()
    assert result.code == 0, result.err
    assert not failed
    assert touches(aged) == DONE_ONCE
