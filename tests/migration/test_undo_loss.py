"""undo loses no row that nobody named: found by what a rollback does, not by how it is written."""

from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import long
from tests.support.terminal import asked

AUDIT = "20241217000009_create_audit_logs_table"
NOTE = "create table public.note (id int, text varchar(20), more text); insert into public.note values (1, 'a', 'b'), (2, 'c', 'd')"
# A rollback, and what it would do in words.
LOSSES = {
    "drop table public.note;": "drop table note (2 rows)",
    "do $$ begin execute 'drop ' || 'table public.note'; end $$;": "drop table note (2 rows)",
    "truncate public.note;": "empty or rewrite table note (2 rows)",
    "alter table public.note drop column more;": "drop column note.more (2 rows)",
    "alter table public.note alter column id type text;": "change the type of column note.id (2 rows)",
    "delete from public.note where id = 1;": "change or delete rows of note (2 rows)",
    "update public.note set text = 'x';": "change or delete rows of note (2 rows)",
    "create schema other; alter table public.note set schema other; drop schema other cascade;": "drop table note (2 rows)",
}


@pytest.fixture
def note(cli: Cli, migrated: Database, sql_dir: Path) -> Database:
    """A database with one more migration, whose rollback the test writes."""
    write(sql_dir, NEXT, NOTE + ";")
    assert cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)).code == 0
    return migrated


def test_each_way_to_lose_rows_needs_a_word_and_a_database_without_a_mark(cli: Cli, note: Database, sql_dir: Path) -> None:
    options = ("--url", note.url, "--sql-dir", str(sql_dir))
    before = dump(note), note.all("select * from public.note")
    for rollback, loss in LOSSES.items():
        write(sql_dir, NEXT, NOTE + ";", rollback)
        refused = cli("undo", *options)
        assert (refused.code, loss in refused.err, "--yes" in refused.err) == (2, True, True), rollback
        note.run("insert into chatschema.protection (reason) values ('the real one')")
        refused = cli("undo", "--yes", *options)
        assert (refused.code, "is protected" in refused.err, loss in refused.err) == (1, True, True), rollback
        note.run("delete from chatschema.protection")
    assert (dump(note), note.all("select * from public.note")) == before
    assert applied(note)[-1] == NEXT
    assert cli("undo", "--yes", *options).code == 0
    assert applied(note)[-1] == IDS[-1]


@pytest.mark.parametrize("rollback", [*LOSSES][-3:])
def test_the_rehearsal_sees_what_the_text_hides(cli: Cli, note: Database, sql_dir: Path, rollback: str) -> None:
    write(sql_dir, NEXT, NOTE + ";", rollback)
    result = cli("undo", "--dry-run", "--steps", "2", "--url", note.url, "--sql-dir", str(sql_dir))
    assert (result.code, f"would {LOSSES[rollback]}" in result.out) == (0, True)


@long
def test_without_rows_there_is_nothing_to_lose(cli: Cli, note: Database, sql_dir: Path) -> None:
    options = ("--url", note.url, "--sql-dir", str(sql_dir))
    note.run("truncate public.note; insert into chatschema.protection (reason) values ('the real one')")
    for rollback in LOSSES:
        write(sql_dir, NEXT, NOTE + ";", rollback)
        result = cli("undo", *options)
        assert result.code == 0, (rollback, result.err)
        note.run("drop table if exists public.note; drop schema if exists other")
        assert cli("migrate", *options).code == 0
        note.run("truncate public.note")


def test_one_undo_of_a_table_with_rows_is_refused(cli: Cli, migrated: Database) -> None:
    assert cli("undo", "--yes", "--to", AUDIT, "--url", migrated.url).code == 0
    migrated.run("insert into public.audit_logs (action, resource_type) select 'login', 'user' from generate_series(1, 317)")
    names = {migrated.name: "chat"}
    for arguments, name in (
        ((), "undo_refused"),
        (("--dry-run", "--scratch", "same"), "undo_dry_run"),
        (("--all",), "undo_all_refused"),
    ):
        golden.check(name, cli("undo", *arguments, "--url", migrated.url), names)
    assert migrated.one("select count(*) from public.audit_logs where action = 'login'") == 317
    assert cli("protect", "--reason", "the real one", "--url", migrated.url).code == 0
    golden.check("undo_protected", cli("undo", "--yes", "--steps", "2", "--url", migrated.url), names)
    assert migrated.one("select count(*) from public.audit_logs where action = 'login'") == 317


@long
def test_several_are_undone_all_or_none(cli: Cli, migrated: Database) -> None:
    migrated.run("set chatschema.audit_batch = on; insert into public.users (username) values ('alice')")
    for arguments in (("--all",), ("--to", IDS[0]), ("--steps", str(len(IDS)))):
        result = cli("undo", *arguments, "--url", migrated.url)
        assert (result.code, "drop table users (1 row)" in result.err) == (2, True)
    assert len(applied(migrated)) == len(IDS)
    document = cli("undo", "--all", "--dry-run", "--json", "--url", migrated.url).json()
    assert len(document["would_undo"]) == len(IDS)
    assert document["losses"] == [{"kind": "table", "table": "public.users", "column": None, "rows": 1}]
    assert migrated.all("select datname from pg_database where datname like 'chatschema_scratch%'") == []


def test_all_off_a_terminal_needs_the_word_also_without_rows(cli: Cli, migrated: Database) -> None:
    golden.check("undo_all_empty", cli("undo", "--all", "--url", migrated.url), {migrated.name: "chat"})
    assert len(applied(migrated)) == len(IDS)
    assert cli("undo", "--all", "--yes", "--url", migrated.url).code == 0
    assert applied(migrated) == []


