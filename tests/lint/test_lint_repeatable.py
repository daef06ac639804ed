"""Lint of repeatable files: what cannot be run again is found, and they need no rollback."""

from collections.abc import Sequence
from pathlib import Path

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


def rules(cli: Cli, sql_dir: Path, texts: Sequence[str]) -> list[set[str]]:
    """Return the rules that each text breaks, as a file of its own."""
    paths = [sql_dir / "migrations" / f"R_example_{number}.sql" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(f"{HEAD}{text};\n")
    found = cli("lint", *map(str, paths), "--offline", "--json", "--sql-dir", str(sql_dir)).json()["findings"]
    return [{one["code"] for one in found if one["file"].endswith(f"/{path.name}")} for path in paths]


def test_what_can_be_run_again_is_no_finding(cli: Cli, sql_dir: Path) -> None:
    wrong = {"lint.run-once", "lint.no-rollback", "lint.header"}
    assert [codes & wrong for codes in rules(cli, sql_dir, AGAIN)] == [set()] * len(AGAIN)


def test_what_can_be_run_only_once_is_found(cli: Cli, sql_dir: Path) -> None:
    assert [text for text, codes in zip(ONCE, rules(cli, sql_dir, ONCE), strict=True) if "lint.run-once" not in codes] == []


def test_only_pending_ones_are_checked(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--sql-dir", str(sql_dir), "--url", migrated.url)
    (sql_dir / "migrations" / "R_example.sql").write_text(f"{HEAD}create view public.v as select 1 as one;\n")
    assert "R_example.sql:2: error: " in cli("lint", "--pending", *options).out
    dry = cli("migrate", "--dry-run", "--scratch", "none", *options)
    assert "-- lint error, line 2: v exists already when the file is run again [run-once]" in dry.out
    assert cli("migrate", *options).code == 0
    assert "0 migrations: no finding" in cli("lint", "--pending", *options).err
