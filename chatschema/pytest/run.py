"""A run of tests in one worker: its server, its pool, and the databases of tests that failed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from chatschema import postgres
from chatschema.database import copying
from chatschema.errors import ChatschemaError
from chatschema.pytest.notes import NOTES
from chatschema.redact import redact_places
from chatschema.task import pooling, serving_tests
from chatschema.task.pooling import Clone, Pool
from chatschema.task.serving_tests import Place

if TYPE_CHECKING:
    import psycopg

_CLONE = pytest.StashKey[Clone]()
_FAILED = pytest.StashKey[bool]()


class Run:
    """The pool of one worker, and how many databases of failed tests it may still keep."""

    def __init__(self, pool: Pool, place: Place, run: str, most_kept: int, notes: list[str]) -> None:
        self._pool, self._place, self._run, self._kept_left, self._notes = pool, place, run, most_kept, notes

    def take(self, node: pytest.Item) -> Clone:
        """Return a database for a test. Fails the test where none can be made."""
        try:
            clone = self._pool.take()
        except ChatschemaError as error:
            pytest.fail(f"error[{error.code}]: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), pytrace=False)
        node.stash[_CLONE] = clone
        return clone

    @contextmanager
    def connection(self, node: pytest.Item) -> "Iterator[psycopg.Connection[Any]]":
        """Yield the connection of the test's database, which was opened ahead; it is closed, never committed."""
        clone = node.stash[_CLONE]
        # A test that asks for it only while it runs has its database already, without the connection.
        connection = postgres.connect_plain(clone.url) if clone.connection.closed else clone.connection
        try:
            yield connection
        finally:
            connection.close()

    def give(self, node: pytest.Item) -> None:
        """Have the database of a test dropped; that of a failed one is kept."""
        clone = node.stash[_CLONE]
        if node.stash.get(_FAILED, False):
            self._pool.keep(clone)
            if self._place.folder:
                serving_tests.keep_running(self._place.folder, self._run)
        else:
            self._pool.give(clone)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Print the URL of a failed test's database with its report."""
        report = yield
        if report.failed and report.when != "teardown" and _CLONE in item.stash and _FAILED not in item.stash and self._kept_left:
            self._kept_left -= 1
            item.stash[_FAILED] = True
            url = redact_places(item.stash[_CLONE].url)
            report.sections.append(("chatschema", f"The database of this test is kept: {url}"))
            note = "databases of failed tests are kept until the next run; to drop them now: chatschema ci pool stop"
            if note not in self._notes:
                self._notes.append(note)
        return report


@contextmanager
def running(config: pytest.Config) -> Iterator[Run]:
    """Yield the run of this worker: its server is running, the template is built, and the pool is filling."""
    notes = config.stash.setdefault(NOTES, [])
    wanted = config.getoption("--chatschema-server") or config.getini("chatschema_server")
    seeds = config.getoption("--chatschema-seeds")
    names = seeds.split() if seeds is not None else config.getini("chatschema_seeds")
    run: str = getattr(config, "workerinput", {}).get("testrunuid") or secrets.token_hex(8)
    project = config.rootpath
    with _failing_plainly(), serving_tests.serving(wanted, project, os.environ, say=notes.append) as place:
        if place.folder:
            serving_tests.let_stop(place.folder, run)
        elif pooling.is_durable(place.settings):
            notes.append(f"{place.words} has fsync on, which makes each database slower: turn it off on a server for tests")
        template = pooling.template(place.settings, names, say=lambda _: None)
        pool = Pool(
            place.settings, template, warm=int(config.getini("chatschema_warm")), project=str(project), run=run,
            shares_blocks=place.folder is not None and copying.shares_blocks(place.folder),
        )  # fmt: skip
        own = Run(pool, place, run, int(config.getini("chatschema_keep")) if place.stays else 0, notes)
        config.pluginmanager.register(own)
        try:
            yield own
        finally:
            config.pluginmanager.unregister(own)
            pool.close()


@contextmanager
def _failing_plainly() -> Iterator[None]:
    """Fail with the message and the hint of an error, not with a traceback through chatschema."""
    try:
        yield
    except ChatschemaError as error:
        pytest.fail(f"error[{error.code}]: {error.message}" + (f"\nhint: {error.hint}" if error.hint else ""), pytrace=False)
