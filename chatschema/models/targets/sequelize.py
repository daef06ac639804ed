"""Sequelize 6: a module of CommonJS that defines the models with their associations."""

import re
from collections.abc import Iterator

from chatschema.errors import UsageError
from chatschema.models import naming, types
from chatschema.models.targets import spelling
from chatschema.models.values import Column, Model, Relation, Table, Text, Type

_TYPES = {
    "uuid": "UUID",
    "text": "TEXT",
    "varchar": "STRING",
    "bpchar": "CHAR",
    "bool": "BOOLEAN",
    "int2": "SMALLINT",
    "int4": "INTEGER",
    "int8": "BIGINT",
    "float4": "REAL",
    "float8": "DOUBLE",
    "numeric": "DECIMAL",
    "timestamptz": "DATE",
    "date": "DATEONLY",
    "time": "TIME",
    "json": "JSON",
    "jsonb": "JSONB",
    "bytea": "BLOB",
    "inet": "INET",
    "cidr": "CIDR",
    "macaddr": "MACADDR",
}
# Sequelize parses these, and their values are not what it would send as they are.
_PARSED = {
    "hstore": "HSTORE",
    "citext": "CITEXT",
    "geometry": "GEOMETRY",
    "geography": "GEOGRAPHY",
    "int4range": "RANGE(DataTypes.INTEGER)",
    "int8range": "RANGE(DataTypes.BIGINT)",
    "numrange": "RANGE(DataTypes.DECIMAL)",
    "daterange": "RANGE(DataTypes.DATEONLY)",
    "tstzrange": "RANGE(DataTypes.DATE)",
}
# Items of the arrays that its operators cast.
_ITEMS = frozenset(("uuid", "text", "varchar", "bool", "int2", "int4", "int8", "float4", "float8", "numeric"))
# What an instance of Sequelize has itself: an attribute of this name would hide it, or be hidden.
_MEMBER_NAMES = (
    "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ _changed _customGetters"
    " _customSetters _hasCustomGetters _hasCustomSetters _initValues _isAttribute _options _previousDataValues"
    " _setInclude _setupHooks addHook changed constructor dataValues decrement destroy equals equalsOneOf get"
    " getDataValue hasHook hasHooks hasOwnProperty increment isNewRecord isPrototypeOf isSoftDeleted previous"
    " propertyIsEnumerable rawAttributes reload removeHook restore runHooks save sequelize set setAttributes"
    " setDataValue setValidators toJSON toLocaleString toString uniqno update validate validators valueOf where"
)
MEMBERS = frozenset(_MEMBER_NAMES.split())
# It takes other characters for a path, a cast or an expression, and drops quotes.
_MISREAD = re.compile(r"[^\w $-]|\A__proto__\Z")
_OWN = frozenset(("DataTypes", "literal", "options", "sequelize"))
_HEAD = """\
"use strict";

const { DataTypes, literal } = require("sequelize");

// The database makes ids and times: an update reads the row back, as an insert does.
const options = (tableName) => ({
  schema: "public",
  tableName,
  timestamps: false,
  hooks: {
    beforeUpdate: (row, of) => {
      of.returning = true;
    },
  },
});"""


def text(models: tuple[Model, ...], command: str) -> Text:
    """Return the file. Raises UsageError for a type that Sequelize would read otherwise than it writes it."""
    readable = [model for model in models if model.table.read]
    names = {model.table.name: naming.free(model.name, spelling.RESERVED | _OWN, "Row") for model in readable}
    naming.refuse_twice("name", [(name, table, table) for table, name in names.items()])
    spelling.refuse_names("Sequelize", readable, _MISREAD)
    spelling.refuse_fields(readable, _attribute)
    _refuse_keyless(readable)
    _refuse([(model, column) for model in readable for column in model.table.read])
    lines = [line for model in readable for line in _define(model, names[model.table.name])]
    associations = [_associate(one, names[model.table.name], names[one.to]) for model in readable for one in model.relations]
    found = [line for line in associations if line]
    lines += ["", *found] if found else []
    exported = ", ".join(names.values())
    body = "\n".join(["module.exports = (sequelize) => {", *lines, f"  return {{ {exported} }};", "};"])
    return Text(f"{spelling.head('//', command)}\n{_HEAD}\n\n{body}\n", tuple(_notes(models)))


def _key(table: Table) -> tuple[str, ...]:
    """Return the primary key, or what stands for it: Sequelize takes no other column for one that is named id."""
    is_id = any(one.name == "id" and not one.is_nullable for one in table.read) and ("id",) in table.uniques
    return table.key or (("id",) if is_id else ())


def _refuse_keyless(models: list[Model]) -> None:
    names = [one.table.name for one in models if not _key(one.table) and any(column.name == "id" for column in one.table.read)]
    if names:
        text = f"Sequelize takes the column id for the primary key, which it is not: {', '.join(names)}"
        raise UsageError(text, spelling.leave_out(names), code="models.unsupported")


