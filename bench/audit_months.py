"""`make bench-audit-months`: an audit trail of 10,000,000 entries in one table, beside the same in months.

On one private server: the entries as they are kept, in one table, and the same entries in 48 months with the same indexes. Both
answer what `audit search`, `audit verify` and retention ask: times are medians of 20 questions, blocks those of one of them.
Then each index of the one table alone: its size, and what adding entries costs without it. With --small the sizes are those of a
test, and the times mean nothing.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.support.cli import run_cli
from tests.support.database import create
from tests.support.servers import private, programs

Session = psycopg.Connection[tuple[Any, ...]]

MONTHS, USERS, ADDED = 48, 10_000, 100_000
TABLE, PARTS = "public.audit_logs", "public.audit_months"
# Entries in the order of time, over 48 months; a user has one in 10,000, a resource has 20. A transaction each, as seals find them.
FILL = """
    insert into {table} (id, user_id, action, resource_type, resource_id, ip_address, user_agent, session_id, request_id, details,
        pii_salt, pii_digest, txid, created_at, recorded_at)
    overriding system value
    select i, md5('user ' || i * 7919 % {users})::uuid, 'message.edit', 'message', md5('message ' || i / 20), '10.1.2.3',
        'Mozilla/5.0 (X11; Linux x86_64) Firefox/150 ' || i % 1000, gen_random_uuid(), 'req-' || i,
        jsonb_build_object('before', repeat(md5(i::text), 2), 'after', repeat(md5((-i)::text), 2), 'n', i),
        uuid_send(gen_random_uuid()), sha256(i::text::bytea), (1000 + i)::text::xid8, t, t
    from generate_series({first}::bigint, {last}) as i
    cross join lateral (select timestamptz '2026-01-01' + i * interval '48 months' / {rows}) as s (t)
"""
INDEXES = {
    "idx_audit_logs_user_id_created_at": "btree (user_id, created_at)",
    "idx_audit_logs_resource_created_at": "btree (resource_type, resource_id, created_at)",
    "idx_audit_logs_txid": "btree (txid, id)",
    "idx_audit_logs_created_at": "brin (created_at)",
}
SIZES = """
    select pg_size_pretty(sum(pg_table_size(p.relid))), pg_size_pretty(sum(pg_indexes_size(p.relid)))
    from (select %(table)s::regclass as relid union select t.relid from pg_partition_tree(%(table)s::regclass) as t) as p
