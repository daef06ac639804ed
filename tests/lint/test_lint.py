"""chatschema lint: what it prints, what it accepts, and how the live tables decide how serious a finding is."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import PASSWORD, ROOT
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database
from tests.support.migrations import NEXT, write

HEADER = "-- users: sentence.\n-- Why: reason.\n-- Risk: a moment.\n"
INDEX = f"{HEADER}create index idx_users_status on public.users (status);\ncomment on index public.idx_users_status is 'none';\n"
LATER = "20990101000001_add_other"


def lint(cli: Cli, sql_dir: Path, *arguments: str, text: str = INDEX, code: int | None = None) -> Result:
    """Write a migration after the shipped ones and lint it alone."""
    write(sql_dir, NEXT, text, "select 1;")
    result = cli("lint", str(sql_dir / "migrations" / f"{NEXT}.sql"), "--sql-dir", str(sql_dir), *arguments)
    assert code is None or result.code == code, result.out + result.err
    return result


def test_a_finding_names_its_place_its_rule_and_the_next_step(cli: Cli, sql_dir: Path) -> None:
    result = lint(cli, sql_dir, "--offline", code=3)
    first, fix = result.out.splitlines()
    assert first == (
        f"sql/migrations/{NEXT}.sql:4: warning: create index blocks writes to public.users until the index is built [index]"
    )
    assert fix == "    fix: add -- online: index to the header, and write one index a file"
    assert "1 migration: 1 warning\n" in result.err
    assert "chatschema explain lint.index" in result.err


def test_the_shipped_migrations_have_no_finding_without_a_reason(cli: Cli) -> None:
    result = cli("lint", "--offline", "--json")
    assert result.code == 0, result.out
    findings = result.json()["findings"]
    assert findings
    assert all(one["ignored_because"] for one in findings)
    assert result.json()["files"] == len(list((ROOT / "sql" / "migrations").glob("*[!k].sql")))


def test_an_entry_of_lint_toml_that_finds_nothing_is_a_finding(cli: Cli, sql_dir: Path) -> None:
    with (sql_dir / "lint.toml").open("a") as file:
        file.write('\n[[ignore]]\nfile = "2099*"\nrule = "json"\nbecause = "none"\n')
    result = cli("lint", "--offline", "--sql-dir", str(sql_dir))
    assert result.code == 3
    assert "sql/lint.toml:1: warning: 2099* has nothing that json finds [unused-ignore]" in result.out


def test_a_rule_is_ignored_where_the_comment_says_and_nowhere_else(cli: Cli, sql_dir: Path) -> None:
    two = (
        f"{HEADER}alter table public.users add column a json;\n"
        "-- chatschema: ignore json because the order of its keys is signed\n"
        "alter table public.users add column b json;\n"
        "comment on column public.users.a is 'a';\ncomment on column public.users.b is 'b';\n"
    )
    result = lint(cli, sql_dir, "--offline", "--json", text=two, code=3)
    found = {one["line"]: one["ignored_because"] for one in result.json()["findings"] if one["code"] == "lint.json"}
    assert found == {4: None, 6: "the order of its keys is signed"}
    whole = two.replace("\nalter", "\n-- chatschema: ignore json because both are signed\nalter", 1).replace(
        "-- chatschema: ignore json because the order of its keys is signed\n", ""
    )
    assert lint(cli, sql_dir, "--offline", text=whole, code=0).out == ""


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("-- chatschema: ignore index", "the comment does not say which rule it ignores, and why [ignore]"),
        ("-- chatschema: ignore index because", "the comment does not say which rule it ignores, and why [ignore]"),
        ("-- chatschema: ignore indexes because small", "there is no rule indexes [ignore]"),
        ("-- chatschema: ignore json because signed", "the comment ignores json, which finds nothing here [unused-ignore]"),
    ],
)
def test_an_ignore_needs_a_rule_a_reason_and_something_to_ignore(cli: Cli, sql_dir: Path, comment: str, says: str) -> None:
    result = lint(cli, sql_dir, "--offline", text=f"{HEADER}{comment}\n{INDEX.removeprefix(HEADER)}", code=3)
    assert says in result.out
    assert "[index]" in result.out


def test_an_ignore_inside_a_literal_is_no_comment(cli: Cli, sql_dir: Path) -> None:
    text = INDEX.replace("'none'", "'-- chatschema: ignore index because it is text'")
    assert "[index]" in lint(cli, sql_dir, "--offline", text=text, code=3).out


def test_a_rule_is_off_for_all_files(cli: Cli, sql_dir: Path) -> None:
    text = (sql_dir / "lint.toml").read_text()
    (sql_dir / "lint.toml").write_text(f'off = ["index"]\n{text}')
    assert lint(cli, sql_dir, "--offline", code=0).out == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('off = ["indexes"]', "there is no rule indexes"),
        ('of = ["index"]', "the settings are off"),
        ('[[ignore]]\nfile = "a"\nrule = "index"', "needs file, rule and because"),
        ("off = [", "cannot be read"),
    ],
)
def test_a_wrong_lint_toml_is_refused(cli: Cli, sql_dir: Path, text: str, says: str) -> None:
    (sql_dir / "lint.toml").write_text(text)
    result = lint(cli, sql_dir, "--offline", code=2)
    assert says in result.err


def test_the_live_table_decides_the_level(cli: Cli, sql_dir: Path, migrated: Database) -> None:
    own = ("--url", migrated.url, "--json")
    (empty,) = lint(cli, sql_dir, *own, code=0).json()["findings"]
    assert (empty["level"], empty["table"]) == ("info", "public.users")
    assert empty["size"].startswith("0 B, ")
    migrated.run(
        "insert into public.users (username, email, avatar_url)"
        " select 'user' || n, 'user' || n || '@example.com', 'https://example.com/' || repeat('x', 1400) from generate_series(1, 45000) as n"
    )
    large = lint(cli, sql_dir, *own, code=3).json()
    assert large["weighed"] is True
    assert large["findings"][0]["level"] in ("warning", "error")
    assert re.match(r"\d+ MB, ", large["findings"][0]["size"])
    assert lint(cli, sql_dir, "--offline", "--json", code=3).json()["findings"][0]["size"] is None


def test_a_level_decides_the_exit_code(cli: Cli, sql_dir: Path, migrated: Database) -> None:
    assert lint(cli, sql_dir, "--url", migrated.url, code=0).out
    lint(cli, sql_dir, "--url", migrated.url, "--level", "info", code=3)
    lint(cli, sql_dir, "--offline", "--level", "error", code=0)
    assert "--level is fatal" in lint(cli, sql_dir, "--level", "fatal", code=2).err


def test_a_database_that_cannot_be_reached_matters_only_if_it_was_asked_for(cli: Cli, sql_dir: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    asked = lint(cli, sql_dir, "--url", nowhere, code=4)
    assert asked.err.startswith("error[")
    write(sql_dir, NEXT, INDEX, "select 1;")
    path = str(sql_dir / "migrations" / f"{NEXT}.sql")
    configured = cli("lint", path, "--sql-dir", str(sql_dir), env={"DATABASE_URL": nowhere})
    assert configured.code == 3
    assert "the database was not asked, so sizes are not known" in configured.err


def test_only_pending_files_are_checked(cli: Cli, sql_dir: Path, migrated: Database) -> None:
    write(sql_dir, NEXT, INDEX, "select 1;")
    result = cli("lint", "--pending", "--sql-dir", str(sql_dir), "--url", migrated.url, "--json")
    assert result.json()["files"] == 1
    assert [one["code"] for one in result.json()["findings"]] == ["lint.index"]


def test_a_read_only_role_can_lint(cli: Cli, sql_dir: Path, migrated: Database) -> None:
    migrated.run(f"create role lint_reader login password '{PASSWORD}'")
    try:
        own = migrated.server.url(migrated.name, user="lint_reader")
        assert lint(cli, sql_dir, "--url", own, "--json").json()["weighed"] is True
    finally:
        migrated.run("drop role lint_reader")


def test_github_annotations_escape_what_would_end_them(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "odd, names: 100%"
    folder.mkdir()
    (folder / "1_größe.sql").write_text(INDEX)
    result = cli("lint", str(folder / "1_größe.sql"), "--offline", "--format", "github")
    assert result.code == 3
    lines = result.out.splitlines()
    index = next(line for line in lines if "lint.index" in line)
    assert index.startswith("::warning file=odd%2C names%3A 100%25/1_größe.sql,line=4,title=lint.index::create index blocks")


def test_sarif_has_rules_places_and_suppressions(cli: Cli, sql_dir: Path) -> None:
    ignored = INDEX.replace("create index", "-- chatschema: ignore index because it is small\ncreate index")
    document = json.loads(lint(cli, sql_dir, "--offline", "--format", "sarif", text=ignored, code=0).out)
    (run,) = document["runs"]
    (result,) = run["results"]
    assert document["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "lint.index"
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": f"sql/migrations/{NEXT}.sql"}, "region": {"startLine": 5}}
    assert result["suppressions"] == [{"kind": "inSource", "justification": "it is small"}]


def test_files_of_another_folder_are_read_in_the_order_of_their_names(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "flyway"
    folder.mkdir()
    (folder / "V1__create.sql").write_text("create table notes (id bigint);\ncreate index notes_id on notes (id);\n")
    (folder / "V2__index.sql").write_text("create index notes_id_2 on notes (id);\n")
    result = cli("lint", str(folder / "V1__create.sql"), str(folder / "V2__index.sql"), "--offline", "--json")
    assert [(one["file"], one["code"]) for one in result.json()["findings"] if one["code"] == "lint.index"] == [
        ("flyway/V2__index.sql", "lint.index")
    ]


def test_a_file_that_does_not_exist_is_named(cli: Cli, sql_dir: Path) -> None:
    result = cli("lint", "none.sql", "--offline", "--sql-dir", str(sql_dir))
    assert result.code == 2
    assert result.err.startswith("error[lint.no-file]: there is no file none.sql\n")


def test_lint_without_its_extra_says_how_to_install_it(sql_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "postgast.py").write_text("raise ImportError")
    env = {**clean_environment(), "PYTHONPATH": f"{broken}:{ROOT}"}
    words = [sys.executable, "-m", "chatschema", "lint", "--offline", "--sql-dir", str(sql_dir)]
    result = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == (
        "error[lint.not-installed]: lint needs PostgreSQL's parser, postgast, which is not installed\n"
        "hint:  pip install 'chatschema[lint]'\n"
    )


RECIPES = (
    ("check", "users", "status_short", "length(status) < 100"),
    ("set-not-null", "messages", "sender_id"),
    ("foreign-key", "messages", "deleted_by", "users"),
    ("foreign-key", "auth_sessions", "family_id", "users"),
    ("unique", "users", "display_name"),
    ("add-column", "messages", "rating", "integer not null default 0"),
    ("add-column", "messages", "token", "uuid not null default gen_random_uuid()"),
    ("change-type", "messages", "edit_count", "bigint"),
    ("drop-column", "users", "last_seen_at"),
    ("rename-column", "users", "last_seen_at", "seen_at"),
)


def test_a_recipe_has_no_finding_but_the_texts_to_write(cli: Cli, sql_dir: Path, migrated: Database) -> None:
    own = ("--sql-dir", str(sql_dir))
    files: list[str] = []
    for recipe in RECIPES:
        written = cli("new", "migration", "--recipe", *recipe, *own, "--url", migrated.url)
        assert written.code == 0, written.err
        files += written.out.split()
    found = cli("lint", *files, *own, "--offline", "--json").json()
    assert found["files"] == len(files) / 2
    assert [one for one in found["findings"] if "TODO is still" not in one["message"]] == []
