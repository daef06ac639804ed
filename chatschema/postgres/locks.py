"""Locks: one chatschema command at a time in a database, and DDL that never blocks other sessions for long."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, LiteralString, TypeVar

from chatschema import postgres, values
from chatschema.errors import LOCK_SQLSTATES, Busy, ServerError
from chatschema.postgres import Connection, Say, blockers, door
from chatschema.postgres.watch import Watch

Patience = values.Patience
T = TypeVar("T")

DDL = Patience()
# Attaching a month clones foreign keys, which blocks writers of every referenced table: short timeouts, many attempts.
MONTHS = Patience(0.15, 60, 0.48, of_months=True)
# Two integers name an advisory lock of a database: 'chat' in ASCII, and the purpose.
_LOCK_CLASS, _MIGRATION_LOCK, _CHANGE_LOCK, _SEAL_LOCK = 0x63686174, 1, 2, 3
_POLL_S = (0.05, 1.0)
# Whoever has built an index for hours waits for a month that is being archived.
_BACK_S = 3600.0
# Whether this session holds the migration lock.
HOLDS_MIGRATION_LOCK: LiteralString = """
    select exists (
        select from pg_catalog.pg_locks
        where locktype = 'advisory' and classid = 1667785076 and objid = 1 and objsubid = 2 and pid = pg_catalog.pg_backend_pid()
    )
