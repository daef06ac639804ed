"""The values of recipes that replace a column by a copy, with copies of its indexes, checks and keys."""

from collections.abc import Iterable, Sequence

from chatschema.errors import ChatschemaError
from chatschema.migration.recipes import look, references, sequences, trying
from chatschema.migration.recipes.look import Column, Dependent, Table
from chatschema.migration.recipes.names import literal, name, refuse_quoted
from chatschema.migration.recipes.parts import UNIQUE, Part
from chatschema.migration.recipes.references import Reference
from chatschema.migration.recipes.values import Fit
from chatschema.postgres import Connection

_KEY_TYPES = ("uuid", "bigint", "integer", "timestamp with time zone")
# Words of constraints whose place no plain unique index can take.
_SPECIAL = ("DEFERRABLE", "WITHOUT OVERLAPS", "PERIOD")


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


def copied(connection: Connection, table: Table, column: Column, copy: str, type: str | None, *, with_keys: bool = False) -> Fit:
    """Return the values for a copy of the column under the name `copy`, of another `type` or None for the same.

    `with_keys`: also if it is a serial or an identity, or belongs to a primary key, a unique constraint or a foreign key.
    Raises ChatschemaError if an object uses the column that the recipe cannot copy.
    """
    found = look.dependents(connection, table, column)
    with_keys = with_keys and not table.is_partitioned
    _refuse_used(table, column, found, with_keys=with_keys)
    refuse_quoted(*(one.name for one in found))
    if copy in table.columns:
        raise ChatschemaError(f"{table.relation} has a column {copy} already", code="recipe.done")
    new, default, definitions = trying.replaced(connection, table, column, copy, type)
    parts = [
        Part(table, one, name(one.name, "_new"), *definitions[one.name], look.index_comment(connection, table, one.name))
        for one in found if one.name in definitions
    ]  # fmt: skip
    keys = [references.own(table, column, copy, one) for one in found if one.kind == "foreign key"]
    keys += references.to(connection, table, column, copy) if with_keys else []
    moves = sequences.moves(connection, table, column, copy, new) if with_keys else sequences.Moves([], [], [], [])
    values = {
        "column": column.name, "copy": copy, "type": new, "old_type": column.type, "key": key(table),
        "collation": f" collate {column.collation}" if column.collation else "",
        "default": default or "", "old_default": column.default or "",
        "comment": literal(column.comment) if column.comment else "null",
        "function": name(f"fill_{table.name}_{copy}", ""), "trigger": name(f"zz_{table.name}_fill_{copy}", ""),
        "grants": _lines(look.column_grants(connection, table, column, copy)),
        "grants_again": _lines(look.column_grants(connection, table, column, column.name)),
        "present": name(f"{table.name}_{copy}_present", "_check"),
    }  # fmt: skip
    checked = [(table.relation, part.copy) for part in parts if part.is_check]
    checked += [(table.relation, values["present"])] if column.is_not_null else []
    checked += [(one.relation, one.copy) for one in keys]
    values["validations"] = _lines(f"alter table {relation} validate constraint {one};" for relation, one in checked)
    conditions = {
        "required": column.is_not_null, "defaulted": column.default is not None, "checked": bool(checked),
        "timed": "updated_at" in table.columns,
    }  # fmt: skip
    each = {
        "index": [part.index_values for part in parts if not part.is_check],
        "check": [part.check_values for part in parts if part.is_check],
        "reference": [one.values for one in keys],
    }
    return Fit({**values, **_swap(parts, keys, moves), **_swap_back(parts, keys, moves)}, conditions, each)


def _refuse_used(table: Table, column: Column, found: Sequence[Dependent], *, with_keys: bool) -> None:
    """Raise ChatschemaError if an object uses the column that cannot be copied."""
    copied = {"index", "check", *((*UNIQUE, "foreign key", "reference") if with_keys else ())}
    others = [
        f"{one.kind} {one.name}" for one in found
        if one.kind not in copied or (one.kind in UNIQUE and any(word in (one.definition or "") for word in _SPECIAL))
    ]  # fmt: skip
    is_computed = column.is_generated if with_keys else column.is_computed
    if others or is_computed or column.name in table.partition_key:
        raise ChatschemaError(
            f"{table.relation}.{column.name} cannot be replaced by this recipe: "
            + (f"it is used by {', '.join(others)}" if others else "it is an identity, a generated column or a partition key"),
            "drop these first, in a migration of their own",
            code="recipe.dependents",
        )


def _swap(parts: Sequence[Part], keys: Sequence[Reference], moves: sequences.Moves) -> dict[str, str]:
    """Return the statements of the file in which the copy takes the place of the column."""
    return {
        "references_dropped": _lines(one.drop() for one in keys if not one.is_own),
        "sequence_moved": _lines(moves.away),
        "sequence_named": _lines(moves.named),
        "renames": _lines([*(line for part in parts for line in part.swap()), *(one.rename() for one in keys)]),
    }


def _swap_back(parts: Sequence[Part], keys: Sequence[Reference], moves: sequences.Moves) -> dict[str, str]:
    """Return the statements of its rollback."""
    away = [one for one in keys if not one.is_own]
    again = [line for part in parts for line in part.again()] + [line for one in keys for line in one.add(back=True)]
    return {
        "renames_back": _lines(
            [line for part in parts for line in part.swap_back()]
            + [one.rename_back() if one.is_own else one.drop() for one in keys]
        ),
        "unkeyed": _lines([*moves.freed, *(line for part in parts for line in part.unkey())]),
        "sequence_back": _lines(moves.back),
        "rebuilt": _lines(again + [line for one in away for line in one.add(back=False)]),
    }


def _lines(statements: Iterable[str]) -> str:
    return "\n".join(statements)
