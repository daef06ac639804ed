"""Python: two TypedDicts a table, of a row as psycopg 3 returns it with dict_row, and of a new row as it takes it."""

import keyword
import re
import unicodedata

from chatschema.models import naming
from chatschema.models.targets import spelling
from chatschema.models.values import Column, Model, SchemaError, Text, Type

_INET = "IPv4Address | IPv4Interface | IPv6Address | IPv6Interface"
# What is in no list arrives as the server writes it: text.
_TYPES = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "int"),
    **dict.fromkeys(("float4", "float8"), "float"),
    "numeric": "Decimal",
    "bool": "bool",
    "bytea": "bytes",
    "uuid": "UUID",
    "date": "date",
    **dict.fromkeys(("time", "timetz"), "time"),
    **dict.fromkeys(("timestamp", "timestamptz"), "datetime"),
    "interval": "timedelta",
    "inet": _INET,
    "cidr": "IPv4Network | IPv6Network",
    **dict.fromkeys(("json", "jsonb"), "Any"),
}
_RANGES = {
    **{f"int4{kind}": "int" for kind in ("range", "multirange")},
    **{f"int8{kind}": "int" for kind in ("range", "multirange")},
    **{f"num{kind}": "Decimal" for kind in ("range", "multirange")},
    **{f"date{kind}": "date" for kind in ("range", "multirange")},
    **{f"ts{kind}": "datetime" for kind in ("range", "multirange")},
    **{f"tstz{kind}": "datetime" for kind in ("range", "multirange")},
}
_IMPORTS = {
    "datetime": ("date", "datetime", "time", "timedelta"),
    "decimal": ("Decimal",),
    "ipaddress": ("IPv4Address", "IPv4Interface", "IPv4Network", "IPv6Address", "IPv6Interface", "IPv6Network"),
    "typing": ("Any", "Literal", "NotRequired", "TYPE_CHECKING", "TypedDict"),
    "uuid": ("UUID",),
}
# Of the driver, for a type checker alone: the file itself needs no package.
_FOR_CHECKERS = {
    "psycopg.types.json": ("Json", "Jsonb"),
    "psycopg.types.multirange": ("Multirange",),
    "psycopg.types.range": ("Range",),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKEN = frozenset(
    [
        *keyword.kwlist,
        *keyword.softkwlist,
        "bool",
        "bytes",
        "dict",
        "float",
        "int",
        "list",
        "str",
        "tuple",
        "annotations",
        "SCHEMA_ERRORS",
        "SchemaError",
    ]
    + [name for module in (_IMPORTS, _FOR_CHECKERS) for names in module.values() for name in names]
)


def text(models: tuple[Model, ...], errors: tuple[SchemaError, ...], command: str) -> Text:
    """Return the file. Raises UsageError if two classes have one name."""
    names = {model: _class(naming.free(model.name, _TAKEN, "Row")) for model in models}
    declared = [(f"{prefix}{name}", model.table.name) for model, name in names.items() for prefix in ("", "New")]
    naming.refuse_twice("name", [(name, f"{name} of {table}", table) for name, table in declared])
    classes = [part for model, name in names.items() for part in (_row(model, name), _new(model, name)) if part]
    body = "\n\n\n".join([*classes, "\n".join(_constant(errors))])
    return Text(f"{spelling.head('#', command)}\n{_imports(body)}\n\n\n{body}\n")


def _constant(errors: tuple[SchemaError, ...]) -> list[str]:
    entries = []
    for error in errors:
        entries += [f"    # {spelling.one_line(error.action)}"]
        entries += [
            f'    {spelling.quoted(error.name)}: {{"sqlstates": {_tuple(error.sqlstates)}, "tables": {_tuple(error.tables)}}},'
        ]
    about = f'    """{spelling.ABOUT_ERRORS.format("error.diag.constraint_name")}"""'
    declared = ["class SchemaError(TypedDict):", about, "", "    sqlstates: tuple[str, ...]", "    tables: tuple[str, ...]", "", ""]
    return [*declared, "SCHEMA_ERRORS: dict[str, SchemaError] = {", *entries, "}"]


def _tuple(texts: tuple[str, ...]) -> str:
    return f"({', '.join(map(spelling.quoted, texts))}{',' if len(texts) == 1 else ''})"


def _class(name: str) -> str:
    """Return a name as Python reads it: it normalizes what is not ASCII."""
    return unicodedata.normalize("NFKC", name)


def _imports(body: str) -> str:
    used = set(_NAME.findall("\n".join(line for line in body.splitlines() if not line.lstrip().startswith(('"""', "#")))))
    checked = [(module, [name for name in names if name in used]) for module, names in _FOR_CHECKERS.items()]
    checked = [(module, names) for module, names in checked if names]
    if checked:
        used.add("TYPE_CHECKING")
    found = [(module, [name for name in names if name in used]) for module, names in _IMPORTS.items()]
    lines = ["from __future__ import annotations", ""]
    lines += [f"from {module} import {', '.join(names)}" for module, names in found if names]
    if checked:
        lines += ["", "if TYPE_CHECKING:", *(f"    from {module} import {', '.join(names)}" for module, names in checked)]
    return "\n".join(lines)


def _row(model: Model, name: str) -> str:
    fields = [(column, _type(column, is_written=False)) for column in model.table.read]
    return _typed_dict(name, spelling.about(model.table), fields, with_comments=True)


def _new(model: Model, name: str) -> str:
    fields = [
        (column, f"NotRequired[{_type(column, is_written=True)}]" if column.is_optional else _type(column, is_written=True))
        for column in model.table.inserted
    ]
    about = f"A new row of {model.table.name}: what is not required is null, or made by the database."
    return _typed_dict(f"New{name}", about, fields, with_comments=False)


def _typed_dict(name: str, about: str, fields: list[tuple[Column, str]], *, with_comments: bool) -> str:
    """Return a TypedDict; as a call where a class could not have a field, or a field would hide the type of another."""
    if not fields:
        return ""
    used = {word for _, text in fields for word in _NAME.findall(text)}
    if all(_is_field(column.name, used) for column, _ in fields):
        lines = [f"class {name}(TypedDict):", *(_docstring(about, "    ") or [])]
        lines += [""] if len(lines) > 1 else []
        for column, text in fields:
            lines.append(f"    {column.name}: {text}")
            lines += _docstring(column.comment, "    ") if with_comments else []
        return "\n".join(lines)
    lines = [f"# {line}" for line in spelling.lines(about)]
    lines += [f"{name} = TypedDict(", f"    {spelling.quoted(name)},", "    {"]
    for column, text in fields:
        lines += [f"        # {line}" for line in spelling.lines(column.comment)] if with_comments else []
        lines.append(f"        {spelling.quoted(column.name)}: {spelling.quoted(text)},")
    return "\n".join([*lines, "    },", ")"])


def _is_field(name: str, used: set[str]) -> bool:
    is_name = name.isidentifier() and not keyword.iskeyword(name) and unicodedata.normalize("NFKC", name) == name
    return is_name and not name.startswith("__") and name not in used


def _docstring(comment: str, indent: str) -> list[str]:
    found = [line.replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for line in spelling.lines(comment)]
    if not found:
        return []
    if found[-1].endswith('"'):
        found[-1] = f'{found[-1][:-1]}\\"'
    if len(found) == 1:
        return [f'{indent}"""{found[0]}"""']
    return [f'{indent}"""{found[0]}', *(f"{indent}{line}".rstrip() for line in found[1:]), f'{indent}"""']


def _type(column: Column, *, is_written: bool) -> str:
    literal = f"Literal[{', '.join(spelling.quoted(label) for label in column.type.labels)}]" if column.type.labels else ""
    return f"{literal or _of(column.type, is_written=is_written)}{' | None' if column.is_nullable else ''}"


def _of(type: Type, *, is_written: bool) -> str:
    if type.family in ("range", "multirange") and type.name in _RANGES:
        return f"{'Range' if type.family == 'range' else 'Multirange'}[{_RANGES[type.name]}]"
    if type.family == "array" and type.item is not None:
        return _array(type, type.item, is_written=is_written)
    if is_written and type.name in ("json", "jsonb"):
        return "Json | Jsonb | str"
    return _TYPES.get(type.name, "str") if type.family == "base" else "str"


def _array(type: Type, item: Type, *, is_written: bool) -> str:
    # psycopg parses the arrays of the built-in types, and no others: of those it returns the text.
    if item.family not in ("base", "range", "multirange") or (item.family != "base" and item.name not in _RANGES):
        return "str"
    return f"{'list[' * type.dimensions}{_of(item, is_written=is_written)}{']' * type.dimensions}"
