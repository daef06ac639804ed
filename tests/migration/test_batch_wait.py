"""A file with `-- wait: no`: `migrate` goes on, and its batches are run, paused, slowed down and canceled beside it."""

import time
from pathlib import Path

import psycopg
import pytest

from tests.support import PASSWORD
from tests.support.batches import (
    DONE_ONCE,
    FILL,
    HEADER,
    TOUCH,
    UNTOUCH,
    add_rows,
    done,
    limits,
    started,
    touches,
    wait_for,
    wait_until,
    write_both,
)
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.migrations import applied, write
from tests.support.pace import long

OTHER, LATER = "20990101000002_create_other", "20990101000003_index_messages"
NO_WAIT = f"{HEADER}-- wait: no\n{TOUCH}"


@pytest.fixture
def begun(cli: Cli, aged: Database, sql_dir: Path) -> Database:
    """A database with 2,600 messages whose batches `migrate` has begun, as number 1, and left."""
    write_both(sql_dir, NO_WAIT)
    add_rows(aged, 2000)
    result = migrate(cli, aged, sql_dir)
    assert result.code == 0, result.err
    assert f"running {FILL}: chatschema batch run 1\n" in result.out
    assert done(aged) == 0
    return aged


def migrate(cli: Cli, database: Database, sql_dir: Path) -> Result:
    return cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir))


def state(cli: Cli, database: Database, sql_dir: Path) -> str:
    document = cli("status", "--json", "--url", database.url, "--sql-dir", str(sql_dir)).json()
    return str(next(one["state"] for one in document["migrations"] if one["id"] == FILL))


def test_later_files_run_unless_they_touch_its_table(cli: Cli, begun: Database, sql_dir: Path) -> None:
    write(sql_dir, OTHER, "-- other: a table.\ncreate table public.other (i int);\n", "drop table public.other;\n")
    write(
        sql_dir,
        LATER,
        "-- messages: index.\ncreate index idx_late on public.messages (touched);\n",
        "drop index public.idx_late;\n",
    )
    result = migrate(cli, begun, sql_dir)
    assert result.code == 5
    assert f"applied {OTHER}" in result.out
    assert f"error[batch.running]: {LATER} names public.messages, whose rows {FILL} still changes in batches" in result.err
    assert "chatschema batch run 1" in result.err
    assert applied(begun)[-1] == OTHER
    assert state(cli, begun, sql_dir) == "running"
    status = cli("status", "--check", "--url", begun.url, "--sql-dir", str(sql_dir))
    assert status.code == 3
    assert "its batches are not finished: 0 of about 2600 rows" in status.out
    ran = cli("batch", "run", "--url", begun.url)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"batch 1 of {FILL}: done, 2600 rows in ")
    assert touches(begun) == DONE_ONCE
    assert state(cli, begun, sql_dir) == "applied"
    result = migrate(cli, begun, sql_dir)
    assert result.code == 0, result.err
    assert applied(begun)[-1] == LATER
    log = "select migration_id, operation from chatschema._yoyo_log where migration_id = %s"
    assert begun.all(log, FILL) == [(FILL, "apply")]


def test_a_file_of_the_same_run_is_refused_as_well(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir, NO_WAIT)
    write(sql_dir, LATER, "-- months: index.\ncreate index idx_late on chat_partitions.messages_y2024m01 (touched);\n")
    result = migrate(cli, aged, sql_dir)
    assert result.code == 5
    assert "error[batch.running]" in result.err
    assert f"running {FILL}" in result.out


def test_maintain_runs_the_batches(cli: Cli, begun: Database) -> None:
    result = cli("maintain", "--url", begun.url)
    assert result.code == 0, result.err
    assert f"finished batch 1 of {FILL}: 2600 rows" in result.out
    assert touches(begun) == DONE_ONCE


