"""Reading the syntax trees of postgast, PostgreSQL's parser: names, types, constants."""

from collections.abc import Iterator
from typing import Any

_DEFAULT = "public"


def kind_of(node: Any) -> str:
    """Return the kind of a node, such as alter_table_stmt; empty for none."""
    return str(node.WhichOneof("node") or "")


def inner(node: Any) -> Any:
    """Return what a node wraps."""
    return getattr(node, kind_of(node))


def relation(range_var: Any) -> tuple[str, str]:
    """Return the schema and the name of a table; one without a schema is in public."""
    return range_var.schemaname or _DEFAULT, range_var.relname


def text(name: tuple[str, str]) -> str:
    """Return a name as people write it."""
    return ".".join(name)


def strings(nodes: Any) -> list[str]:
    """Return the texts of a list of string nodes."""
    return [node.string.sval for node in nodes if kind_of(node) == "string"]


def qualified(nodes: Any) -> tuple[str, str]:
    """Return the schema and the name that a list of string nodes spells."""
    parts = strings(nodes)
    return (parts[-2] if len(parts) > 1 else _DEFAULT, parts[-1]) if parts else (_DEFAULT, "")


def listed(node: Any) -> list[str]:
    """Return the texts of a node that names an object: a list, a string, a type or a function."""
    kind = kind_of(node)
    if kind == "list":
        return strings(node.list.items)
    if kind == "string":
        return [node.string.sval]
    if kind == "type_name":
        return strings(node.type_name.names)
    if kind == "object_with_args":
        return strings(node.object_with_args.objname)
    return []


def object_name(node: Any) -> tuple[str, str]:
    """Return the schema and the name of an object of DROP or COMMENT."""
    parts = listed(node)
    return (parts[-2] if len(parts) > 1 else _DEFAULT, parts[-1]) if parts else (_DEFAULT, "")


def type_of(type_name: Any) -> tuple[str, tuple[int, ...]]:
    """Return a type and its modifiers: ("varchar", (40,)); an array has [] behind its name."""
    names = strings(type_name.names)
    modifiers = tuple(node.a_const.ival.ival for node in type_name.typmods if kind_of(node) == "a_const")
    return (names[-1] if names else "") + "[]" * len(type_name.array_bounds), modifiers


def option(options: Any, name: str) -> Any:
    """Return the option of this name, None without it."""
    return next((node.def_elem for node in options if kind_of(node) == "def_elem" and node.def_elem.defname == name), None)


def is_on(options: Any, name: str) -> bool:
    """Return whether an option is given and not turned off: `full`, `full true`, `full 1`."""
    found = option(options, name)
    if found is None:
        return False
    kind = kind_of(found.arg) if found.HasField("arg") else ""
    fields = {"string": "sval", "boolean": "boolval", "integer": "ival"}
    value = getattr(getattr(found.arg, kind), fields[kind]) if kind in fields else True
    return str(value).lower() not in ("false", "off", "0", "no")


def walk(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield each node inside a message as (kind, what it wraps), outer ones first."""
    if message.DESCRIPTOR.name == "Node":
        kind = kind_of(message)
        if not kind:
            return
        yield kind, inner(message)
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for one in value if hasattr(value, "add") else [value]:
            yield from walk(one)


def is_constant(node: Any) -> bool:
    """Return whether an expression is a constant, also one that is cast, or a parameter."""
    kind = kind_of(node)
    if kind == "type_cast":
        return is_constant(node.type_cast.arg)
    if kind == "list":
        return all(is_constant(one) for one in node.list.items)
    if kind == "a_array_expr":
        return all(is_constant(one) for one in node.a_array_expr.elements)
    return kind in ("a_const", "param_ref")


def constraints(nodes: Any) -> Iterator[Any]:
    """Yield the constraints among the nodes."""
    yield from (node.constraint for node in nodes if kind_of(node) == "constraint")


def constraint_kind(constraint: Any) -> str:
    """Return the kind of a constraint in lower case: check, foreign, unique, primary, notnull, default, ..."""
    return str(_enum("ConstrType", constraint.contype)).removeprefix("CONSTR_").lower()


def action(command: Any) -> str:
    """Return the action of ALTER TABLE without its prefix: AddColumn, SetNotNull, ..."""
    return _enum("AlterTableType", command.subtype).removeprefix("AT_")


def object_kind(value: int) -> str:
    """Return the kind of an object in lower case: table, index, view, function, ..."""
    return _enum("ObjectType", value).removeprefix("OBJECT_").lower()


def boolean_operator(expression: Any) -> str:
    """Return and, or, not."""
    return _enum("BoolExprType", expression.boolop).removesuffix("_EXPR").lower()


def _enum(name: str, value: int) -> str:
    import postgast

    return str(getattr(postgast.pg_query_pb2, name).Name(value))
