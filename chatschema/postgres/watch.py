"""Looking from a second connection who blocks the first one, while its statement waits; afterwards nothing shows it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, Say, blockers

UNSEEN_HINT = "see who holds the lock: chatschema report locks; then run the same command again"
_CLOSE_S = 1.0
# pg_blocking_pids() stops the lock table for a moment, so it is not asked more often than this.
_LEAST_POLL_S = 0.05
_LONG_POLL_S = 1.0


class Watch:
    """A second connection that looks who blocks the first one. It is opened by start(), and none is used before.

    Where no connection can be had, nobody is named: a guess would have the wrong session ended.
    """

    def __init__(self, connection: Connection, say: Say | None = None) -> None:
        """Watch `connection`; tell `say` of each session that gets in the way."""
        self._connection, self._say = connection, say
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_waiting, self._is_over = threading.Event(), threading.Event()
        self._seen: blockers.Blocked | None = None
        self._pid, self._target, self._unseen = 0, "", ""
        self._after_s, self._poll_s = 0.0, _LONG_POLL_S

    def start(self, *, after_s: float = 0, poll_s: float = _LONG_POLL_S) -> None:
        """Begin to look after `after_s` seconds, every `poll_s` seconds, in the time that waiting() marks; once is enough.

        Asks the first connection who it is. Raises ServerError.
        """
        if self._pid:
            return
        # Not what the driver believes it to be: behind a pooler that is another number.
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
        """Return who was seen in the way last, when that transaction is still open. Raises ServerError."""
        query = "select exists (select from pg_catalog.pg_locks where virtualtransaction = %s and pid is not distinct from %s)"
        seen = self._seen
        if seen and postgres.fetch_one(self._connection, query, (seen.transaction, seen.by.pid))[0]:
            return seen
        return None

    def words(self) -> tuple[str, str]:
        """Return what to add to an error's message, and its hint; they name only who is in the way. Raises ServerError."""
        if found := self.still():
            return f"; in the way: {found}", f"{found.root.by.how_to_end}; then run the same command again"
        return (f"; who holds it could not be seen: {self._unseen}" if self._unseen else ""), UNSEEN_HINT

    def close(self) -> None:
        """Give the second connection back."""
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
            self._say(f"waiting for a lock; in the way: {found}")


@contextmanager
def named(connection: Connection, *, after_s: float, say: Say) -> Iterator[Watch]:
    """Say who is in the way of the statement that the block runs, once it has taken `after_s` seconds, and who comes next.

    For a statement that waits as long as it must, such as CREATE INDEX CONCURRENTLY: no second connection is opened before,
    and the first one is used by the block alone. In an error that ends the wait, `words()` of what is yielded names them.
    """
    watch = Watch(connection, say)
    watch.start(after_s=after_s)
    try:
        with watch.waiting():
            yield watch
    finally:
        watch.close()
