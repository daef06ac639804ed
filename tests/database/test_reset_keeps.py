"""reset keeps what belongs to the database and not to the schema: extensions, grants, default privileges, publications."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database, create
from tests.support.pace import long
from tests.support.reset_templates import drop_templates
from tests.support.servers import PgServer

READER, WRITER, PLAIN = "kept_reader", "kept_writer", "kept_owner"

# What every owner of a database may set up in it.
OWNERS = f"""
    create schema ext; create extension pg_trgm schema ext;
    grant usage on schema public, chatschema to {READER};
    grant select on all tables in schema public to {READER}; grant insert, update on public.messages to {WRITER} with grant option;
    grant select (username, email), update (email) on public.users to {WRITER}; grant select on public.conversations to public;
    grant execute on function chatschema.page(uuid, uuid, int) to {READER}; grant select on chatschema.retired_months to {READER};
    grant usage on sequence public.audit_logs_id_seq to {WRITER};
    alter default privileges in schema public grant select on tables to {READER};
    alter default privileges revoke execute on functions from public;
    alter table public.users replica identity full;
    create publication changes for table public.messages where (not is_deleted), public.users (id, username) with (publish = 'insert', publish_via_partition_root);
    revoke usage on schema public from public;
"""
# What only a superuser may.
SUPERUSERS = """
    create extension pg_stat_statements; create publication everything for all tables;
    create publication ours for tables in schema public;
    alter default privileges in schema chatschema grant select on tables to kept_reader;
"""
KEPT = """
    select 'extension', extname, extnamespace::regnamespace::text, extversion from pg_extension
    union all
    select 'grant', o.name, a.grantee::regrole::text, string_agg(privilege_type || is_grantable, ',' order by privilege_type)
    from (
        select oid::regclass::text as name, relacl as acl from pg_class where relnamespace in ('public'::regnamespace, to_regnamespace('chatschema'))
        union all select attrelid::regclass || '.' || attname, attacl from pg_attribute where attrelid = 'public.users'::regclass
        union all select oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) from pg_proc where pronamespace in ('public'::regnamespace, to_regnamespace('chatschema'))
        union all select nspname, nspacl from pg_namespace where nspname in ('public', 'chatschema', 'chat_partitions')
    ) as o, aclexplode(acl) as a where a.grantee <> (select nspowner from pg_namespace where nspname = 'chatschema') group by 2, 3
    union all
    select 'default', coalesce(nullif(defaclnamespace, 0)::regnamespace::text, '') || defaclobjtype::text, defaclrole::regrole::text, defaclacl::text from pg_default_acl
    union all
    select 'publication', pubname, pubowner::regrole::text, (to_jsonb(p) - 'oid' - 'pubowner')::text from pg_publication as p
    union all
    select 'published', pubname, schemaname || '.' || tablename, attnames::text || coalesce(rowfilter, '') from pg_publication_tables where tablename !~ '_y[0-9]'
    union all
    select 'identity', relname, relreplident::text, null from pg_class where relreplident = 'f'
    order by 1, 2, 3"""

PROPERTIES = """
    select datdba::regrole::text, datacl::text, datconnlimit, datallowconn, shobj_description(d.oid, 'pg_database'),
        (select array_agg((setrole, setconfig)::text order by setrole) from pg_db_role_setting where setdatabase = d.oid)
    from pg_database as d where datname = 'kept_chat'"""


@pytest.fixture
def roles(server: PgServer) -> Iterator[None]:
    drop_templates(server)
    with server.connect("postgres") as admin:
        admin.execute(f"create role {READER}; create role {WRITER}; create role {PLAIN} login password 'owner99'".encode())
        yield
        drop_templates(server)
        admin.execute(f"drop role {READER}, {WRITER}, {PLAIN}".encode())


@pytest.fixture
def mine(server: PgServer, migrated_template: str, roles: None) -> Iterator[Database]:
    """A migrated database of the superuser."""
    yield from create(server, "kept_chat", migrated_template)


# Databases that a reset builds; other tests of the server leave some on purpose.
BUILT = "select datname from pg_database where datname ~ '^chatschema_(reset|old|template)' order by 1"


@pytest.fixture
def plain(cli: Cli, server: PgServer, roles: None) -> Iterator[tuple[Database, str]]:
    """A migrated database of a plain role, and the role's URL."""
    for database in create(server, "kept_chat"):
        database.run(f"alter database kept_chat owner to {PLAIN}")
        url = server.url(database.name, user=PLAIN, password="owner99")
        assert cli("migrate", "--url", url).code == 0
        yield database, url


