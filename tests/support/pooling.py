"""A connection pooler like PgBouncer: clients share server processes, for a transaction at a time or for their whole session."""

import os
import select
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.support.database import Database
from tests.support.servers import PgServer

_SSL, _GSSENC, _CANCEL = 80877103, 80877104, 80877102
_STATUS = ("server_version", "server_encoding", "client_encoding", "standard_conforming_strings", "integer_datetimes")


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


@dataclass
class Process:
    """A server process: psycopg has logged in, we do the talking."""

    connection: "psycopg.Connection[tuple[object, ...]]"
    socket: socket.socket


@dataclass
class Pool:
    """The processes that are free. The one that came back last is given out first, or they take turns."""

    database: Database
    size: int
    keeps_sessions: bool
    in_turn: bool = False
    free: "deque[Process]" = field(default_factory=deque)
    made: list[Process] = field(default_factory=list)
    clients: list[threading.Thread] = field(default_factory=list)
    change: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> Process:
        with self.change:
            while not self.free and len(self.made) >= self.size:
                self.change.wait()
            if self.free:
                return self.free.popleft() if self.in_turn else self.free.pop()
            self.add()
            return self.free.pop()

    def add(self) -> None:
        """Start one more process."""
        connection = psycopg.connect(self.database.url, autocommit=True, sslmode="disable", gssencmode="disable")
        process = Process(connection, socket.socket(fileno=os.dup(connection.fileno())))
        process.socket.setblocking(True)
        process.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.made.append(process)
        self.free.append(process)

    def close(self) -> None:
        """End the processes, once the clients have gone and their processes are cleaned."""
        for client in self.clients:
            client.join(5)
        for process in self.made:
            process.socket.close()
            process.connection.close()

    def give_back(self, process: Process) -> None:
        with self.change:
            self.free.append(process)
            self.change.notify()


@contextmanager
def pooled(database: Database, *, size: int = 5, keeps_sessions: bool = False, in_turn: bool = False) -> Iterator[Database]:
    """Yield the database as it is reached through a pooler; one whose processes take turns has all of them from the beginning."""
    pool = Pool(database, size, keeps_sessions, in_turn)
    with ExitStack() as stack:
        for _ in range(size if in_turn else 1):
            pool.add()
        stack.callback(pool.close)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pool.clients.append(threading.Thread(target=_attend, args=(client, pool), daemon=True))
                pool.clients[-1].start()

        threading.Thread(target=serve, daemon=True).start()
        server = database.server
        port = listener.getsockname()[1]
        yield Database(PgServer(server.name, "127.0.0.1", port, server.user, server.password, server.version), database.name)


def _attend(client: socket.socket, pool: Pool) -> None:
    process: Process | None = None
    try:
        with client:
            if not _greet(client, pool):
                return
            unanswered = 0
            while True:
                for ready in select.select([client] if process is None else [client, process.socket], [], [])[0]:
                    kind, body = _receive(ready)
                    if ready is client:
                        if kind == b"X":
                            return
                        process = process or pool.take()
                        process.socket.sendall(_message(kind, body))
                        # A query and a Sync are answered by a ReadyForQuery each.
                        unanswered += kind in (b"Q", b"S")
                        continue
                    client.sendall(_message(kind, body))
                    if kind == b"Z":
                        unanswered -= 1
                        if body == b"I" and not unanswered and process and not pool.keeps_sessions:
                            pool.give_back(process)
                            process = None
    except OSError:
        return
    finally:
        if process:
            _clean(process)
            pool.give_back(process)


def _greet(client: socket.socket, pool: Pool) -> bool:
    """Let the client in, whoever it is, and tell it a process number of our own; return False for a request to cancel."""
    while True:
        size, code = struct.unpack("!ii", _exactly(client, 8))
        _exactly(client, size - 8)
        if code == _CANCEL:
            return False
        if code not in (_SSL, _GSSENC):
            break
        client.sendall(b"N")
    status = pool.made[0].connection.info.parameter_status
    parameters = [_message(b"S", f"{name}\0{status(name)}\0".encode()) for name in _STATUS]
    hello = [_message(b"R", struct.pack("!i", 0)), *parameters, _message(b"K", os.urandom(8)), _message(b"Z", b"I")]
    client.sendall(b"".join(hello))
    return True


def _clean(process: Process) -> None:
    """Do as PgBouncer does between two sessions: end what is open, and DISCARD ALL."""
    for query in (b"rollback\0", b"discard all\0"):
        process.socket.sendall(_message(b"Q", query))
        while _receive(process.socket)[0] != b"Z":
            pass


def _receive(source: socket.socket) -> tuple[bytes, bytes]:
    kind, size = struct.unpack("!ci", _exactly(source, 5))
    return kind, _exactly(source, size - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = source.recv(size - len(content))
        if not piece:
            raise ConnectionResetError
        content += piece
    return content
