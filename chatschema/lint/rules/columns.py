"""Rules about columns: those that rewrite their table, that a row cannot have, or whose type is regretted later."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known, Type
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name

# Built-in functions whose value differs from row to row; all others are the same for a whole statement.
_VOLATILE = frozenset({
    "random", "random_normal", "gen_random_uuid", "gen_random_bytes", "clock_timestamp", "timeofday", "nextval", "setval",
    "uuidv4", "uuidv7", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4",
})  # fmt: skip
_SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"})
_SMALL = frozenset({"int4", "int2", "serial", "smallserial", "serial4", "serial2"})


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of a statement about columns."""
    if step.kind == "create_stmt":
        yield from _of_new_table(step)
    elif step.kind == "alter_table_stmt":
        table = nodes.relation(step.node.relation)
        for one in step.node.cmds:
            command = one.alter_table_cmd
            action = nodes.action(command)
            if action == "AddColumn":
                column = getattr(command, "def").column_def
                yield from _kinds(step, table, column)
                if not state.is_new(table):
                    yield from _added(step, state, table, column)
            elif action == "AlterColumnType" and not state.is_new(table):
                yield from _retyped(step, state, table, command)
    elif step.kind == "alter_enum_stmt" and step.node.new_val and not step.node.old_val:
        yield from _used_value(subject, step)


def _added(step: Step, state: Known, table: Name, column: Any) -> Iterator[Hit]:
    where, fix = (
        f"{nodes.text(table)}.{column.colname}",
        f"chatschema new migration --recipe add-column {table[1]} {column.colname} ...",
    )
    found = {nodes.constraint_kind(one): one for one in nodes.constraints(column.constraints)}
    default = found.get("default")
    if why := _rewrites(state, column, found, default):
        yield Hit(
            "column-default", step.line, f"{where} has {why}: all rows are rewritten while readers and writers wait", fix, table
        )
    elif "notnull" in found and default is None:
        text = f"{where} is not null and has no default: PostgreSQL refuses it for a table with rows"
        yield Hit("required-column", step.line, text, f"give it a default, or: {fix}", table)
    if "check" in found and not found["check"].skip_validation:
        text = f"the check of {where} reads all rows while readers and writers wait"
        yield Hit("check", step.line, text, f"chatschema new migration --recipe check {table[1]} SUBJECT CONDITION", table)
    if "unique" in found or "primary" in found:
        text = f"the index of {where} is built while readers and writers wait"
        yield Hit("unique", step.line, text, f"chatschema new migration --recipe unique {table[1]} {column.colname}", table)
    if "foreign" in found and default is not None:
        text = f"the foreign key of {where} reads all rows, because the column has a default, while writers wait"
        target = nodes.relation(found["foreign"].pktable)[1]
        yield Hit(
            "foreign-key",
            step.line,
            text,
            f"chatschema new migration --recipe foreign-key {table[1]} {column.colname} {target}",
            table,
        )


def _rewrites(state: Known, column: Any, found: dict[str, Any], default: Any) -> str:
    """Return why adding the column rewrites its table; empty if it does not."""
    kind = nodes.type_of(column.type_name)[0]
    if "identity" in found:
        return "an identity"
    if kind in _SERIAL:
        return "a sequence as its default"
    if "generated" in found and found["generated"].generated_kind != "v":
        return "a stored expression"
    if default is not None and (function := _volatile(state, default.raw_expr)):
        return f"the default {function}(), which differs from row to row"
    return ""


def _volatile(state: Known, expression: Any) -> str:
    """Return the first function in an expression whose value differs from row to row; empty without one."""
    for kind, value in nodes.walk(expression):
        if kind != "func_call":
            continue
        parts = nodes.strings(value.funcname)
        name = nodes.qualified(value.funcname)
        is_builtin = parts[:-1] in ([], ["pg_catalog"]) and name not in state.functions
        known = state.functions.get(name)
        if parts[-1] in _VOLATILE if is_builtin else known is None or known.volatility == "volatile":
            return ".".join(parts)
    return ""


def _retyped(step: Step, state: Known, table: Name, command: Any) -> Iterator[Hit]:
    column = getattr(command, "def").column_def
    before = state.tables[table].columns.get(command.name) if table in state.tables else None
    after = nodes.type_of(column.type_name)
    is_plain = not column.HasField("raw_default") and not column.HasField("coll_clause")
    if before is not None and is_plain and keeps_rows(before, after):
        return
    text = f"a new type rewrites all rows and indexes of {nodes.text(table)} while readers and writers wait"
    fix = f"chatschema new migration --recipe change-type {table[1]} {command.name} TYPE"
    yield Hit("column-type", step.line, text, fix, table)


def keeps_rows(before: Type, after: Type) -> bool:
    """Return whether PostgreSQL changes one type to the other without reading a row."""
    (old, had), (new, has) = before, after
    if old == "varchar" and new in ("varchar", "text"):
        return new == "text" or not has or (bool(had) and has[0] >= had[0])
    if old == "text" and new == "varchar":
        return not has
    if old == new == "numeric" and had:
        old_scale, new_scale = (*had, 0)[1], (*has, 0, 0)[1]
        return not has or (has[0] >= had[0] and old_scale == new_scale)
    return before == after or (old, new) == ("cidr", "inet")


def _used_value(subject: Subject, step: Step) -> Iterator[Hit]:
    value = step.node.new_val
    for other in subject.apply.steps:
        if other is not step and f"'{value}'" in other.text and other.line >= step.line:
            text = f"'{value}' is used in the transaction that adds it, which PostgreSQL refuses"
            yield Hit("enum-value", other.line, text, "use the value in the next file")
            return


def _of_new_table(step: Step) -> Iterator[Hit]:
    table = nodes.relation(step.node.relation)
    if step.node.relation.relpersistence == "t":
        return
    primary = {name for one in nodes.constraints(step.node.table_elts) if nodes.constraint_kind(one) == "primary"
               for name in nodes.strings(one.keys)}  # fmt: skip
    for element in step.node.table_elts:
        if nodes.kind_of(element) != "column_def":
            continue
        column = element.column_def
        yield from _kinds(step, table, column)
        kinds = {nodes.constraint_kind(one) for one in nodes.constraints(column.constraints)}
        is_key = "primary" in kinds or primary == {column.colname}
        is_counted = "identity" in kinds or nodes.type_of(column.type_name)[0] in _SERIAL or "default" in kinds
        if is_key and is_counted and nodes.type_of(column.type_name)[0] in _SMALL:
            text = f"{nodes.text(table)}.{column.colname} counts rows in 32 bits, which end at 2,147,483,647"
            yield Hit("small-key", step.line, text, "use bigint generated always as identity, or a UUIDv7", table)


def _kinds(step: Step, table: Name, column: Any) -> Iterator[Hit]:
    if nodes.type_of(column.type_name)[0] == "json":
        text = f"{nodes.text(table)}.{column.colname} is json, which has no equality: select distinct and group by fail"
        yield Hit("json", step.line, text, "use jsonb", table)
