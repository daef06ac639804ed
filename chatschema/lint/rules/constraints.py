"""Rules about constraints: those whose rows are read or indexed while others wait."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of a statement that adds or validates constraints."""
    if step.kind == "create_stmt":
        yield from _of_new_table(step, state)
    elif step.kind == "alter_domain_stmt" and step.node.subtype == "C":
        if not getattr(step.node, "def").constraint.skip_validation:
            name = ".".join(nodes.strings(step.node.type_name))
            text = f"the check reads every table with a column of {name}, and blocks their writers"
            yield Hit("check", step.line, text, "add it as not valid, and validate it in the next file")
    elif step.kind == "alter_table_stmt":
        table = nodes.relation(step.node.relation)
        for one in step.node.cmds:
            yield from _altered(subject, step, state, table, one.alter_table_cmd)


def _altered(subject: Subject, step: Step, state: Known, table: Name, command: Any) -> Iterator[Hit]:
    action = nodes.action(command)
    if action == "AddConstraint":
        yield from _added(step, state, table, getattr(command, "def").constraint)
    elif state.is_new(table):
        return
    elif action == "ValidateConstraint" and _is_own(subject, table, command.name):
        text = f"{command.name} is validated in the transaction that added it, so its lock is held while the rows are read"
        yield Hit("validate", step.line, text, "validate it in a file of its own", table)
    elif action == "SetNotNull" and not _is_proven(state, table, command.name):
        text = f"set not null reads all rows of {nodes.text(table)} while readers and writers wait"
        fix = f"chatschema new migration --recipe set-not-null {table[1]} {command.name}"
        yield Hit("not-null", step.line, text, fix, table)


def _is_own(subject: Subject, table: Name, constraint: str) -> bool:
    """Return whether the file itself adds the constraint."""
    for step in subject.apply.steps:
        if step.kind == "alter_table_stmt" and nodes.relation(step.node.relation) == table:
            for one in step.node.cmds:
                command = one.alter_table_cmd
                if nodes.action(command) == "AddConstraint" and getattr(command, "def").constraint.conname == constraint:
                    return True
    return False


def _is_proven(state: Known, table: Name, column: str) -> bool:
    return table in state.tables and state.tables[table].proves(column)


def _added(step: Step, state: Known, table: Name, constraint: Any) -> Iterator[Hit]:
    kind, name = nodes.constraint_kind(constraint), nodes.text(table)
    yield from _on_partitioned(step, state, table, kind, constraint)
    if kind == "foreign":
        yield from _reference(step, state, table, constraint)
    elif kind == "notnull":
        text = "PostgreSQL 15 to 17 do not know not null as a table constraint"
        yield Hit("newer-syntax", step.line, text, f"chatschema new migration --recipe set-not-null {table[1]} COLUMN", table)
    elif state.is_new(table):
        return
    elif kind == "check" and not constraint.skip_validation:
        fix = f"chatschema new migration --recipe check {table[1]} SUBJECT CONDITION"
        yield Hit("check", step.line, f"the check reads all rows of {name} while readers and writers wait", fix, table)
    elif kind in ("unique", "primary") and not constraint.indexname:
        text = f"the index of the constraint is built while readers and writers of {name} wait"
        yield Hit("unique", step.line, text, f"chatschema new migration --recipe unique {table[1]} COLUMNS", table)
    elif kind == "exclusion":
        text = f"an exclusion constraint is built while readers and writers of {name} wait, and has no other form"
        yield Hit(
            "unique", step.line, text, "add it in a maintenance window, or to a new table that takes the place of this one", table
        )


def _reference(step: Step, state: Known, table: Name, constraint: Any) -> Iterator[Hit]:
    target = nodes.relation(constraint.pktable)
    yield from _to_months(step, state, table, target)
    if state.is_new(table):
        return
    if state.partition_key(table) is not None and constraint.conname in state.prepared:
        return  # each partition has it already
    fix = f"chatschema new migration --recipe foreign-key {table[1]} COLUMN {target[1]}"
    if constraint.skip_validation and state.partition_key(table) is not None:
        text = f"{nodes.text(table)} is partitioned: PostgreSQL 15 to 17 refuse a foreign key that is not valid"
        yield Hit("foreign-key", step.line, text, fix, table)
    elif not constraint.skip_validation:
        text = f"the foreign key reads all rows of {nodes.text(table)} while its writers and those of {nodes.text(target)} wait"
        yield Hit("foreign-key", step.line, text, fix, table)


def _to_months(step: Step, state: Known, table: Name, target: Name) -> Iterator[Hit]:
    if state.partition_key(target) is not None and not state.is_new(target):
        text = f"a foreign key to {nodes.text(target)} makes every detach of a partition read {nodes.text(table)}"
        yield Hit("foreign-key-months", step.line, text, "keep the reference by triggers, as attachments does", target)


def _on_partitioned(step: Step, state: Known, table: Name, kind: str, constraint: Any) -> Iterator[Hit]:
    key = state.partition_key(table)
    if key is not None and kind in ("unique", "primary") and not set(key) <= set(nodes.strings(constraint.keys)):
        yield lacks_key(step, table, key)


def lacks_key(step: Step, table: Name, key: tuple[str, ...]) -> Hit:
    """Return the hit of a key without the partition key."""
    text = f"{nodes.text(table)} is partitioned by {', '.join(key)}: a unique key must contain the partition key"
    return Hit("partition-key", step.line, text, f"add {', '.join(key)} to its columns", table)


def _of_new_table(step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of the constraints of a table that the file creates."""
    table = nodes.relation(step.node.relation)
    key = {part.partition_elem.name for part in step.node.partspec.part_params} if step.node.HasField("partspec") else None
    for element in step.node.table_elts:
        column = element.column_def.colname if nodes.kind_of(element) == "column_def" else ""
        found = nodes.constraints(element.column_def.constraints) if column else nodes.constraints([element])
        for constraint in found:
            kind = nodes.constraint_kind(constraint)
            columns = {column} if column else set(nodes.strings(constraint.keys))
            if kind == "foreign":
                yield from _to_months(step, state, table, nodes.relation(constraint.pktable))
            elif kind in ("unique", "primary") and key is not None and not key <= columns:
                yield lacks_key(step, table, tuple(sorted(key)))
