"""reset: a database goes only when it may, and a new one always comes."""

import re
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.pace import long
from tests.support.reset_templates import drop_templates, templates
from tests.support.servers import PgServer
from tests.support.terminal import typed


@pytest.fixture(autouse=True)
def no_templates(server: PgServer) -> None:
    drop_templates(server)


def test_reset_rebuilds_by_a_template_and_then_by_cloning_it(cli: Cli, migrated: Database) -> None:
    fresh = dump(migrated)
    migrated.run("create table public.mine (i int); insert into public.users (username) values ('alice')")
    first = cli("reset", "--yes", "--url", migrated.url)
    assert first.code == 0, first.err
    assert "migrated a template and cloned it" in first.out
    assert dump(migrated) == fresh
    assert migrated.one("select count(*) from public.users") == 0
    migrated.run("insert into public.users (username) values ('bob')")
    second = cli("reset", "--yes", "--url", migrated.url)
    assert "cloned from its template" in second.out
    assert migrated.one("select count(*) from public.users") == 0
    assert len(templates(migrated.server)) == 1


def test_a_changed_migration_makes_another_template_and_the_old_one_goes(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--yes", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert cli("reset", *options).code == 0
    before = templates(migrated.server)
    (sql_dir / "migrations" / "20990101000000_add_note.sql").write_text("create table public.note (i int);")
    assert "migrated a template" in cli("reset", *options).out
    assert migrated.one("select to_regclass('public.note') is not null")
    after = templates(migrated.server)
    assert len(after) == 1
    assert after != before


def test_reset_with_seed_and_json(cli: Cli, migrated: Database) -> None:
    result = cli("reset", "--seed", "--yes", "--json", "--url", migrated.url)
    assert [entry["name"] for entry in result.json()["seeded"]][0] == "users"
    assert migrated.one("select count(*) from public.users") == 25


def test_reset_makes_a_database_that_is_not_there(cli: Cli, server: PgServer) -> None:
    name = "reset_new_one"
    try:
        result = cli("reset", "--yes", "--url", server.url(name))
        assert result.code == 0, result.err
        assert Database(server, name).one("select count(*) from public.users") == 0
        # It has the locale now that the first one was made for.
        assert "cloned from its template" in cli("reset", "--yes", "--url", server.url(name)).out
    finally:
        with server.connect("postgres") as admin:
            admin.execute(f"drop database if exists {name}".encode())


def test_what_belongs_to_the_database_itself_is_kept(cli: Cli, migrated: Database) -> None:
    migrated.run(f"""
        create role reset_owner; alter database {migrated.name} owner to reset_owner;
        alter database {migrated.name} set work_mem = '7MB'; alter database {migrated.name} set search_path = '"$user", public';
        comment on database {migrated.name} is 'it''s mine'; revoke connect on database {migrated.name} from public;
        grant connect on database {migrated.name} to pg_monitor""")
    query = """select pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'),
        (select array_agg(c order by c) from pg_db_role_setting, unnest(setconfig) as c where setdatabase = d.oid),
        has_database_privilege('pg_monitor', d.oid, 'connect'), datcollate, pg_encoding_to_char(encoding),
        exists (select from aclexplode(datacl) where grantee = 0 and privilege_type = 'CONNECT')
        from pg_database as d where datname = current_database()"""
    before = migrated.one(query)
    assert cli("reset", "--yes", "--url", migrated.url).code == 0
    assert migrated.one(query) == before
    with migrated.server.connect("postgres") as admin:
        admin.execute(f"drop database {migrated.name} with (force)".encode())
        admin.execute("drop role reset_owner")


def test_a_role_that_may_not_create_databases_gets_its_objects_rebuilt(cli: Cli, server: PgServer, empty: Database) -> None:
    empty.run(
        f"create role plain_owner login password 'plain99'; alter database {empty.name} owner to plain_owner; grant all on schema public to plain_owner"
    )
    url = server.url(empty.name, user="plain_owner", password="plain99")
    try:
        assert cli("migrate", "--url", url).code == 0
        empty.run("create table public.not_ours (i int)")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("insert into public.users (username) values ('alice')")
        result = cli("reset", "--yes", "--url", url)
        assert result.code == 0, result.err
        assert "its objects were dropped" in result.out
        assert empty.one("select count(*) from public.users") == 0
        assert empty.one("select to_regclass('public.not_ours') is not null")
        empty.run("create view public.depends as select username from public.users")
        refused = cli("reset", "--yes", "--url", url)
        assert refused.code == 1
        assert "depend" in refused.err
        assert empty.one("select count(*) from public.depends") == 0
        empty.run(
            "drop view public.depends; create table public.uses_ours (id uuid, at timestamptz generated always as (chatschema.uuid7_time(id)) stored)"
        )
        assert cli("reset", "--yes", "--url", url).code == 1
        assert empty.one("select count(*) from information_schema.columns where table_name = 'uses_ours'") == 2
        empty.run("drop table public.uses_ours; create table chat_partitions.my_archive (i int)")
        assert cli("reset", "--yes", "--url", url).code == 1
        assert empty.one("select to_regclass('chat_partitions.my_archive') is not null")
        assert empty.one("select to_regclass('public.users') is not null")
    finally:
        empty.run("drop owned by plain_owner cascade")
        with server.connect("postgres") as admin:
            admin.execute(f"drop database {empty.name} with (force)".encode())
            admin.execute("drop role plain_owner")


@pytest.mark.parametrize("command", [("reset",), ("unprotect",)])
def test_without_a_terminal_it_needs_yes(cli: Cli, migrated: Database, command: tuple[str, ...]) -> None:
    migrated.run("insert into public.users (username) values ('alice')")
    result = cli(*command, "--url", migrated.url)
    assert result.code == 2
    assert "--yes" in result.err
    assert migrated.one("select count(*) from public.users") == 1


@long
def test_on_a_terminal_it_asks_for_the_databases_name(migrated: Database) -> None:
    migrated.run("insert into public.users (username) values ('alice')")
    refused = typed(migrated, "yes", "reset")
    assert refused.code == 1
    assert f"drops database {migrated.name}" in refused.err
    assert migrated.one("select count(*) from public.users") == 1
    assert typed(migrated, "no", "undo", "--all").code == 1
    assert migrated.one("select count(*) from public.users") == 1
    assert typed(migrated, migrated.name, "reset").code == 0
    assert migrated.one("select count(*) from public.users") == 0
    assert typed(migrated, migrated.name, "undo", "--all").code == 0


def test_a_failing_migration_leaves_the_old_database_and_no_template(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    migrated.run("insert into public.users (username) values ('alice')")
    (sql_dir / "migrations" / "20990101000000_add_wrong.sql").write_text("select 1/0;")
    result = cli("reset", "--yes", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    assert "division by zero" in result.err
    assert migrated.one("select count(*) from public.users") == 1
    assert templates(migrated.server) == []


def test_a_service_file_names_the_database_that_goes(cli: Cli, migrated: Database, empty: Database, tmp_path: Path) -> None:
    """libpq takes dbname from the service, and not from PGDATABASE, which is another database here."""
    empty.run("create table public.precious (i int)")
    server = migrated.server
    password = f"password={server.password}\n" if server.password else ""
    (tmp_path / "services").write_text(
        f"[dev]\nhost={server.host}\nport={server.port}\nuser={server.user}\n{password}dbname={migrated.name}\n"
    )
    migrated.run("insert into public.users (username) values ('alice')")
    env = {"PGSERVICEFILE": str(tmp_path / "services"), "PGDATABASE": empty.name}
    result = cli("reset", "--yes", "--url", "service=dev", env=env)
    assert result.code == 0, result.err
    assert result.out.startswith(f"reset {migrated.name}:")
    assert migrated.one("select count(*) from public.users") == 0
    assert empty.one("select to_regclass('public.precious') is not null")


def test_a_template_built_in_production_protects_no_clone(cli: Cli, server: PgServer, migrated: Database) -> None:
    name = "reset_production"
    try:
        assert cli("reset", "--yes", "--url", server.url(name), env={"CHATSCHEMA_ENV": "production"}).code == 0
        result = cli("reset", "--yes", "--url", migrated.url)
        assert "cloned from its template" in result.out
        assert migrated.one("select count(*) from chatschema.protection") == 0
        assert Database(server, name).one("select count(*) from chatschema.protection") == 1
    finally:
        with server.connect("postgres") as admin:
            admin.execute(f"drop database if exists {name} with (force)".encode())


def test_a_renumbered_migration_makes_another_template(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--yes", "--url", migrated.url, "--sql-dir", str(sql_dir))
    folder = sql_dir / "migrations"
    (folder / "20990101000000_add_note.sql").write_text("create table public.note (i int);")
    assert cli("reset", *options).code == 0
    (folder / "20990101000000_add_note.sql").rename(folder / "20990102000000_add_note.sql")
    result = cli("reset", *options)
    assert result.code == 0, result.err
    assert migrated.one("select max(migration_id) from chatschema.migrations") == "20990102000000_add_note"


def test_a_role_that_may_log_in_to_its_own_database_only(cli: Cli, server: PgServer, empty: Database) -> None:
    empty.run(
        f"create role hosted login password 'hosted99'; alter database {empty.name} owner to hosted; grant all on schema public to hosted"
    )
    url = server.url(empty.name, user="hosted", password="hosted99")
    with server.connect("postgres") as admin:
        admin.execute("revoke connect on database postgres from public")
        try:
            for _ in range(2):
                result = cli("reset", "--yes", "--url", url)
                assert result.code == 0, result.err
            assert empty.one("select count(*) from public.users") == 0
        finally:
            admin.execute("grant connect on database postgres to public")
            admin.execute(f"drop database {empty.name} with (force)".encode())
            admin.execute("drop role hosted")


def test_a_session_that_may_not_be_ended_leaves_the_database_open(cli: Cli, server: PgServer, empty: Database) -> None:
    """The owner may not end a superuser's session; the old database then stays as it is, and open."""
    empty.run(f"create role builder login createdb password 'builder99'; alter database {empty.name} owner to builder")
    url = server.url(empty.name, user="builder", password="builder99")
    try:
        assert cli("migrate", "--url", url).code == 0
        with empty.connect() as superuser:
            superuser.execute("insert into public.users (username) values ('alice')")
            result = cli("reset", "--yes", "--url", url)
            assert result.code == 1
            assert re.search("permission denied|must be a superuser", result.err)  # 18's words, and 15's
        assert cli("status", "--check", "--url", url).code == 0
        assert empty.one("select count(*) from public.users") == 1
        assert cli("reset", "--yes", "--url", url).code == 0
        assert empty.one("select count(*) from public.users") == 0
    finally:
        with server.connect("postgres") as admin:
            admin.execute(f"drop database {empty.name} with (force)".encode())
            drop_templates(server)
            admin.execute("drop role builder")
