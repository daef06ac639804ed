"""Kysely: the interface Database, and for each table the types of a row, a new row and a change. On node-postgres."""

from collections.abc import Iterator

from chatschema.models import naming
from chatschema.models.targets import node_postgres, spelling
from chatschema.models.values import Column, Model, Text

_IMPORTED = ("ColumnType", "Insertable", "Selectable", "Updateable")
_TAKEN = spelling.RESERVED | node_postgres.DECLARED.keys() | set(_IMPORTED) | {"Database"}


def text(models: tuple[Model, ...], command: str) -> Text:
    """Return the file. Raises UsageError if two declarations have one name."""
    names = {model: naming.free(model.name, _TAKEN, "Row") for model in models}
    naming.refuse_twice(
        "name",
        [
            (spelled, f"{spelled} of {model.table.name}", model.table.name)
            for model, name in names.items()
            for spelled in (name, f"New{name}", f"{name}Change", f"{name}Table")
        ],
    )
    tables = ["\n".join(_table(model, name)) for model, name in names.items()]
    keys = [f"  {spelling.key(model.table.name)}: {name}Table;" for model, name in names.items()]
    database = "\n".join(["export interface Database {", *keys, "}"])
    imported = f'import type {{ {", ".join(_IMPORTED)} }} from "kysely";'
    paragraphs = [f"{spelling.head('//', command)}\n{imported}", *node_postgres.declarations(models), *tables, database]
    return Text("\n\n".join(paragraphs) + "\n")


def _table(model: Model, name: str) -> Iterator[str]:
    yield from spelling.jsdoc(spelling.about(model.table))
    yield f"export interface {name}Table {{"
    for column in model.table.columns:
        yield from spelling.jsdoc(column.comment, "  ")
        yield f"  {spelling.key(column.name)}: {_column(column)};"
    yield "}"
    yield f"export type {name} = Selectable<{name}Table>;"
    yield f"export type New{name} = Insertable<{name}Table>;"
    yield f"export type {name}Change = Updateable<{name}Table>;"


def _column(column: Column) -> str:
    """Return the type of a column when it is read, inserted and updated; never where the role may not."""
    shape = node_postgres.shape(column)
    null = " | null" if column.is_nullable else ""
    written = f"{shape.written}{null}"
    read = f"{shape.read}{null}" if column.may_select else "never"
    inserted = f"{written}{' | undefined' if column.is_optional else ''}" if column.is_inserted else "never"
    updated = written if column.is_updated else "never"
    return read if read == inserted == updated else f"ColumnType<{read}, {inserted}, {updated}>"
