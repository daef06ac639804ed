"""`ci pool`: a pool in a process of its own, found by the folder that it was started in."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chatschema import config
from chatschema.database import copying
from chatschema.errors import ChatschemaError
from chatschema.postgres import Say
from chatschema.server import embedded
from chatschema.task import pool_socket, pooling, serving_tests
from chatschema.task.pool_socket import Address

_START_S = 600.0
_LOG = "pool.log"
_RUN = "ci pool"


def run(
    folder: Path, wanted: str, environ: Mapping[str, str], seeds: Sequence[str], warm: int, *,
    ready: Callable[[Address], None], say: Say,
) -> None:  # fmt: skip
    """Serve a pool for this folder until it is stopped; `ready` is called once it answers.

    Raises ChatschemaError if one runs already, and what the server and the migrations raise.
    """
    state_dir = folder / config.STATE_DIR
    with _alone(state_dir) as is_alone, serving_tests.serving(wanted, folder, environ, say=say) as place:
        if not is_alone:
            text = "a pool is already running in this folder"
            raise ChatschemaError(text, "to stop it: chatschema ci pool stop", code="pool.running")
        if place.folder:
            serving_tests.let_stop(place.folder, _RUN)
        elif pooling.is_durable(place.settings):
            say(f"{place.words} has fsync on, which makes each database slower: turn it off on a server for tests")
        template = pooling.template(place.settings, seeds, say=say)
        shares = place.folder is not None and copying.shares_blocks(place.folder)
        sockets = _sockets(state_dir)
        pool = pooling.Pool(place.settings, template, warm=warm, project=str(folder), run=_RUN, shares_blocks=shares)
        try:
            pool_socket.serve(pool, state_dir, sockets / "pool", place.words, ready)
        finally:
            pool.close()
            sockets.rmdir()


def start(folder: Path, arguments: Sequence[str], environ: Mapping[str, str]) -> Address:
    """Run `chatschema ci pool start --foreground` with these `arguments` in the background; return its address once it answers.

    One that runs already is left as it is. Raises ChatschemaError, with the end of its log, if it does not start.
    """
    state_dir = folder / config.STATE_DIR
    if found := pool_socket.find(state_dir):
        return found
    with _alone(state_dir):
        pass
    log = state_dir / _LOG
    words = [sys.executable, "-m", "chatschema", "ci", "pool", "start", "--foreground", *arguments]
    with log.open("w") as out:
        process = subprocess.Popen(
            words, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if (address := pool_socket.find(state_dir)) and address.pid == process.pid:
            return address
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.terminate()
    text = f"the pool did not start:\n{_tail(log)}"
    raise ChatschemaError(text, "repair the cause, and start it again: chatschema ci pool start", code="pool.start")


def running(folder: Path) -> Address:
    """Return the pool of this folder. Raises ChatschemaError if there is none."""
    if found := pool_socket.find(folder / config.STATE_DIR):
        return found
    raise ChatschemaError("no pool is running in this folder", "start it: chatschema ci pool start", code="pool.not-running")


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop ended: whether a pool was running, the databases that it dropped on a server that was named.

    `is_removed`: False if a run of tests still uses the embedded server.
    """

    was_running: bool
    dropped: tuple[str, ...]
    is_removed: bool


def stop(folder: Path, environ: Mapping[str, str]) -> Stopped:
    """Stop the pool of this folder, drop the databases of its failed tests, and remove its embedded server for tests.

    On the server of CHATSCHEMA_TEST_URL the databases of killed runs are dropped too; templates stay.
    """
    address = pool_socket.find(folder / config.STATE_DIR)
    if address:
        pool_socket.ask(address, "stop")
        deadline = time.monotonic() + _START_S
        while not _has_ended(folder / config.STATE_DIR) and time.monotonic() < deadline:
            time.sleep(0.05)
    is_removed = embedded.bin_folder() is None or serving_tests.remove(folder)
    dropped: list[str] = []
    if environ.get("CHATSCHEMA_TEST_URL"):
        with serving_tests.serving(serving_tests.AUTO, folder, environ, say=lambda _: None) as place:
            dropped = pooling.sweep(place.settings, str(folder), None)
    return Stopped(address is not None, tuple(dropped), is_removed)


def _sockets(state_dir: Path) -> Path:
    """Return the folder of the socket, which only this user may enter; a socket's path has at most 107 bytes."""
    folder = embedded.private_folder(state_dir / "pool")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise ChatschemaError(f"{folder} belongs to another user", f"remove it: rm -r {folder}", code="embedded.sockets")
    return folder


@contextmanager
def _alone(state_dir: Path) -> Iterator[bool]:
    """Yield whether no pool runs in this folder; while the block runs, none begins. Freed by the kernel when a pool is killed."""
    state_dir.mkdir(exist_ok=True)
    (state_dir / ".gitignore").write_text("*\n")
    with (state_dir / "pool.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _has_ended(state_dir: Path) -> bool:
    with _alone(state_dir) as is_alone:
        return is_alone


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-5:]) or "  (no output)"
