"""Who is in the way of a statement is who blocks it, whatever else is open; and where that cannot be seen, nobody is named."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from chatschema import postgres
from chatschema.errors import Busy
from chatschema.postgres import Connection, locks, watch
from chatschema.values import Settings
from tests.support import ROOT, golden
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.servers import PgServer, private, programs

QUICK = locks.Patience(0.4, 2, 0.1)


@pytest.fixture
def notes(empty: Database) -> Database:
    empty.run("create table public.notes (id int); create table public.others (id int)")
    return empty


@contextmanager
def connected(database: Database, url: str = "") -> Iterator[Connection]:
    settings = Settings(url or database.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
    with closing(postgres.connect(settings)) as connection:
        yield connection


def refused(connection: Connection) -> Busy:
    """Return the error of a statement on public.notes that does not get its lock."""
    with pytest.raises(Busy) as caught:
        locks.in_transaction(connection, lambda: postgres.execute(connection, "alter table public.notes add column t text"), QUICK)
    return caught.value


def check(name: str, error: Busy) -> None:
    golden.check(f"blockers_{name}", Result(error.exit_code, "", f"error[{error.code}]: {error.message}\nhint:  {error.hint}\n"))


class Opened(NamedTuple):
    session: "psycopg.Connection[tuple[object, ...]]"
    pid: int

    def run(self, query: str) -> None:
        self.session.execute(query.encode())


@contextmanager
def opened(database: Database, application: str, query: str) -> Iterator[Opened]:
    """A session of this name that has run `query` in a transaction, which stays open."""
    with psycopg.connect(database.url, application_name=application, autocommit=True) as session:
        session.execute(f"begin; {query}".encode())
        yield Opened(session, session.info.backend_pid)


def test_no_second_connection_is_opened_where_no_lock_is_waited_for(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "again", lambda _: pytest.fail("a second connection was opened"))
    with connected(notes) as connection:
        locks.in_transaction(connection, lambda: postgres.execute(connection, "select pg_sleep(0.3)"), QUICK)


def test_the_root_of_a_chain_is_the_one_to_end(notes: Database) -> None:
    with (
        opened(notes, "root", "lock table public.others in access exclusive mode") as root,
        opened(notes, "middle", "select from public.notes") as middle,
        connected(notes) as connection,
    ):
        waiter = threading.Thread(target=lambda: middle.run("select from public.others"))
        waiter.start()
        error = refused(connection)
        root.run("commit")
        waiter.join()
    assert f"blocked by pid {middle.pid} (middle" in error.message
    assert f"pg_terminate_backend({root.pid})" in str(error.hint)
    check("chain", error)


def test_a_plain_owner_is_told_who_it_is_as_well(notes: Database) -> None:
    role = f"plain_{uuid.uuid4().hex[:8]}"
    notes.run(f"create role {role} login password 'plain'; alter table public.notes owner to {role}")
    try:
        with (
            opened(notes, "billing", "select from public.notes") as billing,
            connected(notes, notes.server.url(notes.name, user=role, password="plain")) as connection,
        ):
            error = refused(connection)
        assert f"pid {billing.pid} (billing, user {notes.server.user}; grant pg_read_all_stats" in error.message
        check("plain_owner", error)
    finally:
        notes.run(f"drop owned by {role}; drop role {role}")


def test_where_nobody_can_be_seen_nobody_is_named(notes: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "again", lambda _: notes.url.replace(f"/{notes.name}", "/no_such_database"))
    with opened(notes, "billing", "select from public.notes"), connected(notes) as connection:
        error = refused(connection)
    assert "chatschema could not see who holds it: database no_such_database does not exist" in error.message
    assert "pg_terminate_backend" not in str(error.hint)


def test_the_holder_of_the_migration_lock_is_described(cli: Cli, migrated: Database) -> None:
    with opened(migrated, "chatschema", "select pg_advisory_lock(1667785076, 1)") as holder:
        result = cli("migrate", "--lock-wait", "0", "--url", migrated.url)
    assert f"pid {holder.pid} (chatschema, user" in result.err
    golden.check("blockers_migration_lock", result)


def test_a_concurrent_index_build_says_for_whom_it_waits(notes: Database) -> None:
    said: list[str] = []
    snapshot = "set transaction isolation level repeatable read; select from public.others"
    with opened(notes, "report", snapshot) as report, connected(notes) as connection:
        threading.Timer(2.0, report.run, ("commit",)).start()
        with watch.named(connection, after_s=0.2, say=said.append):
            postgres.execute(connection, "create index concurrently notes_id on public.notes (id)")
    assert len(said) == 1
    assert f"blocked by pid {report.pid} (report, user " in said[0]
    assert "has an open transaction, and this statement waits for its end" in said[0]


@pytest.fixture(scope="module")
def own(server: PgServer) -> Iterator[PgServer]:
    """A server with prepared transactions, few connections, and an autovacuum that is eager and slow."""
    kind = "embedded" if server.version >= 180000 else "system"
    config = """
        max_prepared_transactions = 4
        max_connections = 8
        autovacuum_naptime = 1s
        autovacuum_vacuum_cost_delay = 100ms
        autovacuum_vacuum_cost_limit = 1
    """
    with private(programs(kind), kind, config=config) as running:
        yield running


@pytest.fixture
def own_notes(own: PgServer) -> Iterator[Database]:
    database = Database(own, "postgres")
    database.run("create table public.notes (id int)")
    yield database
    database.run("drop table public.notes")


def test_a_prepared_transaction_is_named_by_its_name(own_notes: Database) -> None:
    own_notes.run("begin; insert into public.notes values (1); prepare transaction 'order ''7'''")
    try:
        with connected(own_notes) as connection:
            check("prepared", refused(connection))
    finally:
        own_notes.run("rollback prepared 'order ''7'''")


def test_a_server_without_a_free_connection_is_waited_for_all_the_same(own_notes: Database) -> None:
    with opened(own_notes, "billing", "select from public.notes"), connected(own_notes) as connection, ExitStack() as crowd:
        with suppress(psycopg.OperationalError):
            for _ in range(20):
                crowd.enter_context(own_notes.connect())
        error = refused(connection)
    assert "max_connections is reached" in error.message
    assert "pg_terminate_backend" not in str(error.hint)


def test_autovacuum_is_called_autovacuum(own_notes: Database) -> None:
    own_notes.run("""
        alter table public.notes set (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
        insert into public.notes select generate_series(1, 20000);
        delete from public.notes
    """)
    working = "select count(*) from pg_stat_progress_vacuum where relid = 'public.notes'::regclass"
    deadline = time.monotonic() + 15
    while not own_notes.one(working):
        assert time.monotonic() < deadline, "autovacuum does not come"
        time.sleep(0.05)
    with connected(own_notes) as connection:
        error = refused(connection)
    own_notes.run("select pg_cancel_backend(pid) from pg_stat_progress_vacuum")
    check("autovacuum", error)
