"""What cannot run in batches is refused before anything runs, with its reason."""

from pathlib import Path

import pytest

from tests.support.batches import FILL, HEADER, TOUCH, UNTOUCH, add_rows, done, limits, started, wait_until, write_both
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write

EARLIER = "20980101000000_create_other"
SUBQUERY = (
    "update public.messages set is_deleted = false where id in (select id from public.messages where is_deleted limit 1000);\n"
)
BAD = {
    "batch.header": [
        "-- batch: public.messages\n" + TOUCH,
        "-- batch: public.messages by id\n-- wait: perhaps\n" + TOUCH,
        "-- batch: public.messages by id\n-- left:\n" + TOUCH,
        "-- batch: public.messages by id\n-- transactional: false\n" + TOUCH,
    ],
    "batch.statements": ["-- batch: public.messages by id\n" + TOUCH + TOUCH],
    "batch.placeholder": [
        "-- batch: public.messages by id\nupdate public.messages set is_deleted = false;\n",
        "-- batch: public.messages by id\nupdate public.messages set is_deleted = false where content_algorithm = '{batch}' -- {batch}\n;\n",
    ],
    "batch.limit": [
        "-- batch: public.messages by id\n" + SUBQUERY,
        "-- batch: public.messages by id\n" + SUBQUERY.replace("where is_deleted", "where {batch}"),
        "-- batch: public.messages by id\n" + SUBQUERY.replace("in (", "= any (array(").replace("limit 1000)", "fetch first 9 rows only))"),
    ],
    "batch.table": [
        "-- batch: public.mesages by id\n" + TOUCH.replace("messages", "mesages"),
        "-- batch: public.messages_pkey by id\n" + TOUCH,
    ],
    "batch.key": ["-- batch: public.messages by nr\n" + TOUCH],
    "batch.key-type": ["-- batch: public.users by username\nupdate public.users set bio = '' where {batch};\n"],
    "batch.key-nullable": ["-- batch: public.messages by sender_id\n" + TOUCH],
    "batch.key-index": ["-- batch: public.messages by created_at\n" + TOUCH],
}  # fmt: skip


def test_bad_files_are_refused_before_anything_runs(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write(sql_dir, EARLIER, "-- other: earlier.\ncreate table public.other (i int);\n")
    for code, texts in BAD.items():
        for text in texts:
            write(sql_dir, NEXT, f"-- messages: bad.\n{text}", UNTOUCH)
            result = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
            assert result.code == 1, text
            assert result.err.startswith(f"error[{code}]: {NEXT}"), f"{text}{result.err}"
            assert "hint: " in result.err, text
            assert applied(aged) == IDS, text
            assert code != "batch.limit" or "every month" in result.err


def test_a_table_of_an_earlier_file_of_the_run_is_not_missing(cli: Cli, aged: Database, sql_dir: Path) -> None:
    create = "create table public.other (id bigint primary key); insert into public.other select generate_series(1, 500);\n"
    write(sql_dir, EARLIER, f"-- other: earlier.\n{create}")
    write(sql_dir, NEXT, "-- other: fewer.\n-- batch: public.other by id\ndelete from public.other where {batch} and id % 2 = 0;\n")
    result = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err
    assert aged.one("select count(*) from public.other") == 250


def test_a_subquery_with_a_limit_on_another_table_is_taken(cli: Cli, aged: Database, sql_dir: Path) -> None:
    text = (
        "update public.messages set is_deleted = is_deleted where {batch} and sender_id in (select id from public.users limit 1);\n"
    )
    write(sql_dir, NEXT, f"-- batch: a sentence about an object of this name.\n-- batch: public.messages by id\n{text}", UNTOUCH)
    result = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err


def test_a_title_about_a_batch_is_no_directive(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "-- batch: rows that came together.\ncreate table public.batch (i int);\n", "drop table public.batch;\n")
    assert cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir)).code == 0


