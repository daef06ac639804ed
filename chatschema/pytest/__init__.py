"""The pytest plugin: `chat_database`, a fresh migrated database for each test, and `chat_connection`, a connection to it.

A project that uses neither pays nothing: the rest of chatschema is imported by the first test that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from chatschema.pytest.notes import NOTES

if TYPE_CHECKING:
    import psycopg

    from chatschema.pytest.run import Run


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each with its key for the configuration file."""
    group = parser.getgroup("chatschema")
    server = "Server for tests: auto (CHATSCHEMA_TEST_URL, else a container, else embedded), container, embedded, or a URL."
    seeds = 'Demo data of the databases: names of seeders divided by blanks, or "all". None by default.'
    group.addoption("--chatschema-server", metavar="PLACE", help=server)
    group.addoption("--chatschema-seeds", metavar="NAMES", help=seeds)
    parser.addini("chatschema_server", server, default="auto")
    parser.addini("chatschema_seeds", seeds, type="args", default=[])
    parser.addini("chatschema_warm", "Databases that each worker makes ahead.", default="4")
    parser.addini("chatschema_keep", "Databases of failed tests that each worker keeps.", default="3")


@pytest.fixture(scope="session")
def chatschema_run(pytestconfig: pytest.Config) -> Iterator[Run]:
    """Provide the server and the pool of databases of this worker, from the first test that uses them."""
    from chatschema.pytest.run import running

    with running(pytestconfig) as run:
        yield run


@pytest.fixture
def chat_database(chatschema_run: Run, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a database of this test alone: migrated, without rows unless seeds are asked for."""
    clone = chatschema_run.take(request.node)
    if "chat_connection" not in request.fixturenames:
        clone.connection.close()
    yield clone.url
    chatschema_run.give(request.node)


@pytest.fixture
def chat_connection(
    chat_database: str,  # noqa: ARG001  # taken before the connection, and given back after it
    chatschema_run: Run,
    request: pytest.FixtureRequest,
) -> Iterator[psycopg.Connection[Any]]:
    """Return a psycopg connection to `chat_database`: psycopg's defaults, and no statement run yet."""
    with chatschema_run.connection(request.node) as connection:
        yield connection


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the notes of a worker of pytest-xdist to the controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["chatschema"] = session.config.stash.get(NOTES, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the notes of a worker."""
    notes = node.config.stash.setdefault(NOTES, [])
    notes += [note for note in getattr(node, "workeroutput", {}).get("chatschema", []) if note not in notes]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the notes; there are none where no test used a database."""
    for note in terminalreporter.config.stash.get(NOTES, []):
        terminalreporter.write_line(f"chatschema: {note}")
