"""The values of each recipe for one table, from the arguments and the database; refused where the recipe would not work."""

import re
from collections.abc import Callable, Sequence

from chatschema.errors import ChatschemaError, ServerError, UsageError
from chatschema.migration.recipes import copying, extending, look, splitting, trying
from chatschema.migration.recipes.book import Recipe
from chatschema.migration.recipes.look import Column, Table
from chatschema.migration.recipes.names import literal, name, rebuilt, refuse_quoted
from chatschema.migration.recipes.values import Fit
from chatschema.postgres import Connection
from chatschema.values import TABLES

_ACTION = re.compile(r"on delete (?:cascade|restrict|set null|no action)", re.IGNORECASE)
# A foreign key to them is checked whenever a month is detached.
_MONTHLY = ("messages", "message_statuses")


def fit(connection: Connection, recipe: Recipe, arguments: Sequence[str]) -> Fit:
    """Return the values of a recipe. Raises UsageError for arguments that do not fit, ChatschemaError where it would not work."""
    wanted = recipe.arguments.split()
    least = sum(not one.startswith("[") for one in wanted)
    if not least <= len(arguments) <= len(wanted):
        raise UsageError(
            f"the recipe {recipe.name} takes {recipe.arguments}, not {len(arguments)} arguments",
            f"write: chatschema new migration --recipe {recipe.name} {recipe.arguments}",
            code="recipe.arguments",
        )
    table = look.table(connection, arguments[0])
    refuse_quoted(table.schema, table.name)
    found = _FITS[recipe.name](connection, table, list(arguments[1:]))
    refuse_quoted(found.values.get("column", "x"), found.values.get("target", "x"))
    common = {"table": table.name, "schema": table.schema, "relation": table.relation}
    return Fit({**common, **found.values}, {"partitioned": table.is_partitioned, **found.conditions}, found.each)


