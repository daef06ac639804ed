"""The documents: the generated pages are current, every command in them exists, the tutorial runs, and no link is broken."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest

from chatschema import config
from chatschema.config import batch, events, locks, migrate, partition, privacy, retention, sessions, toml_file, variables
from chatschema.partition.values import PartitionState
from chatschema.values import Patience
from tests.support import ROOT
from tests.support.cli import clean_environment, run_cli
from tests.support.database import Database
from tests.support.documents import DOCS, Block, blocks, commands, write_command, wrong

CONFIGURATION = (ROOT / "docs" / "reference" / "configuration.md").read_text("utf-8")
IMAGES = ROOT / "docs" / "images"
SCHEMA = (ROOT / "sql" / "schema.sql").read_text("utf-8")


def tool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False
    )


def test_the_generated_pages_are_what_the_code_says() -> None:
    done = tool("tools.reference", "--check")
    assert done.returncode == 0, done.stderr


def test_the_diagrams_are_of_the_migrated_database(migrated: Database) -> None:
    done = tool("tools.diagrams", "--check", migrated.url)
    assert done.returncode == 0, done.stderr


def test_the_diagram_of_the_schema_has_every_table_and_foreign_key() -> None:
    picture = (IMAGES / "schema.svg").read_text("utf-8")
    tables = re.findall(r"^CREATE TABLE public\.(\w+) ", SCHEMA, re.MULTILINE)
    keys = re.findall(r"^ALTER TABLE (?:ONLY )?public\.\w+\n    ADD CONSTRAINT (\w+) FOREIGN KEY", SCHEMA, re.MULTILINE)
    assert len(tables) >= 9
    assert set(re.findall(r'data-table="(\w+)"', picture)) == set(tables)
    assert set(re.findall(r'data-fk="(\w+)"', picture)) == set(keys)


def test_the_diagram_of_a_month_has_every_state_that_lasts() -> None:
    picture = (IMAGES / "month.svg").read_text("utf-8")
    drawn = {word for state in re.findall(r'data-state="([^"]+)"', picture) for word in re.findall(r"\w+", state)}
    # A pending detach lasts only where a run was killed.
    assert drawn >= {*get_args(PartitionState)} - {"detach pending"}


@pytest.mark.parametrize("name", ["schema", "month"])
def test_a_diagram_is_small_and_follows_light_and_dark(name: str) -> None:
    picture = (IMAGES / f"{name}.svg").read_text("utf-8")
    assert len(picture.encode()) < 100 * 1024
    assert "prefers-color-scheme: dark" in picture


def section(title: str) -> str:
    """Return the part of the page on configuration under a title."""
    text = re.split(rf"^###? {re.escape(title)}$", CONFIGURATION, flags=re.MULTILINE)[1]
    return re.split(r"^##", text, flags=re.MULTILINE)[0]


def rows(title: str) -> set[str]:
    """Return what the first column of the tables under a title names."""
    cells = re.findall(r"^\| (`[^|]+) \|", section(title), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_key_of_the_configuration_file_is_on_the_page_and_no_other() -> None:
    assert rows("Top level") == {*toml_file._TEXTS, *toml_file._LISTS}
    assert rows("[partition]") == set(partition._KEYS)
    assert rows("[locks]") == set(locks._KEYS)
    assert rows("[batches]") == set(batch._KEYS)
    assert rows("[migrate]") == set(migrate._KEYS)
    assert set(toml_file._TABLES) == {
        "partition", "locks", "batches", "migrate", "privacy", "report", "sessions", "retention", "audit", "verify", "variables",
        "events",
    }  # fmt: skip
    assert rows("[verify]") == {"[[verify.ignore]]", "object", "reason"}
    assert rows("[sessions]") == set(sessions._KEYS)
    assert rows("[events]") == set(events._KEYS)
    assert rows("[retention]") == {*retention._SPANS, *retention._FOLDERS}
    assert rows("[audit]") == set(retention._AUDIT)
    assert rows("[privacy]") == {*privacy._KEYS, privacy._SPAN}
    assert rows("[report]") == {"[report.NAME]", "[[report.suppress]]", "finding", "reason", "until"}


def test_the_defaults_on_the_page_are_those_of_the_code() -> None:
    (example,) = (block.text for block in blocks(ROOT / "docs" / "reference" / "configuration.md") if block.language == "toml")
    table = tomllib.loads(example)["partition"]
    assert partition.parse({key: value for key, value in table.items() if key != "keep"}, ROOT, "") == partition.parse({}, ROOT, "")
    assert sessions.parse(tomllib.loads(example)["sessions"], "") == sessions.parse({}, "")
    assert '| `keep` | span | `"30d"` |' in section("[sessions]")
    batches = tomllib.loads(example)["batches"]
    assert batch.parse(batches, "") == batch.parse({}, "")
    assert migrate.parse(tomllib.loads(example)["migrate"], "") == migrate.parse({}, "")
    of_batches = dict(re.findall(r"^\| `(\w+)` \| [\w ]+ \| `([^`]+)` \|", section("[batches]"), re.MULTILINE))
    assert {key: tomllib.loads(f"x = {value}")["x"] for key, value in of_batches.items()} == batches
    defaults = dict(re.findall(r"^\| `(\w+)` \| [\w ]+ \| `([^`]+)` \|", section("[partition]"), re.MULTILINE))
    assert {key: tomllib.loads(f"x = {value}")["x"] for key, value in defaults.items()} == {
        key: value for key, value in table.items() if key != "keep"
    }
    waits = tomllib.loads(example)["locks"]
    assert locks.parse(waits, "") == Patience()
    defaults = dict(re.findall(r"^\| `(\w+)` \| \w+ \| `([^`]+)` \|", section("[locks]"), re.MULTILINE))
    assert {key: tomllib.loads(f"x = {value}")["x"] for key, value in defaults.items()} == waits


def test_every_variable_is_on_the_page_and_no_other() -> None:
    read = {*config._DB_KEYWORDS, *config._PG_KEYWORDS}
    for path in (ROOT / "chatschema").rglob("*.py"):
        read.update(re.findall(r"""environ(?:\.get\(|\[)"([A-Z_]+)\"""", path.read_text("utf-8")))
        read.update(re.findall(r"""\}\.get\("([A-Z_]+)\"""", path.read_text("utf-8")))
        read.update(re.findall(r'"(DATABASE_URL)" in', path.read_text("utf-8")))
    # Those of migrations have names of their own; the last is Python's own, which decides how wide a table is.
    others = {f"{variables.PREFIX}NAME", "COLUMNS"}
    assert rows("Environment variables") - {"true", "production", "dumb", "name"} == read | others


