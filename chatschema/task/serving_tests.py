"""The server for tests: one that is named, a container where an engine answers, or an embedded one that ignores crashes."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from chatschema import config
from chatschema.errors import ChatschemaError, UsageError
from chatschema.postgres import Say
from chatschema.server import embedded, lifecycle
from chatschema.values import Settings

AUTO, CONTAINER = "auto", "container"
IMAGE = "postgres:18"
_FOLDER = "tests"
# Each database is hundreds of files, created and removed: in memory that takes a third of the time.
_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 << 30  # noqa: S108  # its own folder is checked


@dataclass(frozen=True, slots=True)
class Place:
    """The settings of a server for tests, and what it is in words; `folder` is that of the embedded one, None for another.

    `stays`: whether the server and its databases are still there after the run.
    """

    settings: Settings
    words: str
    folder: Path | None = None
    stays: bool = True


@contextmanager
def serving(wanted: str, project: Path, environ: Mapping[str, str], *, say: Say) -> Iterator[Place]:
    """Yield the running server that `wanted` names: auto, container, embedded or a URL; it is stopped by its last user.

    auto is CHATSCHEMA_TEST_URL, else a container, else the embedded server. DATABASE_URL is not read: it may be production.
    Migrations and seeders are those of chatschema.toml in the folder `project`. Raises UsageError and CannotConnect.
    """
    url = environ.get("CHATSCHEMA_TEST_URL") if wanted == AUTO else None
    if url or wanted not in (AUTO, CONTAINER, config.EMBEDDED):
        where = "CHATSCHEMA_TEST_URL" if url else "the server for tests"
        yield Place(_settings(project, environ, config.from_url(url or wanted, where)), where)
    elif wanted == CONTAINER or (wanted == AUTO and _engine_answers()):
        with _container(project, environ.get("CHATSCHEMA_TEST_IMAGE", IMAGE), say) as conninfo:
            yield Place(_settings(project, environ, conninfo), "a container", stays=False)
    else:
        folder = home(project)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid != os.geteuid():
            raise ChatschemaError(f"{folder} belongs to another user", f"remove it: rm -r {folder}", code="embedded.sockets")
        with lifecycle.in_use(folder, say=lambda _: None, is_durable=False) as conninfo:
            yield Place(_settings(project, environ, conninfo), "the embedded server", folder)


def home(project: Path) -> Path:
    """Return the folder of the embedded server for the tests of a project, existing or not: in memory where there is room."""
    on_disk = project / config.STATE_DIR / _FOLDER
    has_room = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    folder = _MEMORY / f"chatschema-{os.geteuid()}-{_digest(project)}"
    return on_disk if on_disk.is_dir() or not (has_room or folder.is_dir()) else folder


def keep_running(folder: Path, run: str) -> None:
    """Leave the embedded server running after its last user, until another run begins: somebody wants to look at a database."""
    embedded.locate(folder).keep.write_text(run)


def let_stop(folder: Path, run: str) -> None:
    """Let the embedded server stop with its last user, unless this `run` asked to keep it."""
    mark = embedded.locate(folder).keep
    if mark.exists() and mark.read_text() != run:
        mark.unlink(missing_ok=True)


def remove(project: Path) -> bool:
    """Stop the embedded server for the tests of a project and remove its data; return False while a run uses it."""
    folder = home(project)
    return not (folder / "start.lock").exists() or lifecycle.remove(folder)


def _settings(project: Path, environ: Mapping[str, str], conninfo: str) -> Settings:
    known = {name: value for name, value in environ.items() if name.startswith("CHATSCHEMA_VAR_")}
    plain = config.load(url=config.EMBEDDED, environ=known, folder=project)
    return replace(plain, conninfo=conninfo, embedded=None, source="the server for tests")


def _engine_answers() -> bool:
    """Return whether testcontainers is installed and finds a container engine."""
    if importlib.util.find_spec("testcontainers") is None or importlib.util.find_spec("docker") is None:
        return False
    import docker

    try:
        docker.from_env(timeout=5).ping()
    except Exception:  # noqa: BLE001  # no engine, or one that does not let us in
        return False
    return True


@contextmanager
def _container(project: Path, image: str, say: Say) -> Iterator[str]:
    """Yield the address of a container that all workers of a run share: the first starts it, and stops it after the others."""
    folder = Path(tempfile.gettempdir()) / f"chatschema-tests-{os.geteuid()}-{_digest(project)}"
    folder.mkdir(mode=0o700, exist_ok=True)
    address = folder / "address"
    with (folder / "users.lock").open("a") as users:
        with (folder / "start.lock").open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            container = _started(image, say) if _is_alone(users) else None
            if container is not None:
                address.write_text(_address_of(container))
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield address.read_text()
        finally:
            if container is not None:
                fcntl.flock(users, fcntl.LOCK_EX)
                container.stop()


def _is_alone(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _started(image: str, say: Say) -> Any:
    if importlib.util.find_spec("testcontainers") is None:
        raise UsageError("a container needs the package testcontainers", "pip install testcontainers", code="pool.no-containers")
    from testcontainers.community.postgres import PostgresContainer

    say(f"starting a container of {image}")
    container = PostgresContainer(image, username="postgres", password="postgres", dbname="postgres", driver=None)  # noqa: S106
    container.with_command("postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off")
    return container.start()


def _address_of(container: Any) -> str:
    host, port = container.get_container_host_ip(), container.get_exposed_port(5432)
    return config.from_url(f"postgresql://postgres:postgres@{host}:{port}/postgres", "the container")


def _digest(project: Path) -> str:
    return hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
