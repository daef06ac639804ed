"""Damages of what runs: slow queries, waits that are none, bad plans, an archive that fails, commits that nobody confirms."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from tests.report.damages import Damage, Truth
from tests.support.database import Database
from tests.support.reports import until

_ENTRIES = "create extension if not exists pg_stat_statements"
STALE = """
    create table public.imports (id integer, kind text) with (autovacuum_enabled = off);
    insert into public.imports select i, 'old' from generate_series(1, 3000) as i;
    create table public.chunks (id integer, body text) with (autovacuum_enabled = off);
    alter table public.chunks alter column body set storage plain;
    insert into public.chunks select i, repeat('x', 7000) from generate_series(1, 150) as i;
    analyze public.imports, public.chunks;
    update public.imports set kind = 'new';
"""
OF_NEW = "select i.id, c.id from public.imports as i join public.chunks as c on c.id = i.id / 20 where i.kind = 'new'"


@contextmanager
def slow_query(database: Database) -> Iterator[Truth]:
    """A query that reads and computes; how long it takes says the clock."""
    database.run(_ENTRIES)
    database.run("create table public.pages (body text); alter table public.pages alter column body set storage plain")
    database.run("insert into public.pages select repeat(md5(i::text), 200) from generate_series(1, 3000) as i")
    with database.connect() as session:
        started = time.monotonic()
        session.execute("select count(*) from public.pages where md5(repeat(body, 3)) = 'x'")
        yield Truth("from public.pages", (time.monotonic() - started) * 1000, within=0.3)


@contextmanager
def lock_wait(database: Database) -> Iterator[Truth]:
    """An update of one row, that waits for the row most of the time."""
    database.run(_ENTRIES)
    with closing(psycopg.connect(database.url)) as holder, database.connect() as waiter:
        holder.execute("update public.users set status = status")
        threading.Timer(0.6, holder.commit).start()
        started = time.monotonic()
        for _ in range(5):
            waiter.execute("update public.users set status = status where id = (select id from public.users limit 1)")
        yield Truth("update public.users set status = status where id =", (time.monotonic() - started) * 1000 / 5, within=0.3)


@contextmanager
def bad_plan(database: Database) -> Iterator[Truth]:
    """A nested loop from stale statistics, that reads a table anew for each of 3,000 rows."""
    database.run(_ENTRIES)
    database.run(STALE)
    with database.connect() as session:
        session.execute(OF_NEW.encode())
        row = session.execute(f"explain (analyze, buffers, format json) {OF_NEW}".encode()).fetchone()
    assert row
    ((plan,),) = row
    blocks = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    assert blocks > 100_000, plan["Plan"]["Node Type"]
    yield Truth("from public.imports", blocks / plan["Plan"]["Actual Rows"], within=0.01)


@contextmanager
def failing_archive(database: Database) -> Iterator[Truth]:
    """An archive_command that fails; the server tries three times and then waits a minute."""
    name = database.one("select pg_walfile_name(pg_current_wal_insert_lsn())")
    database.run("create table public.archived (i integer)")
    database.run("select pg_switch_wal()")
    until(database, "select failed_count >= 3 from pg_stat_archiver", 15)
    yield Truth("archiver", database.one("select failed_count from pg_stat_archiver"), says=name)


@contextmanager
def unconfirmed_commit(database: Database) -> Iterator[Truth]:
    """A commit that waits for a standby which does not exist."""
    _set(database, "synchronous_standby_names", "nobody")
    with closing(psycopg.connect(database.url, autocommit=True)) as session:
        commit = threading.Thread(target=session.execute, args=("create table public.unconfirmed (i integer)",))
        started = time.monotonic()
        commit.start()
        until(database, "select exists (select from pg_stat_activity where wait_event = 'SyncRep')", 15)
        time.sleep(0.5)
        try:
            # The report comes a moment later.
            yield Truth("synchronous_standby_names", (time.monotonic() - started + 0.4) * 1000, within=0.8)
        finally:
            _set(database, "synchronous_standby_names", "")
            commit.join()


@contextmanager
def requested_checkpoints(database: Database) -> Iterator[Truth]:
    """A server whose max_wal_size is too small for what is written: five checkpoints, of which none was timed."""
    database.run("create table public.written (body text); alter table public.written alter column body set storage plain")
    seen = "coalesce((select c.num_requested from pg_stat_checkpointer as c), 0)"
    if database.server.version < 170000:
        seen = "(select b.checkpoints_req from pg_stat_bgwriter as b)"
    database.run("select pg_stat_reset_shared('wal')")
    database.run(f"select pg_stat_reset_shared('{'bgwriter' if database.server.version < 170000 else 'checkpointer'}')")
    deadline = time.monotonic() + 30
    while database.one(f"select {seen}") < 3:
        assert time.monotonic() < deadline
        database.run("insert into public.written select repeat(md5(i::text), 200) from generate_series(1, 2000) as i")
    yield Truth("checkpoints", 100)


def _set(database: Database, name: str, value: str) -> None:
    with database.connect() as session:
        session.execute("set synchronous_commit = local")
        session.execute(f"alter system set {name} = '{value}'".encode())
        session.execute("select pg_reload_conf()")
    until(database, f"select current_setting('{name}') = '{value}'", 15)


DAMAGES = [
    Damage(
        "a query that works long", "queries", "slow", slow_query, toml="[report.queries]\nvery_slow_ms = 20\n",
        decision="its plan shows the cause; an index, another query or more memory is for the reader to choose",
    ),
    Damage(
        "an update that waits for a lock", "queries", "waits", lock_wait,
        toml="[report.queries]\nvery_slow_ms = 60\n",
        decision="the wait is over; who holds the lock next time is seen while it lasts",
    ),
    Damage(
        "a nested loop from stale statistics", "queries", "wasteful", bad_plan, toml="[report.queries]\nwasteful_blocks = 100000\n",
        decision="its plan shows the cause; whether to analyze, to add an index or to change the query is for the reader to choose",
    ),
    Damage(
        "an archive command that fails", "wal", "archiver", failing_archive, settings="archive_mode = on\narchive_command = 'false'",
        decision="whether the archive is repaired or given up is for whoever answers for the backups",
    ),
    Damage(
        "a commit that no standby confirms", "activity", "commits", unconfirmed_commit,
        toml="[report.activity]\ncommit_wait_ms = 300\n", settings="max_wal_senders = 4",
    ),
    Damage(
        "checkpoints that WAL requests", "wal", "requested", requested_checkpoints,
        toml="[report.wal]\nmin_checkpoints = 3\n", settings="max_wal_size = '32MB'\nmin_wal_size = '32MB'\ncheckpoint_timeout = '1h'",
    ),
]  # fmt: skip
