"""All of it together: what is started in which order, where it listens, and what is restarted when it ends."""

import dataclasses
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from . import account, application, database, leftovers, pooler, ports, programs, redis
from .child import Child, StartError
from .control import Control
from .faults import Faults
from .postgres import Postgres

FOLDER = application.PACKAGE / ".stack"
RESTART_PAUSE_S = 0.3
PASSWORDS = ("setup", "api", "worker", "jwt")


@dataclasses.dataclass(frozen=True)
class Options:
    """`server` is "embedded" or "system"; `delay` is how far the standby stays behind; with `port` 0 all ports are free ones.

    Without `is_durable` PostgreSQL does not wait for the disk: for tests.
    """

    folder: Path = FOLDER
    server: str = "embedded"
    delay: str = "300ms"
    port: int = 3000
    processes: int = 2
    with_page: bool = True
    is_durable: bool = True


class Stack:
    """A context manager: everything runs inside, nothing afterwards."""

    def __init__(self, options: Options, say: Any = print) -> None:
        """`say` prints a line of progress."""
        self.options, self.say = options, say
        self.children: dict[str, Child] = {}
        self.state: dict[str, Any] = {}
        self._control: Control | None = None
        self._lock: IO[str] | None = None
        self._postgres: tuple[Postgres, ...] = ()
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        """Start all. Raises MissingError, StartError or RuntimeError; nothing runs then."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Stop all."""
        self.stop()

    def _start(self) -> None:
        found = programs.find(self.options.server)
        folder, who = self.options.folder.resolve(), account.of_servers()
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
        who.reach(folder)
        who.reach(found.postgres)
        self._lock = leftovers.claim(folder)
        leftovers.end(folder)
        if application.install(found):
            self.say("installed the packages of package-lock.json")
        passwords, at = self._passwords(folder), {name: ports.free() for name in ("primary", "standby", "pgbouncer", "redis")}
        primary, standby = self._servers(Postgres("", folder, 0, found, who), at, passwords)
        self._run(pooler.child(folder, at["pgbouncer"], (at["primary"], at["standby"]), passwords, found, who, logs))
        self._run(redis.child(folder, at["redis"], found, logs))
        env = {
            "API_URL": database.url(at["pgbouncer"], "api", passwords["api"]),
            "API_REPLICA_URL": database.url(at["pgbouncer"], "api", passwords["api"], "chat_replica"),
            "WORKER_URL": database.url(at["pgbouncer"], "worker", passwords["worker"]),
            "REDIS_URL": f"redis://127.0.0.1:{at['redis']}",
            "JWT_SECRET": passwords["jwt"],
        }
        has_page = self.options.with_page and application.build_page(found)
        apis = self._processes(application.Application(found, logs, env))
        self.faults = Faults(folder, self.children, primary, standby)
        self._control = Control(self.faults)
        self.state = {
            "pid": os.getpid(),
            "api": [f"http://127.0.0.1:{port}" for port in apis],
            "control": self._control.url,
            "hasPage": has_page,
            "owner": database.url(at["primary"], "setup", passwords["setup"]),
            "folder": str(folder),
            "ports": at,
            "superuser": {"sockets": str(primary.sockets), "port": primary.port},
            **env,
        }
        (folder / "state.json").touch(mode=0o600)
        (folder / "state.json").write_text(json.dumps(self.state, indent=2))
        threading.Thread(target=self._keep_running, daemon=True).start()

    def _servers(self, like: Postgres, at: dict[str, int], passwords: dict[str, str]) -> tuple[Postgres, Postgres]:
        """Start the primary, with its database, and the standby."""
        on_disk = () if self.options.is_durable else ("fsync=off",)
        late = f"recovery_min_apply_delay={self.options.delay}"
        primary = dataclasses.replace(like, name="primary", port=at["primary"], settings=on_disk)
        standby = dataclasses.replace(like, name="standby", port=at["standby"], settings=(late, *on_disk))
        logs = like.folder / "logs"
        self._postgres = (primary, standby)
        primary.create()
        self._run(primary.child(logs))
        database.prepare(primary, passwords, like.folder)
        self.say("migrated the database, applied the roles, recording changes as events")
        standby.copy(primary)
        self._run(standby.child(logs))
        return primary, standby

    def _processes(self, chat: application.Application) -> list[int]:
        """Start the worker and the API processes, and return the ports of these."""
        self._run(chat.worker())
        apis = [self.options.port + number if self.options.port else ports.free() for number in range(self.options.processes)]
        for number, port in enumerate(apis, 1):
            if ports.is_taken(port):
                raise StartError(f"port {port} is in use: choose another one with --port, or 0 for any")
            self._run(chat.api(number, port))
        return apis

    def stop(self) -> None:
        """Stop all, the last one first, also where one of them does not end as it should."""
        self._is_over.set()
        with ExitStack() as last_first:
            last_first.callback(self._release)
            for child in self.children.values():
                last_first.callback(child.close)
            if self._control:
                last_first.callback(self._control.close)

    def _release(self) -> None:
        """Let the next stack have the folder, in which nothing runs any more."""
        if not self._lock:
            return
        # One that was started just as somebody interrupted this process is nobody's child.
        leftovers.end(self.options.folder.resolve())
        for server in self._postgres:
            with suppress(OSError):
                server.sockets.rmdir()
        (self.options.folder / "state.json").unlink(missing_ok=True)
        self._lock.close()

    def fault(self, name: str, down: float = 0.0) -> None:
        """Do what `python -m examples.pern.stack fault NAME` does."""
        self.faults.run(name, down)

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Keep one of the programs stopped for a while."""
        child = self.children[name]
        with child.lock:
            child.stop()
            yield
            child.start()

    def _run(self, child: Child) -> None:
        self.children[child.name] = child
        child.start()

    def _keep_running(self) -> None:
        """Restart what ended by itself: a crash of one program is no end of the others."""
        while not self._is_over.wait(0.2):
            for child in self.children.values():
                try:
                    if child.revive(RESTART_PAUSE_S):
                        self.say(f"{child.name} had ended, and was restarted")
                except StartError as error:
                    self.say(str(error))

    @staticmethod
    def _passwords(folder: Path) -> dict[str, str]:
        """Return the passwords of this folder, made at its first start."""
        file = folder / "passwords.json"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(json.dumps({name: secrets.token_hex(24) for name in PASSWORDS}))
        found: dict[str, str] = json.loads(file.read_text())
        return found
