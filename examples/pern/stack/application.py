"""The application's own programs: its packages, the web page, the API processes and the worker."""

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from . import ports
from .child import Child
from .programs import Programs

PACKAGE = Path(__file__).resolve().parent.parent


@dataclasses.dataclass(frozen=True)
class Application:
    """Where the application's programs find what they need. `env` has the addresses and secrets that server/config.ts reads."""

    programs: Programs
    logs: Path
    env: dict[str, str]

    def api(self, number: int, port: int) -> Child:
        """Return an API process; it also serves the web page."""
        url = f"http://127.0.0.1:{port}/api/health"
        return self._node(
            f"api{number}", "server/api.ts", {"PORT": str(port), "PROCESS_NAME": f"api{number}"}, lambda: ports.serves(url)
        )

    def worker(self) -> Child:
        """Return the worker: it writes delivery statuses and follows the events."""
        ready = self.logs / "worker.ready"
        ready.unlink(missing_ok=True)
        return self._node("worker", "server/worker.ts", {"READY_FILE": str(ready), "PROCESS_NAME": "worker"}, ready.exists)

    def _node(self, name: str, file: str, extra: dict[str, str], is_ready: Callable[[], bool]) -> Child:
        # The folder is for stack/leftovers.py.
        command: list[str | Path] = [self.programs.node, "--enable-source-maps", "--import", "tsx", file, self.logs.parent]
        return Child(name, command, log=self.logs / f"{name}.log", is_ready=is_ready, cwd=PACKAGE, env={**self.env, **extra})


def is_installed() -> bool:
    """Whether the packages of the lock file are there."""
    installed = PACKAGE / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (PACKAGE / "package-lock.json").stat().st_mtime


def install(programs: Programs) -> bool:
    """Install the packages of the lock file unless they are; return whether it had to."""
    if is_installed():
        return False
    _npm(programs, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    return True


def build_page(programs: Programs) -> bool:
    """Build the web page unless it is newer than its sources; return False where there are no sources."""
    sources = [
        path
        for folder in ("web", "shared")
        for path in (PACKAGE / folder).rglob("*")
        if "dist" not in path.parts and path.is_file()
    ]
    if not (PACKAGE / "web" / "index.html").exists():
        return False
    built = PACKAGE / "web" / "dist" / "index.html"
    if not built.exists() or built.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        _npm(programs, "run", "--silent", "build")
    return True


def _npm(programs: Programs, *command: str) -> None:
    done = subprocess.run(
        [programs.npm, *command],
        cwd=PACKAGE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    if done.returncode:
        raise RuntimeError(f"npm {' '.join(command)} failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")
