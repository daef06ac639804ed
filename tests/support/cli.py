"""The real command, run in a process of its own."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import ROOT, commands

SCRUBBED = ("DATABASE_URL", "CHATSCHEMA_ENV", "CHATSCHEMA_VERBOSE", "NO_COLOR", "COLUMNS", "CI")


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return stdout as JSON."""
        return json.loads(self.out)


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which nothing points at a server."""
    kept = {k: v for k, v in os.environ.items() if k not in SCRUBBED and not k.startswith(("PG", "DB_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **(extra or {})}


def run_cli(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, stdin: str | None = None, timeout: float = 120
) -> Result:
    """Run the real command in a process of its own."""
    done = commands.run([*arguments], cwd=cwd, env=clean_environment(env), stdin=stdin or "", timeout=timeout)
    return Result(done.returncode, done.stdout, done.stderr)


Cli = Callable[..., Result]
