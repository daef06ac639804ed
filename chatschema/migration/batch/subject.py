"""The table and the key of a file that runs in batches, looked up in the database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration.batch import header
from chatschema.migration.batch.header import Header
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.postgres import Connection, door, relation

_TYPES = ("uuid", "bigint", "integer", "timestamp with time zone")
_LOOK = """
    select format('%%I.%%I', n.nspname, c.relname), c.relkind in ('r', 'p'), format_type(a.atttypid, null), a.attnotnull,
        exists (
            select from pg_catalog.pg_index as i
            join pg_catalog.pg_class as x on x.oid = i.indexrelid
            join pg_catalog.pg_am as m on m.oid = x.relam
            where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null and m.amname = 'btree'
        )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = %s and a.attnum > 0 and not a.attisdropped
    where c.oid = to_regclass(%s)
"""
_ESTIMATE = """
    with recursive tree (oid) as (
        select to_regclass(%(name)s)::oid
        union all
        select i.inhrelid from tree join pg_catalog.pg_inherits as i on i.inhparent = tree.oid where not i.inhdetachpending
    )
    select sum(greatest(c.reltuples, 0))::bigint from pg_catalog.pg_class as c join tree using (oid) where c.relkind = 'r'
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """The table, its name as SQL writes it, and the type of the key."""

    table: str
    key_type: str


def find(connection: Connection, file: MigrationFile, wanted: Header) -> Subject:
    """Return the table and the key's type; raise ChatschemaError if the table cannot be read in the order of the key."""
    name = file.apply.path.name
    rows = postgres.fetch_all(connection, _LOOK, (wanted.key, wanted.table))
    if not rows or not rows[0][1]:
        problem = "there is no table" if not rows else "it is a view or an index, not a table:"
        raise ChatschemaError(
            f"{name} runs in batches of {wanted.table}, but {problem} {wanted.table}",
            "correct the line: -- batch: TABLE by KEY",
            code="batch.table",
        )
    table, _, kind, is_required, is_indexed = rows[0]
    key = f"{table}.{wanted.key}"
    if kind is None:
        text = f"{name} runs in batches by {wanted.key}, but {table} has no such column"
        raise ChatschemaError(text, "name the primary key's first column: -- batch: TABLE by KEY", code="batch.key")
    if kind not in _TYPES:
        text = f"{name}: {key} is of type {kind}, by which chatschema cannot make batches"
        raise ChatschemaError(text, f"use a key of type {', '.join(_TYPES)}", code="batch.key-type")
    if not is_required:
        text = f"{name}: {key} may be null, and rows without a key would be left out"
        raise ChatschemaError(text, "use a column that is not null, such as the primary key", code="batch.key-nullable")
    if not is_indexed:
        text = f"{name}: no index begins with {key}, so each batch would read the whole table"
        hint = "use the first column of a valid btree index, such as the primary key"
        if door.is_distributed(connection):
            hint = f"in a distributed database its keys begin with conversation_id: -- batch: {wanted.table} by conversation_id"
        raise ChatschemaError(text, hint, code="batch.key-index")
    return Subject(table, kind)


def refuse_unknown(connection: Connection, pending: Sequence[MigrationFile]) -> None:
    """Raise ChatschemaError if the table or the key of a pending file is missing, and no file before it can create them."""
    for index, file in enumerate(pending):
        wanted = header.of(file.apply)
        if wanted is None:
            continue
        name = wanted.table.rpartition(".")[2]
        if not any(names(before, name) for before in pending[:index]):
            find(connection, file, wanted)


def names(file: MigrationFile, table: str) -> bool:
    """Return whether the text of a file names the table, its name without the schema, or one of its months."""
    word = rf"(?i)(?<![\w$]){re.escape(header.plain(table))}(?:_y\d{{4}}m\d\d)?(?![\w$])"
    return re.search(word, COMMENTS.sub(" ", file.apply.text)) is not None


def is_empty(connection: Connection, table: str) -> bool:
    """Return whether the table has no row."""
    query = sql.SQL("select not exists (select from {})").format(sql.SQL(table))  # quoted by the server
    return bool(postgres.fetch_one(connection, query)[0])


def expected(connection: Connection, table: str) -> int | None:
    """Return how many rows the table has: counted if they are few, else as the planner estimates, None if it cannot."""
    counted = relation.count(connection, table)
    if counted is not None and counted <= relation.COUNTED:
        return counted
    estimated: int | None = postgres.fetch_one(connection, _ESTIMATE, {"name": table})[0]
    return estimated if estimated and estimated > relation.COUNTED else None