def run(url: str, text: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(text.encode())


def test_a_clone_has_what_the_database_had(cli: Cli, mine: Database) -> None:
    mine.run(OWNERS)
    mine.run(SUPERUSERS)
    before = mine.all(KEPT)
    assert len(before) > 40
    for _ in range(2):
        result = cli("reset", "--yes", "--url", mine.url)
        assert result.code == 0, result.err
        assert set(mine.all(KEPT)) ^ set(before) == set()
    # What everybody may read is still said, as before the reset.
    findings = cli("status", "--json", "--url", mine.url).json()["findings"]
    assert [finding.split(" since")[0] for finding in findings] == [
        "privilege select on table public.conversations to public was added", "privilege usage on schema public to public is missing",
    ]  # fmt: skip


def test_a_plain_owner_who_may_create_databases_keeps_it_as_well(cli: Cli, plain: tuple[Database, str]) -> None:
    database, url = plain
    database.run(f"alter role {PLAIN} createdb")
    run(url, OWNERS)
    before = database.all(KEPT)
    result = cli("reset", "--yes", "--url", url)
    assert result.code == 0, result.err
    assert "cloned" in result.out
    assert set(database.all(KEPT)) ^ set(before) == set()


def test_where_only_our_objects_are_dropped_their_grants_come_again(cli: Cli, plain: tuple[Database, str]) -> None:
    database, url = plain
    run(url, OWNERS)
    database.run(SUPERUSERS.partition("alter default")[0])
    before = database.all(KEPT)
    result = cli("reset", "--yes", "--url", url)
    assert result.code == 0, result.err
    assert "its objects were dropped" in result.out
    assert set(database.all(KEPT)) ^ set(before) == set()
    assert database.one("select to_regclass('chatschema.kept_by_reset') is null")


OF_A_LOGIN = f"role {READER} in database kept_chat set work_mem = '7MB'"
OF_SUPERUSERS = pytest.param("database kept_chat set log_statement = 'ddl'", marks=long)


@pytest.mark.parametrize("setting", [OF_A_LOGIN, OF_SUPERUSERS], ids=["of a login", "of superusers"])
def test_settings_that_only_others_may_make_stay_since_the_database_does(
    cli: Cli, plain: tuple[Database, str], setting: str
) -> None:
    """This role cannot set them for a clone, so the objects are created again; nothing else is built or lost."""
    database, url = plain
    database.run(
        f"alter role {PLAIN} createdb; grant connect on database kept_chat to {READER}; revoke connect on database kept_chat from public;"
        "comment on database kept_chat is 'ours'; alter database kept_chat connection limit 40; alter database kept_chat set work_mem = '5MB'"
    )
    database.run(f"alter {setting}")
    database.run("insert into public.users (username) values ('alice')")
    before, built = database.all(PROPERTIES), database.all(BUILT)
    result = cli("reset", "--yes", "--url", url)
    assert result.code == 0, result.err
    assert "its objects were dropped and created again, because this role may not set up another database like it" in result.out
    assert database.all(PROPERTIES) == before
    assert database.one("select count(*) from public.users") == 0
    assert database.all(BUILT) == built


@long
def test_a_database_of_a_role_that_this_one_inherits_and_may_not_set_keeps_its_owner(
    cli: Cli, server: PgServer, plain: tuple[Database, str]
) -> None:
    database, url = plain
    if server.version < 160000:
        pytest.skip("PostgreSQL 15 has one kind of membership")
    # Without a grant to the new owner, the former one has no rights left but those that it inherits.
    database.run(
        f"alter role {PLAIN} createdb; alter database kept_chat owner to {WRITER}; grant {WRITER} to {PLAIN} with inherit true, set false"
    )
    result = cli("reset", "--yes", "--url", url)
    assert result.code == 0, result.err
    assert "because this role may not set its owner" in result.out
    assert database.one("select datdba::regrole::text from pg_database where datname = 'kept_chat'") == WRITER


def test_what_this_role_cannot_make_again_is_refused_by_name(cli: Cli, plain: tuple[Database, str]) -> None:
    database, url = plain
    database.run(f"alter role {PLAIN} createdb")
    database.run("create extension pg_stat_statements schema public; insert into public.users (username) values ('alice')")
    version = database.one("select extversion from pg_extension where extname = 'pg_stat_statements'")
    result = cli("reset", "--yes", "--url", url)
    golden.check("reset_extension", result, {database.name: "chat", f"statements {version}": "statements 1.10"})
    assert database.one("select count(*) from public.users") == 1
    database.run("drop extension pg_stat_statements; create publication everything for all tables")
    result = cli("reset", "--yes", "--url", url)
    assert result.code == 1
    assert "publication everything of database kept_chat could not be recreated" in result.err
    assert database.one("select count(*) from public.users") == 1
    database.run("drop publication everything")
    assert cli("reset", "--yes", "--url", url).code == 0
    assert database.one("select count(*) from public.users") == 0


def test_what_nobody_can_make_again_is_refused_by_name(cli: Cli, mine: Database) -> None:
    mine.run("insert into public.users (username) values ('alice')")
    for name, made in (
        ("event trigger watch", "create function public.f() returns event_trigger language plpgsql as 'begin end'; create event trigger watch on ddl_command_end execute function public.f()"),
        ("foreign server elsewhere", "create foreign data wrapper w; create server elsewhere foreign data wrapper w"),
        ("subscription s", "create subscription s connection 'dbname=x' publication p with (connect = false, slot_name = none)"),
    ):  # fmt: skip
        mine.run(made)
        result = cli("reset", "--yes", "--url", mine.url)
        assert result.code == 1, name
        assert f"database {mine.name} has {name}, which a reset would lose; nothing was dropped" in result.err
        assert mine.one("select count(*) from public.users") == 1
        mine.run(result.err.partition("drop it first: ")[2])
    assert cli("reset", "--yes", "--url", mine.url).code == 0


def killed(nth: int, url: str, folder: Path) -> int:
    command = [sys.executable, "-m", "tests.support.killed", str(nth), "before", "reset", "--yes", "--url", url]
    return subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, check=False).returncode


def test_killed_the_next_reset_has_all_of_it(cli: Cli, mine: Database, tmp_path: Path) -> None:
    mine.run(OWNERS)
    before = mine.all(KEPT)
    assert cli("reset", "--yes", "--url", mine.url).code == 0
    for nth in (6, 14, 24):
        assert killed(nth, mine.url, tmp_path) == -9, nth
        result = cli("reset", "--yes", "--url", mine.url)
        assert result.code == 0, result.err
        assert set(mine.all(KEPT)) ^ set(before) == set(), nth


@long
def test_killed_between_drop_and_migrate_the_next_reset_has_all_of_it(
    cli: Cli, plain: tuple[Database, str], tmp_path: Path
) -> None:
    database, url = plain
    run(url, OWNERS)
    before = database.all(KEPT)
    for nth in (30, 420):
        assert killed(nth, url, tmp_path) == -9, nth
        deadline = time.monotonic() + 10
        while database.one("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        result = cli("reset", "--yes", "--url", url)
        assert result.code == 0, result.err
        assert set(database.all(KEPT)) ^ set(before) == set(), nth
