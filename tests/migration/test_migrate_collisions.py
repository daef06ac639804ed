"""Other people's tables and schemas: found before the first file, named, and neither written into nor read."""

from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import NEXT, write


def test_tables_of_others_are_found_before_the_first_file(cli: Cli, empty: Database) -> None:
    empty.run("""
        create table users (id int primary key); create view messages as select 1 as one; create schema chat_partitions;
        create index idx_audit_logs_txid on users (id)
    """)
    before = dump(empty)
    result = cli("migrate", "--url", empty.url)
    golden.check("migrate_collision", result, {empty.name: "chat"})
    assert dump(empty) == before
    assert empty.one("select to_regnamespace('chatschema') is null")
    dry = cli("migrate", "--dry-run", "--url", empty.url)
    assert (dry.code, dry.err) == (1, result.err)
    # What comes later is not in the way yet.
    empty.run("drop table users cascade; drop schema chat_partitions")
    to = cli("migrate", "--to", "20241217000001", "--url", empty.url)
    assert to.code == 0, to.err


def test_what_moved_away_as_the_hint_says_is_in_nobodys_way(cli: Cli, empty: Database) -> None:
    empty.run("create table users (id int, constraint users_pkey primary key (id))")
    assert "create schema old; alter table public.users set schema old" in cli("migrate", "--url", empty.url).err
    empty.run("create schema old; alter table public.users set schema old")
    result = cli("migrate", "--url", empty.url)
    assert result.code == 0, result.err


COLLIDE = (
    ("create table one (i int)", "create unlogged table public.one (i int)", "table public.one"),
    ('create table "Tw.o" (i int)', 'create table "Tw.o" (i int)', 'table public."Tw.o"'),
    ("create type three as enum ('a')", "create table three (i int)", "type public.three"),
    ("create materialized view four as select 1 as one", "create /* a */ view four as select 1", "materialized view public.four"),
    ("create domain five as int", "create type five as enum ('a')", "type public.five"),
    ("create function six(a int, b text) returns int language sql return 1",
     "create function six(int, c text default 'x') returns int language sql return 2", "function public.six"),
)  # fmt: skip
# Another function of that name is no hindrance, nor is what the file allows for, or removes first.
GO_TOGETHER = (
    (
        "create function one(a int) returns int language sql return 1",
        "create function one(a text) returns int language sql return 2",
    ),
    ("create table two (i int)", "create table if not exists two (i int)"),
    ("create table three (i int)", "drop table public.three;\ncreate table three (i int)"),
    ("create table four (i int)", "do $$ begin drop table four; end $$;\ncreate table four (i int)"),
    ("create table five (i int)", "alter table five rename to old_five;\ncreate table five (i int)"),
    ("create table six (i int)", "create temp table six (i int) on commit drop"),
    ("create view seven as select 1 as one", "create or replace view seven as select 2 as one"),
    ("create schema eight", "create schema if not exists eight"),
    ("create table nine (i int)", "create schema s;\nset local search_path = s;\ncreate table nine (i int)"),
)


# What goes along with a table, a column or a constraint that an earlier statement removes; and what that one does not name.
OWN = """
create table aa (i serial, b text, c int, constraint aa_c_key unique (c)); create index idx_aa_b on aa (b);
create table bb (i int primary key, b text); create index idx_bb_b on bb (b);
create view on_bb as select b from bb; create schema cc; create table cc.inside (i int);
create function remove_dd() returns void language plpgsql as $$ begin execute 'drop table d' || 'd'; end $$;
create table dd (i int); create table ee (i int); create index idx_ee on ee (i); create table ff (i int);
"""
FREED = (
    "alter table aa drop column b; alter table aa add column b text; create index idx_aa_b on aa (b);",
    "alter table aa drop constraint aa_c_key; create unique index aa_c_key on aa (c);",
    "alter table aa drop column i; create sequence aa_i_seq;",
    "create table aa_new (i int, b text); drop table aa; alter table aa_new rename to aa; create index idx_aa_b on aa (b);",
    "create table bb_new (i int, b text); drop table bb cascade; alter table bb_new rename to bb; create index idx_bb_b on bb (b);"
    " create view on_bb as select b from bb; alter table bb add constraint bb_pkey primary key (i);",
    "drop schema cc cascade; create schema cc; create table cc.inside (i int);",
    "select remove_dd(); create table dd (i int);",
    "create schema other; alter table ee set schema other; create index idx_ee on bb (b);",
)


