"""chatschema roles: applied by a role that may little, restored by migrate, undo and reset, and what it leaves to the DBA."""

import contextlib
import subprocess
from pathlib import Path

import psycopg

from chatschema import postgres
from chatschema.migration import files as migration_files
from chatschema.roles import catalog
from chatschema.roles import files as role_files
from chatschema.task import granting
from tests.support import PASSWORD, ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.reports import findings as findings_of_report
from tests.support.reports import run_fix


def findings(cli: Cli, database: Database) -> list[str]:
    """Return the codes that `roles check` finds, without those about the superuser of the tests, who owns the tables."""
    found = cli("roles", "check", "--json", "--url", database.url).json()["findings"]
    return [one["code"] for one in found if one["code"] != "roles.owner-login"]


def granted(database: Database, prefix: str) -> list[tuple[object, ...]]:
    """Return all that the groups have."""
    return database.all(
        "select grantee, table_name, column_name, privilege_type from information_schema.column_privileges"
        f" where grantee like '{prefix}_%%' union all select p.polname, p.polrelid::regclass::text, polcmd::text, polroles::regrole[]::text"
        " from pg_policy p order by 1, 2, 3, 4"
    )


def test_the_script_of_a_dry_run_does_what_apply_does(cli: Cli, migrated: Database, prefix: str, tmp_path: Path) -> None:
    url = ("--url", migrated.url)
    script = cli("roles", "apply", "--dry-run", "--prefix", prefix, *url)
    assert script.code == 0
    assert granted(migrated, prefix) == [row for row in granted(migrated, prefix) if "_member_" in str(row) or "{-}" in str(row)]
    (tmp_path / "roles.sql").write_text(script.out)
    done = subprocess.run(
        ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", "roles.sql", migrated.url],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_script = granted(migrated, prefix)
    assert len(by_script) > 300
    assert cli("roles", "apply", "--dry-run", "--prefix", prefix, *url).out.strip() == ""
    assert "nothing to do" in cli("roles", "apply", "--prefix", prefix, *url).out
    assert granted(migrated, prefix) == by_script


def test_what_the_server_refuses_is_printed_for_the_dba(cli: Cli, empty: Database, prefix: str) -> None:
    owner = f"{prefix}_plain"
    empty.run(
        f"create role {owner} login password '{PASSWORD}'; alter database {empty.name} owner to {owner}; grant create on schema public to {owner}"
    )
    url = empty.server.url(empty.name, user=owner, password=PASSWORD)
    assert cli("migrate", "--url", url).code == 0
    refused = cli("roles", "apply", "--prefix", prefix, "--url", url)
    assert refused.code == 3, refused.err
    assert f"create role {prefix}_app nologin;" in refused.out
    assert "run them as a role that may" in refused.err
    for line in refused.out.splitlines():
        if line.startswith("create role") or line == f"grant {prefix}_owner to {prefix}_migrator;":
            empty.run(line)
    again = cli("roles", "apply", "--prefix", prefix, "--url", url)
    assert again.code == 0, again.out + again.err
    assert findings(cli, empty) == []
    assert len(granted(empty, prefix)) > 300


def test_migrate_undo_and_reset_restore_the_grants(cli: Cli, migrated: Database, prefix: str, sql_dir: Path) -> None:
    url = ("--url", migrated.url)
    assert cli("roles", "apply", "--prefix", prefix, *url).code == 0
    before = granted(migrated, prefix)
    assert findings(cli, migrated) == []
    assert cli("undo", "--steps", "2", "--yes", *url).code == 0
    migrated.run(f"revoke select on public.messages from {prefix}_app")
    assert cli("migrate", *url).code == 0
    assert (granted(migrated, prefix), findings(cli, migrated)) == (before, [])
    done = cli("reset", "--yes", *url)
    assert done.code == 0, done.err
    assert (granted(migrated, prefix), findings(cli, migrated)) == (before, [])
    status = cli("status", "--json", *url).json()["structure"]
    assert (status["is_compared"], status["differences"]) == (True, [])
    # The tenth table: what its migration declares is granted.
    write(
        sql_dir, f"{NEXT[:14]}_create_polls_table",
        "-- polls: a question.\n-- Why: people ask.\n-- Risk: new table.\n-- Demo: no, a test.\n-- Access: app: select, insert (id); readonly: select (id)\n"
        "create table public.polls (id int primary key, answer text);", "drop table public.polls;",
    )  # fmt: skip
    done = cli("migrate", "--sql-dir", str(sql_dir), *url)
    assert done.code == 0, done.err
    rights = "select has_table_privilege('{0}_app', 'public.polls', 'select'), has_column_privilege('{0}_app', 'public.polls', 'id', 'insert'),"
    rights += " has_column_privilege('{0}_readonly', 'public.polls', 'answer', 'select'), has_table_privilege('{0}_app', 'public.polls', 'update')"
    assert migrated.one(rights.format(prefix)) == (True, True, False, False)


def test_a_login_that_owns_the_tables_is_found_and_the_steps_end_it(cli: Cli, empty: Database, prefix: str) -> None:
    old = f"{prefix}_old"
    empty.run(
        f"create role {old} login password '{PASSWORD}'; alter database {empty.name} owner to {old}; grant create on schema public to {old}"
    )
    url = empty.server.url(empty.name, user=old, password=PASSWORD)
    assert cli("migrate", "--url", url).code == 0
    assert cli("roles", "apply", "--prefix", prefix, "--url", empty.url).code == 0
    (finding,) = cli("roles", "check", "--json", "--url", url).json()["findings"]
    assert (finding["code"], finding["object"]) == ("roles.owner-login", old)
    with empty.connect() as connection:
        for statement in finding["statements"]:
            if not statement.startswith("--"):
                connection.execute(statement.encode())
    empty.run(f"alter role {old}_app password '{PASSWORD}'")
    found = cli("roles", "check", "--url", url)
    assert (found.code, found.err) == (0, ""), found.out
    with psycopg.connect(empty.server.url(empty.name, user=f"{old}_app", password=PASSWORD), autocommit=True) as application:
        assert application.execute("select count(*) from public.messages").fetchone() == (0,)


def test_a_prefix_that_is_no_name_is_refused(cli: Cli, migrated: Database) -> None:
    for prefix in ("Chat", "1chat", "chat; drop table users", "a" * 60, "chät", ""):
        result = cli("roles", "apply", "--prefix", prefix, "--url", migrated.url)
        assert result.code == (2 if prefix else result.code), prefix
        if prefix:
            assert "roles.prefix" in result.err


def test_the_commands_before_the_migrations_say_so(cli: Cli, empty: Database) -> None:
    for command in ("apply", "check"):
        result = cli("roles", command, "--url", empty.url)
        assert (result.code, "roles.not-migrated" in result.err) == (1, True)


def test_the_report_names_the_group_for_an_application_that_is_a_superuser(cli: Cli, migrated: Database, prefix: str) -> None:
    login = f"{migrated.name}_api"
    url = ("--url", migrated.url)

    def fix() -> str:
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(contextlib.closing(psycopg.connect(migrated.url, application_name="api")))
            found = findings_of_report(cli, migrated, "access")
        return str(found[f"access.superuser:{migrated.server.user} (api)"]["fix"])

    assert fix() == "chatschema roles apply"
    assert cli("roles", "apply", "--prefix", prefix, *url).code == 0
    try:
        run_fix(cli, migrated, fix())
        assert migrated.one("select pg_has_role(%s, %s, 'usage')", login, f"{prefix}_app")
    finally:
        migrated.run(f"drop role if exists {login}")


def test_each_declared_grant_is_of_something_that_exists(migrated: Database) -> None:
    """What an earlier migration does not have yet is left out without a word, so that a wrong name would be as well."""
    grants = [grant for group in role_files.groups() for grant in group.grants]
    grants += granting.declared(migration_files.discover(ROOT / "sql" / "migrations"))
    assert len(grants) > 300
    with contextlib.closing(postgres.connect(migrated.url)) as connection:
        found = catalog.read(connection)
    unknown = [
        grant
        for grant in grants
        if grant.object not in found.owners or (grant.column and (grant.object, grant.column) not in found.columns)
    ]
    assert unknown == []