@pytest.mark.parametrize(
    "path", [*DOCS, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_command_in_a_document_exists(path: Path) -> None:
    assert [(" ".join(words), wrong(words)) for words in commands(path) if wrong(words)] == []


def test_a_command_that_does_not_exist_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Run `chatschema partition lst`.\n\n```sh\nchatschema migrate --forse && chatschema migrate --to 1\n```\n")
    assert [wrong(words) for words in commands(page)] == ["there is no option --forse", None, "there is no command lst"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_a_link_beside_the_site_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / name).read_text("utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_site_is_built_without_a_broken_link(tmp_path: Path) -> None:
    command = ["-m", "mkdocs", "build", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=clean_environment({"NO_MKDOCS_2_WARNING": "1"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in DOCS}
    assert {page for page in pages if not (tmp_path / "site" / page).is_file()} == set()


def test_the_tutorial_runs(tmp_path: Path) -> None:
    # A checkout of its own, as the tutorial writes a migration.
    for name in ("sql", "seeds"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "chatschema.toml").write_text('sql_dir = "sql"\nseeds_dir = "seeds"\n')
    command = tmp_path / "bin" / "chatschema"
    write_command(command)
    script = "set -e\n" + "".join(step(block) for block in blocks(ROOT / "docs" / "tutorial.md"))
    environment = clean_environment({"PATH": f"{command.parent}:{os.environ['PATH']}"})
    out, err = tmp_path / "out", tmp_path / "err"
    try:
        # Into files, as the forks take over the streams of a process that had files.
        with out.open("w") as answers, err.open("w") as notes:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": answers, "stderr": notes}
            done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, check=False, **streams)
    finally:
        run_cli("server", "stop", cwd=tmp_path)
    printed = out.read_text()
    assert done.returncode == 0, f"{printed[-2000:]}\n{err.read_text()[-2000:]}"
    assert "nothing to do" in printed
    assert "refused with exit code 1" in printed
    assert "pronouns" in printed
    assert "alice" in printed


def step(block: Block) -> str:
    """Return a block of the tutorial for the shell: its commands, or the file that it tells to write."""
    if block.language == "sh":
        return block.text
    if block.language == "sql":
        ending = "pronouns.sql" if "apply" in block.title else "pronouns.rollback.sql"
        return f"cat > sql/migrations/*_add_users_{ending} <<'TEXT'\n{block.text}TEXT\n"
    return ""


def test_every_test_that_a_document_names_exists() -> None:
    named = {found for path in DOCS for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", path.read_text())}
    assert len(named) > 10
    missing = [f"{path}::{name}" for path, name in sorted(named) if f"def {name}(" not in (ROOT / path).read_text()]
    assert missing == []
