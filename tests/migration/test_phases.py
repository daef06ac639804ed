"""Expand and contract: a contract file waits while later files pass it, unless they name its tables."""

from pathlib import Path

import pytest

from chatschema.migration import phases
from chatschema.sqlfile import SqlFile
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.documents import validator
from tests.support.dump import dump
from tests.support.migrations import applied, write
from tests.support.pace import long

BEFORE = "20990101000000_add_note_title"
CONTRACT = "20990101000001_drop_note_body"
AFTER = "20990101000002_create_tag"
LAST = "20990101000003_drop_tag_name"


@pytest.fixture
def notes(migrated: Database, sql_dir: Path) -> Path:
    """Pending: an expand file, a contract file on the same table, an expand file on another one, and its contract file."""
    migrated.run("create table public.note (id int primary key, body text)")
    write(
        sql_dir, BEFORE, "-- note: t.\n-- phase: expand\nalter table public.note add title text;",
        "alter table public.note drop column title;",
    )  # fmt: skip
    write(
        sql_dir, CONTRACT, "-- note: b.\n-- phase: contract\nalter table public.note drop column body;",
        "alter table public.note add body text;",
    )  # fmt: skip
    tags = "comment on column public.tag.id is 'pii=none'; comment on column public.tag.name is 'pii=none';"
    write(sql_dir, AFTER, f"create table public.tag (id int, name text); {tags}", "drop table public.tag;")
    write(
        sql_dir,
        LAST,
        "-- tag: n.\n-- phase: contract\nalter table public.tag drop column name;",
        "alter table public.tag add name text;",
    )
    return sql_dir


def states(cli: Cli, database: Database, sql_dir: Path) -> dict[str, str]:
    result = cli("status", "--json", "--url", database.url, "--sql-dir", str(sql_dir))
    assert list(validator("status").iter_errors(result.json())) == []
    return {one["id"]: one["state"] for one in result.json()["migrations"] if one["id"] >= BEFORE}


def expand(cli: Cli, database: Database, sql_dir: Path, *more: str) -> Result:
    return cli("migrate", "--phase", "expand", *more, "--url", database.url, "--sql-dir", str(sql_dir))


def test_contract_files_wait_and_the_next_migrate_applies_them(cli: Cli, migrated: Database, notes: Path) -> None:
    own = ("--url", migrated.url, "--sql-dir", str(notes))
    assert states(cli, migrated, notes) == {BEFORE: "pending", CONTRACT: "pending", AFTER: "pending", LAST: "pending"}
    result = expand(cli, migrated, notes)
    assert result.code == 0, result.err
    assert f"waiting for migrate without --phase: {CONTRACT}, {LAST}" in result.err
    assert applied(migrated)[-2:] == [BEFORE, AFTER]
    assert states(cli, migrated, notes) == {BEFORE: "applied", CONTRACT: "waiting", AFTER: "applied", LAST: "waiting"}

    # A check that expects them passes; one that does not, fails.
    assert cli("status", "--check", *own).code == 3
    checked = cli("status", "--check", "--phase", "expand", *own)
    assert checked.code == 0, checked.out
    assert "next: chatschema migrate, once no client of the earlier release runs" in checked.out
    assert expand(cli, migrated, notes).out == f"nothing to do: {AFTER} is applied\n"

    assert cli("migrate", *own).code == 0
    assert applied(migrated)[-2:] == [CONTRACT, LAST]
    assert cli("status", "--check", *own).code == 0


