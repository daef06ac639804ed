"""The values of recipes that replace a column by a copy, with copies of its indexes and checks."""

from dataclasses import dataclass

from chatschema.errors import ChatschemaError
from chatschema.migration.recipes import look, trying
from chatschema.migration.recipes.look import Column, Dependent, Table
from chatschema.migration.recipes.names import literal, lower, name, rebuilt
from chatschema.migration.recipes.values import Fit
from chatschema.postgres import Connection

_KEY_TYPES = ("uuid", "bigint", "integer", "timestamp with time zone")


@dataclass(frozen=True, slots=True)
class _Part:
    """An index or a check that names the column, and its copy."""

    original: Dependent
    copy: str
    definition: str
    is_unique: bool


def key(table: Table) -> str:
    """Return the column by which batches of the table are made. Raises ChatschemaError if there is none."""
    first = table.primary_key[:1]
    if not first or table.columns[first[0]].type not in _KEY_TYPES:
        raise ChatschemaError(
            f"{table.relation} has no primary key by which rows can be written in batches",
            f"it must begin with a column of type {', '.join(_KEY_TYPES)}",
            code="recipe.key",
        )
    return first[0]


def copied(connection: Connection, table: Table, column: Column, copy: str, type: str | None) -> Fit:
    """Return the values for a copy of the column under the name `copy`, of another `type` or None for the same.

    Raises ChatschemaError if another object than an index or a check uses the column.
    """
    found = look.dependents(connection, table, column)
    others = [f"{one.kind} {one.name}" for one in found if one.kind not in ("index", "check")]
    if others or column.is_computed or column.name in table.partition_key:
        raise ChatschemaError(
            f"{table.relation}.{column.name} cannot be replaced by this recipe: "
            + (f"it is used by {', '.join(others)}" if others else "it is an identity, a generated column or a partition key"),
            "drop these first, in a migration of their own",
            code="recipe.dependents",
        )
    if copy in table.columns:
        raise ChatschemaError(f"{table.relation} has a column {copy} already", code="recipe.done")
    new, default, definitions = trying.replaced(connection, table, column, copy, type)
    parts = [
        _Part(one, name(one.name, "_new"), definitions[one.name][0], definitions[one.name][1])
        for one in found
    ]  # fmt: skip
    checks = [part for part in parts if part.original.kind == "check"]
    present = name(f"{table.name}_{copy}_present", "_check")
    validated = [*(part.copy for part in checks), *([present] if column.is_not_null else [])]
    values = {
        "column": column.name, "copy": copy, "type": new, "old_type": column.type, "key": key(table), "present": present,
        "collation": f" collate {column.collation}" if column.collation else "",
        "default": default or "", "old_default": column.default or "",
        "comment": literal(column.comment) if column.comment else "null",
        "function": name(f"fill_{table.name}_{copy}", ""), "trigger": name(f"zz_{table.name}_fill_{copy}", ""),
        "validations": "\n".join(f"alter table {table.relation} validate constraint {one};" for one in validated),
        "renames": "\n".join(_rename(table, part, back=False) for part in parts),
        "renames_back": "\n".join(_rename(table, part, back=True) for part in parts),
        "rebuilt": "\n".join(line for part in parts for line in rebuilt(table, part.original)),
    }  # fmt: skip
    conditions = {
        "required": column.is_not_null, "defaulted": column.default is not None, "checked": bool(validated),
        "timed": "updated_at" in table.columns,
    }  # fmt: skip
    each = {
        "index": [_index(table, part) for part in parts if part.original.kind == "index"],
        "check": [_check(table, part) for part in checks],
    }
    return Fit(values, conditions, each)


def _rename(table: Table, part: _Part, *, back: bool) -> str:
    old, new = (part.original.name, part.copy) if back else (part.copy, part.original.name)
    if part.original.kind == "index":
        return f"alter index {table.schema}.{old} rename to {new};"
    return f"alter table {table.relation} rename constraint {old} to {new};"


def _index(table: Table, part: _Part) -> dict[str, str]:
    comment = f"comment on index {table.schema}.{part.copy} is {literal(part.original.comment)};" if part.original.comment else ""
    return {
        "index": part.original.name, "index_copy": part.copy, "index_tail": part.definition,
        "unique": "unique " if part.is_unique else "", "index_comment": comment,
    }  # fmt: skip


def _check(table: Table, part: _Part) -> dict[str, str]:
    on = f"constraint {part.copy} on {table.relation}"
    comment = f"comment on {on} is {literal(part.original.comment)};" if part.original.comment else ""
    return {
        "check": part.original.name, "check_copy": part.copy, "check_definition": lower(part.definition), "check_comment": comment,
    }  # fmt: skip
