"""The process of the users (main.ts): it tells how far it is, and is told to go on."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

from examples.pern.stack.application import PACKAGE

PATIENCE_S = 900


class Users:
    """The running process. A context manager that ends it."""

    def __init__(self, node: str, options: dict[str, Any], log: Path) -> None:
        """Start it; `options` are those of main.ts."""
        command = [node, "--enable-source-maps", "--import", "tsx", "simulation/main.ts", json.dumps(options)]
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, cwd=PACKAGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._log = log
        self._told: dict[str, dict[str, Any]] = {}
        self._news = threading.Condition()
        self.sent = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        """Nothing to do: it runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def go_on(self) -> None:
        """Let it do the next step."""
        if self._process.stdin:
            self._process.stdin.write("go on\n")
            self._process.stdin.flush()

    def wait(self, step: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until it tells that it is at a step. Raises RuntimeError if it ends or says nothing."""
        with self._news:
            self._news.wait_for(lambda: step in self._told or self._process.poll() is not None, patience_s)
            if step in self._told:
                return self._told[step]
        raise RuntimeError(f"the users did not get to {step}, after {self.sent} messages:\n{self._log.read_text()[-2000:]}")

    def wait_for_sent(self, count: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until so many messages were acknowledged. Raises RuntimeError."""
        with self._news:
            self._news.wait_for(lambda: self.sent >= count or self._process.poll() is not None, patience_s)
        if self.sent < count:
            raise RuntimeError(f"only {self.sent} messages were sent:\n{self._log.read_text()[-2000:]}")

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)
            with self._news:
                if said["at"] == "sent":
                    self.sent = said["count"]
                self._told[said["at"]] = said
                self._news.notify_all()
        self._process.wait()
        with self._news:
            self._news.notify_all()
