"""migrate and undo: what is applied, what is refused, and that nothing is ever half done."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, Cli, Database, clean_environment
from dump import dump

IDS = sorted(path.stem for path in (ROOT / "sql" / "migrations").glob("*.sql") if not path.stem.endswith(".rollback"))
NEXT = "20250101000000_add_note"


def write(sql_dir: Path, name: str, text: str, rollback: str | None = None) -> None:
    (sql_dir / "migrations" / f"{name}.sql").write_text(text)
    if rollback is not None:
        (sql_dir / "migrations" / f"{name}.rollback.sql").write_text(rollback)


def applied(database: Database) -> list[str]:
    return [row[0] for row in database.all("select migration_id from chatschema._yoyo_migration order by applied_at_utc")]


def test_migrate_applies_everything_once_and_then_has_nothing_to_do(cli: Cli, empty: Database) -> None:
    first = cli("migrate", "--url", empty.url)
    assert first.code == 0, first.err
    assert [line.split()[1] for line in first.out.splitlines() if line.startswith("applied")] == IDS
    before = dump(empty)
    again = cli("migrate", "--url", empty.url)
    assert (again.code, again.out) == (0, f"nothing to do: {IDS[-1]} is applied\n")
    assert dump(empty) == before
    assert applied(empty) == IDS


def test_json_is_one_document_and_the_story_goes_elsewhere(cli: Cli, empty: Database) -> None:
    result = cli("migrate", "--json", "--url", empty.url)
    document = result.json()
    assert [entry["id"] for entry in document["applied"]] == IDS
    assert len(document["partitions"]) == 14
    assert document["partitions"][0]["lower"].endswith("-01T00:00:00Z")


def test_to_stops_there_and_takes_sequelizes_spelling(cli: Cli, empty: Database) -> None:
    assert cli("migrate", "--to", "20241217000001-create-users-table.js", "--url", empty.url).code == 0
    assert applied(empty) == IDS[:2]
    assert cli("migrate", "--to", "20241217000003", "--url", empty.url).code == 0
    assert applied(empty) == IDS[:4]
    earlier = cli("migrate", "--to", "20241217000001", "--url", empty.url)
    assert (earlier.code, earlier.out) == (0, f"nothing to do: {IDS[1]} is applied\n")


@pytest.mark.parametrize(
    ("wanted", "says"), [("20241217000001_create_user_table", "did you mean"), ("2024121700000", "means 10"), ("zzz", "status")]
)
def test_an_unknown_or_vague_id_is_wrong_usage(cli: Cli, empty: Database, wanted: str, says: str) -> None:
    result = cli("migrate", "--to", wanted, "--url", empty.url)
    assert result.code == 2
    assert says in result.err
    assert empty.one("select to_regnamespace('chatschema') is null")


def test_dry_run_prints_sql_that_psql_could_run_and_changes_nothing(cli: Cli, empty: Database) -> None:
    result = cli("migrate", "--dry-run", "--url", empty.url)
    assert result.code == 0
    assert empty.one("select to_regnamespace('chatschema') is null")
    empty.run(result.out)
    assert empty.one("select to_regclass('public.audit_logs') is not null")


def test_dry_run_shows_the_months_that_are_missing(cli: Cli, migrated: Database) -> None:
    last = migrated.one("select max(relname) from pg_class where relname ~ '^messages_y....m..$'")
    migrated.run(f"drop table chat_partitions.message_statuses{last.removeprefix('messages')}")
    result = cli("migrate", "--dry-run", "--url", migrated.url)
    assert f"message_statuses{last.removeprefix('messages')}" in result.out
    assert "attach partition" in result.out
    assert cli("migrate", "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from pg_inherits where inhparent = 'public.message_statuses'::regclass") == 7


def test_undo_and_migrate_again_leave_the_same_dump(cli: Cli, empty: Database) -> None:
    assert cli("migrate", "--url", empty.url).code == 0
    full = dump(empty)
    assert cli("undo", "--all", "--url", empty.url).code == 0
    nothing = dump(empty)
    assert "CREATE TABLE" not in nothing
    for _ in range(2):
        assert cli("migrate", "--url", empty.url).code == 0
        assert dump(empty) == full
        assert cli("undo", "--all", "--url", empty.url).code == 0
        assert dump(empty) == nothing


def test_each_migration_goes_down_and_up_alone(cli: Cli, empty: Database) -> None:
    dumps = []
    for id in IDS:
        assert cli("migrate", "--to", id, "--url", empty.url).code == 0
        dumps.append(dump(empty))
    for number in range(len(IDS) - 1, 0, -1):
        result = cli("undo", "--url", empty.url)
        assert (result.code, result.out.split()[1]) == (0, IDS[number])
        assert dump(empty) == dumps[number - 1]
        assert cli("migrate", "--to", IDS[number], "--url", empty.url).code == 0
        assert dump(empty) == dumps[number]
        assert cli("undo", "--to", IDS[number - 1], "--url", empty.url).code == 0


def test_undo_goes_by_the_order_of_applying(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, "20250103000000_add_b", "create table public.b (i int);", "drop table public.b;")
    assert cli("migrate", *options).code == 0
    write(sql_dir, "20250104000000_add_c", "create table public.c (i int);", "drop table public.c;")
    assert cli("migrate", *options).code == 0
    result = cli("undo", "--steps", "2", *options)
    assert [line.split()[1] for line in result.out.splitlines()] == ["20250104000000_add_c", "20250103000000_add_b"]
    assert cli("undo", "--to", IDS[-1], *options).out == "nothing to undo\n"


def test_undo_without_a_rollback_is_refused_before_anything_is_undone(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "create table public.note (i int);")
    write(sql_dir, "20250102000000_add_more", "create table public.more (i int);", "drop table public.more;")
    assert cli("migrate", *options).code == 0
    before = dump(migrated)
    result = cli("undo", "--steps", "2", *options)
    assert result.code == 1
    assert f"{NEXT} has no rollback" in result.err
    assert dump(migrated) == before


def test_a_rollback_that_fails_half_way_leaves_everything(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "create table public.note (i int);", "drop table public.note;\ndrop table public.nowhere;\n")
    assert cli("migrate", *options).code == 0
    before = dump(migrated)
    result = cli("undo", *options)
    assert result.code == 1
    assert f"{NEXT}.rollback.sql line 2" in result.err
    assert dump(migrated) == before
    assert applied(migrated)[-1] == NEXT


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (lambda d: (d / f"{IDS[3]}.sql").write_text("select 1;"), 1, f"{IDS[3]}  edited"),
        (lambda d: (d / f"{IDS[3]}.sql").unlink() or (d / f"{IDS[3]}.rollback.sql").unlink(), 1, f"{IDS[3]}  missing"),
        (lambda d: (d / f"{IDS[9]}.rollback.sql").unlink() or (d / f"{IDS[9]}.sql").rename(d / "20241217000099_new_name.sql"),
         1, f"{IDS[9]}  renamed: the file is now 20241217000099_new_name"),
        (lambda d: (d / "20241217000000_0_x.sql").write_text("select 1;"), 1, "is not a migration's name"),
        (lambda d: (d / "20241216000000_add_early.sql").write_text("create table public.early (i int);"), 1, "20241216000000_add_early  out-of-order"),
        (lambda d: (d / "20241217000003_add_twin.sql").write_text("select 1;"), 1, "have the same number"),
        (lambda d: [path.unlink() for path in d.iterdir()], 1, "there are no migrations in"),
        (lambda d: [path.unlink() for path in d.iterdir()] and d.rmdir(), 1, "there is no folder"),
        (lambda d: (d / f"{NEXT}.sql").write_text("-- only words\n"), 1, "has no statement"),
        (lambda d: (d / f"{NEXT}.rollback.sql").write_text("select 1;"), 1, "has no migration beside it"),
        (lambda d: (d / f"{NEXT}.sql").write_text("select 1;\ncommit;\nselect 2;"), 1, "line 2: commit is not allowed"),
        (lambda d: (d / f"{NEXT}.sql").write_text("-- transactional: false\nselect 1; select 2;"), 1, "has 2 statements"),
        (lambda d: (d / f"{NEXT}.sql").write_text("copy public.users from stdin;\n1\n\\.\n"), 1, "copy from stdin is not allowed"),
        (lambda d: (d / f"{NEXT}.sql").write_bytes(b"select '\xff';"), 1, "is not UTF-8 text"),
        (lambda d: (d / f"{NEXT}.py").write_text("steps = []"), 1, "is not a migration's name"),
    ],
)  # fmt: skip
def test_a_damaged_history_is_refused_and_the_database_unchanged(
    cli: Cli, migrated: Database, sql_dir: Path, damage: object, code: int, says: str
) -> None:
    before = dump(migrated)
    damage(sql_dir / "migrations")  # type: ignore[operator]
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == code, result.err
    assert says in result.err
    assert "Traceback" not in result.err
    assert dump(migrated) == before
    assert applied(migrated) == IDS


def test_status_names_the_same_states_and_check_exits_3(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    assert cli("status", "--check", *options).code == 0
    folder = sql_dir / "migrations"
    (folder / f"{IDS[3]}.sql").write_text("select 1;")
    (folder / f"{IDS[4]}.sql").rename(folder / "20241217000004_other_name.sql")
    (folder / f"{IDS[4]}.rollback.sql").unlink()
    (folder / f"{IDS[5]}.sql").unlink()
    (folder / f"{IDS[5]}.rollback.sql").unlink()
    write(sql_dir, "20241216000000_add_early", "select 1;")
    write(sql_dir, NEXT, "select 1;")
    result = cli("status", "--check", "--json", *options)
    states = {entry["id"]: entry["state"] for entry in result.json()["migrations"]}
    assert result.code == 3
    assert [states[id] for id in (IDS[3], IDS[4], IDS[5], "20241216000000_add_early", NEXT)] == [
        "edited", "renamed", "missing", "out-of-order", "pending",
    ]  # fmt: skip


def test_a_syntax_error_in_the_middle_shows_the_place_and_keeps_nothing_of_the_file(
    cli: Cli, migrated: Database, sql_dir: Path
) -> None:
    before = dump(migrated)
    text = "-- note: a note.\ncreate table public.note (i int);\n\nalter table public.note\n    ad column größe int;\nselect 1;\n"
    write(sql_dir, NEXT, text)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert result.err.splitlines() == [
        f'error: {NEXT}.sql line 5: syntax error at or near "ad"',
        "    3 |",
        "    4 | alter table public.note",
        "    5 |     ad column größe int;",
        "      |     ^",
        "    6 | select 1;",
        f"hint:  nothing of {NEXT} was kept; mend the file and run: chatschema migrate",
    ]
    assert dump(migrated) == before
    assert applied(migrated) == IDS


def test_what_was_applied_before_a_failure_stays_and_is_said(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "create table public.note (i int);")
    write(sql_dir, "20250102000000_add_wrong", "alter table public.nowhere add column i int;")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert result.out.startswith(f"applied {NEXT}")
    assert '20250102000000_add_wrong.sql line 1: relation "public.nowhere" does not exist' in result.err
    assert applied(migrated) == [*IDS, NEXT]


def test_bom_and_crlf_are_read_over_and_are_no_edit(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    for path in (sql_dir / "migrations").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    assert cli("status", "--check", *options).code == 0
    write(sql_dir, NEXT, "\ufeff-- note: a note.\r\ncreate table public.note (i int);\r\nselect 1;\r\n")
    assert cli("migrate", *options).code == 0


def test_notices_of_a_migration_are_shown_and_its_rows_are_not(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "do $$ begin raise notice 'eleven rows moved'; raise warning 'slow'; end $$;\nselect 'secret row';")
    result = cli("migrate", "--json", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert "notice: eleven rows moved" in result.err
    assert "warning: slow" in result.err
    assert "secret row" not in result.out + result.err
    assert result.json()["applied"][0]["id"] == NEXT


def test_what_a_migration_sets_for_its_session_does_not_reach_the_next_or_the_ledger(
    cli: Cli, migrated: Database, sql_dir: Path
) -> None:
    write(sql_dir, NEXT, "set search_path = ''; set statement_timeout = '1ms'; set timezone = 'Asia/Kolkata'; set role pg_monitor;")
    check = (
        "do $$ begin assert current_setting('timezone') = 'UTC' and current_user = session_user; perform pg_sleep(0.05); end $$;"
    )
    write(sql_dir, "20250102000000_check_session", check)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err
    assert applied(migrated)[-2:] == [NEXT, "20250102000000_check_session"]


def test_concurrently_in_a_transaction_says_what_to_write(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "create index concurrently note_idx on public.users (last_seen_at);")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert "-- transactional: false" in result.err


def test_a_concurrent_index_that_failed_is_taken_up_again(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    options = ("--url", seeded.url, "--sql-dir", str(sql_dir))
    name = "20250101000000_add_users_status_key"
    text = "-- transactional: false\ncreate unique index concurrently if not exists users_status_key on public.users (status);"
    write(sql_dir, name, text, "-- transactional: false\ndrop index concurrently public.users_status_key;")
    failed = cli("migrate", *options)
    assert failed.code == 1
    assert "could not create unique index" in failed.err
    assert seeded.one("select indisvalid from pg_index where indexrelid = 'public.users_status_key'::regclass") is False
    states = {entry["id"]: entry["state"] for entry in cli("status", "--json", *options).json()["migrations"]}
    assert states[name] == "interrupted"
    seeded.run("update public.users set status = 'offline' where false")
    write(sql_dir, name, text.replace("(status)", "(status, id)"))
    done = cli("migrate", *options)
    assert done.code == 0, done.err
    assert "removing the invalid index" in done.err
    assert seeded.one("select indisvalid from pg_index where indexrelid = 'public.users_status_key'::regclass") is True
    assert cli("undo", *options).code == 0
    assert seeded.one("select to_regclass('public.users_status_key') is null")


def test_an_invalid_index_of_somebody_else_is_not_dropped(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    with seeded.connect() as connection, pytest.raises(Exception, match="could not create unique index"):
        connection.execute("create unique index concurrently mine on public.users (status)")
    write(sql_dir, NEXT, "-- transactional: false\ncreate index concurrently mine on public.users (status);")
    result = cli("migrate", "--url", seeded.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert "already exists" in result.err
    assert seeded.one("select indisvalid from pg_index where indexrelid = 'public.mine'::regclass") is False


def test_a_table_in_use_is_busy_not_broken_and_readers_are_not_held_up(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "alter table public.users add column note text;")
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    with migrated.connect() as reader, migrated.connect() as other:
        reader.execute("begin; select count(*) from public.users")
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate", *options],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        longest = 0.0
        while running.poll() is None:
            started = time.monotonic()
            other.execute("select count(*) from public.users")
            longest = max(longest, time.monotonic() - started)
            time.sleep(0.02)
            if running.poll() is None and time.monotonic() > started + 60:
                break
        out, err = running.communicate()
    assert running.returncode == 5, err
    assert out == ""
    assert "a lock did not come" in err
    assert "oldest transaction: pid" in err
    # A waiting ALTER TABLE holds up those behind it for its lock timeout, not for as long as the reader stays.
    assert longest < 4
    assert applied(migrated) == IDS
    assert cli("migrate", *options).code == 0


def test_a_lock_that_comes_in_time_is_taken_by_a_retry(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "alter table public.users add column note text;")
    with migrated.connect() as reader:
        reader.execute("begin; select count(*) from public.users")
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)],
            env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(3)
        reader.execute("commit")
        _, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    assert "try 1 of" in err


def test_stock_yoyo_reads_the_same_history(cli: Cli, migrated: Database) -> None:
    url = migrated.url.replace("postgresql://", "postgresql+psycopg://") + "?schema=chatschema"
    listed = subprocess.run(
        [str(Path(sys.executable).parent / "yoyo"), "list", "--batch", "--no-config-file", "--database", url, str(ROOT / "sql" / "migrations")],
        capture_output=True, text=True, check=True, env=clean_environment(),
    )  # fmt: skip
    lines = [line.split()[:2] for line in listed.stdout.splitlines() if line.startswith(("A ", "U "))]
    assert lines == [["A", id] for id in IDS]


def test_a_stock_yoyos_lock_is_respected(cli: Cli, migrated: Database) -> None:
    migrated.run("insert into chatschema.yoyo_lock (pid, ctime) values (4242, now())")
    result = cli("migrate", "--url", migrated.url)
    assert result.code == 1
    assert "pid 4242" in result.err
    assert "yoyo break-lock" in result.err


def test_what_stock_yoyo_applied_is_taken_as_applied(cli: Cli, migrated: Database) -> None:
    migrated.run("delete from chatschema.migrations")
    assert cli("migrate", "--url", migrated.url).out.startswith("nothing to do")
    assert cli("status", "--check", "--url", migrated.url).code == 0


def test_new_migration_writes_a_pair_that_sorts_last(cli: Cli, sql_dir: Path) -> None:
    future = "29991231000000_add_future"
    write(sql_dir, future, "select 1;")
    result = cli("new", "migration", "Add messages-pin", "--sql-dir", str(sql_dir))
    assert result.code == 0
    assert sorted(path.name for path in (sql_dir / "migrations").glob("*_add_messages_pin*")) == [
        "29991231000001_add_messages_pin.rollback.sql",
        "29991231000001_add_messages_pin.sql",
    ]
    assert cli("new", "migration", "x", "--sql-dir", str(sql_dir)).code == 2


@pytest.mark.parametrize("arguments", [("--steps", "1", "--all"), ("--to", "x", "--all"), ("--steps", "0")])
def test_contradicting_options_are_wrong_usage(cli: Cli, migrated: Database, arguments: tuple[str, ...]) -> None:
    assert cli("undo", *arguments, "--url", migrated.url).code == 2
