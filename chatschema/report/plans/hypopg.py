"""HypoPG: indexes that only this session's planner sees, or does not see; and the statements that create a real one."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection
from chatschema.report.plans.reading import Table

_MARK = sql.SQL(" /* chatschema report */")


@contextmanager
def created(connection: Connection, schema: str, wanted: Iterable[tuple[str, Iterable[str]]]) -> Iterator[int]:
    """Let the planner see indexes on the tables and columns, all quoted, in this block; yield their estimated size in bytes."""
    place = sql.Identifier(schema)
    query = sql.SQL("select {0}.hypopg_relation_size(i.indexrelid) from {0}.hypopg_create_index({1}) as i")
    try:
        size = 0
        for table, columns in wanted:
            create = sql.Literal(f"create index on {table} ({', '.join(columns)})")
            size += postgres.fetch_one(connection, query.format(place, create) + _MARK)[0]
        yield size
    finally:
        postgres.execute(connection, sql.SQL("select {}.hypopg_reset()").format(place) + _MARK)


def can_hide(connection: Connection, schema: str) -> bool:
    """Return whether this HypoPG can hide existing indexes, as version 1.4 and later can."""
    name = f"{sql.Identifier(schema).as_string(None)}.hypopg_hide_index(oid)"
    return bool(postgres.fetch_one(connection, "select to_regprocedure(%s) is not null /* chatschema report */", (name,))[0])


def version(connection: Connection) -> str:
    """Return the version of HypoPG in this database."""
    query = "select extversion from pg_catalog.pg_extension where extname = 'hypopg' /* chatschema report */"
    return str(postgres.fetch_one(connection, query)[0])


_PARTS = """
with recursive parts as (
    select to_regclass(%s)::oid as part
    union all
    select i.inhrelid from parts as p join pg_catalog.pg_inherits as i on i.inhparent = p.part
)
select p.part from parts as p join pg_catalog.pg_class as c on c.oid = p.part and c.relkind = 'i'
/* chatschema report */"""


@contextmanager
def hidden(connection: Connection, schema: str, index: str) -> Iterator[bool]:
    """Hide an index, by its qualified name, and its parts in the partitions; yield whether all of it is hidden."""
    place = sql.Identifier(schema)
    parts = postgres.fetch_all(connection, _PARTS, (index,))
    try:
        query = sql.SQL("select {}.hypopg_hide_index({})")
        done = [postgres.fetch_one(connection, query.format(place, sql.Literal(part)) + _MARK)[0] for (part,) in parts]
        yield bool(done) and all(done)
    finally:
        postgres.execute(connection, sql.SQL("select {}.hypopg_unhide_all_indexes()").format(place) + _MARK)


def statements(connection: Connection, table: Table, columns: Sequence[str]) -> tuple[str, str]:
    """Return the statements that create the index without blocking writes, and the one that drops it.

    A partitioned index cannot be created concurrently: one is created on each partition, concurrently, and they are attached
    from the bottom up. The statements may be run again after an interruption.
    """
    keys = ", ".join(table.columns[column] for column in columns)
    base = _free(connection, table, columns)
    (name, schema) = _quoted(connection, [base, table.schema])
    if not table.is_partitioned:
        return f"create index concurrently {name} on {table.name} ({keys});", f"drop index concurrently {schema}.{name};"
    nodes = postgres.fetch_all(connection, _TREE, (base, base, table.name))
    lines = [
        f"create index if not exists {index} on only {place}.{of} ({keys});"
        for place, of, index, _, is_leaf in nodes
        if not is_leaf
    ]
    for place, of, index, above, is_leaf in nodes:
        if is_leaf:
            lines.append(f"create index concurrently if not exists {index} on {place}.{of} ({keys});")
            lines.append(f"alter index {above} attach partition {place}.{index};")
    for place, _, index, above, is_leaf in reversed(nodes):
        if above and not is_leaf:
            lines.append(f"alter index {above} attach partition {place}.{index};")
    return "\n".join(lines), f"drop index {schema}.{name};"


# Each table of the tree, those above first: schema, name, its index, the index above it, and whether it has rows of its own.
_TREE = """
with named as (
    select
        t.relid, t.parentrelid, t.isleaf, t.level, c.relname, quote_ident(n.nspname) as place, quote_ident(c.relname) as relation,
        quote_ident(case
            when t.level = 0 then %s
            else %s || '_' || row_number() over (order by t.level, c.relname, t.relid) - 1
        end) as index
    from pg_catalog.pg_partition_tree(%s::regclass) as t
    join pg_catalog.pg_class as c on c.oid = t.relid and c.relkind in ('r', 'p')
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
)
select n.place, n.relation, n.index, p.place || '.' || p.index, n.isleaf and n.level > 0
from named as n
left join named as p on p.relid = n.parentrelid
order by n.level, n.relname, n.relid
/* chatschema report */"""


def _quoted(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return the names as they are written in a statement: quoted only where they must be."""
    query = "select quote_ident(n.name) from unnest(%s::text[]) with ordinality as n (name, place) order by n.place"
    return [name for (name,) in postgres.fetch_all(connection, query + " /* chatschema report */", (list(names),))]


def _free(connection: Connection, table: Table, columns: Sequence[str]) -> str:
    """Return a name that no relation of the schema has, nor, with a number behind it, any relation."""
    query = sql.SQL(_FREE).format(
        base=sql.Literal("_".join(("idx", table.relation, *columns))),
        schema=sql.Literal(table.schema),
        is_partitioned=sql.Literal(table.is_partitioned),
        free_name=sqlfile.fill("reports/parts/free_name.sql"),
    )
    return str(postgres.fetch_one(connection, query)[0])


_FREE = """
select f.name
from (
    select {base}::text as base, '' as ending, n.oid as relnamespace, {is_partitioned} as is_partitioned
    from pg_catalog.pg_namespace as n
    where n.nspname = {schema}
) as wanted
cross join lateral ({free_name}) as f
/* chatschema report */"""
