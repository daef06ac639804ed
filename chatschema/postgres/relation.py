"""The columns and the primary key of a table, its size, and the number of its rows up to a limit: without waiting for long."""

from collections.abc import Container, Mapping
from typing import LiteralString

from psycopg import sql

from chatschema import postgres
from chatschema.errors import BUSY_SQLSTATES, ServerError
from chatschema.postgres import Connection, door

# Counted up to this number, which takes some ten milliseconds; a table with more rows is large in any case.
COUNTED = 100_000
ALL = sql.SQL("true")
# The tables on the lowest level below the table {oid}, or that table. pg_partition_tree() would wait for a partition that somebody
# is changing, and keep a lock of its own on each until the transaction ends.
LEAVES: LiteralString = """
    with recursive tree (oid) as (
        select {oid}::oid
        union all
        select i.inhrelid from tree join pg_catalog.pg_inherits as i on i.inhparent = tree.oid where not i.inhdetachpending
    )
    select c.oid from tree join pg_catalog.pg_class as c using (oid) where c.relkind = 'r'
"""
# The bytes of the table `c`; as last analyzed, and not 0, if somebody is changing it: its size would wait for that lock.
SIZE: LiteralString = """
    case when exists (
        select from pg_catalog.pg_locks as l
        where l.locktype = 'relation' and l.relation = c.oid and l.mode = 'AccessExclusiveLock' and l.pid <> pg_backend_pid()
            and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
    ) then greatest(c.relpages, 1) * current_setting('block_size')::bigint else coalesce(pg_relation_size(c.oid), 0) end
"""
# Their keys have conversation_id in front in a distributed database; a seed's record has those of one server, there and back.
_WITHOUT = frozenset({"messages", "message_statuses", "attachments"})
_UNDEFINED_TABLE, _NO_PRIVILEGE = "42P01", "42501"


def columns(connection: Connection, table: str) -> dict[str, str]:
    """Return name and type of the columns of `table`, a name as SQL writes it, in order; empty where it does not exist."""
    query = """
        select attname, format_type(atttypid, atttypmod) from pg_catalog.pg_attribute
        where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
    """
    return dict(postgres.fetch_all(connection, query, (table,)))


def listed(wanted: Mapping[str, str], there: Container[str]) -> sql.Composable:
    """Return columns, by name and type, as a list to select; null for one that an older table does not have yet."""
    return sql.SQL(", ").join(
        sql.Identifier(name) if name in there else sql.SQL("null::{} as {}").format(sql.SQL(kind), sql.Identifier(name))
        for name, kind in wanted.items()
    )


def count(connection: Connection, table: str | sql.Composable, condition: sql.Composable = ALL) -> int | None:
    """Return how many rows of `table`, a name as SQL writes it or a query, meet the condition on `t`; COUNTED + 1 for more.

    None where this role may not read the table or would have to wait for a lock; 0 where the table does not exist.
    """
    query = sql.SQL("select count(*) from (select 1 from {} as t where {} limit {}) as counted").format(
        sql.SQL(table) if isinstance(table, str) else table,  # quoted by the server
        condition,
        sql.Literal(COUNTED + 1),
    )
    try:
        with postgres.transaction(connection):
            # A policy would hide rows silently; with row_security off it is an error, and the rows are not counted.
            postgres.execute(connection, "set local lock_timeout = '1s'; set local row_security = off")
            found: int = postgres.fetch_one(connection, query)[0]
    except ServerError as error:
        if error.sqlstate == _UNDEFINED_TABLE:
            return 0
        if error.sqlstate in BUSY_SQLSTATES or error.sqlstate == _NO_PRIVILEGE:
            return None
        raise
    return found


def in_words(rows: int | None) -> str:
    """Return the result of count() as text."""
    if rows is None:
        return "rows not counted"
    if rows > COUNTED:
        return f"more than {COUNTED} rows"
    return "1 row" if rows == 1 else f"{rows} rows"


def primary_key(connection: Connection, table: str) -> dict[str, str]:
    """Return the columns of the primary key of a table in public, with their types, in order: in a cluster that of one server."""
    query = """
        select a.attname, format_type(a.atttypid, null) from pg_catalog.pg_index as i
        cross join lateral unnest(i.indkey) with ordinality as k (attnum, position)
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where i.indrelid = to_regclass(%s) and i.indisprimary order by k.position
    """
    found = dict(postgres.fetch_all(connection, query, (f"public.{table}",)))
    if table in _WITHOUT and door.is_distributed(connection):
        found.pop("conversation_id", None)
    return found


def is_entry(connection: Connection, table: str, row: str, tracked: str) -> sql.Composable:
    """Return the condition that `tracked`, a row of chatschema.seeded_rows, has the key of `row` of a table in public.

    An equality of whole keys, which the index serves.
    """
    return sql.SQL("{}.key = {}").format(sql.Identifier(tracked), _key(connection, table, row))


def has_entry(connection: Connection, table: str, row: str, condition: sql.Composable, *, each: bool = False) -> sql.Composable:
    """Return the condition that chatschema.seeded_rows has an entry `s` for `row` of a table in public that meets the condition.

    With `each` it is looked up for each row, which uses the index: a join is planned by statistics, and if these are older than the
    rows, the whole record is read for each row of the table. Citus takes no subquery that refers to a row of a shard.
    """
    if door.is_distributed(connection):
        query = sql.SQL("{} in (select s.key from chatschema.seeded_rows as s where s.table_name = {} and {})")
        return query.format(_key(connection, table, row), sql.Literal(table), condition)
    query = sql.SQL("exists (select from chatschema.seeded_rows as s where {} and s.table_name = {} and {}{})")
    match = is_entry(connection, table, row, "s")
    return query.format(condition, sql.Literal(table), match, sql.SQL(" offset 0" if each else ""))


def _key(connection: Connection, table: str, row: str) -> sql.Composable:
    columns = [sql.SQL("{}.{}::text").format(sql.Identifier(row), sql.Identifier(name)) for name in primary_key(connection, table)]
    return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(columns))
