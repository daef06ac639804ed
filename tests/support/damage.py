"""A database damaged on purpose: what each report has to find, and the sessions that make up a lock queue."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime

import psycopg

from tests.support.database import Database

# Ten minutes of idling, or two weeks of statistics, are not waited for: the thresholds are lowered instead.
TOML = """
[report.indexes]
unused_days = 0
[report.transactions]
idle_warn_ms = 1000
[report.queries]
very_slow_ms = 60
"""

_DAMAGE = """
    create extension if not exists pg_stat_statements;
    set search_path = public;

    -- an index of 50 MB that nobody uses: 60,000 keys of 850 bytes
    create table public.bulk (id integer primary key, payload text not null);
    alter table public.bulk alter column payload set storage plain;
    insert into public.bulk select i, left(repeat(md5(i::text), 27), 850) from generate_series(1, 60000) as i;
    create index idx_bulk_payload on public.bulk (payload);
    update public.bulk set id = id where id < 10;

    create index idx_users_status on public.users (status);
    create index idx_users_status_again on public.users (status);

    create index idx_attachments_conversation_id on public.attachments (conversation_id);

    create table public.reactions (id integer primary key, user_id uuid references public.users (id), emoji text);
    insert into public.reactions select i, null, 'x' from generate_series(1, 12000) as i;

    create table public.outbox (id integer primary key, payload text) with (autovacuum_enabled = off);
    insert into public.outbox select i, repeat(md5(i::text), 6) from generate_series(1, 100000) as i;
    analyze public.outbox;
    delete from public.outbox where id % 10 < 6;

    create table public.labels (name text);
    insert into public.labels values ('once'), ('twice'), ('twice');

    create sequence public.ticket_seq as integer;
    select setval('public.ticket_seq', 2040109465);
    analyze public.bulk, public.reactions, public.users;
    select pg_stat_force_next_flush();
"""


def damage(database: Database) -> None:
    """Damage the database in all ways that need no session to stay open."""
    with database.connect() as connection:
        connection.execute(_DAMAGE)
        try:
            connection.execute("create unique index concurrently labels_name_key on public.labels (name)")
        except psycopg.errors.UniqueViolation:
            pass
        else:
            raise AssertionError("two labels are the same, so the index must have failed")
        # Not in the month after this one: what is written next must still find its partition.
        name = _month_name(3)
        for table in ("message_statuses", "messages"):
            connection.execute(f"alter table public.{table} detach partition chat_partitions.{table}_{name}".encode())
            connection.execute(f"drop table chat_partitions.{table}_{name}".encode())
        # It works for its time: 7,000 blocks, and a hash of 3 kB for each row.
        connection.execute("select count(*) from public.bulk where md5(repeat(payload, 3)) = 'x'")
        connection.execute("select pg_sleep(0.5), count(*) from public.users")
        connection.execute("select pg_stat_force_next_flush()")


def _month_name(ahead: int) -> str:
    now = datetime.now(UTC)
    index = now.year * 12 + now.month - 1 + ahead
    return f"y{index // 12}m{index % 12 + 1:02}"


@contextmanager
def queue(database: Database, table: str = "public.audit_logs") -> Iterator[list[int]]:
    """Yield the sessions of a lock queue: one that reads and idles, one that wants to alter, two that only want to read."""
    with ExitStack() as stack:
        sessions = [stack.enter_context(closing(psycopg.connect(database.url, autocommit=True))) for _ in range(4)]
        sessions[0].execute(f"begin; select count(*) from {table}".encode())
        statements = [f"alter table {table} add column more text", *[f"select count(*) from {table}"] * 2]
        threads = []
        for session, statement in zip(sessions[1:], statements, strict=True):
            threads.append(threading.Thread(target=_ignoring, args=(session, statement)))
            threads[-1].start()
            _wait_until_waiting(database, session.info.backend_pid)
        try:
            yield [session.info.backend_pid for session in sessions]
        finally:
            # Those who wait go first, so that the table is left as it was.
            database.all(
                "select pg_terminate_backend(pid) from unnest(%s::integer[]) as pid", [s.info.backend_pid for s in sessions[1:]]
            )
            for thread in threads:
                thread.join()


@contextmanager
def idle(database: Database, application: str = "forgotten") -> Iterator[int]:
    """Yield a session whose transaction has been idle for more than a second."""
    with closing(psycopg.connect(database.url, application_name=application)) as session:
        session.execute("select count(*) from public.conversations")
        time.sleep(1.1)
        yield session.info.backend_pid


def _ignoring(session: "psycopg.Connection[tuple[object, ...]]", statement: str) -> None:
    try:
        session.execute(statement.encode())
    except psycopg.Error:
        return


def _wait_until_waiting(database: Database, pid: int) -> None:
    deadline = time.monotonic() + 10
    while not database.one("select exists (select from pg_locks where pid = %s and not granted)", pid):
        assert time.monotonic() < deadline, "it does not wait"
        time.sleep(0.02)
