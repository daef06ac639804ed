"""Files with `-- online: index`: on an empty database, on months with rows, on a plain table; what is adopted, dropped and refused."""

import re
from pathlib import Path

import pytest

from chatschema.migration.online.progress import described
from chatschema.migration.online.state import Partition
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, applied
from tests.support.online import APPLY, COLUMNS, INDEX, ROLLBACK, assert_absent, assert_whole, left, write_index
from tests.support.pace import long

JANUARY = "chat_partitions.messages_y2024m01"
CHILDREN = "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass order by 1"


@long
def test_the_same_file_runs_on_an_empty_database_and_in_the_template_of_reset(cli: Cli, empty: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    options = ("--url", empty.url, "--sql-dir", str(sql_dir))
    migrated = cli("migrate", *options)
    assert migrated.code == 0, migrated.err
    assert "building" not in migrated.err
    assert_whole(empty)
    assert cli("undo", *options).code == 0
    assert_absent(empty)
    for how in ("migrated a template and cloned it", "cloned from its template"):
        reset = cli("reset", "--yes", *options)
        assert (reset.code, how in reset.out + reset.err) == (0, True), reset
        assert_whole(empty)


def test_on_months_with_rows_it_is_built_first_and_equals_the_plain_statement(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir, APPLY.replace("-- online: index\n", ""), ROLLBACK.replace("-- online: index\n", ""))
    assert cli("migrate", *options).code == 0
    plain = aged.all(CHILDREN, f"public.{INDEX}")
    assert cli("undo", *options).code == 0
    write_index(sql_dir)
    built = cli("migrate", *options)
    assert built.code == 0, built.err
    assert f"{NEXT}: building public.{INDEX} concurrently: 2 partitions, " in built.err
    assert re.search(rf"{NEXT}: built 2 partitions in [\d.]+ m?s", built.err)
    assert built.out.startswith(f"applied {NEXT}")
    assert_whole(aged)
    assert aged.all(CHILDREN, f"public.{INDEX}") == plain
    assert aged.one(f"select obj_description('public.{INDEX}'::regclass)") == "Messages of a user by time."
    assert aged.one("select count(*) from chatschema._yoyo_log where migration_id = %s and operation = 'apply'", NEXT) == 2
    findings = cli("status", "--json", *options).json()["findings"]
    assert findings, "the months between are missing"
    assert not [finding for finding in findings if "has no partition" not in finding]
    undone = cli("undo", *options)
    assert undone.code == 0, undone.err
    assert_absent(aged)


def test_json_is_one_document_and_progress_stays_on_stderr(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    result = cli("migrate", "--json", "--url", aged.url, "--sql-dir", str(sql_dir))
    assert [one["id"] for one in result.json()["applied"]] == [NEXT]
    assert "building" in result.err


def test_new_migration_writes_files_that_run(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    made = cli("new", "migration", "--index", "messages", "sender_id, created_at desc", "--sql-dir", str(sql_dir))
    assert made.code == 0, made.err
    unique = cli("new", "migration", "--unique", "--index", "message_statuses", "(user_id, message_id)", "--sql-dir", str(sql_dir))
    names = [Path(line).name for line in (made.out + unique.out).splitlines()]
    assert [re.sub(r"^\d{14}_", "", name) for name in names] == [
        f"add_{of}_index{end}"
        for of in ("messages_sender_id_created_at", "message_statuses_user_id_message_id")
        for end in (".sql", ".rollback.sql")
    ]
    text = (sql_dir / "migrations" / names[0]).read_text()
    assert text.startswith("-- messages: index on (sender_id, created_at desc).\n-- Why: TODO ")
    result = cli("migrate", *options)
    assert result.code == 0, result.err
    assert result.err.count("built 2 partitions") == 2
    assert "(sender_id, created_at DESC)" in aged.one(f"select pg_get_indexdef('public.{INDEX}'::regclass)")
    assert aged.one(
        "select indisunique and indisvalid from pg_index where indexrelid = 'public.message_statuses_user_id_message_id_key'::regclass"
    )
    assert cli("undo", "--steps", "2", "--yes", *options).code == 0
    assert left(aged) == []


def test_what_an_interrupted_run_left_is_kept_when_valid_and_built_again_when_not(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    aged.run(f"create index kept on {JANUARY} {COLUMNS}; create index broken on chat_partitions.messages_y2024m02 {COLUMNS}")
    aged.run("update pg_index set indisvalid = false where indexrelid = 'chat_partitions.broken'::regclass")
    result = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err
    assert "dropping the invalid index chat_partitions.broken" in result.err
    assert "built 1 partition" in result.err
    assert_whole(aged)
    assert ("chat_partitions.kept",) in aged.all(CHILDREN, f"public.{INDEX}")


def test_duplicate_rows_stop_a_unique_index_and_the_next_run_continues(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    index = "message_statuses_once_key"
    text = f"-- message_statuses: one a status.\n-- online: index\ncreate unique index {index} on public.message_statuses (message_id, status);"
    write_index(sql_dir, text, f"drop index public.{index};")
    aged.run(
        "update public.message_statuses set status = 'read', read_at = now() where message_id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
    )
    refused = cli("migrate", *options)
    assert refused.code == 1
    assert "chat_partitions.message_statuses_y2024m01: could not create unique index" in refused.err
    assert "is duplicated" in refused.err
    assert left(aged) == ["message_statuses_y2024m02_message_id_status_idx"], "what is finished is kept"
    assert "interrupted" in cli("status", *options).out
    aged.run("delete from public.message_statuses where message_id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
             " and user_id = (select id from public.users where username = 'bobby')")  # fmt: skip
    again = cli("migrate", *options)
    assert (again.code, "built 1 partition" in again.err) == (0, True), again.err
    assert_whole(aged, f"public.{index}", "public.message_statuses")
    assert cli("undo", *options).code == 0
    assert_absent(aged, f"public.{index}")


def test_a_table_without_partitions_gets_its_index_under_its_name(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    options = ("--url", seeded.url, "--sql-dir", str(sql_dir))
    text = "-- users: by status.\n-- online: index\ncreate index Idx_Users_Status on users (status) where status <> '--';"
    write_index(
        sql_dir,
        f"{text}\ncomment on index public.idx_users_status is 'x';",
        "-- online: index\ndrop index public.idx_users_status;",
    )
    done = cli("migrate", *options)
    assert done.code == 0, done.err
    assert "building public.idx_users_status concurrently: 1 table" in done.err
    assert seeded.one(
        "select indisvalid, obj_description(indexrelid) from pg_index where indexrelid = 'public.idx_users_status'::regclass"
    ) == (True, "x")
    assert cli("status", "--check", *options).code == 0
    assert cli("undo", *options).code == 0
    # What a kill leaves: the mark in the ledger, and an index that is not valid. The same without the mark is somebody else's.
    seeded.run("create index idx_users_status on public.users (status) where status <> '--'")
    seeded.run("update pg_index set indisvalid = false where indexrelid = 'public.idx_users_status'::regclass")
    assert "error[online.exists]" in cli("migrate", *options).err
    seeded.run(
        "insert into chatschema.migrations (migration_id, checksum, state, tool_version) values (%s, 'x', 'running', 'x')", NEXT
    )
    again = cli("migrate", *options)
    assert (again.code, "dropping the invalid index public.idx_users_status" in again.err) == (0, True), again.err
    assert left(seeded) == []
    assert NEXT in applied(seeded)


def test_an_undo_that_creates_an_index_prepares_it_as_well(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    aged.run(f"create index {INDEX} on public.messages {COLUMNS}")
    write_index(sql_dir, f"-- messages: drop.\n{ROLLBACK}", APPLY)
    assert cli("migrate", *options).code == 0
    undone = cli("undo", *options)
    assert (undone.code, "built 2 partitions" in undone.err) == (0, True), undone.err
    assert aged.one(f"select indisvalid from pg_index where indexrelid = 'public.{INDEX}'::regclass")
    assert left(aged) == []
    assert NEXT not in applied(aged)


@pytest.mark.parametrize(
    ("phase", "done", "total", "says"),
    [
        ("initializing", 0, 0, "2 of 3, b: initializing, about 60.0 s left"),
        (
            "building index: scanning table",
            50,
            100,
            "2 of 3, b: building index: scanning table, 50 of 100 blocks, about 42.0 s left",
        ),
        ("building index: loading tuples in tree", 0, 0, "2 of 3, b: building index: loading tuples in tree, about 30.0 s left"),
        (
            "index validation: scanning table",
            100,
            100,
            "2 of 3, b: index validation: scanning table, 100 of 100 blocks, about 15.0 s left",
        ),
    ],
)
def test_the_time_left_counts_both_passes_over_each_partition(phase: str, done: int, total: int, says: str) -> None:
    left = [Partition(2, "b", 200), Partition(3, "c", 200)]
    # One of three partitions is finished after 30 s: 200 of 600 bytes.
    assert described(phase, done, total, left, 3, 600, 30) == says
