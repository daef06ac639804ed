"""report queries --explain and --advise plan a query as the role that ran it: planning runs that role's functions."""

from collections.abc import Iterator

import pytest

from tests.support.busy import ask, keep_busy
from tests.support.cli import Cli, Result
from tests.support.database import Database

# A function of an application's role. Run by a report it tells with whose rights, after it tried to get the caller's.
FUNCTION = """
create function tell() returns text language plpgsql immutable as $$
begin
    if current_setting('application_name') <> 'chatschema report' then
        return 'x';
    end if;
    begin
        perform set_config('role', 'none', false);
    exception when others then
        raise exception 'ran as %, which got no other rights: %', current_user, sqlerrm;
    end;
    raise exception 'ran as %', current_user;
end $$"""


@pytest.fixture
def plain(migrated: Database) -> Iterator[str]:
    """A plain role that has called a function of its own, and read a table of its own."""
    role = f"plain_{migrated.name}"
    keep_busy(migrated)
    migrated.run(f"create role {role} login password 'tiger99'")
    migrated.run(f"create schema authorization {role}")
    migrated.run(f"alter table notes owner to {role}")
    migrated.run(f"set role {role}; {FUNCTION}")
    migrated.run(f"set role {role}; select tell(), 'of a plain role'")
    yield role
    migrated.run(f"drop owned by {role}; drop role {role}")


def explained(cli: Cli, database: Database, query: str, *options: str, url: str | None = None) -> Result:
    number = database.one(f"select queryid::text from statements where query like '{query}%'")
    return cli("report", "queries", "--explain", number, *options, "--url", url or database.url)


def test_a_function_of_a_plain_role_never_runs_as_the_superuser(cli: Cli, migrated: Database, plain: str) -> None:
    result = explained(cli, migrated, "select tell()")
    assert result.code == 1
    assert f"ran as {plain}, which got no other rights" in result.err, result.err
    own = migrated.server.url(migrated.name, user=plain, password="tiger99")
    assert f"ran as {plain}" in explained(cli, migrated, "select tell()", url=own).err


def test_a_query_of_a_plain_role_is_planned_and_nothing_is_left_of_it(cli: Cli, migrated: Database, plain: str) -> None:
    migrated.run(f"set role {plain}; select count(*) from public.notes where owner = 7")
    before = migrated.one("select count(*) from pg_proc")
    result = explained(cli, migrated, "select count(*) from public.notes where owner")
    assert result.code == 0, result.err
    assert "Seq Scan on notes" in result.out
    assert migrated.one("select count(*) from pg_proc") == before
    rows = cli("report", "queries", "--json", "--limit", "0", "--url", migrated.url).json()["reports"][0]["rows"]
    assert not [row["query"] for row in rows if "chatschema_as" in row["query"] or row["query"].startswith("explain")]


def test_what_a_plain_role_may_not_read_is_refused_to_its_query(cli: Cli, migrated: Database, plain: str) -> None:
    migrated.run(f"set role {plain}; select count(*) from notes where owner = 8 and kind = 'k'")
    migrated.run("alter table notes owner to current_user")
    assert f"cannot be planned as {plain}: permission denied" in explained(cli, migrated, "select count(*) from notes").err


def test_the_query_of_a_role_that_is_gone_is_not_planned_by_a_superuser(cli: Cli, migrated: Database, plain: str) -> None:
    migrated.run(f"create role gone_{plain}; grant {plain} to gone_{plain}")
    migrated.run(f"set role gone_{plain}; select count(*) from notes where owner = 9 and kind = 'k'")
    migrated.run(f"drop role gone_{plain}")
    result = explained(cli, migrated, "select count(*) from notes")
    assert result.code == 1
    assert "the role that ran it was dropped" in result.err
    ask(migrated, "select body from notes where owner = %s", 1)
    assert explained(cli, migrated, "select body from notes").code == 0