def test_a_rollback_does_not_run_in_batches(cli: Cli, aged: Database, sql_dir: Path) -> None:
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_both(sql_dir)
    write(sql_dir, FILL, HEADER + TOUCH, HEADER + TOUCH.replace("+ 1", "- 1"))
    result = cli("migrate", *own)
    assert result.code == 1
    assert f"error[batch.rollback]: {FILL}.rollback.sql has the line batch" in result.err
    assert FILL not in applied(aged)


def test_a_file_that_was_edited_after_its_batches_began_is_refused(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    add_rows(aged, 5000)
    limits(sql_dir, target_ms=20, pause=5)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    with started("migrate", *own, cwd=sql_dir):
        wait_until(lambda: done(aged), "no batch was committed")
    (sql_dir / "migrations" / f"{FILL}.sql").write_text(HEADER + TOUCH.replace("+ 1", "+ 2"))
    result = cli("migrate", *own)
    assert result.code == 1
    assert "error[batch.edited]" in result.err
    assert cli("undo", "--yes", *own).code == 0
    assert aged.all("select distinct touched from public.messages") == [(0,)]
    assert cli("migrate", *own).code == 0
    assert aged.all("select distinct touched from public.messages") == [(2,)]


@pytest.mark.parametrize("wait", ["", "-- wait: no\n"])
def test_a_file_without_a_rollback_is_corrected_before_a_batch_was_done(cli: Cli, aged: Database, sql_dir: Path, wait: str) -> None:
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_both(sql_dir, HEADER + wait + TOUCH.replace("touched =", "toched ="))
    (sql_dir / "migrations" / f"{FILL}.rollback.sql").unlink()
    result = cli("migrate", *own) if not wait else (cli("migrate", *own), cli("batch", "run", "--url", aged.url))[1]
    assert result.code == 1
    assert "error[batch.failed]" in result.err
    assert "hint:  no row was changed; correct the file, or the rows, and run: chatschema migrate\n" in result.err
    assert cli("batch", "rate", "1", "900", "--url", aged.url).code == 0
    write(sql_dir, FILL, HEADER + wait + TOUCH)
    assert "edited before one of its batches was done" in cli("status", *own).out
    result = cli("migrate", *own)
    assert result.code == 0, result.err
    assert "begins with the edited text" in result.err
    assert not wait or cli("batch", "run", "--url", aged.url).code == 0
    assert aged.all("select distinct touched from public.messages") == [(1,)]
    assert aged.all("select id, rate, state from chatschema.batches") == [(2, 900, "done")]
    assert applied(aged)[-1] == FILL


def test_a_batch_that_the_server_refuses_keeps_the_earlier_ones(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    own = ("--url", aged.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", "--to", "20990101000000", *own).code == 0
    aged.run("alter table public.messages add constraint few check (touched = 0 or id < chatschema.uuid7_floor('2024-02-10'))")
    result = cli("migrate", *own)
    assert result.code == 1
    assert "error[batch.failed]" in result.err
    assert 'check constraint "few"' in result.err
    kept = done(aged)
    assert 0 < kept < 600
    assert aged.one("select sum(touched) from public.messages") == kept
    aged.run("alter table public.messages drop constraint few")
    assert cli("migrate", *own).code == 0
    assert aged.all("select distinct touched from public.messages") == [(1,)]


def test_a_condition_that_done_rows_meet_ends_with_an_error(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir, f"{HEADER}-- left: touched >= 0\n{TOUCH}")
    result = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert "error[batch.left]" in result.err


@pytest.mark.parametrize("line", ["target_ms = 1", "pause = true", "speed = 3", 'lag_mb = "16"'])
def test_wrong_limits_are_refused(cli: Cli, aged: Database, tmp_path: Path, line: str) -> None:
    (tmp_path / "chatschema.toml").write_text(f"[batches]\n{line}\n")
    result = cli("batch", "list", "--url", aged.url)
    assert result.code == 2
    assert f"[batches] {line.partition(' ')[0]}" in result.err


def test_an_unknown_number_is_wrong_usage(cli: Cli, aged: Database) -> None:
    for command in (["run", "7"], ["pause", "7"], ["resume", "7"], ["rate", "7", "100"]):
        result = cli("batch", *command, "--url", aged.url)
        assert result.code == 2
        assert "error[batch.unknown]" in result.err
