"""Watching from a second connection which session blocks the first one, while its statement waits: later no view shows it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, Say, blockers

UNSEEN_HINT = "to see who holds the lock: chatschema report locks; then run the same command again"
_CLOSE_S = 1.0
# pg_blocking_pids() blocks the lock table for a moment, so it is not called more often than this.
_LEAST_POLL_S = 0.05
_LONG_POLL_S = 1.0


class Watch:
    """A second connection that checks which session blocks the first one. start() opens it.

    If it cannot be opened, no session is named: a guess could make the user end the wrong session.
    """

    def __init__(self, connection: Connection, say: Say | None = None) -> None:
        """Watch `connection`; report each session that blocks it to `say`."""
        self._connection, self._say = connection, say
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_waiting, self._is_over = threading.Event(), threading.Event()
        self._seen: blockers.Blocked | None = None
        self._pid, self._target, self._unseen = 0, "", ""
        self._after_s, self._poll_s = 0.0, _LONG_POLL_S

    def start(self, *, after_s: float = 0, poll_s: float = _LONG_POLL_S) -> None:
        """Start to check after `after_s` seconds, every `poll_s` seconds, in the time that waiting() marks; one call is enough.

        Asks the first connection for its process id. Raises ServerError.
        """
        if self._pid:
            return
        # Not the driver's value, which is another number behind a pooler.
        self._pid = postgres.fetch_one(self._connection, "select pg_backend_pid()")[0]
        self._target = postgres.again(self._connection)
        self._after_s, self._poll_s = after_s, max(poll_s, _LEAST_POLL_S)
        self._thread.start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark the time in which the first connection may be waiting."""
        self._is_waiting.set()
        try:
            yield
        finally:
            self._is_waiting.clear()

    def still(self) -> blockers.Blocked | None:
        """Return the last blocker that was seen, if its transaction is still open. Raises ServerError."""
        query = "select exists (select from pg_catalog.pg_locks where virtualtransaction = %s and pid is not distinct from %s)"
        seen = self._seen
        if seen and postgres.fetch_one(self._connection, query, (seen.transaction, seen.by.pid))[0]:
            return seen
        return None

    def words(self) -> tuple[str, str]:
        """Return the text to add to an error's message, and its hint; both name only the blocker. Raises ServerError."""
        if found := self.still():
            return f"; blocked by {found}", f"{found.root.by.how_to_end}; then run the same command again"
        return (f"; chatschema could not see who holds it: {self._unseen}" if self._unseen else ""), UNSEEN_HINT

    def close(self) -> None:
        """Close the second connection."""
        self._is_over.set()
        self._is_waiting.set()
        if self._pid:
            self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        if self._is_over.wait(self._after_s):
            return
        try:
            with closing(postgres.connect(self._target, writes=False)) as second:
                while self._is_waiting.wait() and not self._is_over.wait(self._poll_s):
                    if self._is_waiting.is_set():
                        self._take(blockers.blocking(second, self._pid))
        except ChatschemaError as error:
            self._unseen = error.message

    def _take(self, found: blockers.Blocked | None) -> None:
        if found is None:
            return
        is_new = self._seen is None or self._seen.transaction != found.transaction
        self._seen = found
        if is_new and self._say:
            self._say(f"waiting for a lock; blocked by {found}")


@contextmanager
def named(connection: Connection, *, after_s: float, say: Say) -> Iterator[Watch]:
    """Report which session blocks the statement of the block, once it has run for `after_s` seconds, and each later one.

    For a statement without a lock timeout, such as CREATE INDEX CONCURRENTLY: no second connection is opened earlier, and only
    the block uses the first one. For an error that ends the wait, `words()` of the yielded Watch names the blocker.
    """
    watch = Watch(connection, say)
    watch.start(after_s=after_s)
    try:
        with watch.waiting():
            yield watch
    finally:
        watch.close()
