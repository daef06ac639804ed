"""Beside a build of hours: months are created and retired, migrate, undo and reset wait, and whoever waits is told for whom."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import IDS, applied
from tests.support.months import there
from tests.support.online import (
    APPLY,
    COLUMNS,
    FEBRUARY,
    INDEX,
    WAITING,
    assert_absent,
    assert_whole,
    left,
    migrating,
    until,
    write_index,
)
from tests.support.pace import long

# An index on it is under construction for as long as another session holds the lock.
SLOW = """
    create function public.slow(id uuid) returns uuid language plpgsql immutable
        as $$ begin perform pg_catalog.pg_advisory_xact_lock_shared(13); return id; end $$;
"""
BUILDING = "select count(*) from pg_stat_progress_create_index where datname = current_database() and phase like 'building%%'"


def attach_march(database: Database) -> None:
    """Somebody attaches a month with a row, by hand."""
    database.run(
        "create table chat_partitions.messages_y2024m03 (like public.messages including all);"
        "insert into chat_partitions.messages_y2024m03 select (jsonb_populate_record(m, jsonb_build_object('id',"
        " chatschema.uuid7('2024-03-02 00:00+00'), 'created_at', '2024-03-02 00:00+00', 'reply_to_id', null))).*"
        " from chat_partitions.messages_y2024m02 as m limit 1"
    )
    database.run(
        "alter table public.messages attach partition chat_partitions.messages_y2024m03 for values"
        " from (chatschema.uuid7_floor('2024-03-01 00:00+00')) to (chatschema.uuid7_floor('2024-04-01 00:00+00'))"
    )


@long
def test_a_month_that_somebody_changes_is_waited_for_last_and_named(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    with migrating_beside_a_lock(aged, options, "chat_partitions.messages_y2024m01") as (process, pid):
        assert process.stderr
        assert next(line for line in process.stderr if f"waiting for a lock; blocked by pid {pid} " in line)
        # February is done meanwhile.
        assert aged.one("select count(*) from pg_index where indrelid = %s::regclass and indisvalid and not indisprimary"
                        " and pg_get_indexdef(indexrelid) like %s", FEBRUARY, f"%{COLUMNS}") == 1  # fmt: skip
    assert_whole(aged)


@contextmanager
def migrating_beside_a_lock(
    database: Database, options: tuple[str, ...], table: str
) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Run migrate while another session has locked the table, until the end of the block; then it must succeed."""
    other = database.connect()
    other.execute(f"begin; lock table {table}".encode())
    with migrating(options) as process:
        with other:
            yield process, other.info.backend_pid
        assert process.wait(60) == 0


