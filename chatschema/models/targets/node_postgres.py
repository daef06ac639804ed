"""What node-postgres returns for a type, and what it takes: for TypeScript and Kysely."""

import re
from dataclasses import dataclass

from chatschema.models.targets import spelling
from chatschema.models.values import Column, Model, Type


@dataclass(frozen=True, slots=True)
class Shape:
    """The type of TypeScript that a value has when it is read, and the one that a statement takes."""

    read: str
    written: str


_STRING = Shape("string", "string")
_NUMBER = Shape("number", "number")
_TIME = Shape("Date", "Date | string")
# What is in no list arrives as the server writes it: text.
_SHAPES = {
    **dict.fromkeys(("int2", "int4", "oid", "float4", "float8"), _NUMBER),
    "int8": Shape("string", "string | number | bigint"),
    "numeric": Shape("string", "string | number"),
    "bool": Shape("boolean", "boolean"),
    "bytea": Shape("Buffer", "Uint8Array"),
    **dict.fromkeys(("date", "timestamp", "timestamptz"), _TIME),
    "interval": Shape("Interval", "Interval | string"),
    "point": Shape("Point", "string"),
    "circle": Shape("Circle", "string"),
    **dict.fromkeys(("json", "jsonb"), Shape("Json", "JsonObject | string")),
}
# Items of the arrays that it parses; of all others it returns the text: {a,b}.
_PARSED_NAMES = (
    "cidr bool bytea int2 int4 oid int8 point float4 float8 numeric bpchar varchar text regproc macaddr inet timestamp date"
    " timestamptz interval json jsonb numrange uuid money time timetz"
)
_PARSED = frozenset(_PARSED_NAMES.split())
_WORD = re.compile(r"\w+")
# Declared in a file that uses them.
DECLARED = {
    "Json": ["export type Json = null | boolean | number | string | Json[] | JsonObject;"],
    "JsonObject": [
        "/** An object for a json column. Send an array as JSON.stringify(array): node-postgres makes arrays of PostgreSQL. */",
        "export interface JsonObject {",
        "  [key: string]: Json;",
        "}",
    ],
    "Interval": [
        "/** An interval as node-postgres parses it. */",
        "export interface Interval {",
        *(f"  {unit}?: number;" for unit in ("years", "months", "days", "hours", "minutes", "seconds", "milliseconds")),
        "  toPostgres(): string;",
        "  toISO(): string;",
        "}",
    ],
    "Point": ["export interface Point {", "  x: number;", "  y: number;", "}"],
    "Circle": ["export interface Circle {", "  x: number;", "  y: number;", "  radius: number;", "}"],
}


def shape(column: Column) -> Shape:
    """Return the shape of a column's values; null is not part of it."""
    if column.type.labels:
        text = spelling.union(column)
        return Shape(text, text)
    return _of(column.type)


def _of(type: Type) -> Shape:
    if type.family != "array":
        return _SHAPES.get(type.name, _STRING) if type.family == "base" else _STRING
    item = type.item
    if item is None or item.family != "base" or item.name not in _PARSED:
        labels = " | ".join(spelling.quoted(label) for label in item.labels) if item else ""
        return Shape("string", f"string | {_array(labels, type.dimensions)}" if labels else "string")
    # Unlike a numeric alone.
    one = Shape("number", "number | string") if item.name == "numeric" else _SHAPES.get(item.name, _STRING)
    return Shape(_array(one.read, type.dimensions), _array(one.written, type.dimensions))


def _array(item: str, dimensions: int) -> str:
    return (f"({item})" if "|" in item else item) + "[]" * dimensions


def declarations(models: tuple[Model, ...]) -> list[str]:
    """Return the declarations of the types that the models' columns use, each as a paragraph."""
    shapes = [shape(column) for model in models for column in model.table.columns if not column.type.labels]
    used = {word for one in shapes for word in _WORD.findall(f"{one.read} {one.written}")}
    if "Json" in used:
        used.add("JsonObject")
    return ["\n".join(lines) for name, lines in DECLARED.items() if name in used]
