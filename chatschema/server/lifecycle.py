"""Starting the server for the first command that uses it, and stopping it after the last one."""

import dataclasses
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from chatschema.errors import ChatschemaError
from chatschema.postgres import Say
from chatschema.server import process
from chatschema.server.embedded import Embedded, conninfo, locate, url
from chatschema.server.process import short
from chatschema.values import Settings


def pointed_at(settings: Settings, conninfo: str) -> Settings:
    """Return `settings` with the running embedded server as its server."""
    return dataclasses.replace(settings, conninfo=conninfo)


@contextmanager
def in_use(folder: Path, *, say: Say, is_durable: bool = True) -> Iterator[str]:
    """Yield the connection string of a running server; stop it afterwards if no other command needs it.

    Without `is_durable` it is set up as a server for tests.
    """
    embedded = locate(folder, is_durable=is_durable)
    _prepare_folder(embedded)
    with (folder / "users.lock").open("a") as users:
        try:
            with _exclusive(folder) as lock:
                fcntl.flock(users, fcntl.LOCK_SH)
                say(f"using the embedded PostgreSQL {embedded.version} in {short(folder)}")
                process.ensure_running(embedded, lock)
            yield conninfo(process.sockets(embedded))
        finally:
            with _exclusive(folder):
                if _is_last(users) and not embedded.keep.exists():
                    process.stop(embedded)


def start(folder: Path) -> Embedded:
    """Start the server unless it is running, and leave it running."""
    embedded = locate(folder)
    _prepare_folder(embedded)
    with _exclusive(folder) as lock:
        process.ensure_running(embedded, lock)
        embedded.keep.touch()
    return embedded


def stop(folder: Path) -> bool:
    """Stop the server, other commands' sessions included; return whether it was running."""
    embedded = locate(folder)
    if not embedded.data.is_dir():
        return False
    with _exclusive(folder):
        embedded.keep.unlink(missing_ok=True)
        was_running = process.pid(embedded) is not None
        if was_running:
            process.stop(embedded)
        return was_running


def remove(folder: Path) -> bool:
    """Stop the server and remove the folder with its data; return False, and do nothing, while a command uses it."""
    embedded = locate(folder, is_durable=False)
    with (folder / "users.lock").open("a") as users, _exclusive(folder):
        if not _is_last(users):
            return False
        if process.pid(embedded) is not None:
            process.stop(embedded)
        shutil.rmtree(folder, ignore_errors=True)
    return True


def url_of(folder: Path) -> str:
    """Return the URL of the server of this folder, running or not."""
    return url(process.sockets(locate(folder)))


def pid(folder: Path) -> int | None:
    """Return the process id of the running server, or None."""
    return process.pid(locate(folder))


def _prepare_folder(embedded: Embedded) -> None:
    try:
        embedded.folder.mkdir(parents=True, exist_ok=True)
        # Owner and mode stay unchanged: the folder has other files of the user. The server only needs to pass through it.
        if embedded.uid is not None:
            for path in (embedded.folder, embedded.bin):
                _let_through(path)
        (embedded.folder / "start.lock").touch()
        (embedded.folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise ChatschemaError(
            f"the embedded server cannot use {short(embedded.folder)}: {error.strerror}",
            "run the command in a folder that you can write to, or set DATABASE_URL",
            code="embedded.folder",
        ) from None


def _let_through(path: Path) -> None:
    """Let the server's system user pass (not list) the folders on the way to `path`; only root calls this."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


@contextmanager
def _exclusive(folder: Path) -> Iterator[IO[str]]:
    """Let one command at a time start or stop the server."""
    with (folder / "start.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
