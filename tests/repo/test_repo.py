"""The house rules that a program can check: names, headers, sizes, who prints, what the docs say."""

import importlib.metadata
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from chatschema import __version__
from chatschema.errors import ExitCode
from chatschema.migration import template
from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.cli import clean_environment, run_cli
from tools import licenses

MIGRATIONS = sorted((ROOT / "sql" / "migrations").glob("*.sql"))
APPLIES = [path for path in MIGRATIONS if not path.name.endswith(".rollback.sql")]
PYTHON = [*ROOT.glob("chatschema/**/*.py"), *ROOT.glob("seeds/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("bench/*.py"),
          *ROOT.glob("tools/*.py"), *ROOT.glob("examples/*.py")]  # fmt: skip


def test_the_first_ten_migrations_are_the_specs_history() -> None:
    tables = ("users", "auth_sessions", "user_public_keys", "conversations", "conversation_participants", "messages",
              "message_statuses", "attachments", "audit_logs")  # fmt: skip
    expected = ["20241217000000_create_functions"]
    expected += [f"2024121700{number:04}_create_{table}_table" for number, table in enumerate(tables, 1)]
    assert [path.stem for path in APPLIES][:10] == expected


@pytest.mark.parametrize("path", APPLIES, ids=lambda path: path.stem)
def test_a_migration_has_its_header_and_its_rollback(path: Path) -> None:
    text, name = path.read_text(), path.relative_to(ROOT)
    assert re.match(r"-- [a-z_]+: .+\.\n", text), f"line 1 of {name} is `-- object: sentence.`"
    missing = template.missing_declarations(path.stem, text)
    assert missing == [], f"add to the header of {name}:\n" + "\n".join(missing)
    assert template.UNWRITTEN not in text, f"replace each {template.UNWRITTEN} in {name}"
    assert path.with_suffix(".rollback.sql").exists()


def test_a_missing_declaration_is_answered_with_the_line_to_add() -> None:
    id = "20270101000000_create_polls_table"
    header = "-- polls: a question.\n-- Why: people ask.\n-- Risk: new table.\n-- Access: none, yet.\n-- Demo: yes.\n"
    assert template.missing_declarations(id, f"{header}create table public.polls (id uuid);\n") == []
    for line in header.splitlines()[1:]:
        (missing,) = template.missing_declarations(id, header.replace(f"{line}\n", ""))
        assert missing.startswith(line.partition(": ")[0] + ": ")
    assert template.missing_declarations(id, "-- polls: a question.\ncreate table public.polls (\n-- Why: no header\n)")


def test_a_new_migration_has_all_that_the_tests_ask_for_but_its_sentences(tmp_path: Path) -> None:
    for name, subject in (("create_polls_table", "polls"), ("add_messages_pin", "messages_pin")):
        apply, rollback = template.write_migration(tmp_path, name, datetime.now(UTC))
        text = apply.read_text()
        assert text.startswith(f"-- {subject}: ")
        assert template.missing_declarations(apply.stem, text) == []
        assert template.UNWRITTEN in text
        assert apply.stem in rollback.read_text()


def test_each_migration_that_creates_a_table_has_it_in_the_list_after_its_parents() -> None:
    created = {table: path for path in APPLIES if (table := template.table_of(path.stem))}
    for table, path in created.items():
        line = f'    "{table}",'
        assert table in TABLES, f"add to TABLES in chatschema/values.py, after the tables that it refers to, the line:\n{line}"
        parents = set(re.findall(r"references public\.(\w+)", path.read_text())) - {table}
        late = [parent for parent in parents if TABLES.index(parent) > TABLES.index(table)]
        assert late == [], f"in TABLES in chatschema/values.py {table} stands after {', '.join(late)}"
    assert set(TABLES) == set(created)


def test_a_table_has_demo_rows_or_says_why_not() -> None:
    seeders = {path.stem[3:] for path in (ROOT / "seeds").glob("[0-9]*.py")}
    for path in APPLIES:
        table = template.table_of(path.stem)
        if table and (said := template.declared(path.read_text()).get("Demo")):
            assert re.match(r"yes\b|no, \w", said), f"{path.name}: `-- Demo: yes` or `-- Demo: no, ` and the reason"
            assert said.startswith("yes") == (table in seeders), f"{path.name} has Demo: {said}; run: chatschema new seeder {table}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("sql/**/*.sql")), ids=lambda path: path.name)
def test_sql_is_lower_case_and_indented_by_spaces(path: Path) -> None:
    if path.name == "schema.sql":
        return
    text = path.read_text()
    assert "\t" not in text
    code = re.sub(r"--.*|'(?:[^']|'')*'|\$\$", "", text)
    assert re.findall(r"\b(?:SELECT|CREATE|TABLE|ALTER|FROM|WHERE|INSERT|NOT NULL)\b", code) == []


@pytest.mark.parametrize("path", [*PYTHON, *MIGRATIONS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_held_in_mind(path: Path) -> None:
    # One file, so that an auditor can read and copy it alone.
    is_alone = path == ROOT / "examples" / "verify_audit.py"
    assert len(path.read_text().splitlines()) <= (300 if is_alone else 250)


def test_only_console_prints() -> None:
    printers = [
        path.name
        for path in ROOT.glob("chatschema/**/*.py")
        if re.search(r"(?<![\w.])print\(|sys\.stdout\.write", path.read_text())
    ]
    assert printers == ["console.py"]


def test_only_postgres_opens_connections_and_only_migration_imports_yoyo() -> None:
    for path in ROOT.glob("chatschema/**/*.py"):
        text, name = path.read_text(), str(path.relative_to(ROOT / "chatschema"))
        if name != "postgres/__init__.py":
            assert not re.search(r"psycopg\.connect|Connection\.connect|except psycopg", text), name
        if not name.startswith("migration/"):
            assert not re.search(r"^\s*(import|from) yoyo", text, re.MULTILINE), name


def test_the_docs_and_the_help_have_every_exit_code() -> None:
    documented = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    overview = run_cli("--help", cwd=ROOT).out
    for code in ExitCode:
        assert f"| {code.value} |" in documented
        assert re.search(rf"\b{code.value}\b", overview)


def commands() -> list[str]:
    code = (
        "import typer\nfrom chatschema.cli import app\nroot = typer.main.get_command(app)\n"
        "for name in root.list_commands(None):\n"
        "    for sub in sorted(getattr(root.get_command(None, name), 'commands', {})) or ['']: print(f'{name} {sub}'.strip())"
    )
    return subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("command", commands())
def test_a_command_has_help_and_is_in_the_docs(command: str) -> None:
    result = run_cli(*command.split(), "--help", cwd=ROOT)
    assert result.code == 0
    assert f"`chatschema {command}" in (ROOT / "docs" / "reference" / "cli.md").read_text()
    assert len(result.out.splitlines()[2].strip()) > 10


def test_every_option_is_explained() -> None:
    for command in commands():
        for line in run_cli(*command.split(), "--help", cwd=ROOT).out.splitlines():
            if re.match(r"  (-\w, )?--[a-z-]+", line):
                assert re.search(r"  --?[\w-]+(,? /? ?--?[\w-]+)*( [A-Z|-]+)*\s{2,}\S|^\s+\S*--[\w-]+( \S+)?$", line), (
                    f"{command}: {line}"
                )


def test_the_makefile_explains_its_targets() -> None:
    text = (ROOT / "Makefile").read_text()
    printed = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE):
        assert re.search(rf"^\s*{target}\s+\S", printed, re.MULTILINE), target


def test_the_help_of_the_makefile_fits_a_terminal_and_is_grouped() -> None:
    printed = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert max(map(len, printed.splitlines())) <= 80
    groups = [line for line in printed.splitlines() if line and not line.startswith(" ")]
    assert groups[0] == "Every day"
    assert len(groups) >= 4


def test_the_hooks_before_a_commit_are_those_of_lint() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    commands = re.findall(r"^\t\$\(BIN\)/(.+)$", lint, re.MULTILINE)
    assert len(commands) >= 4
    for line in commands:
        assert f"entry: .venv/bin/{line.removesuffix(' --check')}" in hooks, line


def test_the_version_is_in_one_place_and_has_its_changes() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    releases = [match.groups() for heading in headings[1:] if (match := re.fullmatch(r"\[([\d.]+)\] - (\d{4}-\d\d-\d\d)", heading))]
    assert len(releases) == len(headings) - 1, "a release is written `## [1.2.3] - 2026-11-27`"
    assert releases == sorted(releases, key=lambda release: [int(part) for part in release[0].split(".")], reverse=True)
    if not re.search(r"dev|rc", __version__):
        assert releases[0][0] == __version__
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert not re.search(r"^version\s*=", pyproject, re.MULTILINE)


def test_the_list_of_licenses_is_that_of_the_installed_packages() -> None:
    listed, found = licenses.read(licenses.FILE.read_text()), licenses.collect()
    assert {name: listed.get(name) for name in found} == found, "run: make licenses"
    installed = {canonicalize_name(package.name) for package in importlib.metadata.distributions()}
    assert [name for name in listed if name not in found and name in installed] == [], "run: make licenses"
    known = {
        "MIT",
        "MIT-0",
        "Apache-2.0",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-only",
        "PSF-2.0",
        "PostgreSQL",
        "Apache-2.0 OR MIT",
        "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    }
    assert {license for license, _ in listed.values()} <= known, "may chatschema be distributed with it? then add it here"
