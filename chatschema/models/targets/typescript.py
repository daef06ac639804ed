"""TypeScript: two interfaces a table, of a row as node-postgres returns it, and of a new row as it takes it."""

from collections.abc import Iterator

from chatschema.models import naming
from chatschema.models.targets import node_postgres, spelling
from chatschema.models.values import Column, Model, SchemaError, Text

_TAKEN = spelling.RESERVED | node_postgres.DECLARED.keys() | {"SCHEMA_ERRORS", "SchemaError"}


def text(models: tuple[Model, ...], errors: tuple[SchemaError, ...], command: str) -> Text:
    """Return the file. Raises UsageError if two declarations have one name."""
    names = {model: naming.free(model.name, _TAKEN, "Row") for model in models}
    declared = [(f"{prefix}{name}", model.table.name, model.table.name) for model, name in names.items() for prefix in ("", "New")]
    naming.refuse_twice("name", [(name, f"{name} of {table}", without) for name, table, without in declared])
    interfaces = ["\n".join(part) for model, name in names.items() for part in (_row(model, name), _new(model, name)) if part]
    head = spelling.head("//", command)
    paragraphs = [head, *node_postgres.declarations(models), *interfaces, "\n".join(_constant(errors))]
    return Text("\n\n".join(paragraphs) + "\n")


def _constant(errors: tuple[SchemaError, ...]) -> Iterator[str]:
    yield from spelling.jsdoc(spelling.ABOUT_ERRORS.format("error.constraint"))
    yield "export const SCHEMA_ERRORS = {"
    for error in errors:
        yield from spelling.jsdoc(error.action, "  ")
        sqlstates, tables = (", ".join(map(spelling.quoted, some)) for some in (error.sqlstates, error.tables))
        yield f"  {spelling.key(error.name)}: {{ sqlstates: [{sqlstates}], tables: [{tables}] }},"
    yield "} as const;\n"
    yield "/** The name of such a constraint. */"
    yield "export type SchemaError = keyof typeof SCHEMA_ERRORS;"


def _row(model: Model, name: str) -> list[str]:
    """Return the interface of a row; nothing where the role may read no column."""
    fields = [line for column in model.table.read for line in _read(column)]
    return [*spelling.jsdoc(spelling.about(model.table)), f"export interface {name} {{", *fields, "}"] if fields else []


def _read(column: Column) -> Iterator[str]:
    yield from spelling.jsdoc(column.comment, "  ")
    yield f"  {spelling.key(column.name)}: {node_postgres.shape(column).read}{' | null' if column.is_nullable else ''};"


def _new(model: Model, name: str) -> list[str]:
    """Return the interface of a new row; nothing where the role may insert no column."""
    fields = [_written(column) for column in model.table.inserted]
    about = f"A new row of {model.table.name}: what is optional is null, or made by the database."
    return [*spelling.jsdoc(about), f"export interface New{name} {{", *fields, "}"] if fields else []


def _written(column: Column) -> str:
    optional = "?" if column.is_optional else ""
    null = " | null" if column.is_nullable else ""
    return f"  {spelling.key(column.name)}{optional}: {node_postgres.shape(column).written}{null};"
