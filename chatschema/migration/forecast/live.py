"""The tables of the real database: their sizes and their traffic, and how fast the server reads them. Changes nothing."""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.postgres import Connection

# Read to measure the rate: enough to last some milliseconds, and little beside the work that is estimated.
_SAMPLE_BYTES = 64 << 20
_ENOUGH_BYTES = 1 << 20
_PAGE = 8192
# Where nothing can be measured, because the tables are small or this role may not read them.
_ASSUMED_RATE = 500e6
# A size waits for whoever changes the table; those are left out, and nothing waits for long.
_TABLES = """
    select format('%%I.%%I', n.nspname, c.relname), format('%%I.%%I', rn.nspname, r.relname), greatest(c.reltuples, 0),
        case when c.relkind in ('r', 'm') and not b.is_busy then pg_relation_size(c.oid) end,
        case when c.relkind in ('r', 'm') and not b.is_busy then pg_total_relation_size(c.oid) end,
        (select count(*) from pg_catalog.pg_index as i where i.indrelid = c.oid),
        coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0), coalesce(s.seq_scan + coalesce(s.idx_scan, 0), 0)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_class as r on r.oid = coalesce(pg_partition_root(c.oid), c.oid)
    join pg_catalog.pg_namespace as rn on rn.oid = r.relnamespace
    left join pg_catalog.pg_stat_all_tables as s on s.relid = c.oid
    cross join lateral (
        select c.oid in (
            select l.relation from pg_catalog.pg_locks as l where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
                and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        ) as is_busy
    ) as b
    where c.relkind in ('r', 'm', 'p') and format('%%I.%%I', rn.nspname, r.relname) = any (%s)
"""
# When the counters of this database began.
_SINCE = """
    select greatest(extract(epoch from now() - coalesce(d.stats_reset, b.stats_reset, pg_postmaster_start_time())), 1)::float
    from pg_catalog.pg_stat_database as d, pg_catalog.pg_stat_bgwriter as b where d.datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A table without partitions, or a partition: `heap` and `size` in bytes, None if somebody is changing it."""

    name: str
    root: str
    rows: float
    heap: int | None
    size: int | None
    indexes: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """A table with its partitions: its size in bytes, None if unknown, and the rows written and scans begun a second on average."""

    relation: str
    bytes: int | None
    writes_per_s: float
    scans_per_s: float


@dataclass(frozen=True, slots=True)
class Live:
    """The tables by name, with the traffic of their parents; `rate` is how many bytes a second the server reads."""

    leaves: dict[str, Leaf]
    traffic: dict[str, Traffic]
    rate: float


def look(connection: Connection, roots: Collection[str], read: Collection[str], *, rate: float | None = None) -> Live:
    """Return the tables of these parents; the rate, if it is not given, is measured on the largest tables in `read`."""
    leaves: dict[str, Leaf] = {}
    sums: dict[str, list[float]] = {}
    try:
        with postgres.transaction(connection):
            postgres.execute(connection, "set local lock_timeout = '1s'")
            since: float = postgres.fetch_one(connection, _SINCE)[0]
            rows = postgres.fetch_all(connection, _TABLES, (sorted(roots),))
    except ServerError:
        return Live({}, {}, _ASSUMED_RATE)
    for name, root, tuples, heap, size, indexes, writes, scans in rows:
        total = sums.setdefault(root, [0, 0])
        total[0] += writes
        total[1] += scans
        leaves[name] = Leaf(name, root, tuples, heap, size, indexes)
    traffic = {
        root: Traffic(root, _sum(leaves.values(), root), round(writes / since, 2), round(scans / since, 2))
        for root, (writes, scans) in sums.items()
    }
    some = sorted((leaves[name] for name in read if name in leaves), key=lambda one: -(one.heap or 0))
    return Live(leaves, traffic, _rate(connection, some) if rate is None else rate)


def _sum(leaves: Collection[Leaf], root: str) -> int | None:
    sizes = [one.size for one in leaves if one.root == root and one.heap is not None]
    return sum(size for size in sizes if size is not None)


def _rate(connection: Connection, tables: Sequence[Leaf]) -> float:
    """Return how many bytes of these tables are read a second; the largest come first, until there are enough."""
    size, seconds = 0, 0.0
    with suppress(ServerError), postgres.transaction(connection):
        postgres.execute(connection, "set local lock_timeout = '500ms'; set local statement_timeout = '5s'")
        postgres.execute(connection, "set local max_parallel_workers_per_gather = 0")
        for table in tables:
            part = min(table.heap or 0, _SAMPLE_BYTES)
            if part < _ENOUGH_BYTES or size >= _SAMPLE_BYTES:
                break
            query = sql.SQL("select count(*) from only {} where ctid < '({},0)'").format(
                sql.SQL(table.name),  # quoted by the server
                sql.SQL(str(part // _PAGE)),
            )
            began = time.monotonic()
            postgres.execute(connection, query)
            seconds += time.monotonic() - began
            size += part
    return size / seconds if seconds else _ASSUMED_RATE
