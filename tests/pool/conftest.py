"""A project with tests of its own, whose pytest uses the plugin."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import clean_environment
from tests.support.pools import Runner
from tests.support.servers import PgServer


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    return tmp_path


@pytest.fixture
def run_pytest(project: Path, server: PgServer) -> Runner:
    """Run pytest in the project, with the plugin, on the server of these tests."""

    def run(text: str, *arguments: str, place: str | None = None) -> "subprocess.CompletedProcess[str]":
        (project / "test_own.py").write_text(text)
        words = [sys.executable, "-m", "pytest", "-q", "-p", "chatschema.pytest", "-p", "no:cacheprovider"]
        words += ["--chatschema-server", place or server.url("postgres"), *arguments]
        # pytest takes away the rights of others on the folder that it shares with these tests, through which a server of root passes.
        env = clean_environment({"PYTEST_DEBUG_TEMPROOT": str(project)})
        return subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)

    return run
