"""The stack ends what it started: also what was killed, frozen, or about to be started again, and what a killed stack left."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.pern.stack import leftovers, ports, redis
from examples.pern.stack.child import Child, StartError
from examples.pern.stack.programs import Programs

# A program with a process of its own, as Redis has one that writes its file.
_PARENT = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"


def started(tmp_path: Path, code: str = _PARENT) -> tuple[Child, int]:
    """Return a running program, and the process that it has started."""
    log = tmp_path / "program.log"
    child = Child("program", [sys.executable, "-c", code], log=log, is_ready=lambda: bool(log.read_text().strip()), cwd=tmp_path)
    child.start()
    return child, int(log.read_text().split()[-1])


def is_running(pid: int) -> bool:
    """Whether it runs; a process that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("end", [Child.stop, Child.crash, Child.close])
def test_what_a_program_had_started_ends_with_it(tmp_path: Path, end: Callable[[Child], None]) -> None:
    child, other = started(tmp_path)
    end(child)
    assert child.pid is None
    assert within(5, lambda: not is_running(other))


def test_a_frozen_program_ends(tmp_path: Path) -> None:
    child, _ = started(tmp_path)
    child.send(signal.SIGSTOP)
    begun = time.monotonic()
    child.stop()
    assert time.monotonic() - begun < 5


def test_a_closed_program_is_not_started_by_who_waited_for_it(tmp_path: Path) -> None:
    child, _ = started(tmp_path)
    with child.lock:
        os.killpg(child.pid or 0, signal.SIGKILL)
        assert within(5, lambda: child.pid is None)
        revived: list[bool] = []
        waiting = threading.Thread(target=lambda: revived.append(child.revive(0)))
        waiting.start()
        waiting.join()
        child.close()
    assert revived == [False], "somebody else was at it"
    assert not child.revive(0)
    with pytest.raises(StartError, match="not started any more"):
        child.start()
    assert child.pid is None


def test_a_program_that_ended_by_itself_is_started_again(tmp_path: Path) -> None:
    child, _ = started(tmp_path)
    os.killpg(child.pid or 0, signal.SIGKILL)
    assert within(5, lambda: child.pid is None)
    assert child.revive(0)
    assert child.pid is not None
    child.close()


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server: not installed")
def test_a_redis_whose_stack_was_killed_is_ended_by_the_next_one(tmp_path: Path) -> None:
    programs = Programs(tmp_path, "", "", shutil.which("redis-server") or "", "")
    child = redis.child(tmp_path, ports.free(), programs, tmp_path)
    child.start()
    pid = child.pid or 0
    command = Path(f"/proc/{pid}/cmdline").read_text()
    assert str(tmp_path) not in command, "its title hides its folder"
    try:
        with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as other:
            leftovers.end(tmp_path)
            assert within(5, lambda: child.pid is None)
            assert other.poll() is None, "a process of somebody else was ended"
            other.kill()
    finally:
        child.close()
