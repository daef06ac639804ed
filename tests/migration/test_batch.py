"""A file with `-- batch: public.messages by id` changes the table in batches, and each row once."""

from pathlib import Path

import pytest

from tests.support.batches import (
    ADD,
    DONE_ONCE,
    FILL,
    HEADER,
    TOUCH,
    add_rows,
    done,
    limits,
    started,
    touches,
    wait_until,
    write_both,
)
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write


def run(cli: Cli, database: Database, sql_dir: Path, *command: str) -> str:
    """Run a command that must succeed, and return all that it prints."""
    own = ("--sql-dir", str(sql_dir)) if command[0] in ("migrate", "undo", "status") else ()
    result = cli(*command, *own, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


def test_each_row_is_done_once_and_undo_takes_it_back(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    assert f"applied {FILL}" in run(cli, aged, sql_dir, "migrate")
    assert touches(aged) == DONE_ONCE
    assert applied(aged)[-2:] == [ADD, FILL]
    (batch,) = cli("batch", "list", "--json", "--url", aged.url).json()["batches"]
    assert (batch["state"], batch["rows_done"], batch["rows_expected"]) == ("done", 600, 600)
    assert batch["batches"] > 1
    assert "nothing to do" in run(cli, aged, sql_dir, "migrate")
    run(cli, aged, sql_dir, "undo", "--yes")
    assert touches(aged) == [(0,)]
    assert "no migration has run in batches" in run(cli, aged, sql_dir, "batch", "list")
    run(cli, aged, sql_dir, "migrate")
    assert touches(aged) == DONE_ONCE


def test_finished_batches_of_a_migration_that_is_pending_again_are_no_reason_to_skip_it(
    cli: Cli, aged: Database, sql_dir: Path
) -> None:
    write_both(sql_dir)
    run(cli, aged, sql_dir, "migrate")
    for table in ("_yoyo_migration", "migrations"):
        aged.run(f"delete from chatschema.{table} where migration_id = %s", FILL)
    run(cli, aged, sql_dir, "migrate")
    assert touches(aged) == [(2,)]


def test_on_an_empty_database_the_statement_runs_once_in_the_transaction_of_its_file(
    cli: Cli, empty: Database, sql_dir: Path
) -> None:
    write_both(sql_dir, HEADER + TOUCH.replace("where", "where false or"))
    run(cli, empty, sql_dir, "migrate")
    assert applied(empty) == [*IDS, ADD, FILL]
    assert not empty.one("select to_regclass('chatschema.batches') is not null")
    assert cli("reset", "--yes", "--sql-dir", str(sql_dir), "--url", empty.url).code == 0
    assert applied(empty) == [*IDS, ADD, FILL]
    assert "nothing to do" in run(cli, empty, sql_dir, "migrate")
    run(cli, empty, sql_dir, "undo", "--steps", "2", "--yes")


def test_a_failure_on_an_empty_database_shows_the_place_in_the_file(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write_both(sql_dir, f"{HEADER}update public.messages\nset touched = touched + 1\nwhere {{batch}} and no_column = 1;\n")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert f'{FILL}.sql line 5: column "no_column" does not exist' in result.err


@pytest.mark.parametrize(("key", "alias"), [("id", ""), ("id", " as n"), ("number", ""), ("at", " as n")])
def test_the_key_may_be_a_number_or_a_time_and_need_not_be_unique(
    cli: Cli, migrated: Database, sql_dir: Path, key: str, alias: str
) -> None:
    migrated.run(
        "create table public.note (id bigint primary key, number integer not null, at timestamptz not null, touched int not null default 0);"
        "create index on public.note (number); create index on public.note (at);"
        "insert into public.note select i, i / 70, timestamptz '2024-01-01 00:00:00.000001+00' + i / 90 * interval '1 s 1 microsecond' from generate_series(-500, 3000) as i"
    )
    write(
        sql_dir,
        NEXT,
        f"-- note: touch.\n-- batch: public.note{alias} by {key}\nupdate public.note{alias} set touched = touched + 1 where {{batch}};\n",
    )
    run(cli, migrated, sql_dir, "migrate")
    assert migrated.all("select touched, count(*) from public.note group by 1") == [(1, 3501)]
    assert migrated.one("select batch_count > 2 and rows_done = 3501 from chatschema.batches")


def test_the_key_of_statuses_is_half_of_their_primary_key(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write(
        sql_dir,
        NEXT,
        "-- s: touch.\n-- batch: public.message_statuses by message_id\nupdate public.message_statuses set error_code = error_code || '!' where {batch};\n",
    )
    aged.run("update public.message_statuses set error_code = 'x'")
    run(cli, aged, sql_dir, "migrate")
    assert aged.all("select error_code, count(*) from public.message_statuses group by 1") == [("x!", 1200)]


def test_a_batch_plans_one_month(cli: Cli, aged: Database, sql_dir: Path) -> None:
    """The statement locks the months of its rows, and no other: seen while a batch waits for a row."""
    write_both(sql_dir)
    run(cli, aged, sql_dir, "migrate", "--to", ADD)
    limits(sql_dir, target_ms=5000)
    with aged.connect() as holder:
        holder.execute("begin")
        holder.execute("select from public.messages order by id limit 1 for update")
        with started("migrate", "--url", aged.url, "--sql-dir", str(sql_dir), cwd=sql_dir):
            locked = "select count(*) from pg_locks where not granted and locktype = 'transactionid'"
            wait_until(lambda: aged.one(locked), "the batch does not wait for the row")
            months = aged.all(
                "select distinct relation::regclass::text from pg_locks as l join pg_class as c on c.oid = l.relation and c.relkind = 'r'"
                " where mode = 'RowExclusiveLock' and relation::regclass::text ~ '^chat_partitions.messages_y' and l.pid <> %s",
                holder.info.backend_pid,
            )
    assert months == [("chat_partitions.messages_y2024m01",)]


def test_a_batch_reads_its_rows_and_no_others(cli: Cli, aged: Database, sql_dir: Path, tmp_path: Path) -> None:
    write_both(sql_dir)
    add_rows(aged, 5400)
    run(cli, aged, sql_dir, "migrate", "--to", ADD)
    limits(tmp_path, target_ms=20, pause=0)
    read = "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), sum(seq_tup_read) from pg_stat_user_tables where relname ~ '^messages_y'"
    before, scanned = aged.one(read)
    run(cli, aged, sql_dir, "migrate")
    after, scanned_after = aged.one(read)
    batches = aged.one("select batch_count from chatschema.batches")
    print(f"{after - before} rows read for 6000 rows in {batches} batches")
    # If each read all rows, they would read more than is allowed below; how many there are depends on the machine's speed.
    assert batches >= 5
    # Once to find the bounds, once to change the rows; at the start they are counted.
    assert after - before < 4 * 6000
    # A month that is small enough for one batch may be scanned for it; which ones are depends on the machine's speed.
    assert scanned_after - scanned <= 3 * 6000


def test_rows_behind_the_cursor_are_done_at_the_end_and_a_restored_month_at_once(
    cli: Cli, aged: Database, sql_dir: Path, tmp_path: Path
) -> None:
    write_both(sql_dir, f"{HEADER}-- left: touched = 0\n-- wait: no\n{TOUCH}")
    run(cli, aged, sql_dir, "migrate", "--to", ADD)
    add_rows(aged, 2000)
    before = aged.one("select count(*) from public.messages")
    january = aged.one("select count(*) from chat_partitions.messages_y2024m01")
    assert cli("partition", "archive", "2024-01", "--url", aged.url).code == 0
    february = "2024-02-01 00:01"
    retire = cli("partition", "retire", "--older-than", "1mo", "--grace", "0d", "--yes", "--url", aged.url)
    assert retire.code == 0, retire.err
    assert cli("partition", "restore", "2024-02", "--url", aged.url).code == 0
    run(cli, aged, sql_dir, "migrate")
    number = aged.one("select id from chatschema.batches")
    run(cli, aged, sql_dir, "batch", "rate", str(number), "500")
    with started("batch", "run", "--url", aged.url, cwd=tmp_path):
        wait_until(lambda: 100 < done(aged) < 900, "no batch was committed")
    assert f"has changed {january} rows" in run(cli, aged, sql_dir, "partition", "restore", "2024-01")
    aged.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
        " select chatschema.uuid7(%s::timestamptz), conversation_id, sender_id, 'late' from public.messages limit 1", february,
    )  # fmt: skip
    run(cli, aged, sql_dir, "batch", "rate", str(number), "0")
    said = run(cli, aged, sql_dir, "batch", "run")
    assert "a further round begins" in said
    assert aged.one("select count(*) from public.messages") == before + 1
    assert touches(aged) == DONE_ONCE
    assert aged.one("select round > 1 and rows_done = %s from chatschema.batches", before + 1 - january)


def test_progress_has_rows_a_second_and_the_time_left(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir, f"{HEADER}-- wait: no\n{TOUCH}")
    run(cli, aged, sql_dir, "migrate")
    run(cli, aged, sql_dir, "batch", "rate", "1", "200")
    said = run(cli, aged, sql_dir, "batch", "run", "1")
    assert " of about 600 rows, " in said
    assert " rows/s, " in said
    assert " left\n" in said
