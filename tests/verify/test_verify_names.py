"""The SQL of verify where names are keywords, and where a view is in use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import PASSWORD
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import write
from tests.support.servers import PgServer
from tests.support.verified import is_clean, names, reconcile, verified

KEYWORDS = """
create table public."order" (
    "group" int, "end" text not null default 'x', "user" int,
    constraint "primary" primary key ("group"), constraint "check" check ("user" > 0)
);
create index "select" on public."order" ("end");
create function public."case"() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger "when" before update on public."order" for each row execute function public."case"();
create policy "all" on public."order" for select using ("group" > 1);
alter table public."order" enable row level security;
create view public."table" as select "group", "end" from public."order";
create sequence public."values";
create type public."both" as enum ('a', 'b');
comment on column public."order"."end" is 'The end.';
"""
CHANGES = """
drop view public."table"; drop index public."select"; alter table public."order" drop column "end", drop constraint "check";
alter table public."order" disable trigger "when"; drop policy "all" on public."order"; drop sequence public."values";
create or replace function public."case"() returns trigger language plpgsql as $$ begin return null; end $$;
drop type public."both"; grant select on public."order" to "default"; alter table public."order" owner to "default";
create table public."limit" ("offset" int); create index "where" on public."order" ("user");
"""


@pytest.fixture
def owned(server: PgServer, empty: Database) -> Iterator[str]:
    """The URL of a database of the role "user", beside which there is a role "default"."""
    empty.run(f"""create role "user" login createdb password '{PASSWORD}'; create role "default" """)
    empty.run(f'alter database {empty.name} owner to "user"')
    try:
        yield server.url(empty.name, user="user", password=PASSWORD)
    finally:
        empty.run(f'alter database {empty.name} owner to {server.user}; drop owned by "user", "default" cascade')
        empty.run('drop role "user"; drop role "default"')


def test_keywords_are_quoted(cli: Cli, owned: str, empty: Database, tmp_path: Path) -> None:
    (tmp_path / "sql" / "migrations").mkdir(parents=True)
    write(tmp_path / "sql", "20260101000001_create_order", f"-- order: keywords as names.\n{KEYWORDS}")
    options = ("--sql-dir", "sql")
    done = cli("migrate", "--url", owned, *options)
    assert done.code == 0, done.err
    is_clean(cli, empty, *options)
    empty.run(CHANGES)
    document = verified(cli, empty, *options)
    assert len(document["differences"]) >= 12
    assert 'alter table public."order" owner to "user";' in [sql for one in document["differences"] for sql in one["sql"]]
    # As its owner is, once the table is that role's again.
    reconcile(empty, document)
    is_clean(cli, empty, *options)


def test_a_view_that_others_use_is_replaced(cli: Cli, migrated: Database) -> None:
    text = str(migrated.one("select pg_get_viewdef('chatschema.memberships'::regclass)")).strip().rstrip(";")
    migrated.run(f"create or replace view chatschema.memberships as select * from ({text}) as m where true or m.since is null")
    document = verified(cli, migrated)
    (one,) = (one for one in document["differences"] if one["kind"] == "view")
    assert one["sql"][0].startswith("create or replace view chatschema.memberships as ")
    reconcile(migrated, document)
    is_clean(cli, migrated)


def test_a_view_that_cannot_be_replaced_names_what_uses_it(cli: Cli, migrated: Database) -> None:
    text = str(migrated.one("select pg_get_viewdef('chatschema.memberships'::regclass)")).strip().rstrip(";")
    options = str(
        migrated.one("select array_to_string(reloptions, ', ') from pg_class where oid = 'chatschema.memberships'::regclass")
    )
    migrated.run(f"create or replace view chatschema.memberships with ({options}) as select *, 1 as more from ({text}) as m")
    document = verified(cli, migrated)
    (one,) = (one for one in document["differences"] if one["kind"] == "view")
    assert one["sql"] == []
    assert "more integer and should be" in one["note"]
    assert "so it cannot be replaced" in one["note"]
    assert "policy messages_member_select on table" in one["note"]
    assert one["note"].endswith("chatschema roles apply creates the policies again")
    # One that nobody uses is created again.
    migrated.run("drop view chatschema.memberships cascade")
    migrated.run(f"create view chatschema.memberships as select *, 1 as more from ({text}) as m")
    again = verified(cli, migrated)
    (one,) = (one for one in again["differences"] if one["kind"] == "view" and one["object"] == "chatschema.memberships")
    assert one["sql"][:1] == ["drop view chatschema.memberships;"]
    reconcile(migrated, again)
    assert "view chatschema.memberships" not in names(verified(cli, migrated))
