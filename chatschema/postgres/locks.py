"""Locks: one chatschema at a time in a database, and DDL that never makes everybody wait for long."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal, LiteralString, TypeVar

from chatschema import postgres
from chatschema.errors import LOCK_SQLSTATES, Busy, ServerError
from chatschema.postgres import Connection, Say, blockers
from chatschema.postgres.watch import Watch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a statement waits for a lock, how often it is tried, and the longest pause between two tries."""

    timeout_s: float
    attempts: int
    longest_pause_s: float


# Below deadlock_timeout (1 s): of a deadlock with the application's transactions, ours is the one that gives up.
DDL = Patience(0.8, 8, 4.0)
# Attaching a month clones foreign keys, which stops writers of every table they name, so it asks briefly and often.
MONTHS = Patience(0.15, 60, 0.48)
# Two integers name an advisory lock of a database: 'chat' in ASCII, and the purpose.
_LOCK_CLASS, _MIGRATION_LOCK = 0x63686174, 1
_POLL_S = (0.05, 1.0)
# Whether this session holds the migration lock.
HOLDS_MIGRATION_LOCK: LiteralString = """
    select exists (
        select from pg_catalog.pg_locks
        where locktype = 'advisory' and classid = 1667785076 and objid = 1 and objsubid = 2 and pid = pg_catalog.pg_backend_pid()
    )
"""


@contextmanager
def migration_lock(connection: Connection, *, wait_s: float, say: Say | None = None) -> Iterator[None]:
    """Hold the lock that keeps two chatschema commands from changing one database at a time.

    Tried again and again instead of waited for: a waiting session would block CREATE INDEX CONCURRENTLY for ever.
    Raises Busy after `wait_s` seconds, naming the holder. A killed client frees it within a second.
    """
    deadline, pause = time.monotonic() + wait_s, _POLL_S[0]
    lock = "select pg_try_advisory_lock(%s, %s)"
    while not postgres.fetch_one(connection, lock, (_LOCK_CLASS, _MIGRATION_LOCK))[0]:
        if time.monotonic() + pause > deadline:
            holder, hint = _holder(connection)
            raise Busy(f"another chatschema is at work in this database: {holder}", hint)
        if say and pause == _POLL_S[0]:
            say(f"waiting for another chatschema: {_holder(connection)[0]}")
        time.sleep(pause)
        pause = min(pause * 2, _POLL_S[1])
    try:
        yield
    finally:
        # Without a connection there is no lock left to give back.
        with suppress(ServerError):
            postgres.execute(connection, "select pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, _MIGRATION_LOCK))


def _holder(connection: Connection) -> tuple[str, str]:
    """Return who holds the migration lock, and what to do about it."""
    rows = postgres.fetch_all(
        connection,
        f"""
        select {blockers.SESSION}, extract(epoch from clock_timestamp() - a.backend_start)::integer
        from pg_catalog.pg_locks as l join pg_catalog.pg_stat_activity as a using (pid)
        left join pg_catalog.pg_prepared_xacts as p on false
        where l.locktype = 'advisory' and l.classid = %s and l.objid = %s and l.granted
            and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        """,
        (_LOCK_CLASS, _MIGRATION_LOCK),
    )
    if not rows:
        return "it has just finished", "try again"
    holder, connected_s = blockers.Session(*rows[0][:-1]), rows[0][-1]
    age = "" if connected_s is None else f", connected for {connected_s} s"
    return f"{holder}{age}", f"let it finish, or end it: select pg_terminate_backend({holder.pid}); then run the same command again"


def limit_lock_wait(connection: Connection, patience: Patience, *, of: Literal["transaction", "session"] = "transaction") -> None:
    """Let the current transaction, or the session, wait for no lock longer than `patience` allows."""
    query = "select set_config('lock_timeout', %s, %s)"
    postgres.execute(connection, query, (f"{patience.timeout_s * 1000:.0f}ms", of == "transaction"))


def with_lock_retries(connection: Connection, work: Callable[[], T], patience: Patience, *, say: Say | None = None) -> T:
    """Return what `work`, a whole transaction, returns; try it again when a lock did not come in time.

    The lock timeout is short, because everybody else queues behind a waiting ALTER TABLE; between two tries
    they run. Raises Busy after the last try, naming who was in the way.
    """
    watch = Watch(connection)
    try:
        for attempt in range(1, patience.attempts + 1):
            try:
                with watch.waiting():
                    return work()
            except ServerError as error:
                if error.sqlstate not in LOCK_SQLSTATES:
                    raise
                words, hint = watch.words()
                if attempt == patience.attempts:
                    raise Busy(f"could not acquire the lock after {attempt} attempts{words}", hint) from error
                # Only now: who waited once may wait again, and everybody else needs no second connection.
                watch.start(poll_s=patience.timeout_s / 3)
                if say and (attempt <= 2 or attempt % 10 == 0):
                    say(f"waiting for a lock (attempt {attempt} of {patience.attempts}){words}")
            # Growing, and never the same: two that retry in step would meet again and again.
            pause = min(0.3 * 1.6**attempt, patience.longest_pause_s)
            time.sleep(pause * random.uniform(0.3, 1.0))  # noqa: S311  # no secret
    finally:
        watch.close()
    raise AssertionError("unreachable: the last attempt returns or raises")


def in_transaction(connection: Connection, work: Callable[[], T], patience: Patience, *, say: Say | None = None) -> T:
    """Return what `work` returns, run as a transaction of its own that waits and is tried again as `patience` allows.

    Commits at its end; raises Busy after the last try, and whatever `work` raises, with nothing kept.
    """

    def attempt() -> T:
        with postgres.transaction(connection):
            limit_lock_wait(connection, patience)
            return work()

    return with_lock_retries(connection, attempt, patience, say=say)


@contextmanager
def limited_session(connection: Connection, patience: Patience) -> Iterator[None]:
    """Let the session wait for no lock longer than `patience` allows while the block runs, and without limit after it."""
    limit_lock_wait(connection, patience, of="session")
    try:
        yield
    finally:
        # On a connection that is lost there is nothing to set, and the error that lost it says why.
        with suppress(ServerError):
            postgres.execute(connection, "set lock_timeout = 0")
