"""The pre-commit hook and the GitHub action, as far as they run without pre-commit and GitHub."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.cli import clean_environment

ACTION = ROOT / ".github" / "actions" / "lint"
GOOD = "-- users: sentence.\n-- Why: reason.\n-- Risk: a moment.\nalter table public.users add column plan text;\ncomment on column public.users.plan is 'x';\n"
BAD = GOOD.replace("plan text", "plan json")


@pytest.fixture
def repository(sql_dir: Path, tmp_path: Path) -> Path:
    """A repository with the shipped migrations, and a migration with a finding that was there before."""
    (sql_dir / "migrations" / "20990101000000_add_old.sql").write_text(BAD)
    (sql_dir / "migrations" / "20990101000000_add_old.rollback.sql").write_text("select;\n")
    for words in (["init", "-q"], ["add", "sql"], ["commit", "-q", "-m", "before"]):
        git(tmp_path, *words)
    return tmp_path


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *own, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def act(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the script of the action, with chatschema on the PATH."""
    bin = folder / "bin"
    bin.mkdir(exist_ok=True)
    (bin / "chatschema").write_text(f'#!/bin/sh\nexec {sys.executable} -m chatschema "$@"\n')
    (bin / "chatschema").chmod(0o755)
    env = clean_environment({"FOLDER": "sql", "LEVEL": "warning", "PATH": f"{bin}:{os.environ['PATH']}", **variables})
    return subprocess.run([str(ACTION / "lint.sh")], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_action_annotates_only_what_the_pull_request_changes(repository: Path) -> None:
    base = git(repository, "rev-parse", "HEAD")
    same = act(repository, BASE=base)
    assert same.returncode == 0, same.stderr
    assert same.stdout.startswith("no migration was added or changed")
    for name, text in (("add_new.sql", BAD), ("add_new.rollback.sql", "select;\n")):
        (repository / "sql" / "migrations" / f"20990101000001_{name}").write_text(text)
    git(repository, "add", "sql")
    git(repository, "commit", "-q", "-m", "change")
    changed = act(repository, BASE=base)
    assert changed.returncode == 3, changed.stderr
    assert re.findall(r"^::warning file=(\S+),line=(\d+),title=([\w.]+)::", changed.stdout, re.MULTILINE) == [
        ("sql/migrations/20990101000001_add_new.sql", "4", "lint.json")
    ]
    assert act(repository, BASE=base, LEVEL="error").returncode == 0


def test_the_action_says_when_it_cannot_tell_what_is_new(repository: Path) -> None:
    done = act(repository, BASE="0" * 40)
    assert done.returncode == 3
    assert "use fetch-depth: 0" in done.stdout
    assert "20990101000000_add_old.sql" in done.stdout


def test_the_inputs_of_the_action_reach_its_script() -> None:
    text = (ACTION / "action.yml").read_text()
    script = (ACTION / "lint.sh").read_text()
    passed = set(re.findall(r"^        ([A-Z]+): ", text, re.MULTILINE)) - {"INSTALL"}
    assert passed == {"FILES", "FOLDER", "LEVEL", "BASE"}
    assert all(f"${name}" in script or f"${{{name}" in script for name in passed)


def test_the_hook_runs_on_migrations_and_fails_on_a_finding(repository: Path) -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    (pattern,) = re.findall(r"^  files: (.+)$", text, re.MULTILINE)
    (entry,) = re.findall(r"^  entry: chatschema (.+)$", text, re.MULTILINE)
    names = ["sql/migrations/20990101000000_add_old.sql", "sql/migrations/20990101000000_add_old.rollback.sql"]
    assert all(re.search(pattern, name) for name in names)
    assert not re.search(pattern, "sql/schema.sql")
    words = [sys.executable, "-m", "chatschema", *entry.split(), *names]
    done = subprocess.run(words, cwd=repository, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("[json]") == 1


def test_the_hook_and_the_action_install_what_the_extra_names() -> None:
    (extra,) = re.findall(r"^lint = \[(.+)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    packages = re.findall(r'"([^"]+)"', extra)
    assert packages == re.findall(
        r'"([^"]+)"', re.findall(r"additional_dependencies: (.+)", (ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    )
    assert all(f"'{package}'" in (ACTION / "action.yml").read_text() for package in packages)
