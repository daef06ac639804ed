"""Indexes that only the planner of this session knows, or does not know: HypoPG's; and what creates a real one."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.report.plan_reading import Table

_MARK = sql.SQL(" /* chatschema report */")
# PostgreSQL cuts names at 63 bytes; the room left is for the parts' names and a number.
_NAME_LENGTH = 50


@contextmanager
def created(connection: Connection, schema: str, wanted: Iterable[tuple[str, Iterable[str]]]) -> Iterator[int]:
    """Have indexes on the tables and columns, all quoted, until the end of the block; yield what they would take, in bytes."""
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
    """Return whether this HypoPG hides indexes that exist, as it does from 1.4 on."""
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
    """Return what creates the index without blocking writes, and what drops it.

    A partitioned index cannot be created concurrently: it is made of one for each partition, which can.
    """
    name = _free(connection, table, columns)
    keys = ", ".join(table.columns[column] for column in columns)
    parts = sorted(table.members) if table.is_partitioned else []
    names = [f"{_plain(columns, relation)[: _NAME_LENGTH + 6]}_{number}" for number, (_, relation) in enumerate(parts, 1)]
    name, place, *quoted = _quoted(connection, [name, table.schema, *names, *(word for part in parts for word in part)])
    if not parts:
        return f"create index concurrently {name} on {table.name} ({keys});", f"drop index concurrently {place}.{name};"
    names, words = quoted[: len(parts)], iter(quoted[len(parts) :])
    lines = [f"create index {name} on only {table.name} ({keys});"]
    for part_name, schema, relation in zip(names, words, words, strict=True):
        lines.append(f"create index concurrently {part_name} on {schema}.{relation} ({keys});")
        lines.append(f"alter index {place}.{name} attach partition {schema}.{part_name};")
    return "\n".join(lines), f"drop index {place}.{name};"


def _quoted(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return the names as they are written in a statement: quoted only where they must be."""
    query = "select quote_ident(n.name) from unnest(%s::text[]) with ordinality as n (name, place) order by n.place"
    return [name for (name,) in postgres.fetch_all(connection, query + " /* chatschema report */", (list(names),))]


def _free(connection: Connection, table: Table, columns: Sequence[str]) -> str:
    """Return a name that no relation of the schema has."""
    query = "select to_regclass(%s) is null /* chatschema report */"
    for suffix in ("", *(f"_{number}" for number in range(2, 100))):
        name = _plain(columns, table.relation)[:_NAME_LENGTH] + suffix
        if postgres.fetch_one(connection, query, (sql.Identifier(table.schema, name).as_string(None),))[0]:
            break
    return name


def _plain(columns: Sequence[str], relation: str) -> str:
    return "_".join(("idx", relation, *columns))