def _refuse(columns: list[tuple[Model, Column]]) -> None:
    times, ranges = [], []
    for model, column in columns:
        type = column.type.item or column.type
        name = f"{model.table.name}.{column.name}"
        if type.name == "timestamp":
            times.append(name)
        elif type.family == "range" and (type is not column.type or type.name not in _PARSED):
            ranges.append(name)
    for names, why in (
        (times, "Sequelize writes a timestamp without time zone in UTC and reads it as local time"),
        (ranges, "Sequelize reads these ranges as objects that it cannot write"),
    ):
        if names:
            raise UsageError(f"{why}: {', '.join(names)}", spelling.leave_out(names), code="models.unsupported")


def _notes(models: tuple[Model, ...]) -> Iterator[str]:
    for model in models:
        unread = ", ".join(one.name for one in model.table.columns if not one.may_select)
        if unread:
            yield f"left out of {model.table.name}: {unread}; the role may write but not read it, and Sequelize reads each column"
        for one in model.relations:
            if one.kind == "belongs" and len(one.columns) > 1:
                yield f"no association of {model.table.name} by ({', '.join(one.columns)}): those of Sequelize have one column"


def _define(model: Model, name: str) -> Iterator[str]:
    table = model.table
    yield from spelling.jsdoc(spelling.about(table), "  ")
    yield f"  const {name} = sequelize.define({spelling.quoted(name)}, {{"
    for column in table.read:
        yield from spelling.jsdoc(column.comment, "    ")
        yield f"    {spelling.key(_attribute(column.name))}: {_column(model, column)},"
    yield f"  }}, options({spelling.quoted(table.name)}));"
    if not _key(table):
        yield f'  {name}.removeAttribute("id");'


def _attribute(name: str) -> str:
    return naming.free(name, MEMBERS, "_")


def _column(model: Model, column: Column) -> str:
    parts = [f"type: {_type(column)}"]
    if _attribute(column.name) != column.name:
        parts.append(f"field: {spelling.quoted(column.name)}")
    if column.name in _key(model.table):
        parts.append("primaryKey: true")
    # Only one column of a table may be so for Sequelize; it sends DEFAULT for it.
    if column.made in ("identity", "always") and column.name == _counter(model):
        parts.append("autoIncrement: true")
    elif column.name in _key(model.table) and column.made:
        # Without a default Sequelize sends null for a key.
        parts.append('defaultValue: literal("DEFAULT")')
    elif not column.is_optional:
        parts.append("allowNull: false")
    return f"{{ {', '.join(parts)} }}"


def _counter(model: Model) -> str | None:
    return next(
        (one.name for one in model.table.read if one.made in ("identity", "always") and _key(model.table) == (one.name,)), None
    )


def _type(column: Column) -> str:
    type = column.type
    if type.family == "enum":
        return f"DataTypes.ENUM({', '.join(spelling.quoted(label) for label in type.labels)})"
    if (parsed := _PARSED.get(type.name.rpartition(".")[2])) and type.family in ("range", "other"):
        return f"DataTypes.{parsed}"
    if type.family == "base" and type.name in _TYPES:
        return _data_type(type, type.modifier)
    if type.family == "array" and type.item is not None and type.item.family == "base" and type.item.name in _ITEMS:
        item = _data_type(type.item, type.modifier)
        return "DataTypes.ARRAY(" * type.dimensions + item + ")" * type.dimensions
    # Values pass as they are: text, and arrays for arrays.
    return spelling.quoted(type.written)


def _data_type(type: Type, modifier: int) -> str:
    name = f"DataTypes.{_TYPES[type.name]}"
    if type.name in ("varchar", "bpchar"):
        size = types.length(modifier)
        # STRING alone would be 255 characters.
        return f"{name}({size})" if size else "DataTypes.TEXT"
    if type.name == "numeric" and (found := types.precision(modifier)):
        return f"{name}({found[0]}, {found[1]})"
    return name


def _associate(one: Relation, own: str, to: str) -> str:
    if len(one.columns) > 1:
        return ""
    (column,), (to_column,) = one.columns, one.to_columns
    alias = f"as: {spelling.quoted(one.name)}"
    if one.kind == "belongs":
        keys = f"foreignKey: {spelling.quoted(_attribute(column))}, targetKey: {spelling.quoted(_attribute(to_column))}"
        return f"  {own}.belongsTo({to}, {{ {alias}, {keys}, constraints: false }});"
    keys = f"foreignKey: {spelling.quoted(_attribute(to_column))}, sourceKey: {spelling.quoted(_attribute(column))}"
    return f"  {own}.{'hasMany' if one.kind == 'many' else 'hasOne'}({to}, {{ {alias}, {keys}, constraints: false }});"
