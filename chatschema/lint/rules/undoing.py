"""Rules about undoing: a rollback that is missing, or that removes more than the migration made."""

from collections.abc import Callable, Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.rules import rows
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name

Object = tuple[str, Name]
_ADDS_OR_REPLACES = {"view_stmt": "view", "create_function_stmt": "function"}


def check(subject: Subject) -> Iterator[Hit]:
    """Yield the hits of a rollback."""
    if subject.is_repeatable:
        return
    if subject.migration.rollback is None or subject.rollback is None:
        fix = f"write {subject.migration.id}.rollback.sql; undo refuses a migration without it"
        yield Hit("no-rollback", 1, "the migration has no rollback", fix)
        return
    made, lenient = _made(subject)
    restored = _created(subject.rollback.steps)
    for step in subject.rollback.steps:
        if _is_cascade(step):
            text = "drop ... cascade in a rollback also drops objects that the migration did not make"
            yield Hit("cascade", step.line, text, "drop what the migration made, by name", is_rollback=True)
            continue
        for one in _dropped(step):
            if one in made or one in restored:
                continue
            if one in lenient:
                text = (
                    f"the rollback drops {_words(one)}, which may have existed before: the migration makes it only if it is missing"
                )
                yield Hit("rollback-drops", step.line, text, "create it without if not exists and or replace", is_rollback=True)
            elif _existed(subject.before, one):
                text = f"the rollback drops {_words(one)}, which an earlier migration made"
                yield Hit("rollback-drops", step.line, text, "take back what this migration did, and no more", is_rollback=True)
        yield from _emptied(subject, step)


def _emptied(subject: Subject, step: Step) -> Iterator[Hit]:
    """Yield a rollback that removes all rows of a table that existed before."""
    if step.kind == "delete_stmt":
        tables = [nodes.relation(step.node.relation)] if rows.is_all(step.node) else []
    elif step.kind == "truncate_stmt":
        tables = [nodes.relation(one.range_var) for one in step.node.relations]
    else:
        return
    for table in tables:
        if table in subject.before.tables:
            text = f"the rollback removes all rows of {nodes.text(table)}, also those that the migration did not write"
            yield Hit("rollback-drops", step.line, text, "delete the rows that the migration wrote", table, is_rollback=True)


def _made(subject: Subject) -> tuple[set[Object], set[Object]]:
    """Return the objects that the migration makes for sure, and those that it makes only if they are missing or replaces."""
    sure: set[Object] = set()
    lenient: set[Object] = set()
    for step in subject.apply.steps:
        for one, is_sure in _makes(step):
            if is_sure or (step.kind in _ADDS_OR_REPLACES and not _existed(subject.before, one)):
                sure.add(one)
            else:
                lenient.add(one)
    return sure, lenient - sure


def _created(steps: tuple[Step, ...]) -> set[Object]:
    return {one for step in steps for one, _ in _makes(step)}


def _makes(step: Step) -> Iterator[tuple[Object, bool]]:
    """Yield the objects that a statement makes, and whether it fails if they exist."""
    node = step.node
    if step.kind in _NAMES:
        is_sure = not (node.replace if step.kind in _ADDS_OR_REPLACES else node.if_not_exists)
        for kind, name in _NAMES[step.kind](node):
            yield (kind, name), is_sure
    elif step.kind == "alter_table_stmt":
        table = nodes.relation(node.relation)
        for one in node.cmds:
            command = one.alter_table_cmd
            if nodes.action(command) == "AddColumn":
                column = getattr(command, "def").column_def.colname
                yield ("column", (nodes.text(table), column)), not command.missing_ok
    elif step.kind == "rename_stmt" and nodes.object_kind(node.rename_type) == "column":
        yield ("column", (nodes.text(nodes.relation(node.relation)), node.newname)), True


# The objects that a statement creates, as DROP calls them.
_NAMES: dict[str, Callable[[Any], list[Object]]] = {
    "create_stmt": lambda node: [("table", nodes.relation(node.relation))],
    "create_table_as_stmt": lambda node: [(kind, nodes.relation(node.into.rel)) for kind in ("table", "matview")],
    "index_stmt": lambda node: [("index", (nodes.relation(node.relation)[0], node.idxname))],
    "view_stmt": lambda node: [("view", nodes.relation(node.view))],
    "create_function_stmt": lambda node: [(kind, nodes.qualified(node.funcname)) for kind in ("function", "procedure")],
    "create_extension_stmt": lambda node: [("extension", ("public", node.extname))],
    "create_schema_stmt": lambda node: [("schema", ("public", node.schemaname))],
    "create_seq_stmt": lambda node: [("sequence", nodes.relation(node.sequence))],
}


def _dropped(step: Step) -> Iterator[Object]:
    """Yield the objects that a statement of the rollback drops."""
    if step.kind == "drop_stmt":
        kind = nodes.object_kind(step.node.remove_type)
        yield from ((kind, nodes.object_name(one)) for one in step.node.objects)
    elif step.kind == "alter_table_stmt":
        table = nodes.text(nodes.relation(step.node.relation))
        for one in step.node.cmds:
            if nodes.action(one.alter_table_cmd) == "DropColumn":
                yield "column", (table, one.alter_table_cmd.name)


def _existed(before: Known, one: Object) -> bool:
    kind, name = one
    if kind == "column":
        table = next((found for found in before.tables if nodes.text(found) == name[0]), None)
        return table is not None and name[1] in before.tables[table].columns
    return before.has(kind, name)


def _is_cascade(step: Step) -> bool:
    if step.kind == "drop_stmt":
        return bool(step.node.behavior == 2)
    return step.kind == "alter_table_stmt" and any(one.alter_table_cmd.behavior == 2 for one in step.node.cmds)


def _words(one: Object) -> str:
    kind, name = one
    return f"{kind} {name[1] if kind in ('extension', 'schema') else nodes.text(name)}"
