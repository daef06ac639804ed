"""Prisma: a schema with a data source, a generator, and the models with their relations."""

import re
from collections.abc import Iterator

from chatschema.errors import UsageError
from chatschema.models import naming, types
from chatschema.models.targets import spelling
from chatschema.models.values import Column, Model, Relation, Text, Type

# The type of Prisma, and the native type behind @db.
_TYPES = {
    "uuid": ("String", "Uuid"),
    "text": ("String", "Text"),
    "varchar": ("String", "VarChar"),
    "bpchar": ("String", "Char"),
    "bool": ("Boolean", "Boolean"),
    "int2": ("Int", "SmallInt"),
    "int4": ("Int", "Integer"),
    "oid": ("Int", "Oid"),
    "int8": ("BigInt", "BigInt"),
    "float4": ("Float", "Real"),
    "float8": ("Float", "DoublePrecision"),
    "numeric": ("Decimal", "Decimal"),
    "money": ("Decimal", "Money"),
    "timestamptz": ("DateTime", "Timestamptz"),
    "timestamp": ("DateTime", "Timestamp"),
    "date": ("DateTime", "Date"),
    "time": ("DateTime", "Time"),
    "timetz": ("DateTime", "Timetz"),
    "json": ("Json", "Json"),
    "jsonb": ("Json", "JsonB"),
    "bytea": ("Bytes", "ByteA"),
    "inet": ("String", "Inet"),
    "bit": ("String", "Bit"),
    "varbit": ("String", "VarBit"),
    "xml": ("String", "Xml"),
}
_TIMES = ("timestamptz", "timestamp", "time", "timetz")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
# Names that a model, or its client in TypeScript, may not have.
_TAKEN = spelling.RESERVED | {
    "PrismaClient",
    "Prisma",
    "String",
    "Boolean",
    "Int",
    "BigInt",
    "Float",
    "Decimal",
    "DateTime",
    "Json",
}
_TAKEN |= {"Bytes", "Unsupported", "model", "generator", "datasource", "view"}
_HEAD = """\
generator client {
  provider = "prisma-client-js"
}

datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}"""


def text(models: tuple[Model, ...], command: str) -> Text:
    """Return the file. Raises UsageError for a table without a key that the role may read, and for names that become one."""
    readable = [model for model in models if model.table.read]
    names = {model.table.name: naming.free(_plain(model.name), _TAKEN, "Row") for model in readable}
    enums = {_enum(type): type for model in readable for type in _enums(model)}
    declared = [(name, f"the table {table}", table) for table, name in names.items()]
    for model in readable:
        declared += [(_enum(type), f"the type {type.name}", model.table.name) for type in _enums(model)]
    naming.refuse_twice("name", declared)
    parts = ["\n".join(_model(model, names)) for model in readable]
    parts += ["\n".join(_enum_block(type)) for _, type in sorted(enums.items())]
    return Text("\n\n".join([f"{spelling.head('//', command)}\n{_HEAD}", *parts]) + "\n", tuple(_notes(models)))


