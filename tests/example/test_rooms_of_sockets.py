"""A socket that connects while its user is removed or taken back: on a server of Socket.io, without the rest of the application."""

import json
import subprocess
from pathlib import Path

import pytest

from examples.pern.stack import application
from examples.pern.stack.programs import MissingError, find
from tests.support.pace import LONG

SCRIPT = Path(__file__).with_name("rooms.mjs")
BOTH = {"told": ["kept", "moved"], "returned": ["kept", "moved"]}
KEPT = {"told": ["kept"], "returned": ["kept"]}


def test_a_socket_is_in_the_rooms_of_its_user_whatever_happens_meanwhile() -> None:
    if not LONG and not application.is_installed():
        pytest.skip("the packages of examples/pern are not installed: make example")
    try:
        programs = find("embedded")
    except MissingError as error:
        pytest.skip(str(error))
    application.install(programs)
    command: list[str | Path] = [programs.node, "--import", "tsx", SCRIPT]
    done = subprocess.run(command, cwd=application.PACKAGE, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "quiet": BOTH, "removed": KEPT, "taken back": BOTH, "removed late": {**BOTH, "told": ["kept"]}, "added": {"told": ["kept", "moved"], "returned": ["kept"]},
    }  # fmt: skip
