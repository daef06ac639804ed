"""Clients that replay queries on a copy, and how long each of their statements took."""

import bisect
import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from chatschema import postgres
from chatschema.errors import LOCK_SQLSTATES, ServerError
from chatschema.migration.rehearsal.shapes import Shape
from chatschema.values import Settings

# A client sends one statement after another, so while one waits, the rest of its queries do as well.
_PER_CLIENT = 50.0
_JOIN_S = 5.0
# How long to wait for each query to run again, and where to look for it.
_MEET_S, _POLL_S, _LATEST = 2.0, 0.02, 1000


@dataclass(frozen=True, slots=True)
class Call:
    """A statement of a client: its beginning and its end by time.monotonic(), and its error, or None."""

    name: str
    began: float
    ended: float
    error: str | None
    is_about_locks: bool


@dataclass
class Load:
    """All statements of all clients, and the names of the queries."""

    names: frozenset[str]
    calls: list[Call] = field(default_factory=list)

    def met(self, moment: float) -> None:
        """Wait a little until each query has run again since this moment: so an error is known by the change before it."""
        deadline = time.monotonic() + _MEET_S
        while time.monotonic() < deadline and self.names - {one.name for one in self.calls[-_LATEST:] if one.began > moment}:
            time.sleep(_POLL_S)

    def longest_ms(self, start: float, end: float) -> float:
        """Return the longest time that a statement took between two moments, in milliseconds."""
        times = [min(one.ended, end) - max(one.began, start) for one in self.calls if one.began < end and one.ended > start]
        return round(max(times, default=0.0) * 1000, 1)

    def failures(self, ends: Sequence[float]) -> list[dict[str, tuple[int, str]]]:
        """Return for each change how many statements of each query failed because of it, and the first error.

        `ends` are moments shortly after the commits. The cause is the first change that ended after the last success of the query
        began; that of a deadlock the one that was under way.
        """
        found: list[dict[str, tuple[int, str]]] = [{} for _ in ends]
        good: dict[str, float] = {}
        for one in sorted(self.calls, key=lambda call: call.ended):
            if one.error is None:
                good[one.name] = max(one.began, good.get(one.name, 0.0))
                continue
            place = bisect.bisect_right(ends, one.began if one.is_about_locks else good.get(one.name, 0.0))
            if place < len(ends):
                count, first = found[place].get(one.name, (0, one.error))
                found[place][one.name] = (count + 1, first)
        return found


@contextmanager
def running(copy: Settings, shapes: Sequence[Shape]) -> Iterator[Load]:
    """Let clients replay these queries on the copy while the block runs."""
    load, is_over = Load(frozenset(shape.name for shape in shapes)), threading.Event()
    clients: list[_Client] = []
    try:
        for shape in shapes:
            count = max(1, round(shape.per_s / _PER_CLIENT))
            clients += [_Client(copy, shape, shape.per_s / count, load, is_over, len(clients) + n) for n in range(count)]
        for client in clients:
            client.start()
        yield load
    finally:
        is_over.set()
        for client in clients:
            client.end()


class _Client(threading.Thread):
    """A session that sends one query so many times a second."""

    def __init__(self, copy: Settings, shape: Shape, per_s: float, load: Load, is_over: threading.Event, number: int) -> None:
        super().__init__(daemon=True)
        self._connection = postgres.connect(copy)
        self._shape, self._pause, self._load, self._is_over = shape, 1 / per_s, load, is_over
        # Clients of one query begin at different rows.
        self._number = itertools.count(number * 7)

    def run(self) -> None:
        with closing(self._connection):
            due = time.monotonic()
            while not self._is_over.wait(max(due - time.monotonic(), 0)):
                began, error, is_about_locks = time.monotonic(), None, False
                try:
                    postgres.execute(self._connection, self._shape.query, self._shape.arguments(next(self._number)))
                except ServerError as failure:
                    error, is_about_locks = failure.message, failure.sqlstate in LOCK_SQLSTATES
                now = time.monotonic()
                self._load.calls.append(Call(self._shape.name, began, now, error, is_about_locks))
                if self._connection.closed:
                    return
                # What was not sent during a wait is not sent later: clients of a chat do not catch up.
                due = max(due + self._pause, now)

    def end(self) -> None:
        """Wait until the statement that is under way has ended, or end it."""
        if not self.is_alive():
            self._connection.close()
            return
        self.join(_JOIN_S)
        if self.is_alive():
            self._connection.cancel()
            self.join(_JOIN_S)