def _set_not_null(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    column = table.column(arguments[0])
    if column.is_not_null:
        raise ChatschemaError(f"{table.relation}.{column.name} is not null already", code="recipe.done")
    # On 18 this is the name that the server gives the NOT NULL of a column.
    return Fit({"column": column.name, "constraint": _free(connection, table, f"{table.name}_{column.name}", "_not_null")})


def _check(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    subject, condition = arguments
    refuse_quoted(subject)
    # The server reads the condition, on an empty copy.
    _tried(connection, table, "chatschema_recipe", f"boolean, add check ({condition})")
    return Fit(
        {"subject": subject, "condition": condition, "constraint": _free(connection, table, f"{table.name}_{subject}", "_check")}
    )


def _foreign_key(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    column, target = table.column(arguments[0]), look.table(connection, arguments[1])
    action = arguments[2].lower() if arguments[2:] else ""
    if action and not _ACTION.fullmatch(action):
        hint = 'write, for example: "on delete cascade"'
        raise UsageError(f"{action!r} is not an action of a foreign key", hint, code="recipe.arguments")
    if target.name in _MONTHLY and target.is_partitioned:
        raise ChatschemaError(
            f"a foreign key to {target.relation} would be checked whenever a month is detached: all rows that could refer to it are"
            " read while nobody may write, and the wait grows with the data",
            "keep the reference with triggers, as sql/migrations/20261126000004_keep_references_by_statement.sql does for statuses",
            code="recipe.reference",
        )
    if len(target.primary_key) != 1 or target.is_partitioned:
        raise ChatschemaError(
            f"{target.relation} is partitioned, or its primary key is not one column, so this recipe does not write a key to it",
            "write the files by hand: chatschema new migration NAME",
            code="recipe.reference",
        )
    values = {
        "column": column.name, "target": target.name, "target_relation": target.relation, "target_column": target.primary_key[0],
        "action": f" {action}" if action else "", "constraint": _free(connection, table, f"{table.name}_{column.name}", "_fkey"),
        "index": name(f"idx_{table.name}_{column.name}", ""),
    }  # fmt: skip
    return Fit(values, {"unindexed": not look.has_index(connection, table, column)})


def _unique(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    columns = [table.column(name.strip()).name for name in arguments[0].split(",")]
    if missing := [name for name in table.partition_key if name not in columns]:
        raise ChatschemaError(
            f"{table.relation} is partitioned by {', '.join(missing)}, so a unique index needs it among its columns",
            f'add it: chatschema new migration --recipe unique {table.name} "{", ".join([*columns, *missing])}"',
            code="recipe.partition-key",
        )
    index = _free(connection, table, f"{table.name}_{'_'.join(columns)}", "_key")
    return Fit({"columns": ", ".join(columns), "slug": "_".join(columns), "index": index})


def _add_column(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    column, definition = arguments
    refuse_quoted(column)
    if column in table.columns:
        raise ChatschemaError(f"{table.relation} has a column {column} already", code="recipe.done")
    added = _tried(connection, table, column, definition)
    if added.rewrites and added.default is None:
        raise ChatschemaError(
            f"adding this column would rewrite {table.relation} while others wait, because its value is computed from the row",
            "add a plain column, and let a trigger and a batch fill it",
            code="recipe.rewrite",
        )
    values = {"column": column, "definition": definition}
    if not added.rewrites:
        return Fit(values, {"rewriting": False, "required": False})
    values |= {"type": added.type, "default": added.default or "", "key": copying.key(table)}
    present = _free(connection, table, f"{table.name}_{column}_present", "_check")
    return Fit({**values, "present": present}, {"rewriting": True, "required": added.is_not_null})


def _change_type(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    column = table.column(arguments[0])
    return copying.copied(connection, table, column, name(column.name, "_new"), arguments[1], with_keys=True)


def _rename_column(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    refuse_quoted(arguments[1])
    return copying.copied(connection, table, table.column(arguments[0]), arguments[1], None)


def _drop_column(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    column = table.column(arguments[0])
    found = look.dependents(connection, table, column)
    blocking = [f"{one.kind} {one.name}" for one in found if one.definition is None or one.kind in ("primary key", "reference")]
    if blocking or column.is_computed or column.name in table.partition_key:
        raise ChatschemaError(
            f"{table.relation}.{column.name} cannot be dropped by this recipe: "
            + (f"it is used by {', '.join(blocking)}" if blocking else "it is an identity, a generated column or a partition key"),
            "drop these first, in a migration of their own",
            code="recipe.dependents",
        )
    refuse_quoted(*(one.name for one in found))
    again = [text for one in found for text in rebuilt(table, one)]
    values = {
        "column": column.name, "type": column.type, "collation": f" collate {column.collation}" if column.collation else "",
        "default": f" default {column.default}" if column.default else "", "comment": _comment(table, column),
        "grants": "\n".join(look.column_grants(connection, table, column, column.name)),
        "dependents": "\n".join(again), "rebuilds": " Reads all of the table while others wait." if again else "",
        "takes": f" Takes along {', '.join(f'{one.kind} {one.name}' for one in found)}." if found else "",
    }  # fmt: skip
    return Fit(values, {"required": column.is_not_null})


def _rename_table(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    (new,) = arguments
    refuse_quoted(new)
    if table.schema == "public" and table.name in TABLES:
        hint = f"create a view with the name that the application wants: create view {new} as select * from {table.relation}"
        raise ChatschemaError(f"{table.relation} cannot be renamed: chatschema uses it by this name", hint, code="recipe.own-table")
    if look.has_name(connection, table, new):
        raise ChatschemaError(f"{table.schema}.{new} exists already", "choose another name", code="recipe.done")
    return Fit({"new": new, "grants": "\n".join(look.grants(connection, table, table.relation))})


def _split_table(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    new, columns = arguments
    return splitting.split(connection, table, new, [one.strip() for one in columns.split(",")])


def _extend_key(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    return extending.extended(connection, table, [one.strip() for one in arguments[0].split(",")])


def _comment(table: Table, column: Column) -> str:
    return f"comment on column {table.relation}.{column.name} is {literal(column.comment)};" if column.comment else ""


def _tried(connection: Connection, table: Table, column: str, definition: str) -> trying.Added:
    try:
        return trying.added(connection, table, column, definition)
    except ServerError as error:
        raise UsageError(f"PostgreSQL refuses {definition!r}: {error.message}", error.hint, code="recipe.definition") from None


def _free(connection: Connection, table: Table, stem: str, suffix: str) -> str:
    """Return the name for a constraint. Raises ChatschemaError if it is taken."""
    chosen = name(stem, suffix)
    if look.has_name(connection, table, chosen):
        hint = "rename the other one, or write the files by hand: chatschema new migration NAME"
        raise ChatschemaError(f"{table.relation} has a {chosen} already", hint, code="recipe.done")
    return chosen


_FITS: dict[str, Callable[[Connection, Table, list[str]], Fit]] = {
    "add-column": _add_column,
    "change-type": _change_type,
    "check": _check,
    "drop-column": _drop_column,
    "extend-key": _extend_key,
    "foreign-key": _foreign_key,
    "rename-column": _rename_column,
    "rename-table": _rename_table,
    "set-not-null": _set_not_null,
    "split-table": _split_table,
    "unique": _unique,
}
