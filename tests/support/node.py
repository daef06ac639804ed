"""Node and the packages of the application beside chatschema, where they are installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT

SOURCE = ROOT / "tests" / "sequelize"
_OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
needs_node = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="node and npm are not installed")


def installed(folder: Path) -> Path:
    """Install the packages beside the scripts of tests/sequelize in this folder, and return it."""
    for path in SOURCE.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    install(folder, "install", "--no-package-lock")
    return folder


def install(folder: Path, *command: str) -> None:
    """Run a command of npm that installs; the test is left out where its registry cannot be reached."""
    npm = ["npm", *command, "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False)
    if any(code in done.stderr for code in _OFFLINE):
        pytest.skip("the registry of npm cannot be reached")
    assert done.returncode == 0, done.stderr
