"""The real command in this process, so that a test may shorten a wait that is half a minute long in production."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatschema import cli as command
from tests.support.cli import SCRUBBED, Result

Here = Callable[..., Result]


def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Here:
    """Return what runs the command line in `folder` with nothing in the environment that points at a server."""
    for name in os.environ:
        if name in SCRUBBED or name.startswith(("PG", "DB_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["chatschema", *arguments])
        capsys.readouterr()
        code: object = 0
        try:
            command.main()
        except SystemExit as end:
            code = end.code
        return Result(int(str(code or 0)), *capsys.readouterr())

    return run
