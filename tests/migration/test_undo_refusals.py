"""undo beside others and beside itself: what comes while it waits, what a rollback must not hold, and what was cut off."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import long
from tests.support.terminal import asked

NOTE = "create table public.note (id int); insert into public.note values (1);"


@pytest.mark.parametrize("end", ["commit", "rollback", "prepare transaction 'left'"])
def test_a_rollback_that_ends_its_transaction_is_refused_before_it_runs(
    cli: Cli, migrated: Database, sql_dir: Path, end: str
) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, NOTE, f"drop table public.note;\n{end};")
    # An edited rollback is the case: migrate would have refused the file.
    (sql_dir / "migrations" / f"{NEXT}.rollback.sql").write_text("drop table public.note;")
    assert cli("migrate", *options).code == 0
    (sql_dir / "migrations" / f"{NEXT}.rollback.sql").write_text(f"drop table public.note;\n{end};")
    for arguments in (("--yes",), ("--dry-run",), ("--steps", "2")):
        refused = cli("undo", *arguments, *options)
        assert (refused.code, "is not allowed in a migration" in refused.err) == (1, True), refused.err
    assert migrated.one("select count(*) from public.note") == 1
    assert migrated.one("select count(*) from pg_prepared_xacts") == 0


@long
def test_protection_that_comes_while_undo_asks_or_waits_counts(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into public.users (username) values ('alice')")
    with asked(migrated, "undo", "--all") as terminal:
        terminal.question()
        assert cli("protect", "--reason", "late", "--url", migrated.url).code == 0
        terminal.answer(migrated.name)
        result = terminal.end()
    assert (result.code, "is protected (late" in result.err) == (1, True)
    migrated.run("delete from chatschema.protection")
    with migrated.connect() as holder:
        holder.execute("select pg_advisory_lock(%s, 1)", (0x63686174,))
        command = [sys.executable, "-m", "chatschema", "undo", "--yes", "--to", IDS[0], "--url", migrated.url]
        running = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE, text=True)
        assert running.stderr
        assert "waiting for another chatschema" in running.stderr.readline()
        holder.execute("insert into chatschema.protection (reason) values ('later')")
    _, err = running.communicate(timeout=60)
    assert (running.returncode, "is protected (later" in err) == (1, True), err
    assert migrated.one("select count(*) from public.users") == 1


def test_a_rollback_outside_of_a_transaction_that_was_cut_off_is_finished(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, NOTE, "-- transactional: false\ndrop table public.note;")
    assert cli("migrate", *options).code == 0
    # As a run leaves it that was killed after the statement and before its record.
    migrated.run(f"update chatschema.migrations set state = 'running' where migration_id = '{NEXT}'; drop table public.note")
    result = cli("undo", *options)
    assert result.code == 0, result.err
    assert applied(migrated)[-1] == IDS[-1]


@pytest.mark.parametrize(
    "rollback", ["drop database if exists nowhere", "alter table public.pair detach partition public.half concurrently"]
)
def test_what_refuses_a_transaction_is_not_harmless_for_that(cli: Cli, migrated: Database, sql_dir: Path, rollback: str) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    pair = "create table public.pair (i int) partition by range (i); create table public.half partition of public.pair default;"
    write(sql_dir, NEXT, f"{pair} create table public.note (i int);", f"-- transactional: false\n{rollback};")
    assert cli("migrate", *options).code == 0
    migrated.run("insert into chatschema.protection (reason) values ('production')")
    refused = cli("undo", "--yes", *options)
    assert (refused.code, "is protected" in refused.err) == (1, True), refused.err
    assert applied(migrated)[-1] == NEXT


def test_what_was_undone_before_a_refusal_is_said(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    """The copy lacks a table that somebody made by hand, so the loss is met half-way."""
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "create function public.sweep() returns void language sql return null;", "delete from public.stranger;")
    write(sql_dir, "20990102000000_add_more", "select 1;", "select 1;")
    assert cli("migrate", *options).code == 0
    migrated.run("create table public.stranger (i int); insert into public.stranger values (1)")
    (sql_dir / "migrations" / f"{NEXT}.rollback.sql").write_text(
        "do $$ begin if to_regclass('public.stranger') is not null then delete from public.stranger; end if; end $$;"
    )
    result = cli("undo", "--steps", "2", "--json", *options)
    assert result.code == 2
    assert "undid before the failure, and kept: 20990102000000_add_more" in result.err
    assert "nothing was changed" not in result.err
    assert migrated.one("select count(*) from public.stranger") == 1


def test_nothing_is_dropped_by_a_reset_that_is_refused(cli: Cli, migrated: Database) -> None:
    """Both names of a reset that was cut off are there: the old one is kept until the answer."""
    migrated.run("insert into chatschema.protection (reason) values ('production')")
    with migrated.server.connect("postgres") as admin:
        row = admin.execute("select left(encode(sha256(%s::bytea), 'hex'), 16)", (migrated.name,)).fetchone()
        assert row
        old = f"chatschema_old_{row[0]}"
        admin.execute(f"create database {old}".encode())
        try:
            assert cli("reset", "--yes", "--url", migrated.url).code == 1
            assert admin.execute("select count(*) from pg_database where datname = %s", (old,)).fetchone() == (1,)
        finally:
            admin.execute(f"drop database if exists {old}".encode())


def test_a_plain_owner_resets_as_often_as_he_likes(cli: Cli, empty: Database) -> None:
    empty.run(f"create role modest login password 'modest99'; alter database {empty.name} owner to modest")
    empty.run("grant all on schema public to modest")
    url = empty.server.url(empty.name, user="modest", password="modest99")
    try:
        assert cli("migrate", "--url", url).code == 0
        for _ in range(2):
            result = cli("reset", "--yes", "--url", url)
            assert result.code == 0, result.err
        assert cli("status", "--check", "--url", url).code == 0
    finally:
        with empty.server.connect("postgres") as admin:
            admin.execute(f"drop database {empty.name} with (force)".encode())
            admin.execute("drop role modest")
