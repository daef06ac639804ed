"""Trying a change on an empty copy of a table, in a transaction that is rolled back, to learn what the server makes of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError, UsageError
from chatschema.migration.recipes import look
from chatschema.migration.recipes.look import Column, Table
from chatschema.postgres import Connection
from chatschema.statements import Statements

# The indexes and checks of a table with those of its copy: an index has another name there, and the same text from its method on.
_PARTS = """
    select c.relname, x.indexrelid::bigint, x.indisunique
    from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_index as x on x.indrelid = 'pg_temp.chatschema_recipe'::regclass
        and split_part(pg_get_indexdef(x.indexrelid), ' USING ', 2) = split_part(pg_get_indexdef(i.indexrelid), ' USING ', 2)
    where i.indrelid = %(oid)s
    union all
    select k.conname, p.oid::bigint, false from pg_catalog.pg_constraint as k
    join pg_catalog.pg_constraint as p on p.conrelid = 'pg_temp.chatschema_recipe'::regclass and p.conname = k.conname
    where k.conrelid = %(oid)s and k.contype = 'c'
"""
_TAILS = """
    select indexrelid::bigint, 'using ' || split_part(pg_get_indexdef(indexrelid), ' USING ', 2)
    from pg_catalog.pg_index where indrelid = 'pg_temp.chatschema_recipe'::regclass
    union all select oid::bigint, pg_get_constraintdef(oid) from pg_catalog.pg_constraint
    where conrelid = 'pg_temp.chatschema_recipe'::regclass and contype = 'c'
"""


@dataclass(frozen=True, slots=True)
class Added:
    """What adding a column would do: whether it rewrites the table, and the column as the server reads its definition."""

    rewrites: bool
    type: str
    default: str | None
    is_not_null: bool


class _Undone(Exception):
    """Rolls back what was only tried."""


@contextmanager
def _on_copy(connection: Connection, table: Table, including: str = "") -> Iterator[None]:
    """Run the block in a transaction with an empty copy of the table, pg_temp.chatschema_recipe; all of it is rolled back."""
    with suppress(_Undone), postgres.transaction(connection):
        like = sql.SQL("create temporary table chatschema_recipe (like {} {})")
        postgres.execute(connection, like.format(sql.Identifier(table.schema, table.name), sql.SQL(including)))
        yield
        raise _Undone


def _refuse_more(text: str) -> None:
    """Raise UsageError for a text that would end the statement and begin another one: that could not be rolled back."""
    if len(Statements(f"alter table t add column c {text}".encode())) != 1 or text.rstrip().endswith(";"):
        raise UsageError(f"{text!r} is more than one definition", "remove the semicolon", code="recipe.definition")


def added(connection: Connection, table: Table, column: str, definition: str) -> Added:
    """Return what adding the column would do. Raises ServerError if the definition is wrong, UsageError for a second statement."""
    _refuse_more(definition)
    file = "select pg_relation_filenode('pg_temp.chatschema_recipe')"
    with _on_copy(connection, table):
        before = postgres.fetch_one(connection, file)
        add = sql.SQL("alter table pg_temp.chatschema_recipe add column {} {}")
        # Typed by the one who runs the command.
        postgres.execute(connection, add.format(sql.Identifier(column), sql.SQL(definition)))
        after = postgres.fetch_one(connection, file)
        found = look.columns(connection, _oid(connection))[column]
    default = None if found.is_computed else found.default
    return Added(before != after, found.type, default, found.is_not_null)


def replaced(
    connection: Connection, table: Table, column: Column, copy: str, type: str | None
) -> tuple[str, str | None, dict[str, tuple[str, bool]]]:
    """Return the type and the default of a column that replaces another, and the indexes and checks that name it, by name.

    Each of these has its definition for the column `copy`, that of an index from its method on, and whether it is unique.
    Raises UsageError if the type is wrong, and ChatschemaError if the values cannot be converted alike in every session.
    """
    _refuse_more(type or "")
    try:
        with _on_copy(connection, table, "including defaults including constraints including indexes"):
            name, new = sql.Identifier(column.name), sql.SQL(type or column.type)
            there = sql.SQL("alter table pg_temp.chatschema_recipe")
            if type:
                _refuse_mutable(connection, column, type)
                postgres.execute(connection, sql.SQL("{} alter column {} type {} using {}::{}").format(there, name, new, name, new))
            parts = postgres.fetch_all(connection, _PARTS, {"oid": table.oid})
            postgres.execute(connection, sql.SQL("{} rename column {} to {}").format(there, name, sql.Identifier(copy)))
            tails = dict(postgres.fetch_all(connection, _TAILS))
            found = look.columns(connection, _oid(connection))[copy]
            definitions = {own: (tails[part], is_unique) for own, part, is_unique in parts}
    except ServerError as error:
        raise UsageError(f"PostgreSQL refuses {type!r}: {error.message}", error.hint, code="recipe.definition") from None
    return found.type, found.default, definitions


def kept(connection: Connection, table: Table, columns: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """Return the indexes and checks of the table that need no other columns than these, by name, as replaced() does.

    Raises ServerError if two values of a column cannot be compared.
    """
    with _on_copy(connection, table, "including defaults including constraints including indexes"):
        parts = postgres.fetch_all(connection, _PARTS, {"oid": table.oid})
        row = sql.SQL(", ").join(map(sql.Identifier, columns))
        compared = sql.SQL("select from pg_temp.chatschema_recipe where ({0}) is distinct from ({0})").format(row)
        postgres.execute(connection, compared)
        others = [sql.SQL("drop column {}").format(sql.Identifier(one)) for one in table.columns if one not in columns]
        if others:
            postgres.execute(connection, sql.SQL("alter table pg_temp.chatschema_recipe ") + sql.SQL(", ").join(others))
        tails = dict(postgres.fetch_all(connection, _TAILS))
    return {own: (tails[part], is_unique) for own, part, is_unique in parts if part in tails}


def _oid(connection: Connection) -> int:
    found: int = postgres.fetch_one(connection, "select 'pg_temp.chatschema_recipe'::regclass::oid::bigint")[0]
    return found


def _refuse_mutable(connection: Connection, column: Column, type: str) -> None:
    query = sql.SQL("alter table pg_temp.chatschema_recipe add column chatschema_try {} generated always as ({}::{}) stored")
    new = sql.SQL(type)
    try:
        with postgres.transaction(connection):
            postgres.execute(connection, query.format(new, sql.Identifier(column.name), new))
            postgres.execute(connection, "alter table pg_temp.chatschema_recipe drop column chatschema_try")
    except ServerError as error:
        if error.sqlstate != "42P17":
            raise
        raise ChatschemaError(
            f"{column.name} cannot become {type} by this recipe: the conversion depends on the settings of the session",
            "write the files by hand, with a conversion that does not, such as: at time zone 'UTC'",
            code="recipe.conversion",
        ) from None
