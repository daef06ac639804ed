"""A pool that other programs use: through a Unix socket, with a line of text for a request and a line of JSON for the answer.

    take          a database, for as long as the connection is open
    take keep     a database, until somebody gives it back
    give NAME     the database is dropped
    status        how many databases are ready and taken
    stop          all databases are dropped, and the pool ends

An error is an answer as well: {"error": {"code", "message", "hint"}}.
"""

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chatschema.errors import ChatschemaError, UsageError
from chatschema.task.pooling import Clone, Pool

_FILE = "pool.json"
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a pool is: its socket, its process, and its server in words."""

    socket: str
    pid: int
    server: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many databases of a pool are ready, and how many are in use."""

    ready: int
    taken: int


def find(state_dir: Path) -> Address | None:
    """Return the pool that runs for this folder, or None."""
    try:
        address = Address(**json.loads((state_dir / _FILE).read_text("utf-8")))
        with _connected(address):
            return address
    except (OSError, ValueError, TypeError):
        return None


def ask(address: Address, request: str) -> dict[str, Any]:
    """Return the answer to one request. Raises ChatschemaError with the pool's own message, or if it does not answer."""
    try:
        with _connected(address) as connection, connection.makefile("rw", encoding="utf-8") as lines:
            lines.write(request + "\n")
            lines.flush()
            answer: dict[str, Any] = json.loads(lines.readline())
    except (OSError, ValueError) as error:
        text = f"the pool of databases does not answer: {error}"
        raise ChatschemaError(text, "start it again: chatschema ci pool start", code="pool.no-answer") from None
    if "error" in answer:
        found = answer["error"]
        raise ChatschemaError(found["message"], found["hint"], code=found["code"])
    return answer


def serve(pool: Pool, state_dir: Path, path: Path, server: str, ready: Callable[[Address], None]) -> None:
    """Answer requests until somebody asks to stop, or the process is ended; `ready` is called once it answers."""
    path.unlink(missing_ok=True)
    with _Server(str(path), pool) as running:
        address = Address(str(path), os.getpid(), server)
        (state_dir / _FILE).write_text(json.dumps(asdict(address)) + "\n", "utf-8")
        try:
            ready(address)
            running.serve_forever(poll_interval=0.2)
        finally:
            (state_dir / _FILE).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, pool: Pool) -> None:
        super().__init__(path, _Handler)
        self.pool = pool


class _Handler(socketserver.StreamRequestHandler):
    """One connection: the databases that it took without `keep` are given back at its end, also when its process was killed."""

    server: _Server

    def handle(self) -> None:
        own: list[Clone] = []
        try:
            for line in self.rfile:
                answer = self._answer(line.decode("utf-8", "replace").split(), own)
                self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass
        finally:
            for clone in own:
                self.server.pool.give(clone)

    def _answer(self, words: list[str], own: list[Clone]) -> dict[str, Any]:
        pool = self.server.pool
        try:
            match words:
                case ["take", *rest] if rest in ([], ["keep"]):
                    clone = pool.take()
                    clone.connection.close()
                    if not rest:
                        own.append(clone)
                    return {"database": clone.name, "url": clone.url}
                case ["give", name]:
                    pool.give(_taken(pool, name))
                    return {"database": name}
                case ["status"]:
                    return asdict(Counts(pool.ready, len(pool.taken)))
                case ["stop"]:
                    threading.Thread(target=self.server.shutdown).start()
                    return {}
            raise UsageError("the pool knows take, take keep, give NAME, status and stop", code="pool.request")
        except ChatschemaError as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}


def _taken(pool: Pool, name: str) -> Clone:
    """Return the taken clone of this name, or of this URL. Raises UsageError."""
    for clone in list(pool.taken.values()):
        if name in (clone.name, clone.url):
            return clone
    raise UsageError("no database of this name was taken from the pool", "take one: chatschema ci pool take", code="pool.unknown")


def _connected(address: Address) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_TIMEOUT_S)
    try:
        connection.connect(address.socket)
    except OSError:
        connection.close()
        raise
    return connection
