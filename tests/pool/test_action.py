"""The GitHub action, as far as it runs without GitHub: its script, and that its inputs reach it."""

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import ROOT
from tests.support.cli import clean_environment
from tests.support.servers import PgServer

SCRIPT = ROOT / ".github" / "actions" / "database.sh"
TEXT = (ROOT / "action.yml").read_text("utf-8")


def act(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the last step, with chatschema on the PATH; the outputs are in the files `output` and `env`."""
    bin = folder / "bin"
    bin.mkdir(exist_ok=True)
    (bin / "chatschema").write_text(f'#!/bin/sh\nexec {sys.executable} -m chatschema "$@"\n')
    (bin / "chatschema").chmod(0o755)
    files = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_ENV": str(folder / "env")}
    env = clean_environment({"PATH": f"{bin}:{os.environ['PATH']}", "CI": "true", **files, **variables})
    return subprocess.run(["bash", str(SCRIPT)], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def name(server: PgServer) -> Iterator[str]:
    name = f"action_{uuid.uuid4().hex[:12]}"
    yield name
    with server.connect("postgres") as connection:
        connection.execute(f"drop database if exists {name} with (force)".encode())


def test_its_steps_give_the_job_a_database_and_a_pool(server: PgServer, name: str, tmp_path: Path) -> None:
    url = server.url(name)
    done = act(tmp_path, URL=url, SEED="false", POOL="true")
    assert done.returncode == 0, done.stderr
    outputs = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    try:
        assert outputs["url"] == url
        assert Path(outputs["socket"]).is_socket()
        assert (tmp_path / "env").read_text() == f"DATABASE_URL={url}\n"
        with psycopg.connect(url) as connection:
            assert connection.execute("select count(*) from public.users").fetchone() == (0,)
    finally:
        stop = [sys.executable, "-m", "chatschema", "ci", "pool", "stop"]
        subprocess.run(stop, cwd=tmp_path, env=clean_environment(), check=True, capture_output=True)


def test_a_password_is_masked_and_a_failure_fails_the_step(tmp_path: Path) -> None:
    done = act(tmp_path, URL="postgresql://someone:hidden@127.0.0.1:x/none")
    assert done.returncode == 2
    assert done.stdout == "::add-mask::hidden\n"
    assert "hidden" not in done.stderr
    assert not (tmp_path / "output").exists()


def test_the_inputs_reach_the_script_and_each_file_exists() -> None:
    passed = set(re.findall(r"^        ([A-Z]+): \$", TEXT, re.MULTILINE)) - {"INSTALL", "EXTRA"}
    assert passed == {"URL", "SEED", "POOL"}
    assert all(f"${{{name}:-}}" in SCRIPT.read_text("utf-8") for name in passed)
    inputs = set(re.findall(r"^  (\w+):\n    description", TEXT.partition("outputs:")[0], re.MULTILINE))
    assert inputs == set(re.findall(r"inputs\.(\w+)", TEXT))
    documented = (ROOT / "docs" / "how-to" / "ci.md").read_text("utf-8")
    assert inputs == set(re.findall(r"^\| `(\w+)` \|", documented, re.MULTILINE))
    assert '"$GITHUB_ACTION_PATH/.github/actions/database.sh"' in TEXT
