"""squash: one file stands for many, for empty databases only, and makes the same database."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PASSWORD
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS, NEXT, write
from tests.support.pace import long
from tests.support.servers import PgServer
from tests.support.verified import is_clean

SMALL = {
    "20260101000001_create_plans": "create table public.plans (id bigint generated always as identity, name text not null, made timestamptz default now(), old text);",
    "20260101000002_add_plans": "insert into public.plans (name) values ('free; -- no'), ('grö''ße');",
    "20260101000003_drop_old": "alter table public.plans drop column old, add column price numeric not null default 1;",
    "20260101000004_create_names": (
        "create view public.names as select name from public.plans;\ncreate index on public.plans (name);\n"
        "create extension if not exists pg_trgm;\nalter default privileges in schema public grant select on tables to public;\n"
        "revoke all on public.plans from public;\ngrant select on public.plans to public;\nrevoke insert on public.plans from current_user;"
    ),
    "20260101000005_add_last": "create table public.last (id int);",
}
BACK = (
    "drop table public.plans;",
    "delete from public.plans;",
    "alter table public.plans drop column price, add column old text;",
    "drop view public.names;\ndrop index public.plans_name_idx;\ngrant insert on public.plans to current_user;\n"
    "revoke select on public.plans from public;\nalter default privileges in schema public revoke select on tables from public;",
    "drop table public.last;",
)
NAMES = list(SMALL)
TO = NAMES[3]


class Project:
    """A folder with a few migrations, and the commands on a database."""

    def __init__(self, cli: Cli, server: PgServer, database: Database, sql_dir: Path) -> None:
        self.cli, self.server, self.database, self.sql_dir = cli, server, database, sql_dir
        self.file = sql_dir / "migrations" / f"S_{TO}.sql"

    def __call__(self, command: str, *arguments: str, database: Database | None = None) -> Result:
        return self.cli(command, *arguments, "--sql-dir", str(self.sql_dir), "--url", (database or self.database).url)

    def squash(self, *arguments: str, to: str = TO) -> Result:
        place = () if "--scratch" in arguments else ("--scratch", self.database.url)
        return self.cli("squash", "--to", to, "--sql-dir", str(self.sql_dir), *place, *arguments)

    def migrated(self, *arguments: str) -> list[str]:
        done = self("migrate", "--json", *arguments)
        assert done.code == 0, done.err
        return [one["id"] for one in done.json()["applied"]]

    def states(self) -> dict[str, str]:
        return {one["id"]: one["state"] for one in self("status", "--json").json()["migrations"]}


def patched(folder: Path, project: Project, patch: str) -> subprocess.CompletedProcess[str]:
    """Run squash in a process in which something was replaced."""
    program = f"{patch}\nfrom chatschema.cli import main\nmain()"
    command = [sys.executable, "-c", program, "squash", "--to", TO, "--sql-dir", "sql", "--scratch", project.database.url]
    return subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False)


@pytest.fixture
def project(cli: Cli, server: PgServer, empty: Database, tmp_path: Path) -> Project:
    folder = tmp_path / "sql" / "migrations"
    folder.mkdir(parents=True)
    for (name, text), back in zip(SMALL.items(), BACK, strict=True):
        write(folder.parent, name, f"-- plans: {name}.\n{text}\n", f"{back}\n")
    return Project(cli, server, empty, folder.parent)


def test_an_empty_database_runs_one_file_and_records_all(project: Project) -> None:
    # Twice the same server: on the second one the times in the rows are others.
    done = project.squash("--json", "--scratch", project.database.url, "--scratch", project.database.url)
    assert done.code == 0, done.err
    document = done.json()
    assert document["replaced"] == NAMES[:4]
    assert document["rows"] == [{"table": "public.plans", "rows": 2}]
    assert document["unproved"] == []
    assert document["postgresql"] == [project.server.version // 10000]
    # It has no trace of the column that came and went.
    assert "old" not in project.file.read_text().partition("set local")[2]
    planned = project("migrate", "--dry-run", "--json", "--scratch", "none").json()
    assert [one["id"] for one in planned["pending"]] == [f"S_{TO}", NAMES[4]]
    assert set(project.states().values()) == {"pending"}
    assert project.migrated() == [f"S_{TO}", NAMES[4]]
    assert project.states() == dict.fromkeys(NAMES, "applied")
    assert [row[0] for row in project.database.all("select name from public.names order by 1")] == ["free; -- no", "grö'ße"]
    # The next row gets the next number.
    assert project.database.one("insert into public.plans (name) values ('c') returning id") == 3
    assert project("status", "--check").code == 0
    is_clean(project.cli, project.database, "--sql-dir", str(project.sql_dir))
    history = project.cli("history", "--json", "--url", project.database.url).json()["history"]
    assert [(one["action"], one["migration_id"], one["note"]) for one in history][:2] == [
        ("applied", NAMES[0], f"by S_{TO}"), ("applied", NAMES[1], f"by S_{TO}")
    ]  # fmt: skip
    # The originals' rollbacks lead back, and then the squash is used again.
    undone = project("undo", "--to", NAMES[2], "--yes")
    assert undone.code == 0, undone.err
    assert project.states()[TO] == "pending"
    assert project.migrated() == NAMES[3:]
    undone = project("undo", "--all", "--yes")
    assert undone.code == 0, undone.err
    assert project.migrated("--to", TO[:14]) == [f"S_{TO}"]


def test_another_owner_without_further_rights_runs_it(project: Project, server: PgServer) -> None:
    assert project.squash().code == 0
    project.database.run(f"create role squash_owner login password '{PASSWORD}'")
    try:
        project.database.run(f"alter database {project.database.name} owner to squash_owner")
        url = server.url(project.database.name, user="squash_owner", password=PASSWORD)
        options = ("--sql-dir", str(project.sql_dir), "--url", url)
        done = project.cli("migrate", *options)
        assert done.code == 0, done.err
        assert done.err == ""
        assert f"applied S_{TO}" in done.out
        # Default privileges are this role's, and it has lost what the role that ran the migrations had lost.
        assert project.database.one("select defaclrole::regrole::text from pg_default_acl") == "squash_owner"
        assert project.database.one("select has_table_privilege('squash_owner', 'public.plans', 'insert')") is False
        verified = project.cli("verify", *options, "--scratch", project.database.url)
        assert verified.code == 0, verified.out
    finally:
        project.database.run(f"alter database {project.database.name} owner to {server.user}; drop owned by squash_owner cascade")
        project.database.run("drop role squash_owner")


def test_a_database_with_some_of_them_goes_on_with_the_originals(project: Project) -> None:
    assert project.migrated("--to", NAMES[1]) == NAMES[:2]
    assert project.squash().code == 0
    assert project.states() == {**dict.fromkeys(NAMES[:2], "applied"), **dict.fromkeys(NAMES[2:], "pending")}
    assert project.migrated() == NAMES[2:]
    is_clean(project.cli, project.database, "--sql-dir", str(project.sql_dir))


@long
def test_it_is_not_used_below_its_last_migration_or_once_a_file_was_changed(project: Project) -> None:
    assert project.squash().code == 0
    assert project.migrated("--to", NAMES[2]) == NAMES[:3]
    assert project("undo", "--all", "--yes").code == 0
    late = "20260101000000_create_first"
    write(project.sql_dir, late, "-- first: a late file.\ncreate table public.first (id int);", "drop table public.first;")
    done = project("migrate")
    assert f"S_{TO}.sql is not used: it is not what was proved, or a migration was changed or added since" in done.err
    assert f"applied {late}" in done.out
    assert project("undo", "--all", "--yes").code == 0
    assert project.squash().code == 0
    project.file.write_text(project.file.read_text().replace("free", "paid"))
    done = project("migrate")
    assert f"S_{TO}.sql is not used" in done.err
    assert project("undo", "--all", "--yes").code == 0
    project.squash()
    text = project.file.read_text()
    project.file.write_text(text.replace(f"-- postgresql: {project.server.version // 10000}\n", "-- postgresql: 14\n"))
    assert f"S_{TO}.sql is not used: it was proved on PostgreSQL 14, and this is" in project("migrate").err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-- variables: reader as identifier\ngrant select on public.plans to {{reader}};", "has variables"),
        ("do $$ begin execute 'create role squash_reader'; end $$;", "create role is not a part of one database"),
        ("alter database template1 set timezone = 'UTC';", "alter database is not a part of one database"),
    ],
)
def test_what_a_dump_does_not_show_is_refused(project: Project, text: str, reason: str) -> None:
    write(project.sql_dir, "20260101000003_drop_old", f"-- plans: x.\n{text}\n")
    refused = project.squash()
    assert (refused.code, "error[squash.unfit]" in refused.err, reason in refused.err) == (1, True, True), refused.err
    assert f"--to {NAMES[1]}" in refused.err
    assert not project.file.exists()


@pytest.mark.parametrize(
    ("lost", "listed"),
    [
        (r"INSERT INTO public\.plans[\s\S]*?\);\n", "public.plans has 0 rows, not 2"),
        (r"CREATE INDEX plans_name_idx [^;]*;", "index public.plans_name_idx"),
        (r"SELECT pg_catalog\.setval[^;]*;", "-SELECT pg_catalog.setval('public.plans_id_seq', 2, true);"),
    ],
)
def test_a_squash_that_loses_something_is_refused(project: Project, tmp_path: Path, lost: str, listed: str) -> None:
    patch = (
        "import re\nfrom chatschema import schema\nreal, calls = schema.everything, []\n"
        "def everything(*a, **o):\n    calls.append(1)\n    text = real(*a, **o)\n"
        f"    return re.sub({lost!r}, '', text) if len(calls) == 1 else text\n"
        "schema.everything = everything\n"
    )
    if lost.startswith("SELECT"):
        # What was lost is found in the dump of the squash alone.
        patch = patch.replace("len(calls) == 1", "len(calls) == 2")
        listed = "SELECT pg_catalog.setval('public.plans_id_seq', 2, true);"
    done = patched(tmp_path, project, patch)
    assert (done.returncode, "error[squash.differs]" in done.stderr) == (1, True), done.stderr
    assert listed in done.stderr
    assert not project.file.exists()


@long
def test_a_kill_while_it_is_written_leaves_nothing_half(project: Project, tmp_path: Path) -> None:
    assert project.squash().code == 0
    before = project.file.read_text()
    write(
        project.sql_dir,
        TO,
        "-- plans: x.\ncreate view public.names as select name, id from public.plans;\n",
        "drop view public.names;",
    )
    patch = "import os, pathlib, signal\npathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    done = patched(tmp_path, project, patch)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert project.file.read_text() == before
    assert "is not used" in project("migrate").err
    # What cannot be written is an error, and changes nothing.
    (part,) = project.file.parent.glob(".*")
    part.unlink()
    part.mkdir()
    assert "error[squash.file]: " in project.squash().err
    assert project.file.read_text() == before
    part.rmdir()
    # The next run leaves no part, and no scratch database.
    assert project.squash().code == 0
    assert [path.name for path in project.file.parent.glob(".*")] == []
    assert project.database.all("select datname from pg_database where datname like 'chatschema_scratch_%'") == []


@long
def test_the_shipped_migrations(cli: Cli, server: PgServer, empty: Database, migrated: Database, sql_dir: Path) -> None:
    project = Project(cli, server, empty, sql_dir)
    done = project.squash(to=IDS[-1])
    assert done.code == 0, done.err
    assert f"stands for {len(IDS)} migrations" in done.out
    write(sql_dir, NEXT, "-- note: a table.\ncreate table public.note (i int);\n", "drop table public.note;\n")
    assert project.migrated() == [f"S_{IDS[-1]}", NEXT]
    assert project("undo", "--yes").code == 0
    assert dump(empty) == dump(migrated)
    is_clean(cli, empty)
    undone = project("undo", "--all", "--yes")
    assert undone.code == 0, undone.err
    assert empty.one("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
