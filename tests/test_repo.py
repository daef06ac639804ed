"""The house rules that a program can check: names, headers, sizes, who prints, what the docs say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, clean_environment, run_cli

from chatschema.errors import ExitCode

MIGRATIONS = sorted((ROOT / "sql" / "migrations").glob("*.sql"))
APPLIES = [path for path in MIGRATIONS if not path.name.endswith(".rollback.sql")]
PYTHON = [*ROOT.glob("chatschema/**/*.py"), *ROOT.glob("seeds/*.py"), *ROOT.glob("tests/*.py"), *ROOT.glob("bench/*.py")]


def test_the_first_ten_migrations_are_the_specs_history() -> None:
    tables = ("users", "auth_sessions", "user_public_keys", "conversations", "conversation_participants", "messages",
              "message_statuses", "attachments", "audit_logs")  # fmt: skip
    expected = ["20241217000000_create_functions"]
    expected += [f"2024121700{number:04}_create_{table}_table" for number, table in enumerate(tables, 1)]
    assert [path.stem for path in APPLIES][:10] == expected


@pytest.mark.parametrize("path", APPLIES, ids=lambda path: path.stem)
def test_a_migration_has_its_header_and_its_rollback(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert re.fullmatch(r"-- [a-z_]+: .+\.", lines[0]), "line 1 is `-- object: sentence.`"
    assert lines[1].startswith("-- Why: ")
    assert lines[2].startswith("-- Risk: ")
    assert path.with_suffix(".rollback.sql").exists()


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
    assert len(path.read_text().splitlines()) <= 250


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
    documented = (ROOT / "docs" / "cli.md").read_text()
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
    assert f"`chatschema {command}" in (ROOT / "docs" / "cli.md").read_text()
    assert len(result.out.splitlines()[2].strip()) > 10


def test_every_option_is_explained() -> None:
    for command in commands():
        for line in run_cli(*command.split(), "--help", cwd=ROOT).out.splitlines():
            if re.match(r"  (-\w, )?--[a-z-]+", line):
                assert re.search(r"  --?[\w-]+(,? /? ?--?[\w-]+)*( [A-Z|-]+)?\s{2,}\S|^\s+\S*--[\w-]+( \S+)?$", line), (
                    f"{command}: {line}"
                )


def test_the_makefile_explains_its_targets() -> None:
    text = (ROOT / "Makefile").read_text()
    printed = subprocess.run(["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE):
        assert re.search(rf"^\s*{target}\s+\S", printed, re.MULTILINE), target
