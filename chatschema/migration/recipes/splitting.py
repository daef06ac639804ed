"""The values of the recipe that moves columns of a table to a new one: its definition, the trigger that fills it, and a view."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chatschema.errors import ChatschemaError, ServerError, UsageError
from chatschema.migration.recipes import copying, look, trying
from chatschema.migration.recipes.look import Column, Dependent, Table
from chatschema.migration.recipes.names import literal, lower, name, rebuilt, refuse_quoted
from chatschema.migration.recipes.parts import UNIQUE
from chatschema.migration.recipes.values import Fit
from chatschema.postgres import Connection

_OWN_COLUMNS = re.compile(r"FOREIGN KEY \(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class _Moved:
    """An index or constraint of the columns, with its name on the new table, its definition and its comments."""

    original: Dependent
    name: str
    definition: str
    is_unique: bool
    index_comment: str | None


def split(connection: Connection, table: Table, new: str, columns: Sequence[str]) -> Fit:
    """Return the values for moving the columns to the table `new`. Raises ChatschemaError where that would not work."""
    refuse_quoted(new, *columns)
    moved = [table.column(one) for one in columns]
    _refuse(connection, table, new, moved)
    key = copying.key(table)
    parts = _parts(connection, table, new, moved)
    rows = name(new, "_rows")
    keys = table.primary_key
    required = [one for one in moved if one.is_not_null and one.default is None]
    return Fit(
        {
            "new": new, "rows": rows, "slug": ", ".join(columns), "key": key,
            "new_relation": f"{table.schema}.{new}", "rows_relation": f"{table.schema}.{rows}",
            "function": name(f"split_{table.name}_{new}", ""), "trigger": name(f"zz_{table.name}_split_{new}", ""),
            "view_function": name(f"write_{new}", ""), "required": ", ".join(one.name for one in required),
            **_definition(table, new, rows, moved, parts),
            **_conditions(keys, columns, [one.name for one in required]),
            **_changes(table, new, moved, required, parts),
            "grants_rows": _granted(connection, table, moved, f"{table.schema}.{rows}"),
            "grants_view": _granted(connection, table, moved, f"{table.schema}.{new}"),
            "grants_again": _granted(connection, table, moved, None),
        },
        {"required": bool(required)},
    )  # fmt: skip


def _refuse(connection: Connection, table: Table, new: str, moved: Sequence[Column]) -> None:
    if table.is_partitioned:
        raise ChatschemaError(
            f"{table.relation} is partitioned: the rows of the new table would stay when a month of it is retired",
            "keep the columns there; PostgreSQL stores long values apart from the row already",
            code="recipe.split",
        )
    if look.has_policies(connection, table):
        raise ChatschemaError(
            f"{table.relation} has row level security, and nobody can derive the policies of {new} from its own",
            "write the files by hand: chatschema new migration NAME",
            code="recipe.split",
        )
    if taken := [one for one in (new, name(new, "_rows")) if look.has_name(connection, table, one)]:
        raise ChatschemaError(f"{table.schema}.{taken[0]} exists already", "choose another name", code="recipe.done")
    if len({one.name for one in moved}) < len(moved) or set(table.columns) == {*table.primary_key, *(one.name for one in moved)}:
        text = f"{', '.join(one.name for one in moved)}: each column once, and at least one stays"
        raise UsageError(text, "to rename a table: chatschema new migration --recipe rename-table", code="recipe.arguments")
    for one in moved:
        if one.name in table.primary_key or one.is_computed or "nextval(" in (one.default or ""):
            raise ChatschemaError(
                f"{table.relation}.{one.name} cannot move: it belongs to the primary key, or the server counts or computes it",
                "leave it out",
                code="recipe.dependents",
            )


def _parts(connection: Connection, table: Table, new: str, moved: Sequence[Column]) -> list[_Moved]:
    """Return the indexes and constraints of the columns. Raises ChatschemaError for objects that use other columns as well."""
    columns = [one.name for one in moved]
    found = {one.name: one for column in moved for one in look.dependents(connection, table, column)}
    refuse_quoted(*found)
    try:
        definitions = trying.kept(connection, table, [*table.primary_key, *columns])
    except ServerError as error:
        text = f"{table.relation} cannot be split by this recipe: {error.message}"
        raise ChatschemaError(text, "leave the column out", code="recipe.dependents") from None
    parts, others = [], []
    for one in found.values():
        own = _OWN_COLUMNS.search(one.definition or "")
        if one.kind == "foreign key" and own and set(own[1].split(", ")) <= set(columns):
            parts.append(_Moved(one, _named(table, new, one.name), one.definition or "", False, None))
        elif one.kind in ("index", "check", *UNIQUE) and one.name in definitions:
            definition, is_unique = definitions[one.name]
            comment = look.index_comment(connection, table, one.name)
            whole = one.definition if one.kind in UNIQUE and one.definition else definition
            parts.append(_Moved(one, _named(table, new, one.name), whole, is_unique, comment))
        else:
            others.append(f"{one.kind} {one.name}")
    if others:
        raise ChatschemaError(
            f"{table.relation} cannot be split by this recipe: these need other columns as well, or belong to the table:"
            f" {', '.join(others)}",
            "move these columns as well, or drop the objects first, in a migration of their own",
            code="recipe.dependents",
        )
    return parts


def _granted(connection: Connection, table: Table, moved: Sequence[Column], relation: str | None) -> str:
    """Return the grants of the table and of the columns for another relation, None for those of the columns on the table itself."""
    whole = look.grants(connection, table, relation) if relation else []
    return _lines(whole + [line for one in moved for line in look.column_grants(connection, table, one, one.name, relation)])


def _named(table: Table, new: str, original: str) -> str:
    return name(original.replace(table.name, new, 1) if table.name in original else f"{new}_{original}", "")


def _definition(table: Table, new: str, rows: str, moved: Sequence[Column], parts: Sequence[_Moved]) -> dict[str, str]:
    """Return the columns, constraints, indexes and comments of the new table."""
    relation = f"{table.schema}.{rows}"
    keys = ", ".join(table.primary_key)
    pkey, fkey = name(new, "_pkey"), name(f"{new}_{'_'.join(table.primary_key)}", "_fkey")
    constraints = [
        f"constraint {pkey} primary key ({keys})",
        f"constraint {fkey} foreign key ({keys}) references {table.relation} ({keys}) on delete cascade",
        *(f"constraint {one.name} {lower(one.definition)}" for one in parts if one.original.kind != "index"),
    ]
    own = [*(table.columns[one] for one in table.primary_key), *moved]
    # The key is always that of a row of the old table.
    columns = [_column(one, is_required=one.is_not_null, has_default=one in moved) for one in own]
    comments = [
        f"comment on table {relation} is 'TODO one sentence about a row.';",
        *(f"comment on column {relation}.{one.name} is {literal(one.comment)};" for one in own if one.comment),
        f"comment on constraint {pkey} on {relation} is 'At most one row for each of {table.name}.';",
        f"comment on constraint {fkey} on {relation} is 'Rows are deleted with their row of {table.name}.';",
    ]
    for one in parts:
        if one.original.kind != "index" and one.original.comment:
            comments.append(f"comment on constraint {one.name} on {relation} is {literal(one.original.comment)};")
        if one.index_comment:
            comments.append(f"comment on index {table.schema}.{one.name} is {literal(one.index_comment)};")
    return {
        "definitions": ",\n".join(f"    {line}" for line in [*columns, *constraints]),
        "indexes": "\n".join(
            f"create {'unique ' if one.is_unique else ''}index {one.name} on {relation} {lower(one.definition)};"
            for one in parts if one.original.kind == "index"
        ),
        "comments": "\n".join(comments),
    }  # fmt: skip


def _column(column: Column, *, is_required: bool, has_default: bool = True) -> str:
    collation = f" collate {column.collation}" if column.collation else ""
    default = f" default {column.default}" if column.default and has_default else ""
    return f"{column.name} {column.type}{collation}{' not null' if is_required else ''}{default}"


def _conditions(keys: Sequence[str], columns: Sequence[str], required: Sequence[str]) -> dict[str, str]:
    """Return the lists and conditions of the trigger, the batches and the view."""
    everything = [*keys, *columns]
    return {
        "all_columns": ", ".join(everything), "key_columns": ", ".join(keys),
        "new_values": _each(everything, "new.{}"), "t_values": _each(everything, "t.{}"),
        "r_columns": _each(columns, "r.{}"), "excluded_columns": _each(columns, "excluded.{}"),
        "assignments": _each(columns, "{0} = excluded.{0}"), "assignments_new": _each(columns, "{0} = new.{0}"),
        "assignments_r": _each(columns, "{0} = r.{0}"),
        "same_new": _each(keys, "r.{0} = new.{0}", " and "), "same_t": _each(keys, "r.{0} = t.{0}", " and "),
        "same_t_new": _each(keys, "t.{0} = new.{0}", " and "), "missing": _each(required, "new.{} is null", " or "),
        "present_t": _each(required, "t.{} is not null and ", ""),
        "where_present": f" where {_each(required, '{} is not null', ' and ')}" if required else "",
    }  # fmt: skip


def _changes(
    table: Table, new: str, moved: Sequence[Column], required: Sequence[Column], parts: Sequence[_Moved]
) -> dict[str, str]:
    """Return the statements that change the old table, and those of the rollback."""
    alter, view = f"alter table {table.relation}", f"alter view {table.schema}.{new}"
    still = [one for one in moved if one.is_not_null and one not in required]
    again: list[str] = []
    for one in parts:
        again += rebuilt(table, one.original)
        if one.original.kind in UNIQUE and one.index_comment:
            again.append(f"comment on index {table.schema}.{one.original.name} is {literal(one.index_comment)};")
    return {
        "nullable": _lines(f"{alter} alter column {one.name} drop not null;" for one in required),
        "not_null": _lines(f"{alter} alter column {one.name} set not null;" for one in required),
        "view_defaults": _lines(f"{view} alter column {one.name} set default {one.default};" for one in moved if one.default),
        "drops": ", ".join(f"drop column {one.name}" for one in moved),
        "adds": ", ".join(f"add column {_column(one, is_required=False)}" for one in moved),
        "adds_not_null": _lines(f"{alter} alter column {one.name} set not null;" for one in still),
        "rebuilt": _lines(again),
        "column_comments": _lines(
            f"comment on column {table.relation}.{one.name} is {literal(one.comment)};" for one in moved if one.comment
        ),
    }


def _each(names: Iterable[str], form: str, between: str = ", ") -> str:
    return between.join(form.format(one) for one in names)


def _lines(statements: Iterable[str]) -> str:
    return "\n".join(statements)
