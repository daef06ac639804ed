"""A program that runs beside the others: started, watched until it answers, stopped, killed."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from .account import Account

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20


class StartError(Exception):
    """A program did not start; the text has the end of its log."""


class Child:
    """One program of the stack. It has a session of its own, so that Ctrl-C reaches only whoever stops all in order."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        is_ready: Callable[[], bool],
        cwd: Path,
        env: Mapping[str, str] | None = None,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        kill_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """`stop_signal` asks it to end, `kill_signal` makes it crash."""
        self.name, self.command, self.log, self.is_ready, self.cwd = name, [str(part) for part in command], log, is_ready, cwd
        self.env, self.account, self.stop_signal, self.kill_signal = (
            {**os.environ, **(env or {})},
            account or Account(),
            stop_signal,
            kill_signal,
        )
        # Whoever starts or ends it holds this: it is not restarted in the middle of a fault.
        self.lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self.is_wanted = False
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process id, None if it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it and wait until it answers. Raises StartError."""
        with self.lock, self.log.open("ab") as log:
            if self._is_closed:
                raise StartError(f"{self.name} is not started any more: all is being stopped")
            self.is_wanted = True
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd, env=self.env, start_new_session=True,
                user=self.account.uid, group=self.account.gid, extra_groups=None if self.account.uid is None else [],
            )  # fmt: skip
            deadline = time.monotonic() + START_TIMEOUT_S
            while not self.is_ready():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise StartError(f"{self.name} does not start:\n{self._tail()}")
                time.sleep(0.05)

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        with self.lock:
            self.is_wanted = False
            self._end(self.stop_signal)

    def close(self) -> None:
        """End it for good: whoever waits for the lock, to start it after a fault or because it ended, does not."""
        with self.lock:
            self._is_closed = True
            self.stop()

    def revive(self, pause_s: float) -> bool:
        """Start it after a pause if it ended by itself and nobody else is at it; return whether it had. Raises StartError."""
        if not self.lock.acquire(blocking=False):
            return False
        try:
            # Asked with the lock: it may have been stopped since.
            if not self.is_wanted or self.pid is not None:
                return False
            time.sleep(pause_s)
            self.start()
            return True
        finally:
            self.lock.release()

    def crash(self) -> None:
        """End it without a chance to tidy up."""
        with self.lock:
            self.is_wanted = False
            self._end(self.kill_signal)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program and all that it started."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _end(self, number: signal.Signals) -> None:
        """End the program, and what it had started: a Redis that is killed leaves the process that writes its file."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(number)
            # A frozen one would not hear of it.
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._process = None

    def _tail(self, lines: int = 8) -> str:
        return "\n".join(f"  {line}" for line in self.log.read_text("utf-8", "replace").splitlines()[-lines:])
