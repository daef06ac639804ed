"""The run of a bulk seed: what is missing is stored by several connections at once, each month by one of them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Literal

import psycopg
from psycopg import sql

from chatschema import audit, postgres
from chatschema.errors import ChatschemaError
from chatschema.partition import build, catalog, create
from chatschema.postgres import Connection, Say
from chatschema.seed.bulk import ledger, load, plan
from chatschema.seed.bulk.plan import Part, Size

if TYPE_CHECKING:
    from chatschema.seed.bulk.people import People

Phase = Literal["people", "messages", "keys", "files", "statistics"]
# A phase, how much of it was done since the last call, and how much it has in all.
Watch = Callable[[Phase, int, int], None]
_PATHS = {
    "created": "loaded as a new month, then attached",
    "replaced": "loaded apart, then attached in place of the empty month",
    "inserted": "inserted into the month, which has rows or does not fit: slower",
}
# A busy server may need more than the two seconds of one try.
_CONNECT_S = 10
_TABLES = ("messages", "message_statuses")
_SMALL = ("users", "auth_sessions", "user_public_keys", "conversations", "conversation_participants", "attachments", "audit_logs")


class _Stopped(Exception):
    """Another connection has failed, or the command is interrupted."""


class Run:
    """A run that stores what is missing."""

    def __init__(self, connection: Connection, size: Size, workers: int, say: Say, watch: Watch) -> None:
        self._connection, self._size, self._workers, self._say, self._watch = connection, size, workers, say, watch
        self._parts = [part for part in plan.parts(size) if part.count]
        self._stop = threading.Event()
        self._open: list[Connection] = []
        # Each attach waits for the locks of the one before, and would be tried again.
        self._attaching = threading.Lock()
        self._spent: dict[str, float] = {}
        self._adding = threading.Lock()

    @property
    def spent_ms(self) -> dict[str, float]:
        """How long all connections together were at each kind of work."""
        return {name: round(seconds * 1000, 1) for name, seconds in self._spent.items()}

    @contextmanager
    def _timed(self, work: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        with self._adding:
            self._spent[work] = self._spent.get(work, 0) + time.monotonic() - started

    def store(self, *, is_begun: bool, ahead: int) -> None:
        """Store what is missing; `ahead` months are created beyond the current one."""
        from chatschema.seed.bulk.people import people

        everybody = people(self._size)
        stored = {month.lower: month.is_complete for month in ledger.months(self._connection)}
        due = [part for part in self._parts if not stored.get(part.lower)]
        paths = self._paths([part for part in due if part.lower not in stored])
        self._make_others(ahead, paths)
        if not is_begun:
            total = 4 * self._size.users + 3 * self._size.conversations + len(everybody.members)
            with self._timed("people"):
                load.people(self._connection, self._size, everybody, lambda rows: self._watch("people", rows, total))
        # Foreign keys and triggers look up each of them.
        postgres.execute(self._connection, "analyze public.users, public.conversations, chatschema.bulk_owners")
        skipped = sum(part.count for part in self._parts if part.lower in stored)
        self._watch("messages", skipped, self._size.messages)
        # The longest work first, so that both connections end at the same time.
        due.sort(key=lambda part: (paths.get(part.lower) != "inserted", -part.count))
        self._share([partial(self._month, everybody, part, paths.get(part.lower)) for part in due])
        self._share([partial(self._analyze, names) for names in (_TABLES[:1], _TABLES[1:], _SMALL)])
        complete = {month.lower for month in ledger.months(self._connection) if month.is_complete}
        # Not a statement `assert`, which python -O leaves out: without it a seed with a gap would count as finished.
        if not complete >= {part.lower for part in self._parts}:
            raise AssertionError("a month is missing")
        with postgres.transaction(self._connection):
            ledger.finish(self._connection)
            if audit.is_logged(self._connection, "audit_users"):
                audit.record(self._connection, "seed.run", "seed", "bulk", messages=self._size.messages, rng=self._size.rng)

    def _paths(self, parts: Sequence[Part]) -> dict[datetime, build.Path]:
        paths: dict[datetime, build.Path] = {}
        for part in parts:
            path = build.path(self._connection, part.lower)
            if path is None:
                raise ChatschemaError(
                    f"the month {part.name} was retired from this database, so nothing was seeded into it",
                    "choose other months with --until and --months, or restore it: chatschema partition list",
                    code="seed.bulk-month",
                )
            paths[part.lower] = path
        for part in parts:
            self._say(f"{part.name}: {_PATHS[paths[part.lower]]}")
        return paths

    def _make_others(self, ahead: int, paths: dict[datetime, build.Path]) -> None:
        """Create the months that are missing and get no message, so that the list of months has no gap."""
        parents = catalog.parents(self._connection)
        missing = create.missing(self._connection, parents, since=self._size.start, ahead=ahead)
        others = [month for month in missing if paths.get(month.lower) != "created"]
        for month in create.ensure(self._connection, others, say=self._say):
            if month.parent == parents[0]:
                self._say(f"created the month {month.lower:%Y-%m}")

    def _month(self, everybody: People, part: Part, path: build.Path | None, connection: Connection) -> None:
        """Store a month; without a path, only its files and entries of the trail."""
        if path in ("created", "replaced"):
            if self._attach(connection, everybody, part, replace=path == "replaced"):
                return
            self._say(f"{part.name}: got a row meanwhile; {_PATHS['inserted']}")
            path = "inserted"
        with closing(load.Extras() if path else load.extras_of(self._size, everybody, part)) as extras:
            if path:
                self._insert(connection, everybody, part, extras)
            self._complete(connection, part, extras)

    def _complete(self, connection: Connection, part: Part, extras: load.Extras) -> None:
        with self._timed("files and audit trail"):
            extras.store(connection, part, lambda _: self._step("files", 0, len(self._parts)))
        self._step("files", 1, len(self._parts))

    def _attach(self, connection: Connection, everybody: People, part: Part, *, replace: bool) -> bool:
        """Fill a month apart and attach it; return False, with nothing kept, where the one in its place is not empty any more."""
        group = build.pair(part.lower)
        tables = [build.staged(month) for month in group]
        with closing(load.Extras()) as extras:
            with self._timed("messages and statuses"), postgres.transaction(connection):
                build.create_bare(connection, group)
                statuses = self._fill(connection, everybody, part, tables, extras, freeze=True)
            with self._timed("keys and indexes"):
                for _ in build.build(connection, group, self._say):
                    self._step("keys", 1, 2 * len(self._parts))
            with self._timed("checks"):
                load.check(connection, part, *tables)
            record = ledger.stored(part, "replaced" if replace else "created", statuses)
            with self._attaching, self._timed("attach"):
                done = build.in_transaction(connection, group, replace=replace, also=record, say=self._say)
            if done:
                self._complete(connection, part, extras)
            else:
                build.drop_staged(connection, group)
            return done

    def _insert(self, connection: Connection, everybody: People, part: Part, extras: load.Extras) -> None:
        tables = [sql.Identifier("public", table) for table in _TABLES]
        with self._timed("messages and statuses, inserted"), postgres.transaction(connection):
            audit.as_batch(connection)
            statuses = self._fill(connection, everybody, part, tables, extras, freeze=False)
            postgres.execute(connection, ledger.stored(part, "inserted", statuses))
        self._step("keys", 2, 2 * len(self._parts))

    def _fill(
        self,
        connection: Connection,
        everybody: People,
        part: Part,
        tables: Sequence[sql.Identifier],
        extras: load.Extras,
        *,
        freeze: bool,
    ) -> int:
        def step(messages: int) -> None:
            self._step("messages", messages, self._size.messages)

        return load.messages(connection, self._size, everybody, part, tables, extras, step, freeze=freeze)

    def _analyze(self, names: Sequence[str], connection: Connection) -> None:
        tables = sql.SQL(", ").join(sql.Identifier("public", name) for name in names)
        with self._timed("statistics"):
            postgres.execute(connection, sql.SQL("analyze {}").format(tables))
        self._step("statistics", 1, 3)

    def _step(self, phase: Phase, rows: int, total: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._watch(phase, rows, total)

    def _share(self, work: Sequence[Callable[[Connection], None]]) -> None:
        """Do all of the work with several connections; stop all when one fails, and raise its error."""
        left = deque(work)
        with ThreadPoolExecutor(self._workers) as threads:
            futures = [threads.submit(self._serve, left) for _ in range(min(self._workers, len(work)))]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
                _raise_first(futures)
            except BaseException:
                self._cancel()
                raise

    def _serve(self, left: deque[Callable[[Connection], None]]) -> None:
        with closing(postgres.connect(postgres.again(self._connection), wait_s=_CONNECT_S)) as connection:
            self._open.append(connection)
            # A month is checked by hash joins of all its rows; on the disk they would take twice as long.
            postgres.execute(connection, "select set_config('work_mem', current_setting('maintenance_work_mem'), false)")
            try:
                while not self._stop.is_set():
                    try:
                        task = left.popleft()
                    except IndexError:
                        return
                    task(connection)
            finally:
                self._open.remove(connection)

    def _cancel(self) -> None:
        self._stop.set()
        for connection in list(self._open):
            with suppress(psycopg.Error):
                connection.cancel()


def _raise_first(futures: Sequence[Future[None]]) -> None:
    """Raise the error of the work that failed first, not that of one that was stopped because of it."""
    errors = [error for future in futures if future.done() and (error := future.exception())]
    for error in errors:
        if not isinstance(error, _Stopped):
            raise error