def _plain(name: str) -> str:
    """Return a name with the letters of ASCII that a name of Prisma may have."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    return text if text[0].isalpha() else f"x{text}"


def _enum(type: Type) -> str:
    return naming.free(_plain(naming.class_name(type.name.rpartition(".")[2])), _TAKEN, "Enum")


def _enum_block(type: Type) -> Iterator[str]:
    """Yield the lines of an enum: a value that is no name of Prisma is mapped."""
    labels = [(naming.free(_plain(label), _TAKEN, "_"), label) for label in type.labels]
    naming.refuse_twice("value", [(name, f"{label} of {type.name}", "TABLE.COLUMN") for name, label in labels])
    yield f"enum {_enum(type)} {{"
    for name, label in labels:
        yield f"  {name}{'' if name == label else f' @map({spelling.quoted(label)})'}"
    yield ""
    yield f"  @@map({spelling.quoted(type.name.rpartition('.')[2])})"
    yield "}"


def _enums(model: Model) -> Iterator[Type]:
    for column in model.table.read:
        for type in (column.type, column.type.item):
            if type is not None and type.family == "enum":
                yield type


def _notes(models: tuple[Model, ...]) -> Iterator[str]:
    for model in models:
        unread = ", ".join(one.name for one in model.table.columns if not one.may_select)
        if unread:
            yield f"left out of {model.table.name}: {unread}; the role may write but not read it, and Prisma reads each column"
        unknown = [one for one in model.table.read if _field_type(one).startswith("Unsupported")]
        if unknown:
            listed = ", ".join(spelling.raw(one) for one in unknown)
            yield f"Prisma's client cannot read these columns of {model.table.name}: {listed}"
        required = ", ".join(one.name for one in unknown if not one.is_optional)
        if required:
            yield f"Prisma's client cannot create rows of {model.table.name}, because of {required}"


def _model(model: Model, names: dict[str, str]) -> Iterator[str]:
    table = model.table
    yield from _doc(spelling.about(table), "")
    yield f"model {names[table.name]} {{"
    fields = {column.name: _plain(column.name) for column in table.read}
    relations = [(f"{one.name}", one) for one in model.relations]
    taken = [(field, f"{table.name}.{name}", f"{table.name}.{name}") for name, field in fields.items()]
    taken += [(_plain(name), f"the reference {one.pair}", f"{table.name}.{one.columns[0]}") for name, one in relations]
    naming.refuse_twice("field", taken)
    for column in table.read:
        yield from _doc(column.comment, "  ")
        yield f"  {' '.join(_field(model, column, fields[column.name]))}"
    for name, one in relations:
        yield f"  {_relation(model, one, _plain(name), names)}"
    yield ""
    yield from _keys(model, fields)
    if names[table.name] != table.name:
        yield f"  @@map({spelling.quoted(table.name)})"
    yield "}"


def _doc(comment: str, indent: str) -> Iterator[str]:
    return (f"{indent}/// {line}".rstrip() for line in spelling.lines(comment))


def _field(model: Model, column: Column, name: str) -> Iterator[str]:
    table, type = model.table, _field_type(column)
    yield name
    # A list has no null of its own: null is read as an empty list.
    yield f"{type}{'?' if column.is_nullable and not type.endswith('[]') else ''}"
    if table.key == (column.name,):
        yield "@id"
    if (column.name,) in table.uniques:
        yield "@unique"
    if column.made in ("identity", "always") and type in ("Int", "BigInt"):
        yield "@default(autoincrement())"
    elif column.made or (not column.is_nullable and not column.is_inserted):
        yield "@default(dbgenerated())"
    if name != column.name:
        yield f"@map({spelling.quoted(column.name)})"
    if native := _native(column.type):
        yield native


def _known(type: Type) -> tuple[str, str] | None:
    """Return what Prisma calls a type, and the native type; None where it has no word for it."""
    if type.family == "other" and type.name.rpartition(".")[2] == "citext":
        return "String", "Citext"
    return _TYPES.get(type.name) if type.family == "base" else None


def _field_type(column: Column) -> str:
    type = column.type
    if type.family == "enum":
        return _enum(type)
    if known := _known(type):
        return known[0]
    if type.family == "array" and type.item is not None and type.dimensions == 1:
        if type.item.family == "enum":
            return f"{_enum(type.item)}[]"
        if known := _known(type.item):
            return f"{known[0]}[]"
    return f"Unsupported({spelling.quoted(type.written)})"


def _native(type: Type) -> str:
    item = type.item if type.family == "array" and type.dimensions == 1 else type
    known = _known(item) if item else None
    return f"@db.{known[1]}{_size(item.name, type.modifier)}" if item and known else ""


def _size(name: str, modifier: int) -> str:
    if name in _TIMES:
        return f"({modifier if modifier >= 0 else 6})"
    if name in ("varchar", "bpchar") and (length := types.length(modifier)):
        return f"({length})"
    if name in ("bit", "varbit") and modifier > 0:
        return f"({modifier})"
    # Of a negative scale Prisma has no word; its values are the same.
    if name == "numeric" and (found := types.precision(modifier)) and found[1] >= 0:
        return f"({found[0]}, {found[1]})"
    return ""


def _relation(model: Model, one: Relation, name: str, names: dict[str, str]) -> str:
    pair = spelling.quoted(one.pair)
    if one.kind != "belongs":
        return f"{name} {names[one.to]}{'[]' if one.kind == 'many' else '?'} @relation({pair})"
    nullable = {column.name: column.is_nullable for column in model.table.read}
    optional = "?" if any(nullable[column] for column in one.columns) else ""
    fields, references = (", ".join(_plain(column) for column in columns) for columns in (one.columns, one.to_columns))
    keys = f"fields: [{fields}], references: [{references}], onDelete: NoAction, onUpdate: NoAction"
    return f"{name} {names[one.to]}{optional} @relation({pair}, {keys})"


def _keys(model: Model, fields: dict[str, str]) -> Iterator[str]:
    table = model.table
    nullable = {column.name for column in table.read if column.is_nullable}
    if not table.key and not any(nullable.isdisjoint(key) for key in table.uniques):
        text = f"{table.name} has no key that the role may read; Prisma needs one"
        raise UsageError(text, spelling.leave_out([table.name]), code="models.unsupported")
    if len(table.key) > 1:
        yield f"  @@id([{', '.join(fields[name] for name in table.key)}])"
    for key in sorted(set(table.uniques)):
        if len(key) > 1:
            yield f"  @@unique([{', '.join(fields[name] for name in key)}])"
