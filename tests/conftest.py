"""What every test has: a real server, a database of its own, and the real command."""

import gc
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, node
from tests.support.cli import Cli, Result, run_cli
from tests.support.database import Database, create
from tests.support.servers import PgServer, chosen

pytest_plugins = ("tests.support.pace", "tests.support.distributed")


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


@pytest.fixture
def empty(server: PgServer) -> Iterator[Database]:
    """An empty database."""
    yield from create(server, f"empty_{uuid.uuid4().hex[:12]}")


def _template(server: PgServer, folder: Path, name: str, *commands: list[str]) -> Iterator[str]:
    if server.name == "citus":
        from tests.support import distributed

        yield from distributed.template(folder, *commands)
        return
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
    from tests.support.months import aged_template

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


def pytest_collection_finish() -> None:
    # Thousands of tests that stay to the end: the garbage collector need not look at them again and again.
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["versions"] = sorted(_versions)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _versions.update(getattr(node, "workeroutput", {}).get("versions", []))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"tested on {', '.join(sorted(_versions)) or 'no server'}")


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the application beside chatschema runs, and the scripts of tests/sequelize."""
    return node.installed(tmp_path_factory.mktemp("sequelize"))
