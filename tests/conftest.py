"""What every test has: a real server, a database of its own, and the real command."""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import commands
import psycopg
import pytest
from servers import PgServer, chosen

pytest_plugins = ("pace",)
ROOT = Path(__file__).resolve().parent.parent
SCRUBBED = ("DATABASE_URL", "CHATSCHEMA_ENV", "CHATSCHEMA_VERBOSE", "NO_COLOR", "COLUMNS", "CI")


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return stdout as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Database:
    """A database of one test."""

    server: PgServer
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.url, autocommit=True)

    def all(self, query: str, *params: object) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query.encode(), params or None).fetchall()

    def one(self, query: str, *params: object) -> Any:
        row = self.all(query, *params)[0]
        return row[0] if len(row) == 1 else row

    def run(self, query: str, *params: object) -> None:
        with self.connect() as connection:
            connection.execute(query.encode(), params or None)


def clean_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which nothing points at a server."""
    kept = {k: v for k, v in os.environ.items() if k not in SCRUBBED and not k.startswith(("PG", "DB_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **(extra or {})}


def run_cli(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, stdin: str | None = None, timeout: float = 120
) -> Result:
    """Run the real command in a process of its own."""
    done = commands.run([*arguments], cwd=cwd, env=clean_environment(env), stdin=stdin or "", timeout=timeout)
    return Result(done.returncode, done.stdout, done.stderr)


Cli = Callable[..., Result]


@pytest.fixture(scope="session")
def server() -> Iterator[PgServer]:
    with chosen() as running:
        _versions.add(f"PostgreSQL {running.version // 10000}.{running.version % 10000} ({running.name})")
        yield running


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Run the command in an empty folder."""

    def run(*arguments: str, **options: Any) -> Result:
        return run_cli(*arguments, **{"cwd": tmp_path, **options})

    return run


def create(server: PgServer, name: str, template: str = "template1") -> Iterator[Database]:
    with server.connect("postgres") as admin:
        admin.execute(f"create database {name} template {template}".encode())
    yield Database(server, name)
    with server.connect("postgres") as admin:
        admin.execute(f"drop database if exists {name} with (force)".encode())


@pytest.fixture
def empty(server: PgServer) -> Iterator[Database]:
    """An empty database."""
    yield from create(server, f"empty_{uuid.uuid4().hex[:12]}")


def _template(server: PgServer, folder: Path, name: str, *commands: list[str]) -> Iterator[str]:
    for database in create(server, f"{name}_{uuid.uuid4().hex[:8]}"):
        for command in commands:
            done = run_cli(*command, "--url", database.url, cwd=folder)
            assert done.code == 0, done.err
        yield database.name


@pytest.fixture(scope="session")
def migrated_template(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _template(server, tmp_path_factory.mktemp("migrated"), "migrated_template", ["migrate"])


@pytest.fixture(scope="session")
def seeded_template(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from _template(server, tmp_path_factory.mktemp("seeded"), "seeded_template", ["migrate"], ["seed"])


@pytest.fixture
def migrated(server: PgServer, migrated_template: str) -> Iterator[Database]:
    """A migrated database without rows."""
    yield from create(server, f"migrated_{uuid.uuid4().hex[:12]}", migrated_template)


@pytest.fixture
def seeded(server: PgServer, seeded_template: str) -> Iterator[Database]:
    """A migrated database with the demo data."""
    yield from create(server, f"seeded_{uuid.uuid4().hex[:12]}", seeded_template)


@pytest.fixture(scope="session")
def aged_template(server: PgServer, migrated_template: str) -> Iterator[str]:
    from months import aged_template

    yield from aged_template(server, migrated_template, f"aged_template_{uuid.uuid4().hex[:8]}")


@pytest.fixture
def aged(server: PgServer, aged_template: str) -> Iterator[Database]:
    """A migrated database with two old months, 2024-01 and 2024-02, of 300 messages each."""
    yield from create(server, f"aged_{uuid.uuid4().hex[:12]}", aged_template)


@pytest.fixture
def sql_dir(tmp_path: Path) -> Path:
    """A copy of sql/ that the test may damage."""
    copy = tmp_path / "sql"
    shutil.copytree(ROOT / "sql", copy)
    return copy


# Which servers the tests really ran on; with pytest-xdist each worker tells the controller.
_versions: set[str] = set()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["versions"] = sorted(_versions)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _versions.update(getattr(node, "workeroutput", {}).get("versions", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"tested on {', '.join(sorted(_versions)) or 'no server'}")
