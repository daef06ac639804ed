"""migrate and undo: what is applied, what is refused, and that nothing is ever half done."""

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS, NEXT, applied, write


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
    # Seven months of messages, of statuses and of events.
    assert len(document["partitions"]) == 21
    assert document["partitions"][0]["lower"].endswith("-01T00:00:00Z")


def test_to_stops_there_and_takes_sequelizes_spelling(cli: Cli, empty: Database) -> None:
    assert cli("migrate", "--to", "20241217000001-create-users-table.js", "--url", empty.url).code == 0
    assert applied(empty) == IDS[:2]
    assert cli("migrate", "--to", "20241217000003", "--url", empty.url).code == 0
    assert applied(empty) == IDS[:4]
    earlier = cli("migrate", "--to", "20241217000001", "--url", empty.url)
    assert (earlier.code, earlier.out) == (0, f"nothing to do: {IDS[1]} is applied\n")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("20241217000001_create_user_table", "did you mean"),
        ("2024121700000", "matches 10"),
        ("zzz", "status"),
        ("", "there is no migration"),
    ],
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
    assert empty.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass") == 7


def test_dry_run_shows_the_months_that_are_missing(cli: Cli, migrated: Database) -> None:
    last = migrated.one("select max(relname) from pg_class where relname ~ '^messages_y....m..$'")
    migrated.run(f"drop table chat_partitions.message_statuses{last.removeprefix('messages')}")
    result = cli("migrate", "--dry-run", "--url", migrated.url)
    assert f"message_statuses{last.removeprefix('messages')}" in result.out
    assert "attach partition" in result.out
    assert cli("migrate", "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from pg_inherits where inhparent = 'public.message_statuses'::regclass") == 7


def test_a_syntax_error_in_the_middle_shows_the_place_and_keeps_nothing_of_the_file(
    cli: Cli, migrated: Database, sql_dir: Path
) -> None:
    before = dump(migrated)
    text = "-- note: a note.\ncreate table public.note (i int);\n\nalter table public.note\n    ad column größe int;\nselect 1;\n"
    write(sql_dir, NEXT, text)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert result.err.splitlines() == [
        f'error[migration.failed]: {NEXT}.sql line 5: syntax error at or near "ad"',
        "    3 |",
        "    4 | alter table public.note",
        "    5 |     ad column größe int;",
        "      |     ^",
        "    6 | select 1;",
        f"hint:  {NEXT} was rolled back; fix the file and run: chatschema migrate",
    ]
    assert dump(migrated) == before
    assert applied(migrated) == IDS


def test_what_was_applied_before_a_failure_stays_and_is_said(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "create table public.note (i int);")
    write(sql_dir, "20990102000000_add_wrong", "alter table public.nowhere add column i int;")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert result.out.startswith(f"applied {NEXT}")
    assert '20990102000000_add_wrong.sql line 1: relation "public.nowhere" does not exist' in result.err
    assert applied(migrated) == [*IDS, NEXT]
    write(sql_dir, "20990101000001_add_more", "create table public.more (i int);")
    as_json = cli("migrate", "--json", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert (as_json.code, as_json.json()["error"]["code"]) == (1, "migration.failed")
    assert "applied before the failure, and kept: 20990101000001_add_more" in as_json.err


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
    write(
        sql_dir, NEXT, "set search_path = ''; set statement_timeout = '300ms'; set timezone = 'Asia/Kolkata'; set role pg_monitor;"
    )
    check = "do $$ begin assert current_setting('timezone') = 'UTC' and current_user = session_user; perform pg_sleep(0.5); end $$;"
    write(sql_dir, "20990102000000_check_session", check)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err
    assert applied(migrated)[-2:] == [NEXT, "20990102000000_check_session"]


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