@long
def test_months_are_created_and_retired_beside_a_build(cli: Cli, aged: Database, sql_dir: Path, tmp_path: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    aged.run(SLOW)
    write_index(sql_dir, APPLY.replace(COLUMNS, "(sender_id, public.slow(id))"))
    (tmp_path / "chatschema.toml").write_text("[partition]\nahead = 9\n")
    slow = aged.connect()
    slow.execute("select pg_advisory_lock(13)")
    with slow, migrating(options) as process:
        until(aged, f"{BUILDING} and relid = '{FEBRUARY}'::regclass", process)
        # Longer than a second: a transaction that a retirement takes for old.
        time.sleep(1.2)
        ensured = cli("partition", "ensure", "--url", aged.url)
        assert ensured.code == 0, ensured.err
        # January, and not February.
        days = aged.one("select current_date - date '2024-02-01' - 5")
        retired = cli("partition", "retire", "--older-than", f"{days}d", "--grace", "0d", "--yes", "--url", aged.url)
        assert retired.code == 0, retired.err
        assert there(aged, "2024-01") == {}
        maintained = cli("maintain", "--url", aged.url)
        assert maintained.code in (0, 3), maintained.err
        assert process.stderr
        assert next(line for line in process.stderr if "1 of 2, chat_partitions.messages_y2024m02: building index" in line)
        assert aged.one(BUILDING) == 1
        slow.execute("select pg_advisory_unlock(13)")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert_whole(aged)
    assert aged.one("select count(*) from pg_partition_tree('public.messages') where isleaf") == 1 + 10


def test_migrate_undo_and_reset_wait_for_a_run_that_prepares_an_index(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    with aged.connect() as holder:
        # The lock that a preparation keeps while it releases the other.
        holder.execute("set application_name = preparing; select pg_advisory_lock(%s, 2)" % 0x63686174)  # noqa: UP031
        for command in (("migrate", "--lock-wait", "0"), ("undo", "--yes", "--lock-wait", "0"), ("reset", "--yes")):
            busy = cli(*command, *options)
            assert (busy.code, "another chatschema command is running" in busy.err) == (5, True), busy.err
            assert "(preparing, " in busy.err
        assert cli("partition", "ensure", "--lock-wait", "0", "--url", aged.url).code == 0


def test_a_month_that_is_retired_while_its_index_waits_is_skipped(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    with aged.connect() as blocker:
        blocker.execute("set application_name = billing; begin; lock table chat_partitions.messages_y2024m02 in row exclusive mode")
        with migrating(options) as process:
            until(
                aged,
                WAITING,
                process,
            )
            aged.run("alter table public.messages detach partition chat_partitions.messages_y2024m01")
            aged.run("drop table chat_partitions.messages_y2024m01")
            attach_march(aged)
            assert process.stderr
            said = next(line for line in process.stderr if "waiting for a lock" in line)
            assert "blocked by pid" in said
            assert "billing" in said
            blocker.execute("commit")
            _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert_whole(aged)


def test_an_invalid_or_different_index_that_appears_at_the_end_is_found_before_the_commit(
    cli: Cli, aged: Database, sql_dir: Path
) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    # Months without rows are not looked at before: the statement itself would take their index.
    empty = aged.one("select c.relname from pg_partition_tree('public.messages') as t join pg_class as c on c.oid = t.relid"
                     " where isleaf and pg_relation_size(relid) = 0 limit 1")  # fmt: skip
    aged.run(f"create index other on chat_partitions.{empty} (sender_id, created_at desc)")
    differs = cli("migrate", *options)
    assert (differs.code, "error[online.differs]" in differs.err, "other" in differs.err) == (1, True, True), differs.err
    aged.run(f"drop index chat_partitions.other; create index other on chat_partitions.{empty} {COLUMNS}")
    aged.run("update pg_index set indisvalid = false where indexrelid = 'chat_partitions.other'::regclass")
    invalid = cli("migrate", *options)
    assert (invalid.code, "error[online.invalid]" in invalid.err, "other" in invalid.err) == (1, True, True), invalid.err
    assert aged.one(f"select to_regclass('public.{INDEX}') is null")
    aged.run("drop index chat_partitions.other")
    done = cli("migrate", *options)
    assert (done.code, "building" in done.err) == (0, False), "what was built is kept"
    assert_whole(aged)


@long
def test_a_writer_that_does_not_commit_is_named_and_a_month_that_appears_meanwhile_is_prepared(
    cli: Cli, aged: Database, sql_dir: Path
) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    with aged.connect() as writer, aged.connect() as other:
        # The preparation waits for writers of a month; this lock is on the whole table alone.
        writer.execute("set application_name = billing; begin; lock table only public.messages in row exclusive mode")
        with migrating(options) as process:
            assert process.stderr
            said = next((line for line in process.stderr if "attempt 2 of 60" in line), "nobody is named")
            assert "billing" in said
            longest = 0.0
            for _ in range(30):
                started = time.monotonic()
                other.execute("delete from public.messages where false")
                longest = max(longest, time.monotonic() - started)
                time.sleep(0.05)
            attach_march(aged)
            assert left(aged) != []
            writer.execute("commit")
            _, err = process.communicate(timeout=60)
    assert longest < 0.6, "a try holds others up for 0.15 s"
    assert process.returncode == 0, err
    assert "concurrently: 1 partition, " in err
    assert_whole(aged)


def test_an_index_that_somebody_builds_by_hand_is_waited_for_and_taken(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    by_hand = Thread(target=aged.run, args=(f"create index concurrently by_hand on {FEBRUARY} {COLUMNS}",))
    with aged.connect() as blocker:
        blocker.execute(f"begin; lock table {FEBRUARY} in row exclusive mode")
        by_hand.start()
        with migrating(options) as process:
            assert process.stderr
            assert next(line for line in process.stderr if f"which builds an index on {FEBRUARY}" in line)
            blocker.execute("commit")
            _, err = process.communicate(timeout=60)
    by_hand.join()
    assert process.returncode == 0, err
    assert "dropping" not in err
    assert_whole(aged)
    assert aged.one("select relispartition from pg_class where relname = 'by_hand'")


def test_an_edited_file_names_what_its_earlier_text_built(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    aged.run(f"create index on {FEBRUARY} {COLUMNS}")
    aged.run(
        "insert into chatschema.migrations (migration_id, checksum, state, tool_version) values ('20990101000000_add_note', 'x', 'running', 'x')"
    )
    write_index(sql_dir, APPLY.replace(COLUMNS, "(sender_id)"))
    done = cli("migrate", *options)
    assert done.code == 0, done.err
    assert "its earlier text may have built chat_partitions.messages_y2024m02_sender_id_created_at_idx" in done.err
    assert left(aged) == ["messages_y2024m02_sender_id_created_at_idx"]


def test_an_interrupted_build_can_be_given_up(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir)
    with aged.connect() as blocker:
        blocker.execute("begin; lock table chat_partitions.messages_y2024m01 in row exclusive mode")
        with migrating(options) as process:
            until(aged, f"{WAITING} and query like '%%y2024m01%%'", process)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err, "you don't own a lock" in err) == (130, False, False), err
    assert "its build was interrupted; migrate continues, undo drops what is built" in cli("status", *options).out
    refused = cli("undo", "--steps", "2", *options)
    assert (refused.code, "or drop what it has built: chatschema undo" in refused.err) == (1, True), refused.err
    assert cli("undo", "--dry-run", *options).code == 0
    undone = cli("undo", *options)
    assert undone.code == 0, undone.err
    assert "dropping chat_partitions.messages_y2024m02_sender_id_created_at_idx" in undone.err
    assert_absent(aged)
    assert applied(aged) == IDS
    assert cli("migrate", *options).code == 0
    assert_whole(aged)
