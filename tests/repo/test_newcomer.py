"""CONTRIBUTING's steps to a new table and to a new report, followed to the letter in a copy of the checkout, end green.

The blocks of the text are the test: commands are run, files are written and edited as the comment above a block says.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.pace import LONG, long
from tests.support.servers import PgServer

# What a new table or report can break. `make check` runs everything; these are the tests that list tables, seeds, reports or files.
LONG_TESTS = (
    "tests/seed/test_seed.py", "tests/database/test_status.py", "tests/migration/test_structure.py::test_what_is_no_drift",
    "tests/migration/test_migrate.py", "tests/database/test_reset.py",
)  # fmt: skip
TABLE_TESTS = (
    "tests/repo/test_repo.py", "tests/schema/test_schema.py", "tests/cli/test_outputs.py", "tests/schema/test_tables.py",
    "tests/partition/test_hold_enforced.py::test_undo_reset_and_seed_undo_are_refused_while_a_hold_is_active",
    "tests/schema/test_spec.py::test_backslash_dt_and_the_counts", "tests/seed/test_seed_undo.py",
    *(LONG_TESTS if LONG else ()),
)  # fmt: skip
REPORT_TESTS = (
    "tests/repo/test_repo.py",
    "tests/report/test_report.py",
    "tests/report/test_report_access.py",
    "tests/report/test_damages.py -k extension",
)
_LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".chatschema",
    "__pycache__",
    ".pytest_cache",
    ".hypothesis",
    "build",
    "dist",
    "*.egg-info",
    "node_modules",
    ".stack",
)
_BLOCK = re.compile(
    r"(?:<!-- (?P<act>write|edit): (?P<path>\S+) -->\n)?^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of the checkout with the installed programs of this one, which find the copy's modules first."""
    copy = tmp_path / "chatschema"
    shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
    assert sys.prefix != sys.base_prefix, "run the tests in a virtual environment: make test"
    (copy / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name not in (".demo", ".dev"):
            (copy / ".venv" / path.name).symlink_to(path)
    for stamp in (".demo", ".dev"):
        (copy / ".venv" / stamp).touch()
    subprocess.run(["git", "init", "--quiet"], cwd=copy, check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
    yield copy
    shutil.rmtree(copy)


def blocks(heading: str) -> list[re.Match[str]]:
    """Return the code blocks of a section of CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    return list(_BLOCK.finditer(text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]))


def follow(heading: str, checkout: Path, tests: tuple[str, ...], server: PgServer) -> list[str]:
    """Do what the section says; of `make check` run all of lint, and of the tests `tests`. Return the commands."""
    commands = []
    for block in blocks(heading):
        text = textwrap.dedent(block["text"])
        if block["kind"] == "sh":
            for command in text.splitlines():
                commands.append(command)
                parts = ["make lint", f'make test ARGS="{" ".join(tests)}"'] if command == "make check" else [command]
                for part in parts:
                    shell(part, checkout, server)
        elif block["act"] == "write":
            write(checkout, block["path"], text)
        elif block["act"] == "edit":
            edit(checkout / block["path"], text)
        else:
            raise AssertionError(f"a reader cannot tell what to do with this block:\n{text}")
    return commands


def shell(command: str, checkout: Path, server: PgServer) -> str:
    env = clean_environment({"PYTHONPATH": str(checkout), "CHATSCHEMA_TEST_URL": server.url("postgres"), "WORKERS": "0"})
    for name in [name for name in env if name.startswith(("PYTEST_", "MAKE", "MFLAGS"))]:
        del env[name]
    # pytest closes its folder to other users when it starts, and the embedded servers of the tests around this one are in it.
    env["PYTEST_DEBUG_TEMPROOT"] = str(checkout.parent)
    # In a session of its own: make's children do not end with bash.
    running = subprocess.Popen(
        ["bash", "-c", command], cwd=checkout, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = running.communicate(timeout=280)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        raise
    assert running.returncode == 0, f"{command}\n{out[-6000:]}\n{err[-2000:]}"
    return out


def write(checkout: Path, pattern: str, text: str) -> None:
    """Write the file; a name with * is that of a file which a command before has created."""
    found = [path for path in checkout.glob(pattern) if not path.name.endswith(".rollback.sql")] if "*" in pattern else []
    assert "*" not in pattern or len(found) == 1, f"{pattern} is {found}"
    (found[0] if found else checkout / pattern).write_text(text, "utf-8")


def edit(path: Path, diff: str) -> None:
    """Apply the lines of a diff at the one place that has its context."""
    lines = diff.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "-"))
    after = "".join(f"{line[1:]}\n" for line in lines if line[:1] in (" ", "+"))
    text = path.read_text()
    assert text.count(before) == 1, f"{path.name} has the context {text.count(before)} times:\n{before}"
    path.write_text(text.replace(before, after), "utf-8")


@long
def test_a_new_table_by_the_steps_ends_green(checkout: Path, server: PgServer) -> None:
    tests = TABLE_TESTS if os.environ.get("CHATSCHEMA_TEST_FULL") else TABLE_TESTS[:3]
    commands = follow("Adding a table", checkout, tests, server)
    assert commands[-1] == "make check"
    assert "CREATE TABLE public.polls (" in (checkout / "sql" / "schema.sql").read_text()


@long
def test_a_new_report_by_the_steps_ends_green(checkout: Path, server: PgServer) -> None:
    commands = follow("Adding a report", checkout, REPORT_TESTS, server)
    assert commands[-1] == "make check"


def test_a_table_that_is_left_half_way_is_told_what_is_missing(checkout: Path, server: PgServer) -> None:
    shell(".venv/bin/chatschema new migration create_polls_table", checkout, server)
    (apply,) = (path for path in checkout.glob("sql/migrations/*_polls_table.sql"))
    apply.write_text(re.sub(r"-- Risk: .*\n", "", apply.read_text()).replace("TODO ", ""))
    with pytest.raises(AssertionError) as failed:
        shell('make test ARGS="tests/repo/test_repo.py -k migration"', checkout, server)
    printed = str(failed.value)
    assert f"add to the header of sql/migrations/{apply.name}:" in printed
    assert "-- Risk: new table; TODO" in printed
    assert "add to TABLES in chatschema/values.py, after the tables that it refers to, the line:" in printed
    assert '    "polls",' in printed


def test_the_targets_that_the_text_names_exist() -> None:
    named = set(re.findall(r"`?make ([a-z][a-z0-9-]+)", (ROOT / "CONTRIBUTING.md").read_text()))
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= targets
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
