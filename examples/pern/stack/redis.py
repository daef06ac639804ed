"""Redis: caches, queue and presence."""

import shutil
from pathlib import Path

from . import ports
from .child import Child
from .programs import Programs


def child(folder: Path, port: int, programs: Programs, logs: Path) -> Child:
    """Return the program. A queue must not lose keys for want of memory, and a floor beside a cache neither: noeviction."""
    home = folder / "redis"
    home.mkdir(exist_ok=True)
    return Child(
        "redis",
        [
            programs.redis, "--port", str(port), "--bind", "127.0.0.1", "--dir", home, "--appendonly", "yes", "--save", "",
            "--maxmemory", "256mb", "--maxmemory-policy", "noeviction",
        ],
        log=logs / "redis.log", is_ready=lambda: ports.says(port, b"PING\r\n", b"+PONG"), cwd=home,
    )  # fmt: skip


def remember(folder: Path) -> None:
    """Copy what is on the disk now, so that `forget` can put it back."""
    shutil.rmtree(folder / "redis-remembered", ignore_errors=True)
    shutil.copytree(folder / "redis", folder / "redis-remembered")


def forget(folder: Path, *, back_to_remembered: bool) -> None:
    """Let a stopped Redis come back empty, or with what it had at `remember`."""
    shutil.rmtree(folder / "redis", ignore_errors=True)
    if back_to_remembered:
        shutil.copytree(folder / "redis-remembered", folder / "redis")
    else:
        (folder / "redis").mkdir()
