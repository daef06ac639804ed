"""A headless Chromium that opens pages of ours and tells what they did, by the DevTools protocol over a pipe."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE_S = 30


def program() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def required() -> str:
    """Return the path of a Chromium. Where there is none, the test is left out, and in CI it fails."""
    path = program()
    if path is None:
        reason = "there is no Chromium on the PATH: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@dataclass
class Opened:
    """A page that was loaded: what it asked for and what it complained about."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Browser:
    """One window with one page."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._number, self._unread, self._session = 0, b"", ""
        self._opened = Opened()
        self._is_loaded = False
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, path: Path, *, width: int = 1280, height: int = 900, scheme: str = "light") -> Opened:
        """Load a file in a window of this size and colour scheme, and return what came of it."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._opened, self._is_loaded = Opened(), False
        self._ask("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + _PATIENCE_S
        while not self._is_loaded:
            self._hear(self._receive(deadline))
        # What the page asks for after it was loaded, such as an icon, it asks for before it is painted twice.
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
        return self._opened

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression, or the promise it makes, has become."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write what is seen, or the whole page, as PNG."""
        answer = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params, **({"sessionId": self._session} if self._session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            heard = self._receive(deadline)
            if heard.get("id") == number:
                assert "error" not in heard, f"{method}: {heard['error']}"
                result: dict[str, Any] = heard["result"]
                return result
            self._hear(heard)

    def _receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._back], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"the browser did not answer within {_PATIENCE_S} s"
            piece = os.read(self._back, 1 << 16)
            assert piece, "the browser has ended"
            self._unread += piece
        message, self._unread = self._unread.split(b"\0", 1)
        heard: dict[str, Any] = json.loads(message)
        return heard

    def _hear(self, heard: dict[str, Any]) -> None:
        params = heard.get("params", {})
        match heard.get("method"):
            case "Network.requestWillBeSent":
                self._opened.requests.append(params["request"]["url"])
            case "Log.entryAdded":
                self._opened.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled":
                self._opened.complaints.append(f"console.{params['type']}: {params['args']}")
            case "Runtime.exceptionThrown":
                self._opened.complaints.append(str(params["exceptionDetails"]))
            case "Page.loadEventFired":
                self._is_loaded = True


@contextmanager
def started(path: str) -> Iterator[Browser]:
    """Yield a browser with a profile of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chatschema-browser-", ignore_cleanup_errors=True) as profile:
        # It reads from descriptor 3 and writes to 4; ours are kept clear of both.
        (its_in, to), (back, its_out) = _pipe(), _pipe()
        null = os.open(os.devnull, os.O_RDWR)
        places = [(its_in, 3), (its_out, 4), (null, 0), (null, 1), (null, 2)]
        pid = os.posix_spawn(
            path,
            [path, *FLAGS, f"--user-data-dir={profile}"],
            {**os.environ, "HOME": profile},
            file_actions=[(os.POSIX_SPAWN_DUP2, ours, its) for ours, its in places],
            setpgroup=0,
        )
        for fd in (its_in, its_out, null):
            os.close(fd)
        try:
            yield Browser(to, back)
        finally:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(to)
            os.close(back)


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    clear = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return clear[0], clear[1]
