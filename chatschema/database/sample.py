"""A part of the rows of a database, in a copy of its structure: of each partitioned table the largest partition.

All is read in one transaction that sees one moment, and changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.database.catalog import quiet
from chatschema.errors import ServerError
from chatschema.postgres import Connection

# Enough for times of seconds; of a larger table the first pages.
TABLE_BYTES, ALL_BYTES = 256 << 20, 2 << 30
# The ledger comes first, as migrate needs it. The size of a table waits for whoever changes it.
_TABLES = """
    select t.name, t.size, t.pages, t.columns from (
        select format('%I.%I', n.nspname, c.relname) as name, s.size, n.nspname <> 'chatschema' as is_later,
            pg_relation_size(c.oid) / current_setting('block_size')::integer as pages,
            row_number() over (
                partition by coalesce(pg_partition_root(c.oid), c.oid) order by s.size desc nulls last, c.oid
            ) as place,
            (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        cross join lateral pg_table_size(c.oid) as s (size)
        where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema')
            and n.nspname !~ '^pg_(toast|temp)'
            -- Those of an extension are filled by it.
            and not exists (
                select from pg_catalog.pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
            )
    ) as t
    where t.place = 1 and t.size is not null and t.columns is not null
    order by t.is_later, t.size
"""
_SEQUENCES = (
    "select format('%I.%I', schemaname, sequencename), last_value from pg_catalog.pg_sequences where last_value is not null"
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was copied: the bytes of the tables without indexes, and the tables of which only a part was."""

    bytes: int
    partial: tuple[str, ...]


@contextmanager
def moment(source: Connection) -> Iterator[None]:
    """Let the source see one moment while the block runs."""
    with postgres.transaction(source):
        postgres.execute(source, "set transaction isolation level repeatable read, read only")
        postgres.execute(source, "set local lock_timeout = '2s'")
        yield


def copy_rows(source: Connection, into: Connection) -> Sample:
    """Copy rows into the tables of the same names, which have no indexes, keys and triggers yet. Raises ServerError."""
    total, partial = 0, []
    for name, size, pages, columns in postgres.fetch_all(source, _TABLES):
        share = min(1.0, TABLE_BYTES / max(size, 1), (ALL_BYTES - total) / max(size, 1))
        if share < 1:
            partial.append(name)
        _copy(source, into, name, columns, int(pages * share) if share < 1 else None)
        total += int(size * share)
    for name, last in postgres.fetch_all(source, _SEQUENCES):
        postgres.execute(into, "select setval(%s::regclass, %s)", (name, last))
    return Sample(total, tuple(partial))


def _copy(source: Connection, into: Connection, name: str, columns: str, pages: int | None) -> None:
    """Copy the first pages of a table, or all of it."""
    table, names = sql.SQL(name), sql.SQL(columns)  # quoted by the server
    some = sql.SQL("") if pages is None else sql.SQL(" where ctid < '({},0)'").format(sql.SQL(str(pages)))
    read = sql.SQL("copy (select {} from only {}{}) to stdout").format(names, table, some)
    write = sql.SQL("copy {} ({}) from stdin").format(table, names)
    with (
        postgres.translated(),
        source.cursor() as reader,
        into.cursor() as writer,
        reader.copy(read) as rows,
        writer.copy(write) as target,
    ):
        for block in rows:
            target.write(block)


def settle(into: Connection) -> None:
    """Give the copy the statistics that the real tables have, and mark its rows as committed, as theirs are."""
    # Those tables that this role may not vacuum are named by warnings.
    with quiet(into), suppress(ServerError):
        postgres.execute(into, "vacuum (analyze)")
