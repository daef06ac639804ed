"""The nine tables: which exist, how many rows they have, how large they are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from psycopg import sql

from chatschema import postgres
from chatschema.errors import BUSY_SQLSTATES, ServerError
from chatschema.postgres import Connection
from chatschema.values import TABLES

T = TypeVar("T")

# Counting this much takes some ten milliseconds; beyond it the planner's estimate is used. A count over
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
    select w.name, sum(pg_relation_size(leaf.oid))::bigint, sum(pg_total_relation_size(leaf.oid))::bigint,
        coalesce(bool_or(leaf.reltuples < 0 and pg_relation_size(leaf.oid) > 0), false)
    from unnest(%s::text[]) as w (name)
    cross join lateral (
        select to_regclass('public.' || w.name)::oid
        union all select inhrelid from pg_catalog.pg_inherits where inhparent = to_regclass('public.' || w.name)
    ) as tree (oid)
    join pg_catalog.pg_class as leaf on leaf.oid = tree.oid and leaf.relkind = 'r'
    group by w.name
"""


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of a table; estimated by the planner's statistics if counting would take long."""

    table: str
    rows: int | None
    is_exact: bool
    bytes: int


def missing(connection: Connection) -> list[str]:
    """Return which of the nine tables do not exist, parents first; waits for no lock."""
    query = (
        "select name from unnest(%s::text[]) with ordinality as w (name, n) where to_regclass('public.' || name) is null order by n"
    )
    return [row[0] for row in postgres.fetch_all(connection, query, (list(TABLES),))]


def rows(connection: Connection, *, uncounted: Collection[str] = ()) -> list[TableRows]:
    """Return the tables that exist, parents first, with rows and bytes.

    Rows are None if this role may not read the table and there is no estimate, and for those that are `uncounted`: a node that has
    some of them does not answer. A locked table is estimated.
    """
    rows = {row[0]: row[1:] for row in postgres.fetch_all(connection, _FROM_CATALOG, (list(TABLES),))}
    found = [table for table in TABLES if table in rows]
    measured = _each(found, lambda names: _measured(connection, names))
    is_unknown = {name: measured[name][2] if name in measured else rows[name][3] for name in found}
    countable = [
        name
        for name in measured
        if rows[name][0]
        and name not in uncounted
        and (measured[name][0] or 0) <= _COUNTED_BYTES
        and rows[name][4] <= _COUNTED_PARTITIONS
    ]
    counted = _each(countable, lambda names: _counted(connection, names))
    result = []
    for name in found:
        _, pages, estimate, _, _ = rows[name]
        count = counted.get(name, None if is_unknown[name] or name in uncounted else estimate)
        result.append(TableRows(name, count, name in counted, measured[name][1] or 0 if name in measured else pages))
    return result


def _each(names: Sequence[str], look: Callable[[Sequence[str]], dict[str, T]]) -> dict[str, T]:
    """Return the result of a query for all tables at once; if some are locked, one by one, without the locked ones."""
    try:
        return look(names) if names else {}
    except ServerError as error:
        if error.sqlstate not in BUSY_SQLSTATES:
            raise
    if len(names) == 1:
        return {}
    return {name: value for one in names for name, value in _each([one], look).items()}


def _measured(connection: Connection, names: Sequence[str]) -> dict[str, tuple[int | None, int | None, bool]]:
    """Return the bytes of the heap and in total, and whether the rows are unknown: a table with pages was never analyzed."""
    return {row[0]: (row[1], row[2], row[3]) for row in postgres.fetch_all(connection, _SIZES, (list(names),))}


def _counted(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    counts = [sql.SQL("select {}, count(*) from {}").format(sql.Literal(name), sql.Identifier("public", name)) for name in names]
    return dict(postgres.fetch_all(connection, sql.SQL(" union all ").join(counts)))
