"""Lint of repeatable files: what cannot be run again is found, and they need no rollback."""

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database

HEAD = "-- example: sentence.\n"
AGAIN = (
    "create or replace function public.f() returns int language sql as 'select 1'",
    "drop view if exists public.v; create view public.v as select 1 as one",
    "drop function if exists public.f(); create function public.f() returns int language sql as 'select 1'",
    "drop materialized view if exists public.m; create materialized view public.m as select 1 as one; create index if not exists m_one on public.m (one)",
    "create or replace trigger t before insert on public.users for each row execute function chatschema.set_updated_at()",
    "drop policy if exists p on public.users; create policy p on public.users using (username <> '')",
    "alter function public.f() owner to current_user; revoke execute on function public.f() from public",
)
ONCE = (
    "create function public.f() returns int language sql as 'select 1'",
    "create view public.v as select 1 as one",
    "drop view public.v; create view public.v as select 1 as one",
    "create table public.t (i int)",
    "create type public.e as enum ('a')",
    "create index i on public.users (status)",
    "create trigger t before insert on public.users for each row execute function chatschema.set_updated_at()",
    "alter table public.users add column note text",
    "insert into public.users (username) values ('x')",
)


def rules(cli: Cli, sql_dir: Path, text: str) -> set[str]:
    path = sql_dir / "migrations" / "R_example.sql"
    path.write_text(f"{HEAD}{text};\n")
    result = cli("lint", str(path), "--offline", "--json", "--sql-dir", str(sql_dir))
    return {one["code"] for one in result.json()["findings"]}


@pytest.mark.parametrize("text", AGAIN)
def test_what_can_be_run_again_is_no_finding(cli: Cli, sql_dir: Path, text: str) -> None:
    assert not rules(cli, sql_dir, text) & {"lint.run-once", "lint.no-rollback", "lint.header"}


@pytest.mark.parametrize("text", ONCE)
def test_what_can_be_run_only_once_is_found(cli: Cli, sql_dir: Path, text: str) -> None:
    assert "lint.run-once" in rules(cli, sql_dir, text)


def test_only_pending_ones_are_checked(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--sql-dir", str(sql_dir), "--url", migrated.url)
    (sql_dir / "migrations" / "R_example.sql").write_text(f"{HEAD}create view public.v as select 1 as one;\n")
    assert "R_example.sql:2: error: " in cli("lint", "--pending", *options).out
    dry = cli("migrate", "--dry-run", "--scratch", "none", *options)
    assert "-- lint error, line 2: v exists already when the file is run again [run-once]" in dry.out
    assert cli("migrate", *options).code == 0
    assert "0 migrations: no finding" in cli("lint", "--pending", *options).err
