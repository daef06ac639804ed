"""A command on a pseudo-terminal, with somebody who types."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.cli import Result, clean_environment
from tests.support.database import Database


class Asked:
    """A running command and its terminal."""

    def __init__(self, running: "subprocess.Popen[str]", parent: int) -> None:
        self._running, self._parent = running, parent
        self.err = ""

    def question(self) -> str:
        """Wait until it asks; return what it has printed to stderr since the last question."""
        text = self.question_or_end()
        assert text.endswith("database: "), f"it ended without a question: {text}"
        return text

    def question_or_end(self) -> str:
        """Wait until it asks or ends; return what it has printed to stderr meanwhile."""
        assert self._running.stderr
        text = ""
        while not text.endswith("database: ") and (read := self._running.stderr.read(1)):
            text += read
        self.err += text
        return text

    def answer(self, text: str) -> None:
        """Type a line."""
        os.write(self._parent, f"{text}\n".encode())

    def end(self) -> Result:
        """Wait for its end."""
        out, err = self._running.communicate(timeout=60)
        return Result(self._running.returncode, out, self.err + err)


@contextmanager
def asked(database: Database, *command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Iterator[Asked]:
    """Yield a command that runs on a terminal."""
    parent, child = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "chatschema", *command, "--url", database.url],
        env=clean_environment(env), cwd=cwd, stdin=child, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(child)
    with running:
        try:
            yield Asked(running, parent)
        finally:
            running.kill()
            os.close(parent)


def typed(database: Database, answer: str, *command: str) -> Result:
    """Run a command on a terminal and type one answer, whether it asks or not."""
    with asked(database, *command) as terminal:
        terminal.answer(answer)
        return terminal.end()
