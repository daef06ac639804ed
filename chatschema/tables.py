"""The nine tables: which are there, how many rows they have, how large they are."""

from psycopg import sql

from chatschema import postgres
from chatschema.errors import BUSY_SQLSTATES, ServerError
from chatschema.models import TABLES, TableRows
from chatschema.postgres import Connection

# Counting this much takes some ten milliseconds; beyond it the planner's estimate has to do. A count over
# hundreds of months takes as long to plan, however empty they are.
_COUNTED_BYTES, _COUNTED_PARTITIONS = 16 * 1024 * 1024, 120

# From the catalog alone: the functions that measure files wait for locks. Months are one level below their table.
_FROM_CATALOG = """
    select w.name, has_table_privilege(c.oid, 'select'),
        coalesce(sum(greatest(leaf.relpages, 0)), 0)::bigint * current_setting('block_size')::int,
        coalesce(sum(greatest(leaf.reltuples, 0)), 0)::bigint,
        coalesce(bool_or(leaf.reltuples < 0), false),
        count(leaf.oid)
    from unnest(%s::text[]) as w (name)
    join pg_catalog.pg_class as c on c.oid = to_regclass('public.' || w.name) and c.relkind in ('r', 'p')
    cross join lateral (
        select c.oid union all select inhrelid from pg_catalog.pg_inherits where inhparent = c.oid
    ) as tree (oid)
    -- ANALYZE writes the sum to the partitioned table itself, which would count twice.
    left join pg_catalog.pg_class as leaf on leaf.oid = tree.oid and leaf.relkind = 'r'
    group by w.name, c.oid
"""
_SIZES = """
    select sum(pg_relation_size(leaf.oid))::bigint, sum(pg_total_relation_size(leaf.oid))::bigint,
        coalesce(bool_or(leaf.reltuples < 0 and pg_relation_size(leaf.oid) > 0), false)
    from (
        select to_regclass(%(table)s)::oid
        union all select inhrelid from pg_catalog.pg_inherits where inhparent = to_regclass(%(table)s)
    ) as tree (oid)
    join pg_catalog.pg_class as leaf on leaf.oid = tree.oid and leaf.relkind = 'r'
"""


def missing(connection: Connection) -> list[str]:
    """Return which of the nine tables do not exist, parents first; waits for no lock."""
    query = (
        "select name from unnest(%s::text[]) with ordinality as w (name, n) where to_regclass('public.' || name) is null order by n"
    )
    return [row[0] for row in postgres.fetch_all(connection, query, (list(TABLES),))]


def rows(connection: Connection) -> list[TableRows]:
    """Return the tables that exist, parents first, with rows and bytes.

    Rows are None where this role may not look and nothing is estimated; a locked table is estimated.
    """
    found = {row[0]: row[1:] for row in postgres.fetch_all(connection, _FROM_CATALOG, (list(TABLES),))}
    return [_table(connection, name, *found[name]) for name in TABLES if name in found]


def _table(
    connection: Connection, name: str, may_read: bool, pages: int, estimate: int, is_unknown: bool, relations: int
) -> TableRows:
    try:
        # What was never analyzed is unknown only where it has pages at all.
        heap, total, is_unknown = postgres.fetch_one(connection, _SIZES, {"table": f"public.{name}"})
        if may_read and (heap or 0) <= _COUNTED_BYTES and relations <= _COUNTED_PARTITIONS:
            query = sql.SQL("select count(*) from {}").format(sql.Identifier("public", name))
            return TableRows(name, postgres.fetch_one(connection, query)[0], True, total or 0)
    except ServerError as error:
        if error.sqlstate not in BUSY_SQLSTATES:
            raise
        total = pages
    return TableRows(name, None if is_unknown else estimate, False, total or 0)


def analyze(connection: Connection) -> None:
    """Refresh the planner's statistics of all nine tables; autovacuum never does it for a partitioned parent."""
    names = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)
    postgres.execute(connection, sql.SQL("analyze {}, chatschema.seeded_rows").format(names))