@long
def test_undo_goes_back_in_the_order_of_application_and_a_contract_file_waits_again(
    cli: Cli, migrated: Database, notes: Path
) -> None:
    own = ("--url", migrated.url, "--sql-dir", str(notes))
    before = dump(migrated)
    assert expand(cli, migrated, notes).code == 0
    assert cli("migrate", *own).code == 0
    undone = cli("undo", "--steps", "2", "--yes", *own)
    assert [line.split()[1] for line in undone.out.splitlines() if line.startswith("undid")] == [LAST, CONTRACT], undone.err
    assert states(cli, migrated, notes) == {BEFORE: "applied", CONTRACT: "waiting", AFTER: "applied", LAST: "waiting"}
    assert cli("undo", "--to", BEFORE, "--yes", *own).code == 0
    assert states(cli, migrated, notes) == {BEFORE: "applied", CONTRACT: "waiting", AFTER: "pending", LAST: "pending"}
    assert cli("migrate", *own).code == 0
    assert applied(migrated)[-4:] == [BEFORE, CONTRACT, AFTER, LAST]
    # The losses of several steps are found in a copy, which is migrated in the order of this database.
    assert cli("undo", "--dry-run", "--steps", "4", *own).code == 0
    assert cli("undo", "--steps", "4", "--yes", *own).code == 0
    assert dump(migrated) == before


def test_both_orders_lead_to_the_same_schema_and_reset_takes_them_in_order(
    cli: Cli, migrated: Database, empty: Database, sql_dir: Path
) -> None:
    write(sql_dir, BEFORE, "create table public.note (id int, body text);")
    write(sql_dir, CONTRACT, "-- note: b.\n-- phase: contract\nalter table public.note drop column body;")
    write(sql_dir, AFTER, "create table public.tag (id int);")
    assert expand(cli, migrated, sql_dir).code == 0
    assert cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)).code == 0
    assert applied(migrated)[-3:] == [BEFORE, AFTER, CONTRACT]
    assert cli("migrate", "--url", empty.url, "--sql-dir", str(sql_dir)).code == 0
    assert applied(empty)[-3:] == [BEFORE, CONTRACT, AFTER]
    assert dump(migrated) == dump(empty)
    assert cli("reset", "--yes", "--url", migrated.url, "--sql-dir", str(sql_dir)).code == 0
    assert applied(migrated)[-3:] == [BEFORE, CONTRACT, AFTER]
    assert dump(migrated) == dump(empty)


def test_a_file_that_names_a_table_of_a_waiting_one_is_refused_before_anything_runs(
    cli: Cli, migrated: Database, notes: Path
) -> None:
    own = ("--url", migrated.url, "--sql-dir", str(notes))
    late = "20990101000004_fill_note"
    write(notes, late, 'insert into public."note" (id, body) select 1, name from public.tag;', "delete from public.note;")
    result = expand(cli, migrated, notes)
    assert result.code == 1
    assert result.err == (
        f"error[migration.phase]: {late} names note, as {CONTRACT} before it does, which --phase expand holds back; no migration was"
        f" run\nhint:  apply the contract file first: chatschema migrate --to {CONTRACT}; or give it a higher number\n"
    )
    assert BEFORE not in applied(migrated)
    assert expand(cli, migrated, notes, "--dry-run").code == 1
    # As far as the file before it nothing is in the way, and what the hint says helps.
    assert expand(cli, migrated, notes, "--to", AFTER).code == 0
    assert cli("migrate", "--to", CONTRACT, *own).code == 0
    assert applied(migrated)[-3:] == [BEFORE, AFTER, CONTRACT]


def test_a_contract_file_that_comes_late_is_out_of_order_only_for_its_own_tables(cli: Cli, migrated: Database, notes: Path) -> None:
    own = ("--url", migrated.url, "--sql-dir", str(notes))
    assert cli("migrate", *own).code == 0
    write(notes, "20990100000000_drop_session_agent",
          "-- s: a.\n-- phase: contract\nalter table public.auth_sessions alter column user_agent drop default;")  # fmt: skip
    assert cli("status", *own).code == 0
    listed = cli("status", "--json", *own).json()["migrations"]
    assert next(one["state"] for one in listed if one["id"].startswith("20990100")) == "waiting"
    (notes / "migrations" / "20990100000000_drop_session_agent.sql").unlink()

    write(notes, "20990100000000_drop_note_default", "-- n: d.\n-- phase: contract\nalter table public.note alter id drop default;")
    result = cli("migrate", *own)
    assert result.code == 1
    assert f"out-of-order: {BEFORE}, which is already applied, names note as well" in result.err