@long
def test_maintain_does_not_continue_a_migrate_that_was_stopped(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    add_rows(aged, 5000)
    limits(sql_dir, target_ms=20, pause=3)
    with started("migrate", "--url", aged.url, "--sql-dir", str(sql_dir), cwd=sql_dir) as process:
        wait_for(aged, 1)
        process.terminate()
        process.wait()
    wait_until(lambda: not aged.one("select count(*) from pg_locks where locktype = 'advisory'"), "the locks stay")
    kept = done(aged)
    result = cli("maintain", "--url", aged.url)
    assert result.code == 0, result.err
    assert f"skipped: batch 1 of {FILL}, which chatschema migrate runs" in result.err
    assert done(aged) == kept
    assert cli("batch", "run", "1", "--url", aged.url).code == 0  # By its number it goes on.
    assert touches(aged) == DONE_ONCE


def test_two_runs_do_not_run_the_same_batches(cli: Cli, begun: Database, tmp_path: Path) -> None:
    assert cli("batch", "rate", "1", "300", "--url", begun.url).code == 0
    with started("batch", "run", "--url", begun.url, cwd=tmp_path):
        wait_for(begun, 1)
        named = cli("batch", "run", "1", "--url", begun.url)
        assert named.code == 5
        assert "error[batch.busy]" in named.err
        result = cli("maintain", "--url", begun.url)
        assert result.code == 0, result.err
        assert "skipped: the batches of" in result.err
    assert done(begun) < 2600


def test_paused_batches_stop_and_go_on(cli: Cli, begun: Database, sql_dir: Path) -> None:
    assert "at most 1000 rows/s" in cli("batch", "rate", "1", "1000", "--url", begun.url).out
    with started("batch", "run", "1", "--url", begun.url, cwd=sql_dir) as process:
        wait_for(begun, 1)
        assert "paused" in cli("batch", "pause", "1", "--url", begun.url).out
        _, err = process.communicate(timeout=15)
        assert process.returncode == 5, err
        assert "error[batch.paused]" in err
    kept = done(begun)
    assert 0 < kept < 2600
    assert "batch 1 is paused" in cli("batch", "run", "--url", begun.url).err
    assert done(begun) == kept
    assert cli("batch", "resume", "1", "--url", begun.url).code == 0
    assert cli("batch", "rate", "1", "0", "--url", begun.url).code == 0
    assert cli("batch", "run", "--url", begun.url).code == 0
    assert touches(begun) == DONE_ONCE


def test_paused_batches_stop_migrate_as_well(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    add_rows(aged, 5000)
    limits(sql_dir, target_ms=20, pause=3)
    with started("migrate", "--url", aged.url, "--sql-dir", str(sql_dir), cwd=sql_dir) as process:
        wait_for(aged, 1)
        # The lock of migrate does not keep anybody from pausing.
        assert cli("batch", "pause", "1", "--url", aged.url).code == 0
        _, err = process.communicate(timeout=15)
        assert process.returncode == 5, err
    assert f"error[batch.paused]: the batches of {FILL} are paused; " in err
    kept = done(aged)
    assert 0 < kept < 5600
    again = migrate(cli, aged, sql_dir)
    assert again.code == 5
    assert "chatschema batch resume 1; then: chatschema migrate" in again.err
    assert cli("batch", "resume", "1", "--url", aged.url).code == 0
    assert migrate(cli, aged, sql_dir).code == 0
    assert touches(aged) == DONE_ONCE


def test_a_rate_is_kept(cli: Cli, begun: Database) -> None:
    assert cli("batch", "rate", "1", "1000", "--url", begun.url).code == 0
    began = time.monotonic()
    assert cli("batch", "run", "--url", begun.url).code == 0
    took = time.monotonic() - began
    print(f"2600 rows at 1000 rows/s: {took:.1f} s")
    # After the last batch there is a pause too; starting takes a part of a second.
    assert took > 2.4


def test_undo_cancels_batches_also_while_they_run(cli: Cli, begun: Database, sql_dir: Path) -> None:
    assert cli("batch", "rate", "1", "500", "--url", begun.url).code == 0
    with started("batch", "run", "1", "--url", begun.url, cwd=sql_dir) as process:
        wait_for(begun, 1)
        result = cli("undo", "--yes", "--url", begun.url, "--sql-dir", str(sql_dir))
        assert result.code == 0, result.err
        assert f"undid {FILL}" in result.out
        _, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "error[batch.canceled]" in err
    assert touches(begun) == [(0,)]
    assert state(cli, begun, sql_dir) == "pending"
    assert migrate(cli, begun, sql_dir).code == 0
    assert cli("batch", "run", "--url", begun.url).code == 0
    assert touches(begun) == DONE_ONCE


def test_undo_takes_the_files_in_the_order_of_their_start(cli: Cli, begun: Database, sql_dir: Path) -> None:
    write(sql_dir, OTHER, "-- other: a table.\ncreate table public.other (i int);\n", "drop table public.other;\n")
    assert migrate(cli, begun, sql_dir).code == 0
    undone = cli("undo", "--steps", "2", "--yes", "--url", begun.url, "--sql-dir", str(sql_dir))
    assert undone.code == 0, undone.err
    assert [line.split()[1] for line in undone.out.splitlines()] == [OTHER, FILL]


def test_any_role_may_read_the_state_and_not_the_statement(cli: Cli, begun: Database, sql_dir: Path) -> None:
    role = f"reader_{begun.name}"
    begun.run(f"create role {role} login password '{PASSWORD}'")
    try:
        url = begun.server.url(begun.name, user=role)
        listed = cli("batch", "list", "--url", url)
        assert listed.code == 0, listed.err
        assert FILL in listed.out
        status = cli("status", "--url", url, "--sql-dir", str(sql_dir))
        assert status.code == 0, status.err
        assert "next: chatschema batch run" in status.out
        with psycopg.connect(url) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select statement from chatschema.batches")
    finally:
        begun.run(f"drop role {role}")


def test_the_rollback_of_a_batch_file_is_its_own(cli: Cli, begun: Database, sql_dir: Path) -> None:
    (sql_dir / "migrations" / f"{FILL}.rollback.sql").unlink()
    result = cli("undo", "--yes", "--url", begun.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert "error[undo.no-rollback]" in result.err
    write(sql_dir, FILL, NO_WAIT, UNTOUCH)
    assert cli("undo", "--yes", "--url", begun.url, "--sql-dir", str(sql_dir)).code == 0


def test_months_are_created_and_archived_while_migrate_runs_batches(
    cli: Cli, aged: Database, sql_dir: Path, tmp_path: Path
) -> None:
    write_both(sql_dir)
    (tmp_path / "chatschema.toml").write_text("[partition]\nahead = 9\n")
    limits(sql_dir, target_ms=20, pause=5)
    add_rows(aged, 5000)
    with started("migrate", "--url", aged.url, "--sql-dir", str(sql_dir), cwd=sql_dir) as process:
        wait_until(lambda: done(aged), "no batch was committed")
        aged.run("update chatschema.batches set rate = 50")
        for command in (["partition", "ensure"], ["partition", "archive", "2024-01"]):
            result = cli(*command, "--lock-wait", "2", "--url", aged.url)
            assert result.code == 0, result.err
            assert "2024-01" in result.out or "created messages_y" in result.out
        assert process.poll() is None
        assert cli("batch", "rate", "1", "0", "--url", aged.url).code == 0
        assert process.wait(60) == 0
    assert touches(aged) == DONE_ONCE
