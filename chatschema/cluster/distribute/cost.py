"""What a run will cost, from the catalog: how long writers wait, and how much disk it takes and where."""

import math
from dataclasses import dataclass

from chatschema import postgres, units
from chatschema.cluster.distribute import checks
from chatschema.cluster.tables import DISTRIBUTED, REFERENCE
from chatschema.postgres import Connection

# Measured with a coordinator and two workers that shared two cores, and 32 shards: 3,000 rows in 9.4 s, which is DDL alone, and
# 668,000 in 17.8 s; back in 14.6 s and 19.6 s. An earlier measurement on a busy machine had 37,500 rows a second.
_ROWS_PER_S = 80_000
_STATEMENT_S = 0.00045
_TABLE_BACK_S = 0.3
_SIZES = """
    select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint,
        coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint, count(*)
    from unnest(%s::text[]) as w (name)
    cross join lateral (
        select to_regclass(w.name)::oid
        union all select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = to_regclass(w.name)
    ) as t (oid)
    join pg_catalog.pg_class as c on c.oid = t.oid and c.relkind = 'r'
"""
_KEYS = (
    "keys: messages (conversation_id, id); message_statuses (conversation_id, message_id, user_id); attachments with"
    " conversation_id in front; the unique pair of a direct conversation becomes its id"
)
_OF_CONVERSATIONS = [f"public.{table}" for table in DISTRIBUTED]
_OF_NODES = [f"public.{table}" for table in REFERENCE]


@dataclass(frozen=True, slots=True)
class Cost:
    """Rows and bytes that move, by the statistics of the last ANALYZE, and seconds for which the tables are locked."""

    rows: int
    bytes: int
    seconds: float
    lines: tuple[str, ...]

    @property
    def duration(self) -> str:
        """The seconds for people."""
        return units.duration(self.seconds * 1000)

    def words(self) -> tuple[str, ...]:
        """Return the cost as lines: locks, time, keys, disk."""
        return (
            "locks: access exclusive on all of these tables from the first step to the commit; nobody reads or writes them",
            f"time: about {self.duration} for {self.rows} rows; in it writers wait, and so does DDL",
            *self.lines,
        )


def of(connection: Connection, shards: int) -> Cost:
    """Return what distributing over so many shards costs; raises ServerError."""
    rows, size, tables = postgres.fetch_one(connection, _SIZES, (_OF_CONVERSATIONS,))
    copied, copied_size, _ = postgres.fetch_one(connection, _SIZES, (_OF_NODES,))
    workers = sum(1 for node in checks.nodes(connection) if node.group) if checks.has_citus(connection) else 0
    each = math.ceil(size / max(workers, 1)) + copied_size
    seconds = (rows + copied * (workers + 1)) / _ROWS_PER_S + tables * shards * 30 * _STATEMENT_S
    lines = (
        _KEYS,
        f"disk: about {units.size(each)} on each of {workers} workers, and {units.size(size)} more here until the commit",
        f"shards: {shards} of each table",
    )
    return Cost(rows + copied, size + copied_size, seconds, lines)


def of_way_back(connection: Connection) -> Cost:
    """Return what bringing the database back costs; the rows are counted on the shards. Raises ServerError."""
    rows = sum(postgres.fetch_one(connection, f"select count(*) from {table}")[0] for table in _OF_CONVERSATIONS)
    query = "select coalesce(sum(citus_total_relation_size(logicalrelid)), 0)::bigint, count(*) from pg_catalog.pg_dist_partition"
    size, tables = postgres.fetch_one(connection, query)
    lines = (
        "keys: those of one server; a direct pair is unique again",
        f"disk: about {units.size(size)} here; what was on the workers is dropped at the commit",
    )
    return Cost(rows, size, rows / _ROWS_PER_S + tables * _TABLE_BACK_S, lines)