def test_looking_waits_for_nobody_and_locks_nothing(cli: Cli, migrated: Database) -> None:
    migrated.run("set chatschema.audit_batch = on; insert into public.users (username) values ('alice')")
    with migrated.connect() as writer, writer.transaction():
        writer.execute("update public.users set username = 'bob'; lock table public.messages in access share mode")
        result = cli("undo", "--dry-run", "--all", "--url", migrated.url, timeout=30)
        assert (result.code, "would drop table users (1 row)" in result.out) == (0, True)


@long
def test_a_question_holds_no_lock_and_what_comes_meanwhile_is_asked_about_too(cli: Cli, migrated: Database) -> None:
    migrated.run("set chatschema.audit_batch = on; insert into public.users (username) values ('alice')")
    with asked(migrated, "undo", "--to", IDS[0]) as terminal:
        assert "drop table users (1 row)" in terminal.question()
        assert cli("migrate", "--lock-wait", "0", "--url", migrated.url).code == 0
        migrated.run("insert into public.audit_logs (action, resource_type) values ('login', 'user')")
        terminal.answer(migrated.name)
        assert "drop table audit_logs (1 row)" in terminal.question()
        terminal.answer("no")
        assert terminal.end().code == 1
    assert migrated.one("select count(*) from public.audit_logs where action = 'login'") == 1
    with asked(migrated, "undo", "--to", AUDIT, "--steps", "1") as terminal:
        assert terminal.end().code == 2


def test_what_others_did_while_the_question_stood_is_noticed(cli: Cli, note: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, NOTE + ";", "drop table public.note;")
    options = ("--url", note.url, "--sql-dir", str(sql_dir))
    with asked(note, "undo", "--sql-dir", str(sql_dir)) as terminal:
        terminal.question()
        assert cli("undo", "--yes", *options).code == 0
        terminal.answer(note.name)
        result = terminal.end()
    assert (result.code, "another run changed the migrations" in result.err) == (1, True)
    assert applied(note)[-1] == IDS[-1]


@long
def test_a_plain_owner_without_the_right_to_a_copy(cli: Cli, empty: Database) -> None:
    empty.run(f"create role holder login password 'holder99'; alter database {empty.name} owner to holder")
    empty.run("grant all on schema public to holder")
    url = empty.server.url(empty.name, user="holder", password="holder99")
    try:
        assert cli("migrate", "--url", url).code == 0
        empty.run("insert into public.users (username) values ('alice')")
        refused = cli("undo", "--all", "--url", url)
        assert (refused.code, "drop table users (1 row)" in refused.err) == (2, True)
        assert "rehearsing in the database itself" in refused.err
        assert len(applied(empty)) == len(IDS)
        dry = cli("undo", "--dry-run", "--url", url)
        assert (dry.code, "-- undo" in dry.out, "locks found on a copy of the structure, on the embedded server" in dry.out) == (
            0,
            True,
            True,
        )
        refused = cli("undo", "--dry-run", "--scratch", "same", "--url", url)
        assert (refused.code, "error[scratch.no-createdb]" in refused.err) == (1, True)
        assert cli("undo", "--all", "--yes", "--url", url).code == 0
    finally:
        with empty.server.connect("postgres") as admin:
            admin.execute(f"drop database {empty.name} with (force)".encode())
            admin.execute("drop role holder")


def test_rows_that_a_policy_hides_or_the_server_does_not_count_are_not_lost_unasked(
    cli: Cli, note: Database, sql_dir: Path
) -> None:
    options = ("--sql-dir", str(sql_dir))
    note.run(f"create role hidden login password 'hidden99'; alter database {note.name} owner to hidden")
    try:
        note.run("alter table public.note owner to hidden; alter table public.note enable row level security")
        note.run("alter table public.note force row level security; grant usage, create on schema public, chatschema to hidden")
        note.run(
            "grant all on all tables in schema chatschema to hidden; grant all on all functions in schema chatschema to hidden"
        )
        url = note.server.url(note.name, user="hidden", password="hidden99")
        write(sql_dir, NEXT, NOTE + ";", "drop table public.note;")
        refused = cli("undo", "--url", url, *options)
        assert (refused.code, "drop table note (rows not counted)" in refused.err) == (2, True), refused.err
        assert note.one("select count(*) from public.note") == 2
    finally:
        note.run("reassign owned by hidden to current_user; drop owned by hidden")
        note.run(f"alter database {note.name} owner to current_user")
        note.run("drop role hidden; alter table public.note disable row level security")
    note.run(f"alter database {note.name} set track_counts = off")
    write(sql_dir, NEXT, NOTE + ";", "update public.note set text = 'x';")
    assert cli("undo", "--url", note.url, *options).code == 2
    assert note.one("select count(*) from public.note where text = 'x'") == 0


def test_a_rollback_outside_of_a_transaction_is_asked_about_too(cli: Cli, note: Database, sql_dir: Path) -> None:
    options = ("--url", note.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, NOTE + ";", "-- transactional: false\ndrop table public.note;")
    assert "drop table note (2 rows)" in cli("undo", *options).err
    note.run("create procedure public.sweep() language plpgsql as 'begin delete from public.note; commit; end'")
    write(sql_dir, NEXT, NOTE + ";", "-- transactional: false\ncall public.sweep();")
    refused = cli("undo", *options)
    golden.check("undo_unseen", refused, {note.name: "chat"})
    assert note.one("select count(*) from public.note") == 2
    assert cli("undo", "--yes", *options).code == 0
    assert note.one("select count(*) from public.note") == 0