@pytest.mark.parametrize(
    ("contract", "later", "name"),
    [
        ("create or replace function public.f() returns int language sql as 'select 1'",
         "create or replace function public.f() returns int language sql as 'select 2'", "f"),
        ("drop index if exists public.note_body", "create index note_body on public.tag (id)", "note_body"),
        ("drop table public.other, public.tag", "alter table public.tag add column other int", "tag"),
    ],
    ids=["function", "index", "list"],
)  # fmt: skip
def test_a_late_contract_file_does_not_replace_or_drop_what_a_later_file_made(
    cli: Cli, migrated: Database, sql_dir: Path, contract: str, later: str, name: str
) -> None:
    migrated.run("create table public.tag (id int); create table public.other (id int)")
    write(sql_dir, CONTRACT, f"-- note: b.\n-- phase: contract\n{contract};")
    write(sql_dir, AFTER, f"{later};")
    result = expand(cli, migrated, sql_dir)
    assert result.code == 1
    assert f"error[migration.phase]: {AFTER} names {name}, as {CONTRACT} before it does" in result.err


def test_the_phases_are_checked(cli: Cli, migrated: Database, notes: Path) -> None:
    result = cli("migrate", "--phase", "contract", "--url", migrated.url)
    assert result.code == 2
    assert "error[usage.phase]: there is no phase contract" in result.err
    write(notes, AFTER, "-- phase: shrink\ncreate table public.tag (id int);")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(notes))
    assert result.code == 1
    assert "phase is 'shrink', neither expand nor contract" in result.err


@long
def test_the_plan_names_the_files_that_wait(cli: Cli, migrated: Database, notes: Path) -> None:
    result = expand(cli, migrated, notes, "--dry-run")
    assert f"waiting for migrate without --phase: {CONTRACT}, {LAST}" in result.err
    assert CONTRACT not in result.out
    document = expand(cli, migrated, notes, "--dry-run", "--json").json()
    assert list(validator("migrate-dry-run").iter_errors(document)) == []
    assert [one["id"] for one in document["waiting"]] == [CONTRACT, LAST]
    assert [one["id"] for one in document["pending"]] == [BEFORE, AFTER]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('alter table if exists only "Odd ""one" add x int', {'Odd "one'}),
        ("create unique index i on public.a (x) where y = 'from b'", {"a", "i"}),
        ("comment on column public.a.x is 'update b'; comment on constraint c on public.b is 'x'", {"a", "b"}),
        ("create trigger t before insert or update of x on public.a for each row execute function public.f()", {"a"}),
        (
            "alter table a add constraint f foreign key (x) references public.b (id) on delete cascade on update restrict",
            {"a", "b"},
        ),
        ("insert into public.a values ('select from b') on conflict do nothing", {"a"}),
        ("update public.a set x = 1 from public.b where a.y is distinct from b.y", {"a", "b"}),
        ("do $$ begin delete from public.a using public.b; end $$", {"a"}),
        ("create function public.f() returns trigger language sql as 'select 1'; drop view public.v", {"f", "v"}),
        ("drop table if exists public.a, b cascade; alter table c drop column x, drop column y", {"a", "b", "c"}),
        ("drop function f(int, text), public.g(); drop index concurrently i", {"f", "g", "i"}),
        ("drop type t; alter sequence public.s restart; create trigger u after insert on a execute function v()", {"a", "s", "t"}),
        ("alter table chat_partitions.messages_y2024m01 set (fillfactor = 90)", {"messages"}),
        ("select extract(epoch from now()), * from generate_series(1, 2) join public.a on true", {"a"}),
        ("-- from b\nlock table a /* join c */", {"a"}),
    ],
)
def test_the_tables_of_a_file_are_read_from_its_text(tmp_path: Path, text: str, found: set[str]) -> None:
    path = tmp_path / "file.sql"
    path.write_text(text)
    assert phases.tables(SqlFile(path)) == found
