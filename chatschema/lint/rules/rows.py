"""Rules about rows: those that are lost, or locked until the commit."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name

_CHANGES = ("update_stmt", "delete_stmt", "merge_stmt", "insert_stmt")
_BATCH = "write it in a file of its own with -- batch: TABLE by KEY and {batch} in its condition"
_WORDS = {"update_stmt": "update", "delete_stmt": "delete"}


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of a statement that changes rows."""
    if step.kind == "truncate_stmt":
        for one in step.node.relations:
            table = nodes.relation(one.range_var)
            if not state.is_new(table):
                text = f"truncate removes all rows of {nodes.text(table)}, and no rollback brings them back"
                yield Hit("truncate", step.line, text, "delete the rows that are not needed, in batches", table)
        return
    if not subject.is_batch:
        for kind, node in _changes(step):
            yield from changed(subject, step, state, kind, node)


def _changes(step: Step) -> Iterator[tuple[str, Any]]:
    """Yield the statement, and those in its WITH, that change rows."""
    if step.kind in _CHANGES:
        yield step.kind, step.node
    if step.kind in (*_CHANGES, "select_stmt") and step.node.HasField("with_clause"):
        yield from ((kind, node) for kind, node in nodes.walk(step.node.with_clause) if kind in _CHANGES)


def changed(subject: Subject, step: Step, state: Known, kind: str, node: Any) -> Iterator[Hit]:
    """Yield the hit of an INSERT, UPDATE, DELETE or MERGE, wherever it stands in a statement."""
    table = nodes.relation(node.relation)
    if state.is_new(table):
        return
    name = nodes.text(table)
    if kind == "insert_stmt":
        if source := _copied(node, state):
            text = f"all rows of {nodes.text(source)} are copied to {name} in one transaction"
            yield Hit(_rule(subject, state), step.line, text, _BATCH, table)
        return
    if kind == "merge_stmt":
        yield Hit(
            _rule(subject, state), step.line, f"merge locks the rows of {name} that it changes until the commit", _BATCH, table
        )
    elif is_all(node):
        yield Hit("no-where", step.line, f"{_WORDS[kind]} without a condition changes all rows of {name}", _BATCH, table)
    elif not by_key(node, table, state):
        text = f"{_WORDS[kind]} locks every row of {name} that meets its condition until the commit"
        yield Hit(_rule(subject, state), step.line, text, _BATCH, table)


def _rule(subject: Subject, state: Known) -> str:
    """Return the rule for rows that are changed: in a file that also changes a table, its lock is held meanwhile."""
    for step in subject.apply.steps:
        if step.kind == "alter_table_stmt" and not state.is_new(nodes.relation(step.node.relation)):
            return "ddl-and-rows"
    return "backfill"


def is_all(node: Any) -> bool:
    """Return whether an UPDATE or DELETE changes all rows: it has no condition, or one that is always true."""
    if not node.HasField("where_clause"):
        return not (node.from_clause if hasattr(node, "from_clause") else node.using_clause)
    return _is_true(node.where_clause)


def _is_true(node: Any) -> bool:
    kind = nodes.kind_of(node)
    if kind == "a_const":
        return bool(node.a_const.boolval.boolval)
    if kind == "a_expr" and nodes.strings(node.a_expr.name) == ["="]:
        left, right = node.a_expr.lexpr, node.a_expr.rexpr
        return nodes.is_constant(left) and nodes.is_constant(right)
    return False


def by_key(node: Any, table: Name, state: Known) -> bool:
    """Return whether the condition names rows by constants for a unique key of the table."""
    columns = frozenset(_equal(node.where_clause)) if node.HasField("where_clause") else frozenset()
    return any(key and key <= columns for key in state.key_of_table(table))


def _equal(node: Any) -> Iterator[str]:
    """Yield the columns that a condition compares with constants; only conditions that all have to hold count."""
    kind = nodes.kind_of(node)
    if kind == "bool_expr" and node.bool_expr.boolop == 1:
        for one in node.bool_expr.args:
            yield from _equal(one)
    elif kind == "a_expr" and nodes.strings(node.a_expr.name) == ["="]:
        left, right = node.a_expr.lexpr, node.a_expr.rexpr
        if nodes.kind_of(left) == "column_ref" and nodes.is_constant(right):
            yield nodes.strings(left.column_ref.fields)[-1]
        elif nodes.kind_of(right) == "column_ref" and nodes.is_constant(left):
            yield nodes.strings(right.column_ref.fields)[-1]


def _copied(node: Any, state: Known) -> Name | None:
    """Return the existing table whose rows an INSERT copies; None for values, and for rows picked by a key."""
    if not node.HasField("select_stmt"):
        return None
    select = node.select_stmt.select_stmt
    tables = [nodes.relation(value) for kind, value in nodes.walk(node.select_stmt) if kind == "range_var"]
    names = {common.common_table_expr.ctename for common in node.with_clause.ctes} if node.HasField("with_clause") else set()
    found = next((one for one in tables if one[1] not in names and one in state.tables and not state.is_new(one)), None)
    return None if found is None or by_key(select, found, state) else found