@pytest.mark.parametrize("whose", ["own", "earlier", "first"])
def test_a_file_that_postgresql_runs_is_never_refused(
    cli: Cli, empty: Database, migrated: Database, sql_dir: Path, whose: str
) -> None:
    """`earlier`: made by a version of chatschema that kept no record. `first`: of somebody else, before the first migration."""
    database = empty if whose == "first" else migrated
    options = ("--url", database.url, "--sql-dir", str(sql_dir))
    if whose == "own":
        write(sql_dir, "20981231000000_create_first", OWN)
        assert cli("migrate", *options).code == 0
    else:
        database.run(OWN)
    texts = FREED[:4] if whose == "first" else FREED
    for number, text in enumerate(t for t in texts if t != texts[3]):
        write(sql_dir, f"2099010100000{number}_change", text)
    write(sql_dir, "20990101000009_rebuild", texts[3])
    result = cli("migrate", *options)
    assert result.code == 0, result.err


def test_what_a_migration_has_made_is_not_taken_for_somebody_elses(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    """It cannot be created twice, and PostgreSQL says so; a database of its own would not help."""
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    for text in (
        "create table public.users (i int);",
        "create function chatschema.set_updated_at() returns trigger language plpgsql as ''",
    ):
        write(sql_dir, NEXT, text)
        result = cli("migrate", *options)
        assert result.code == 1
        assert "already exists" in result.err
        assert "separate database" not in result.err


def test_everything_that_collides_is_named_in_one_go(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    for there, _, _ in COLLIDE:
        migrated.run(there)
    write(sql_dir, NEXT, ";\n".join(text for _, text, _ in COLLIDE))
    before = dump(migrated)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert result.err.splitlines()[1:-1] == [f"  {name}: {NEXT} would create it" for _, _, name in COLLIDE]
    assert dump(migrated) == before


def test_what_goes_together_with_what_is_there_is_applied(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    for there, _ in GO_TOGETHER:
        migrated.run(there)
    write(sql_dir, NEXT, ";\n".join(text for _, text in GO_TOGETHER))
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err


FOREIGN = {
    "jobs": "create schema chatschema; create table chatschema.jobs (i int generated always as identity)",
    "columns": "create schema chatschema; create table chatschema.migrations (id int, checksum text)",
    "partial": "drop table chatschema._yoyo_migration",
}
COMMANDS = (
    ("status",), ("migrate", "--dry-run"), ("undo",), ("seed",), ("seed", "--list"), ("protect",), ("unprotect", "--yes"), ("reset", "--yes"),
    ("hold", "list"), ("partition", "list"), ("partition", "ensure"), ("maintain",),
)  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_schema_of_that_name_that_is_not_ours_is_neither_written_into_nor_read(
    cli: Cli, empty: Database, migrated: Database, kind: str
) -> None:
    database = migrated if kind == "partial" else empty
    database.run(FOREIGN[kind])
    before = dump(database)
    result = cli("migrate", "--url", database.url)
    golden.check(f"ledger_foreign_{kind}", result, {database.name: "chat"})
    for command in COMMANDS if kind == "jobs" else COMMANDS[:1]:
        other = cli(*command, "--url", database.url)
        assert (other.code, other.err) == (result.code, result.err), command
    assert dump(database) == before
    # A report looks at any database.
    assert cli("report", "settings", "--url", database.url).code == 0


def test_an_empty_schema_that_an_owner_has_made_for_chatschema_is_taken(cli: Cli, empty: Database) -> None:
    empty.run("create schema chatschema")
    result = cli("migrate", "--url", empty.url)
    assert result.code == 0, result.err
