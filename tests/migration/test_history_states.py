"""Every state in the table of docs/how-to/history.md: how it looks, and that what the table says to do ends it."""

import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.verified import verified

LAST, BEFORE = IDS[-1], IDS[-2]
_NUMBERS = {int(id[:14]) for id in IDS}
# The last number before it that is free.
LATE = f"{next(n for n in range(int(BEFORE[:14]) - 1, 0, -1) if n not in _NUMBERS)}_add_late"
NEWER = [id for id in IDS if id > LATE]


class Project:
    """A database and its own folder of files."""

    def __init__(self, cli: Cli, database: Database, sql_dir: Path) -> None:
        self.cli, self.database, self.sql_dir = cli, database, sql_dir
        self.files = sql_dir / "migrations"

    def __call__(self, command: str, *arguments: str) -> Result:
        own = ("--sql-dir", str(self.sql_dir)) if command != "history" else ()
        return self.cli(command, *arguments, *own, "--url", self.database.url)

    def refuses(self, code: str) -> None:
        result = self("migrate")
        assert (result.code, f"error[{code}]" in result.err) == (1, True), result.err

    def works(self, command: str, *arguments: str) -> Result:
        result = self(command, *arguments)
        assert result.code == 0, result.out + result.err
        return result

    def states(self) -> dict[str, str]:
        return {one["id"]: one["state"] for one in self("status", "--json").json()["migrations"] if one["state"] != "applied"}

    def journal(self, *arguments: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = self.works("history", "--json", *arguments).json()["history"]
        return found


@pytest.fixture
def project(cli: Cli, migrated: Database, sql_dir: Path) -> Project:
    return Project(cli, migrated, sql_dir)


def git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


def test_each_row_of_the_table_has_a_test() -> None:
    page = (ROOT / "docs" / "how-to" / "history.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z][^|]+) \|", page.partition("|---|")[2].partition("\n\n")[0], re.MULTILINE)
    tests = {name.removeprefix("test_state_").replace("_", " ") for name in globals() if name.startswith("test_state_")}
    assert len(rows) == 9
    assert set(rows) == tests


def test_state_edited(project: Project) -> None:
    git(project.sql_dir, "init", "--quiet")
    git(project.sql_dir, "add", ".")
    git(project.sql_dir, "commit", "--quiet", "--message", "as applied")
    file = project.files / f"{BEFORE}.sql"
    text = file.read_text()
    file.write_text(text + "-- a remark\n")
    assert project.states() == {BEFORE: "edited"}
    project.refuses("history.edited")
    asked = project("repair", BEFORE[:14])
    assert (asked.code, "+-- a remark" in asked.out, "as they are now: no difference" in asked.out) == (2, True, True), asked.err
    project.refuses("history.edited")
    project.works("repair", BEFORE, "--yes")
    project.works("migrate")
    (*_, record) = project.journal(BEFORE)
    assert (record["action"], str(record["note"]).startswith("file of checksum")) == ("repaired", True)
    git(project.sql_dir, "commit", "--all", "--quiet", "--message", "as repaired")
    # What an edit would have changed is shown; the database does not have it.
    file.write_text(text + "create table public.forgotten (i int);\n")
    found = project.works("repair", BEFORE, "--yes", "--json").json()
    assert [one["object"] for one in found["differences"]] == ["public.forgotten"]
    assert (found["was"], found["diff"][-1]) == ("edited", "+create table public.forgotten (i int);")
    # Restored from git, it is the one that was accepted before.
    file.write_text(text)
    project.refuses("history.edited")
    nothing = project("repair", LAST, "--yes")
    assert (nothing.code, "error[repair.nothing]" in nothing.err) == (2, True)


def test_state_missing(project: Project) -> None:
    held = {path: path.read_text() for path in project.files.glob(f"{BEFORE}*")}
    for path in held:
        path.unlink()
    assert project.states() == {BEFORE: "missing"}
    project.refuses("history.missing")
    # Not even for those who allow newer ones.
    assert "error[history.missing]" in project("migrate", "--allow-newer").err
    for path, text in held.items():
        path.write_text(text)
    project.works("migrate")


def test_state_renamed(project: Project) -> None:
    name = f"{BEFORE[:14]}_with_another_name"
    for end in (".sql", ".rollback.sql"):
        (project.files / f"{BEFORE}{end}").rename(project.files / f"{name}{end}")
    assert project.states() == {BEFORE: "renamed"}
    project.refuses("history.renamed")
    found = project.works("repair", BEFORE[:14], "--yes", "--json").json()
    assert (found["repaired"], found["was"], found["differences"]) == (name, "renamed", [])
    assert project.states() == {}
    project.works("migrate")
    assert applied(project.database)[-2:] == [name, LAST]
    assert project.journal(name)[-1]["note"] == f"was {BEFORE}"
    # It is undone under its new name.
    project.works("undo", "--steps", "2", "--yes")
    assert project.states() == {name: "pending", LAST: "pending"}


def test_state_out_of_order(project: Project) -> None:
    write(project.sql_dir, LATE, "-- late: a table.\ncreate table public.late (i int);", "drop table public.late;")
    assert project.states() == {LATE: "out-of-order"}
    project.refuses("history.out-of-order")
    done = project.works("migrate", "--out-of-order")
    assert f"warning: {LATE} is applied after migrations that it was not tested after: {', '.join(NEWER)}\n" in done.err
    assert project.states() == {}
    (record,) = project.journal(LATE)
    assert record["note"] == f"after {len(NEWER)} newer migrations, the newest {LAST}"
    assert verified(project.cli, project.database, "--sql-dir", str(project.sql_dir))["differences"] == []


def test_state_newer(project: Project, tmp_path: Path) -> None:
    for path in project.files.glob(f"{LAST}*"):
        path.unlink()
    assert project.states() == {LAST: "newer"}
    project.refuses("history.newer")
    allowed = project.works("migrate", "--allow-newer")
    assert f"warning: applied by a newer release, and not known to this one: {LAST}" in allowed.err
    assert project("status", "--check").code == 3
    (tmp_path / "chatschema.toml").write_text("[migrate]\nallow_newer = true\n")
    project.works("migrate")
    project.works("status", "--check")
    # An edited one is refused all the same.
    with (project.files / f"{BEFORE}.sql").open("a") as file:
        file.write("select 1;")
    project.refuses("history.edited")


def test_state_older(project: Project) -> None:
    write(project.sql_dir, NEXT, "-- note: a table.\ncreate table public.note (i int);", "drop table public.note;")
    assert project.states() == {NEXT: "pending"}
    project.works("migrate")
    assert project.states() == {}


def test_state_baselined_with_differences(cli: Cli, empty: Database, sql_dir: Path) -> None:
    project = Project(cli, empty, sql_dir)
    empty.run("create schema chatschema")
    for id in IDS[:10]:
        empty.run((project.files / f"{id}.sql").read_text())
    empty.run("alter table public.users drop constraint users_display_name_length_check")
    refused = project("baseline", IDS[9])
    assert (refused.code, "users_display_name_length_check" in refused.out) == (3, True), refused.err
    assert empty.one("select to_regclass('chatschema.migrations') is null")
    found = project.works("baseline", IDS[9], "--accept-differences", "--json").json()
    assert (found["recorded"], [one["object"] for one in found["differences"]]) == (
        IDS[:10],
        ["public.users.users_display_name_length_check"],
    )
    assert [one["note"] for one in project.journal()] == ["1 difference accepted"] * 10
    project.works("migrate")
    document = verified(cli, empty)
    assert [one["object"] for one in document["differences"]] == ["public.users.users_display_name_length_check"]
    for statement in document["differences"][0]["sql"]:
        empty.run(statement)
    assert verified(cli, empty)["differences"] == []
    again = project("baseline", IDS[9])
    assert (again.code, "error[baseline.applied]" in again.err) == (1, True)


def test_state_foreign_ledger(cli: Cli, empty: Database, sql_dir: Path) -> None:
    project = Project(cli, empty, sql_dir)
    empty.run("create schema chatschema")
    for id in IDS[:10]:
        empty.run((project.files / f"{id}.sql").read_text())
    for command in (("status",), ("migrate",), ("history",), ("verify",), ("repair", IDS[0])):
        result = project(*command)
        assert (result.code, "error[ledger.foreign]" in result.err) == (1, True), (command, result.err)
    assert f"no difference; recorded {10} migrations as applied" in project.works("baseline", IDS[9][:14]).out
    project.works("migrate")
    assert project.states() == {}


def test_state_two_releases_at_once(project: Project, tmp_path: Path) -> None:
    older = Project(project.cli, project.database, tmp_path / "older")
    shutil.copytree(project.sql_dir, older.sql_dir)
    write(
        project.sql_dir, NEXT, "-- note: a table.\nselect pg_sleep(3); create table public.note (i int);", "drop table public.note;"
    )
    busy = "select count(*) from pg_stat_activity where datname = current_database() and query ~ '^select pg_sleep'"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(project, "migrate")
        while not project.database.one(busy) and not first.done():
            time.sleep(0.05)
        second = older("migrate")
        assert first.result().code == 0, first.result().err
    assert (second.code, "error[history.newer]" in second.err) == (1, True)
    assert re.search(r"waiting for .*pid \d+", second.err), second.err
    older.works("migrate", "--allow-newer")


def test_a_baseline_has_repeatable_files(cli: Cli, empty: Database, tmp_path: Path) -> None:
    project = Project(cli, empty, tmp_path / "sql")
    project.files.mkdir(parents=True)
    table, view = (
        "create table public.pets (id int, name text);",
        "create or replace view public.names as select name from public.pets;",
    )
    write(project.sql_dir, "20260101000001_create_pets", f"-- pets: a table.\n{table}\n", "drop table public.pets;")
    (project.files / "R_names.sql").write_text(f"-- names: of pets.\n{view}\n")
    empty.run(table)
    # Without its objects it is left to migrate.
    bare = project.works("baseline", "20260101000001")
    assert "nothing of the repeatable files yet: R_names" in bare.err
    assert project.states() == {"R_names": "pending"}
    empty.run("drop schema chatschema cascade")
    empty.run("create view public.names as select name || '' as name from public.pets")
    refused = project("baseline", "20260101000001")
    assert (refused.code, "view public.names differs" in refused.out) == (3, True), refused.out + refused.err
    assert empty.one("select to_regclass('chatschema.migrations') is null")
    empty.run(view)
    done = project.works("baseline", "20260101000001")
    assert done.out.endswith("no difference; recorded 1 migration as applied and R_names as run\n")
    assert project.states() == {}
    assert [one["action"] for one in project.journal("R_names")] == ["baseline"]
    assert "nothing to do" in project.works("migrate").out
    assert verified(cli, empty, "--sql-dir", str(project.sql_dir))["differences"] == []