"""
QUESTIONS = {
    "newest 50 of a user": "where user_id = md5('user ' || {n} % {users})::uuid order by created_at desc limit 50",
    "all of a resource": "where resource_type = 'message' and resource_id = md5('message ' || {n} % ({rows} / 20))",
    "one by its id": "where id = 1 + {n} % {rows}",
    "newest 50": "order by id desc limit 50",
    "1,000 between two seals": "where txid >= (1001 + {n} % {rows})::text::xid8 order by txid, id limit 1000",
    "all of a day": (
        "where created_at >= timestamptz '2026-01-01' + {n} % 1400 * interval '1 day'"
        " and created_at < timestamptz '2026-01-02' + {n} % 1400 * interval '1 day'"
    ),
}


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--server", choices=("embedded", "system"), default="embedded")
    chosen = parser.parse_args()
    rows, added = (20_000, 1000) if chosen.small else (chosen.rows, ADDED)
    with private(programs(chosen.server), "trail", config="shared_buffers = '1GB'\nmax_wal_size = '8GB'") as server:
        major, minor = divmod(server.version, 10000)
        print(f"\nPostgreSQL {major}.{minor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {rows} entries\n", flush=True)
        for database in create(server, "trail"):
            with tempfile.TemporaryDirectory() as folder:
                done = run_cli("migrate", "--url", database.url, cwd=Path(folder))
                if done.code:
                    sys.exit(done.err)
            with closing(psycopg.connect(database.url, autocommit=True)) as session:
                _fill(session, rows)
                _ask(session, rows)
                _add_and_remove(session, rows, added)
                _indexes(session, rows, added)


def _fill(session: Session, rows: int) -> None:
    session.execute(f"alter table {TABLE} disable trigger all; truncate {TABLE}".encode())
    # Like the table, but that the key of a partitioned table has the column of its months.
    session.execute(f"create table {PARTS} (like {TABLE} including defaults) partition by range (recorded_at)".encode())
    for month in range(MONTHS):
        first, next = (f"{2026 + number // 12}-{number % 12 + 1:02}-01 00:00+00" for number in (month, month + 1))
        part = f"create table public.audit_month_{month:02} partition of {PARTS}"
        session.execute(f"{part} for values from ('{first}') to ('{next}')".encode())
    session.execute(f"create table public.audit_month_more partition of {PARTS} default".encode())
    session.execute(f"alter table {PARTS} add primary key (id, recorded_at)".encode())
    for definition in INDEXES.values():
        session.execute(f"create index on {PARTS} using {definition}".encode())
    step = max(rows // 40, 1)
    for table in (TABLE, PARTS):
        taken = sum(_time(session, _fill_text(table, rows, first, first + step - 1)) for first in range(1, rows, step))
        session.execute(f"vacuum analyze {table}".encode())
        heap, indexes = session.execute(SIZES, {"table": table}).fetchone() or ("", "")
        print(f"{table.removeprefix('public.'):<28}filled in {taken:>7.1f} s, {heap} and {indexes} of indexes", flush=True)


def _fill_text(table: str, rows: int, first: int, last: int) -> str:
    return FILL.format(table=table, users=USERS, rows=rows, first=first, last=last)


def _ask(session: Session, rows: int) -> None:
    print(f"\n{'':<28}{'one table':>12}{'blocks':>9}{'months':>12}{'blocks':>9}{'ratio':>8}")
    for title, condition in QUESTIONS.items():
        (one, blocks), (months, more) = (_asked(session, f"select * from {table} {condition}", rows) for table in (TABLE, PARTS))
        print(f"{title:<28}{one:>9.2f} ms{blocks:>9}{months:>9.2f} ms{more:>9}{months / one:>8.1f}", flush=True)


def _asked(session: Session, question: str, rows: int) -> tuple[float, int]:
    """Return the median time of 20 questions in milliseconds, and the blocks that another one reads."""
    asked = [question.format(n=n * 7_654_321, users=USERS, rows=rows) for n in range(1, 22)]
    times = [_time(session, one) * 1000 for one in asked[:20]]
    [(plans,)] = session.execute(f"explain (analyze, buffers, format json) {asked[20]}".encode()).fetchall()
    root = plans[0]["Plan"]
    return statistics.median(times), root["Shared Hit Blocks"] + root["Shared Read Blocks"]


def _add_and_remove(session: Session, rows: int, added: int) -> None:
    print()
    one, months = (_time(session, _fill_text(table, rows, rows + 1, rows + added)) for table in (TABLE, PARTS))
    print(f"{f'{added} added':<28}{one:>10.2f} s{months:>20.2f} s{months / one:>17.2f}", flush=True)
    one = _time(session, f"delete from {TABLE} where recorded_at < timestamptz '2026-02-01 00:00+00'")
    months = _time(session, "drop table public.audit_month_00")
    print(f"{'the oldest month removed':<28}{one:>10.2f} s{months:>20.2f} s{months / one:>17.2f}", flush=True)


def _indexes(session: Session, rows: int, added: int) -> None:
    """Print each index's size, and the time to add entries without it, beside that with all."""
    everything = _added(session, rows, added, "select")
    print(f"\n{f'{added} added with all indexes':<45}{everything:>8.2f} s")
    for name in INDEXES:
        size = session.execute(f"select pg_size_pretty(pg_relation_size('public.{name}'))".encode()).fetchone() or ("",)
        taken = _added(session, rows, added, f"drop index public.{name}")
        print(f"{f'without {name}':<45}{taken:>8.2f} s{taken / everything:>8.2f}   {size[0]}", flush=True)


def _added(session: Session, rows: int, added: int, before: str) -> float:
    """Return the seconds that entries take after a statement; both are rolled back."""
    session.execute(f"begin; {before}".encode())
    taken = _time(session, _fill_text(TABLE, rows, rows + added * 2, rows + added * 3 - 1))
    session.execute("rollback")
    return taken


def _time(session: Session, statement: str) -> float:
    """Run a statement; return the seconds until its last row has arrived."""
    started = time.perf_counter()
    session.execute(statement.encode())
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
