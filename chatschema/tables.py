"""The nine tables: which are there, how many rows they have, how large they are."""

from psycopg import sql

from chatschema import postgres
from chatschema.models import TABLES, TableRows
from chatschema.postgres import Connection

# Counting this much takes some ten milliseconds; beyond it the planner's estimate has to do.
_COUNTED_BYTES = 16 * 1024 * 1024

_SIZES = """
    select w.name, has_table_privilege(c.oid, 'select'),
        sum(pg_relation_size(leaf.oid))::bigint,
        sum(pg_total_relation_size(leaf.oid))::bigint,
        sum(greatest(leaf.reltuples, 0))::bigint,
        bool_or(leaf.reltuples < 0 and pg_relation_size(leaf.oid) > 0)
    from unnest(%s::text[]) as w (name)
    join pg_catalog.pg_class as c on c.oid = to_regclass('public.' || w.name)
    cross join lateral pg_partition_tree(c.oid) as tree
    join pg_catalog.pg_class as leaf on leaf.oid = tree.relid
    where tree.isleaf or c.relkind <> 'p'
    group by w.name, c.oid
"""
# pg_partition_tree() returns nothing for a table that is neither partitioned nor a partition.
_PLAIN_SIZES = """
    select w.name, has_table_privilege(c.oid, 'select'), pg_relation_size(c.oid), pg_total_relation_size(c.oid),
        greatest(c.reltuples, 0)::bigint, c.reltuples < 0 and pg_relation_size(c.oid) > 0
    from unnest(%s::text[]) as w (name)
    join pg_catalog.pg_class as c on c.oid = to_regclass('public.' || w.name)
    where c.relkind in ('r', 'p')
"""


def rows(connection: Connection) -> list[TableRows]:
    """Return the tables that exist, parents first. `rows` is None where this role may not look."""
    found = {row[0]: row for query in (_PLAIN_SIZES, _SIZES) for row in postgres.fetch_all(connection, query, (list(TABLES),))}
    return [_table(connection, *found[name]) for name in TABLES if name in found]


def _table(connection: Connection, name: str, may_read: bool, heap: int, total: int, estimate: int, is_unknown: bool) -> TableRows:
    if may_read and heap <= _COUNTED_BYTES:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier("public", name))
        return TableRows(name, postgres.fetch_one(connection, query)[0], True, total)
    return TableRows(name, None if is_unknown else estimate, False, total)


def analyze(connection: Connection) -> None:
    """Refresh the planner's statistics of all nine tables; autovacuum never does it for a partitioned parent."""
    for table in TABLES:
        postgres.execute(connection, sql.SQL("analyze {}").format(sql.Identifier("public", table)))
