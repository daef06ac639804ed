"""Damages of what runs: slow queries, waits that are none, bad plans, an archive that fails, commits that nobody confirms."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from conftest import Database

from damages import Damage, Truth

_ENTRIES = "create extension if not exists pg_stat_statements"
_STALE = """
    create table public.imports (id integer, kind text) with (autovacuum_enabled = off);
    insert into public.imports select i, 'old' from generate_series(1, 3000) as i;
    create table public.chunks (id integer, body text) with (autovacuum_enabled = off);
    alter table public.chunks alter column body set storage plain;
    insert into public.chunks select i, repeat('x', 7000) from generate_series(1, 150) as i;
    analyze public.imports, public.chunks;
    update public.imports set kind = 'new';
"""
_OF_NEW = "select i.id, c.id from public.imports as i join public.chunks as c on c.id = i.id / 20 where i.kind = 'new'"


@contextmanager
def slow_query(database: Database) -> Iterator[Truth]:
    """A query that reads and computes; how long it takes says the clock."""
    database.run(_ENTRIES)
    database.run("create table public.pages (body text); alter table public.pages alter column body set storage plain")
    database.run("insert into public.pages select repeat(md5(i::text), 200) from generate_series(1, 3000) as i")
    with database.connect() as session:
        started = time.monotonic()
        session.execute("select count(*) from public.pages where md5(repeat(body, 10)) = 'x'")
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
    database.run(_STALE)
    with database.connect() as session:
        session.execute(_OF_NEW.encode())
        row = session.execute(f"explain (analyze, buffers, format json) {_OF_NEW}".encode()).fetchone()
    assert row
    ((plan,),) = row
    blocks = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    assert blocks > 100_000, plan["Plan"]["Node Type"]
    yield Truth("from public.imports", blocks / plan["Plan"]["Actual Rows"], within=0.01)


DAMAGES = [
    Damage("a query that works long", "queries", "slow", slow_query, toml="[report.queries]\nvery_slow_ms = 100\n"),
    Damage(
        "an update that waits for a lock", "queries", "waits", lock_wait,
        toml="[report.queries]\nvery_slow_ms = 60\n",
    ),
    Damage("a nested loop from stale statistics", "queries", "wasteful", bad_plan, toml="[report.queries]\nwasteful_blocks = 100000\n"),
]  # fmt: skip
