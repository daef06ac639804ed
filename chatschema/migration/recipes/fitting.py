"""The values of each recipe for one table, from the arguments and the database; refused where the recipe would not work."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chatschema.errors import ChatschemaError, ServerError, UsageError
from chatschema.migration.recipes import look
from chatschema.migration.recipes.book import Recipe
from chatschema.migration.recipes.look import Column, Table
from chatschema.postgres import Connection

# The server cuts longer names off.
_LONGEST = 63
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_ACTION = re.compile(r"on delete (?:cascade|restrict|set null|no action)", re.IGNORECASE)
# A foreign key to them is checked whenever a month is detached. A table that follows the months by name cannot be renamed.
_MONTHLY = ("messages", "message_statuses")


@dataclass(frozen=True, slots=True)
class Fit:
    """The values for the placeholders of a recipe, and its conditions."""

    values: dict[str, str]
    conditions: dict[str, bool] = field(default_factory=dict)


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
    _refuse_quoted(table.schema, table.name)
    found = _FITS[recipe.name](connection, table, list(arguments[1:]))
    _refuse_quoted(found.values.get("column", "x"), found.values.get("target", "x"))
    common = {"table": table.name, "schema": table.schema, "relation": table.relation}
    return Fit({**common, **found.values}, {"partitioned": table.is_partitioned, **found.conditions})


def _refuse_quoted(*names: str) -> None:
    """Raise UsageError for a name that has to be quoted, in statements and in parts of other names."""
    if quoted := next((name for name in names if not _PLAIN.fullmatch(name)), None):
        hint = "write the files by hand: chatschema new migration NAME"
        raise UsageError(f"{quoted!r} has to be quoted in SQL, and recipes write plain names only", hint, code="recipe.name")


def _set_not_null(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    column = table.column(arguments[0])
    if column.is_not_null:
        raise ChatschemaError(f"{table.relation}.{column.name} is not null already", code="recipe.done")
    return Fit({"column": column.name, "check": _free(connection, table, f"{table.name}_{column.name}_present", "_check")})


def _check(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    subject, condition = arguments
    _refuse_quoted(subject)
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
        "index": _name(f"idx_{table.name}_{column.name}", ""),
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
    _refuse_quoted(column)
    if column in table.columns:
        raise ChatschemaError(f"{table.relation} has a column {column} already", code="recipe.done")
    if _tried(connection, table, column, definition):
        raise ChatschemaError(
            f"adding this column would rewrite {table.relation} while others wait, because its value differs from row to row",
            "add it without the default, set the default in the same file, and fill the rows in batches",
            code="recipe.rewrite",
        )
    return Fit({"column": column, "definition": definition})


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
    rebuilt = [text for one in found for text in _rebuilt(table, one)]
    values = {
        "column": column.name, "type": column.type, "collation": f" collate {column.collation}" if column.collation else "",
        "default": f" default {column.default}" if column.default else "", "comment": _comment(table, column),
        "dependents": "\n".join(rebuilt), "rebuilds": " Reads all of the table while others wait." if rebuilt else "",
        "takes": f" Takes along {', '.join(f'{one.kind} {one.name}' for one in found)}." if found else "",
    }  # fmt: skip
    return Fit(values, {"required": column.is_not_null})


def _rename_table(connection: Connection, table: Table, arguments: list[str]) -> Fit:
    (new,) = arguments
    _refuse_quoted(new)
    if table.is_partitioned and table.name in _MONTHLY:
        hint = "their months are found by the name of the table; give the application a view with the name that it wants"
        raise ChatschemaError(f"{table.relation} cannot be renamed", hint, code="recipe.monthly")
    if look.has_name(connection, table, new):
        raise ChatschemaError(f"{table.schema}.{new} exists already", "choose another name", code="recipe.done")
    return Fit({"new": new, "grants": "\n".join(look.grants(connection, table))})


def _rebuilt(table: Table, one: look.Dependent) -> list[str]:
    """Return the statements that create a constraint or index again, with its comment."""
    if one.kind == "index":
        statement, on = f"{one.definition};", f"index {table.schema}.{one.name}"
    else:
        statement = f"alter table {table.relation} add constraint {one.name} {one.definition};"
        on = f"constraint {one.name} on {table.relation}"
    # The server writes key words in capitals; here they are in lower case.
    return [_lower(statement), *([f"comment on {on} is {_literal(one.comment)};"] if one.comment else [])]


def _lower(statement: str) -> str:
    return "".join(part if index % 2 else re.sub(r"\b[A-Z]+\b", lambda word: word[0].lower(), part)
                   for index, part in enumerate(re.split(r"('(?:[^']|'')*'|\"[^\"]*\")", statement)))  # fmt: skip


def _comment(table: Table, column: Column) -> str:
    return f"comment on column {table.relation}.{column.name} is {_literal(column.comment)};" if column.comment else ""


def _literal(text: str | None) -> str:
    escaped = (text or "").replace("'", "''")
    return f"'{escaped}'"


def _tried(connection: Connection, table: Table, column: str, definition: str) -> bool:
    try:
        return look.rewrites(connection, table, column, definition)
    except ServerError as error:
        raise UsageError(f"PostgreSQL refuses {definition!r}: {error.message}", error.hint, code="recipe.definition") from None


def _free(connection: Connection, table: Table, stem: str, suffix: str) -> str:
    """Return the name for a constraint. Raises ChatschemaError if it is taken."""
    name = _name(stem, suffix)
    if look.has_name(connection, table, name):
        hint = "rename the other one, or write the files by hand: chatschema new migration NAME"
        raise ChatschemaError(f"{table.relation} has a {name} already", hint, code="recipe.done")
    return name


def _name(stem: str, suffix: str) -> str:
    """Return a name that the server does not cut off: a long one ends with a digest."""
    longest = _LONGEST - len(suffix)
    return (stem if len(stem) <= longest else f"{stem[: longest - 7]}_{hashlib.sha256(stem.encode()).hexdigest()[:6]}") + suffix


_FITS: dict[str, Callable[[Connection, Table, list[str]], Fit]] = {
    "add-column": _add_column,
    "check": _check,
    "drop-column": _drop_column,
    "foreign-key": _foreign_key,
    "rename-table": _rename_table,
    "set-not-null": _set_not_null,
    "unique": _unique,
}