"""


@contextmanager
def migration_lock(connection: Connection, *, wait_s: float, say: Say | None = None) -> Iterator[None]:
    """Hold the lock that keeps two chatschema commands from changing one database at the same time.

    Polls instead of waiting: a waiting session would block CREATE INDEX CONCURRENTLY forever.
    Raises Busy after `wait_s` seconds, naming the holder. After a client is killed, its lock is freed within a second.
    """
    _acquire(connection, _MIGRATION_LOCK, wait_s, say)
    try:
        yield
    finally:
        _release(connection, _MIGRATION_LOCK)


@contextmanager
def change_lock(connection: Connection, *, wait_s: float, say: Say | None = None) -> Iterator[None]:
    """Hold the migration lock, and another one that keeps migrate, undo and reset apart while set_aside() releases the first.

    Raises Busy as migration_lock() does.
    """
    _acquire(connection, _CHANGE_LOCK, wait_s, say)
    try:
        with migration_lock(connection, wait_s=wait_s, say=say):
            yield
    finally:
        _release(connection, _CHANGE_LOCK)


@contextmanager
def seal_lock(connection: Connection, *, wait_s: float, say: Say | None = None) -> Iterator[None]:
    """Hold the lock of those who seal the audit trail, or remove entries of it. Raises Busy as migration_lock() does."""
    _acquire(connection, _SEAL_LOCK, wait_s, say)
    try:
        yield
    finally:
        _release(connection, _SEAL_LOCK)


@contextmanager
def set_aside(connection: Connection, *, say: Say) -> Iterator[None]:
    """Release the migration lock while the block runs, so that months are created and retired. The caller holds change_lock().

    Raises Busy if another command still holds it an hour after the block.
    """
    _release(connection, _MIGRATION_LOCK)
    yield
    _acquire(connection, _MIGRATION_LOCK, _BACK_S, say)


def _acquire(connection: Connection, purpose: int, wait_s: float, say: Say | None) -> None:
    deadline, pause = time.monotonic() + wait_s, _POLL_S[0]
    while not postgres.fetch_one(connection, "select pg_try_advisory_lock(%s, %s)", (_LOCK_CLASS, purpose))[0]:
        if time.monotonic() + pause > deadline:
            holder, hint = _holder(connection, purpose)
            raise Busy(f"another chatschema command is running in this database: {holder}", hint, code="lock.migration")
        if say and pause == _POLL_S[0]:
            say(f"waiting for another chatschema command: {_holder(connection, purpose)[0]}")
        time.sleep(pause)
        pause = min(pause * 2, _POLL_S[1])


def _release(connection: Connection, purpose: int) -> None:
    """Release a lock, unless an error inside set_aside() left it released."""
    query = """
        select pg_advisory_unlock(%(class)s, %(purpose)s) where exists (
            select from pg_catalog.pg_locks where locktype = 'advisory' and classid = %(class)s and objid = %(purpose)s
                and objsubid = 2 and pid = pg_catalog.pg_backend_pid()
        )
    """
    # Without a connection the lock is already free.
    with suppress(ServerError):
        postgres.execute(connection, query, {"class": _LOCK_CLASS, "purpose": purpose})


def _holder(connection: Connection, purpose: int) -> tuple[str, str]:
    """Return the holder of a lock, and the hint."""
    rows = postgres.fetch_all(
        connection,
        f"""
        select {blockers.SESSION}, extract(epoch from clock_timestamp() - a.backend_start)::integer
        from pg_catalog.pg_locks as l join pg_catalog.pg_stat_activity as a using (pid)
        left join pg_catalog.pg_prepared_xacts as p on false
        where l.locktype = 'advisory' and l.classid = %s and l.objid = %s and l.granted
            and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        """,
        (_LOCK_CLASS, purpose),
    )
    if not rows:
        return "it has just finished", "run the same command again"
    holder, connected_s = blockers.Session(*rows[0][:-1]), rows[0][-1]
    age = "" if connected_s is None else f", connected for {connected_s} s"
    return f"{holder}{age}", f"let it finish, or end it: select pg_terminate_backend({holder.pid}); then run the same command again"


def limit_lock_wait(connection: Connection, patience: Patience, *, of: Literal["transaction", "session"] = "transaction") -> None:
    """Set lock_timeout of the current transaction, or of the session, to that of `patience`."""
    query = "select set_config('lock_timeout', %s, %s)"
    postgres.execute(connection, query, (f"{patience.timeout_s * 1000:.0f}ms", of == "transaction"))


def with_lock_retries(connection: Connection, work: Callable[[], T], patience: Patience, *, say: Say | None = None) -> T:
    """Return the result of `work`, a whole transaction; run it again after a lock timeout.

    The lock timeout is short, because all other sessions queue behind a waiting ALTER TABLE; between two attempts
    they run. Raises Busy after the last attempt, naming the blocker, and before an attempt that would begin too late.
    """
    watch, words = Watch(connection), ""
    try:
        for attempt in range(1, patience.attempts + 1):
            refuse_late(patience, words)
            try:
                with watch.waiting():
                    return work()
            except ServerError as error:
                if error.sqlstate not in LOCK_SQLSTATES:
                    raise
                words, hint = watch.words()
                if attempt == patience.attempts:
                    text = f"could not acquire the lock after {attempt} attempts{words}"
                    raise Busy(text, hint, code="lock.timeout") from error
                # Only now: a statement that waited once may wait again, and the others need no second connection.
                watch.start(poll_s=patience.timeout_s / 3)
                if say and (attempt <= 2 or attempt % 10 == 0):
                    say(f"waiting for a lock (attempt {attempt} of {patience.attempts}){words}")
            _pause(watch, attempt, patience)
    finally:
        watch.close()
    raise AssertionError("unreachable: the last attempt returns or raises")


def refuse_late(patience: Patience, words: str = "") -> None:
    """Raise Busy if no try may begin any more; `words` name what blocked the last one."""
    if patience.ends_at is not None and time.monotonic() >= patience.ends_at:
        text = f"it is past {patience.until}, so no other try was begun{words}"
        raise Busy(text, "run the same command again when others may wait for locks", code="lock.until")


def _pause(watch: Watch, attempt: int, patience: Patience) -> None:
    """Wait before the next attempt; for a held row until its transaction is over. Raises Busy if it is not over in time."""
    # Growing and random: two commands that retry at the same times would block each other again and again.
    pause = min(0.3 * 1.6**attempt, patience.longest_pause_s) * random.uniform(0.3, 1.0)  # noqa: S311  # no secret
    last = patience.ends_at or math.inf
    begun = time.monotonic()
    while (seen := watch.still()) and seen.is_row and time.monotonic() < last:
        # Each try would do all of its work again, up to the same row. Nothing is locked while this waits.
        if time.monotonic() - begun > patience.attempts * (patience.timeout_s + patience.longest_pause_s):
            words, hint = watch.words()
            text = f"a row was not released within {time.monotonic() - begun:.0f} s after attempt {attempt}{words}"
            raise Busy(text, hint, code="lock.timeout")
        time.sleep(_POLL_S[0] * 4)
    time.sleep(min(pause, max(last - time.monotonic(), 0)))


def in_transaction(connection: Connection, work: Callable[[], T], patience: Patience, *, say: Say | None = None) -> T:
    """Return the result of `work`, run in its own transaction with the timeouts and retries of `patience`.

    Commits at its end; raises Busy after the last attempt, and any error of `work`, after a rollback.
    """

    def attempt() -> T:
        with postgres.transaction(connection):
            limit_lock_wait(connection, patience)
            if patience.of_months:
                door.close(connection)
            return work()

    return with_lock_retries(connection, attempt, patience, say=say)


@contextmanager
def limited_session(connection: Connection, patience: Patience) -> Iterator[None]:
    """Set the session's lock_timeout to that of `patience` while the block runs, and to 0 after it."""
    limit_lock_wait(connection, patience, of="session")
    try:
        yield
    finally:
        # A lost connection has no setting to reset, and the error that lost it is raised.
        with suppress(ServerError):
            postgres.execute(connection, "set lock_timeout = 0")
