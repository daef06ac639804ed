"""Damages that last while sessions are open: queues for a lock, transactions that somebody forgot, connections that are all taken."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Self

import psycopg

from tests.report.damages import Build, Damage, Truth
from tests.support.database import Database

Session = psycopg.Connection[tuple[object, ...]]
ALTER = "alter table public.audit_logs add column more text"
READ = "select count(*) from public.audit_logs"


class Waiting:
    """Sessions that wait for a lock, each in a thread of its own, until the block ends."""

    def __init__(self, database: Database) -> None:
        self._database, self._stack = database, ExitStack()
        self._waiting: list[tuple[Session, threading.Thread]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with self._database.connect() as other:
            for waiting, _ in self._waiting:
                other.execute("select pg_terminate_backend(%s)", (waiting.info.backend_pid,))
        for _, thread in self._waiting:
            thread.join()
        self._stack.close()

    def open(self, application: str, *statements: str) -> Session:
        """Return a session that has run the statements, and stays open."""
        session = self._stack.enter_context(
            closing(psycopg.connect(self._database.url, application_name=application, autocommit=True))
        )
        for statement in statements:
            session.execute(statement.encode())
        return session

    def work(self, application: str, statement: str) -> Session:
        """Return a session that runs `statement`, which takes its time."""
        session = self.open(application)
        thread = threading.Thread(target=_ignoring, args=(session, statement))
        thread.start()
        self._waiting.append((session, thread))
        return session

    def wait(self, application: str, statement: str) -> Session:
        """Return a session that waits for a lock with `statement`."""
        session = self.work(application, statement)
        deadline = time.monotonic() + 10
        query = "select exists (select from pg_locks where pid = %s and not granted)"
        while not self._database.one(query, session.info.backend_pid):
            assert time.monotonic() < deadline, f"{statement} does not wait"
            time.sleep(0.02)
        return session


def _ignoring(session: Session, statement: str) -> None:
    with suppress(psycopg.Error):
        session.execute(statement.encode())


@contextmanager
def a_dump_and_an_alter(database: Database) -> Iterator[Truth]:
    """A dump reads, an ALTER waits for it, and five readers, who could read beside the dump, wait behind the ALTER."""
    with Waiting(database) as sessions:
        sessions.open("pg_dump", "begin isolation level repeatable read", READ)
        alter = sessions.wait("deploy", ALTER)
        for number in range(5):
            sessions.wait(f"chat-api {number}", READ)
        yield Truth(f"{alter.info.backend_pid} (postgres, deploy)", says="sessions blocked only by this wait: 5, ")
        assert not alter.broken, "its session was ended, though its statement alone is in the way"


@contextmanager
def a_reader_and_two_alters(database: Database) -> Iterator[Truth]:
    """A query works, two ALTERs wait for it, and a reader waits behind the first of them; both have to go, or the other is the queue."""
    with Waiting(database) as sessions:
        reader = sessions.work("analyst", "select count(*), pg_sleep(60) from public.audit_logs")
        while not database.one("select exists (select from pg_locks where pid = %s)", reader.info.backend_pid):
            time.sleep(0.02)
        alter = sessions.wait("deploy", ALTER)
        sessions.wait("chat-api", READ)
        second = sessions.wait("deploy again", ALTER.replace("more", "again"))
        sessions.wait("chat-api", READ)
        yield Truth(f"{alter.info.backend_pid} (postgres, deploy)", says="sessions blocked only by this wait: 2, ")
        assert not any(session.broken for session in (reader, alter, second))
        assert database.one("select state = 'active' from pg_stat_activity where pid = %s", reader.info.backend_pid)


@contextmanager
def a_forgotten_write(database: Database) -> Iterator[Truth]:
    """A session has updated a user and idles; three others want to update the same."""
    update = "update public.users set status = 'away' where username = 'bob'"
    with Waiting(database) as sessions:
        root = sessions.open("forgotten", "begin", update)
        waiting = [sessions.wait("chat-api", update) for _ in range(3)]
        yield Truth(f"{root.info.backend_pid} (postgres, forgotten)", says="sessions blocked: 3, ")
        assert all(not session.broken for session in waiting)


@contextmanager
def a_prepared_write(database: Database) -> Iterator[Truth]:
    """A prepared transaction has locked a table, its name has a quote and a blank, and there is another that blocks nobody."""
    with Waiting(database) as sessions:
        for gid, statement in (("orders' 7", "lock table public.conversations in exclusive mode"), ("beside", "select 1")):
            quoted = gid.replace("'", "''")
            sessions.open("two phase", "begin", statement, f"prepare transaction '{quoted}'")
        sessions.wait("chat-api", "delete from public.conversations where false")
        try:
            yield Truth("prepared transaction orders' 7 (postgres)", says="sessions blocked: 1, ")
            assert database.all("select gid from pg_prepared_xacts where database = current_database()") == [("beside",)]
        finally:
            for (gid,) in database.all("select gid from pg_prepared_xacts where database = current_database()"):
                quoted = gid.replace("'", "''")
                database.run(f"rollback prepared '{quoted}'")


@contextmanager
def a_forgotten_advisory_lock(database: Database) -> Iterator[Truth]:
    """A session took a lock for as long as it lives, and has no transaction."""
    with Waiting(database) as sessions:
        root = sessions.open("worker", "select pg_advisory_lock(7)")
        sessions.wait("worker", "select pg_advisory_lock(7)")
        time.sleep(2)
        idle = database.one(
            "select round(extract(epoch from clock_timestamp() - state_change)) from pg_stat_activity where pid = %s",
            root.info.backend_pid,
        )
        assert idle >= 2
        yield Truth(f"{root.info.backend_pid} (postgres, worker)", says="idle for ")


@contextmanager
def idle_connections(database: Database) -> Iterator[Truth]:
    """Two pools hold 14 of the 17 places that are not reserved."""
    with Waiting(database) as sessions:
        for number in range(14):
            sessions.open("chat-api" if number < 9 else "worker", "select 1")
        yield Truth("14 of 17 connection slots are in use: 9 chat-api (postgres), 5 worker (postgres)", 14 / 17 * 100, within=0.001)


@contextmanager
def an_idle_transaction(database: Database) -> Iterator[Truth]:
    with Waiting(database) as sessions:
        session = sessions.open("forgotten", "begin", "select count(*) from public.conversations")
        time.sleep(1.1)
        yield Truth(f"{session.info.backend_pid} (postgres, forgotten)")


def _blocking(name: str, check: str, build: Build) -> Damage:
    return Damage(name, "locks", check, build, toml="[report.locks]\nblocked_warn = 1\nblocked_min_ms = 0\n")


DAMAGES = [
    _blocking("a queue behind an ALTER that waits for a dump", "queue", a_dump_and_an_alter),
    _blocking("a queue behind two ALTERs that wait for a query", "queue", a_reader_and_two_alters),
    _blocking("a forgotten write that others wait for", "blocking", a_forgotten_write),
    _blocking("a prepared transaction that others wait for", "blocking", a_prepared_write),
    _blocking("an advisory lock that a session forgot", "blocking", a_forgotten_advisory_lock),
    Damage("connections that idle", "connections", "used", idle_connections, settings="max_connections = 20"),
    Damage(
        "a transaction left open", "transactions", "idle", an_idle_transaction, toml="[report.transactions]\nidle_warn_ms = 1000\n"
    ),
]
