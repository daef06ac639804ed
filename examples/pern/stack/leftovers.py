"""One stack in a folder at a time, and none of the programs of one whose own process was killed."""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from .child import StartError


def claim(folder: Path) -> IO[str]:
    """Return an open file that claims the folder until it is closed; the kernel closes that of a killed process."""
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StartError(f"it runs already: {folder / 'state.json'} has its addresses") from None
    return lock


def end(folder: Path) -> None:
    """End programs that were started in this folder and whose starter is gone: each names or is in the folder."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        found = _of(folder)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + 5
        while found and _of(folder) and time.monotonic() < deadline:
            time.sleep(0.1)


def _of(folder: Path) -> list[int]:
    """Return the processes; none on a system without /proc."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = entry.read_bytes().decode("utf-8", "replace").split("\0")
            if not Path(words[0]).name.startswith(("postgres", "pgbouncer", "redis-server", "redis-aof-rewrite", "node")):
                continue
            # Redis puts a title in the place of its command, and keeps the folder that it works in.
            names = [*words[1:], str((entry.parent / "cwd").readlink())]
            if any(name == str(folder) or name.startswith(f"{folder}{os.sep}") for name in names):
                pids.append(int(entry.parent.name))
    return pids
