"""The process of Node.js that runs the migrations of a project, with the project's own Sequelize."""

import json
import os
import selectors
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection
from chatschema.redact import redact

_PROGRAM = Path(__file__).parent / "recorder.cjs"
# A migration that never ends, on empty tables.
LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement that a migration sent, and the method of the query interface that sent it; None for its own query."""

    sql: str
    call: str | None


@dataclass(frozen=True, slots=True)
class Recording:
    """What a migration sent, without what was rolled back, and the errors after which it went on. `error` ended it."""

    sent: tuple[Sent, ...] = ()
    went_on_after: tuple[str, ...] = ()
    error: str | None = None


class Recorder:
    """Runs migrations one after the other in a database that connect() names."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes], log: IO[bytes]) -> None:
        self._questions, self._answers, self._log = questions, answers, log

    def connect(self, connection: Connection) -> None:
        """Let the following migrations run in the database of this connection. Raises ChatschemaError."""
        info = connection.info
        place = {"database": info.dbname, "host": info.host, "port": info.port, "user": info.user, "password": info.password}
        ssl = {"rejectUnauthorized": False} if connection.pgconn.ssl_in_use else None
        answer = self._ask({"do": "connect", **place, "ssl": ssl})
        if answer.get("error"):
            raise ChatschemaError(
                f"Sequelize cannot connect to the scratch database: {redact(answer['error'])}",
                "name another server for it: --scratch URL",
                code="strangers.node",
            )

    def run(self, path: Path, way: Literal["up", "down"]) -> Recording | None:
        """Run one way of a migration; return None if it has no such function."""
        answer = self._ask({"do": "run", "file": str(path.absolute()), "way": way})
        if error := answer.get("error"):
            return Recording(error=redact(error))
        if answer["statements"] is None:
            return None
        sent = tuple(Sent(one["sql"], one["call"]) for one in answer["statements"])
        return Recording(sent, tuple(redact(text) for text in answer["errors"]))

    def load(self, folder: Path) -> str:
        """Find the modules of the project; return the version of Sequelize. Raises ChatschemaError if one is missing."""
        answer = self._ask({"do": "load"})
        if missing := answer.get("missing"):
            raise ChatschemaError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for {folder}",
                f"install the packages of the project, or in its folder: npm install {' '.join(missing)}",
                code="strangers.node-modules",
            )
        if error := answer.get("error"):
            raise ChatschemaError(f"Sequelize cannot be loaded: {error}", "reinstall it: npm ci", code="strangers.node")
        return str(answer["version"])

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            self._questions.write(json.dumps(question).encode() + b"\n")
        except BrokenPipeError:
            self._fail("ended", question)
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            if not selector.select(LONGEST_S):
                self._fail(f"did not end within {LONGEST_S:.0f} s", question)
        line = self._answers.readline()
        if not line:
            self._fail("ended", question)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _fail(self, what: str, question: dict[str, Any]) -> None:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()[-5:]
        at = f" in {Path(question['file']).name}" if "file" in question else ""
        said = "\n".join(["", *(f"  {redact(line)}" for line in lines)])
        raise ChatschemaError(
            f"node {what}{at}{said.rstrip()}",
            "try the migration with sequelize-cli on an empty database; it may end the process, or wait for something",
            code="strangers.node",
        )


@contextmanager
def recorder(folder: Path) -> Iterator[Recorder]:
    """Yield a process that runs the migrations of this folder. Raises ChatschemaError if node or a module is missing."""
    program = shutil.which("node")
    if program is None:
        raise ChatschemaError(
            "the migrations of sequelize-cli are programs, and node is not installed",
            "install Node.js 18 or later, and the packages of the project: npm ci",
            code="strangers.node",
        )
    reading, writing = os.pipe()
    command = [program, str(_PROGRAM), str(folder.absolute()), str(writing)]
    asking, questions = os.pipe()
    with tempfile.TemporaryFile() as log, os.fdopen(reading, "rb") as answers, os.fdopen(questions, "wb", 0) as questioning:
        process = subprocess.Popen(command, stdin=asking, stdout=log, stderr=log, pass_fds=(writing,), cwd=folder)
        os.close(writing)
        os.close(asking)
        try:
            found = Recorder(questioning, answers, log)
            found.load(folder)
            yield found
        finally:
            process.kill()
            process.wait()
