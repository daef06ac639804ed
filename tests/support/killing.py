"""Commands that die, or whose server does, at a step: see tests.support.killed for the steps and the ways to die."""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.cli import Result, clean_environment
from tests.support.database import Database


def killed(nth: int, mode: str, command: Sequence[str], database: Database, folder: Path) -> Result:
    """Run the command on the database, killed at its nth step."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed", str(nth), mode, *command, "--url", database.url],
        cwd=folder, env=clean_environment(), text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def steps_of(command: Sequence[str], database: Database, folder: Path) -> int:
    """Run the command to its end; return how many steps it had."""
    result = killed(0, "count", command, database, folder)
    assert result.code == 0, result.err
    return counted(result)


def counted(result: Result) -> int:
    """Return how many steps a run had that counted them."""
    match = re.search(r"steps: (\d+)", result.err)
    assert match, result.err
    return int(match[1])


def settled(database: Database) -> None:
    """Wait until the server is back, and the killed client's sessions are over."""
    deadline = time.monotonic() + 30
    while True:
        try:
            if not database.one("select count(*) from pg_stat_activity where application_name = 'chatschema'"):
                return
        except Exception:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline
        time.sleep(0.05)
