"""The sequence of a serial or identity column that a copy replaces: it goes on with the number that it has reached."""

from dataclasses import dataclass

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration.recipes.look import Column, Table
from chatschema.migration.recipes.names import name, refuse_quoted
from chatschema.postgres import Connection

_SEQUENCE = """
    select n.nspname, c.relname, q.seqtypid::regtype::text, q.seqstart, q.seqincrement, q.seqcache, q.seqcycle, a.attidentity
    from pg_catalog.pg_depend as d
    join pg_catalog.pg_sequence as q on q.seqrelid = d.objid
    join pg_catalog.pg_class as c on c.oid = d.objid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
        and d.refobjid = %s and d.refobjsubid = %s
"""
_TYPES = ("smallint", "integer", "bigint")


@dataclass(frozen=True, slots=True)
class Moves:
    """The statements that give the sequence to the copy, and those after the copy is renamed; then those of the rollback."""

    away: list[str]
    named: list[str]
    freed: list[str]
    back: list[str]


def moves(connection: Connection, table: Table, column: Column, copy: str, type: str) -> Moves:
    """Return the statements for the sequence of the column; none if it has no sequence.

    Raises ChatschemaError if the column is an identity, and would be no number any more.
    """
    rows = postgres.fetch_all(connection, _SEQUENCE, (table.oid, column.number))
    if not rows:
        return Moves([], [], [], [])
    schema, own, old, start, increment, cache, cycles, identity = rows[0]
    refuse_quoted(schema, own)
    if not identity:
        return _of_serial(table, column, copy, f"{schema}.{own}", old, type if type in _TYPES else old)
    if type not in _TYPES:
        raise ChatschemaError(
            f"{table.relation}.{column.name} is an identity, which cannot be of type {type}",
            f"use {' or '.join(_TYPES)}, or drop the identity first, in a migration of its own",
            code="recipe.dependents",
        )
    options = f"start with {start} increment by {increment} cache {cache}{' cycle' if cycles else ''}"
    how = "always" if identity == "a" else "by default"
    return _of_identity(table, column, copy, (schema, own), f"add generated {how} as identity (sequence name {{}} {options})")


def _of_serial(table: Table, column: Column, copy: str, sequence: str, old: str, new: str) -> Moves:
    owned = f"alter sequence {sequence} owned by {table.relation}"
    # A type that is the same already would be set in vain.
    widen, narrow = ([f"alter sequence {sequence} as {one};"] if old != new else [] for one in (new, old))
    return Moves([f"{owned}.{copy};", *widen], [], [], [f"{owned}.{column.name};", *narrow])


def _of_identity(table: Table, column: Column, copy: str, sequence: tuple[str, str], add: str) -> Moves:
    # Unlike that of a serial, the sequence cannot be given to another column: the copy gets one, set to the same number.
    schema, own = sequence
    new = name(own, "_new")
    first, second = f"{schema}.{own}", f"{schema}.{new}"
    alter = f"alter table {table.relation} alter column"
    return Moves(
        [
            f"{alter} {copy} {add.format(second)};",
            f"select setval('{second}', last_value, is_called) from {first};",
        ],
        [f"alter sequence {second} rename to {own};"],
        [f"alter sequence {first} rename to {new};"],
        [
            f"{alter} {column.name} {add.format(first)};",
            f"select setval('{first}', last_value, is_called) from {second};",
            f"{alter} {copy} drop identity;",
        ],
    )
