"""The path of a newcomer to the reference application, by the commands of its README, in a clone: the first message within three minutes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.pern.stack.__main__ import main
from examples.pern.stack.application import PACKAGE
from examples.pern.stack.programs import PACKAGES
from tests.support import ROOT
from tests.support.browser import program
from tests.support.cli import clean_environment
from tests.support.pace import long

LIMIT_S = 180
README = (PACKAGE / "README.md").read_text("utf-8")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the last commit, with all that is downloaded: the packages of Python and npm, as they are installed here."""
    place = tmp_path / "chatschema"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place)], check=True)
    (place / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        (place / ".venv" / path.name).symlink_to(path)
    (place / ".venv" / ".demo").unlink(missing_ok=True)
    (place / ".venv" / ".demo").touch()
    return place


@contextmanager
def running(command: str, clone: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a command of the README in the clone; Ctrl-C ends it."""
    environment = {**clean_environment(), "PYTHONPATH": str(clone)}
    with subprocess.Popen(
        ["sh", "-c", command], cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def printed(process: "subprocess.Popen[str]", pattern: str) -> tuple[str, ...]:
    """Wait for a line, and return what the groups of the pattern match."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if found := re.search(pattern, line):
            return found.groups()
    raise AssertionError("".join(lines))


@long
def test_the_first_message_is_read_within_three_minutes(clone: Path) -> None:
    missing = [name for name in PACKAGES if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    if missing or not program() or not (PACKAGE / "node_modules").exists():
        pytest.skip(f"not installed: {', '.join(missing) or 'Chromium, or the packages of npm'}")
    package = clone / "examples" / "pern"
    shutil.copytree(PACKAGE / "node_modules", package / "node_modules", symlinks=True)
    (package / "node_modules" / ".package-lock.json").touch()
    (command,) = re.findall(r"^```sh\n(make example)\n```$", README, re.MULTILINE)
    begun = time.monotonic()
    with running(f'{command} ARGS="--port 0"', clone) as process:
        urls = printed(process, r"^open (http://\S+) and, for another user, (http://\S+)$")
        started = time.monotonic()
        first = [shutil.which("node") or "node", "--import", "tsx", "web/e2e/first.ts", *urls]
        done = subprocess.run(
            first,
            cwd=package,
            env={**os.environ, "CHROMIUM": program() or ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        took = time.monotonic() - begun
    assert done.stdout == "read\n", done.stderr[-3000:]
    print(f"started in {started - begun:.0f} s, first message read after {took:.0f} s")
    assert took < LIMIT_S
    assert process.returncode in (0, 130, -signal.SIGINT)
    states = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(clone) not in states, "all of it has ended"


def test_what_is_missing_is_printed_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    there = {"node": "/usr/bin/node", "npm": "/usr/bin/npm"}
    monkeypatch.setattr(shutil, "which", lambda name, **_: there.get(name))
    monkeypatch.setattr(sys, "argv", ["stack", "--folder", str(tmp_path / "stack"), "up", "--server", "system"])
    assert main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "error: redis-server is missing: apt-get install redis-server",
        "pgbouncer is missing: apt-get install pgbouncer",
        "PostgreSQL (system) is missing: apt-get install postgresql-15",
    ]
