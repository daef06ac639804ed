"""Rules about what a running release of the application still uses: dropped, renamed or hidden objects."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name

# What an application uses by name.
_USED = ("table", "view", "matview", "function", "procedure", "routine", "aggregate", "type", "domain", "schema", "extension",
         "sequence", "foreign_table")  # fmt: skip
_CREATES = {
    "create_stmt": "relation", "view_stmt": "view", "create_function_stmt": "funcname", "create_enum_stmt": "type_name",
    "create_domain_stmt": "domainname",
}  # fmt: skip
_CONTRACT = "drop it in a later file with -- phase: contract, when no release uses it any more"


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of a statement that removes or renames."""
    if step.kind == "drop_stmt":
        yield from _dropped(subject, step, state)
    elif step.kind == "alter_table_stmt":
        table = nodes.relation(step.node.relation)
        for one in step.node.cmds:
            if not state.is_new(table):
                yield from _altered(subject, step, table, one.alter_table_cmd)
    elif step.kind == "rename_stmt":
        yield from _renamed(subject, step, state)
    elif step.kind == "alter_object_schema_stmt":
        name = nodes.relation(step.node.relation)
        if step.node.HasField("relation") and not state.is_new(name):
            yield Hit("rename", step.line, f"set schema hides {nodes.text(name)} from the running release", _VIEW, name)
    elif step.kind == "alter_enum_stmt" and step.node.old_val:
        text = f"the running release writes and reads {step.node.old_val!r}, which is renamed"
        yield Hit("rename", step.line, text, "add the new value, and stop using the old one in a later release")


_VIEW = "chatschema new migration --recipe rename-table, or rename-column: both names work until the old release is gone"


def _dropped(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    kind = nodes.object_kind(step.node.remove_type)
    names = [nodes.object_name(one) for one in step.node.objects]
    if _is_cascade(step.node):
        yield _cascade(step, f"drop {kind.replace('matview', 'materialized view')} {', '.join(map(nodes.text, names))}")
        return
    if kind not in _USED or subject.is_contract:
        return
    created = {_created(other) for other in subject.apply.steps if other.kind in _CREATES}
    for name in names:
        if name not in created and not state.is_new(name) and not (kind == "function" and _returns_trigger(state, name)):
            shown = name[1] if kind in ("schema", "extension") else nodes.text(name)
            yield Hit("drop", step.line, f"drop {kind.replace('_', ' ')} {shown}: the running release may use it", _CONTRACT, name)


def _created(step: Step) -> Name:
    """Return the name of the object that a statement creates."""
    value = getattr(step.node, _CREATES[step.kind])
    return nodes.relation(value) if step.kind in ("create_stmt", "view_stmt") else nodes.qualified(value)


def _returns_trigger(state: Known, function: Name) -> bool:
    """Return whether no application can call the function, because it returns a trigger."""
    return function in state.functions and state.functions[function].is_trigger


def _altered(subject: Subject, step: Step, table: Name, command: Any) -> Iterator[Hit]:
    action = nodes.action(command)
    if action not in ("DropColumn", "DropConstraint"):
        return
    if _is_cascade(command):
        yield _cascade(step, f"drop {action.removeprefix('Drop').lower()} {command.name} of {nodes.text(table)}")
    elif action == "DropColumn" and not subject.is_contract and command.name in _columns(subject, table):
        text = f"the running release may read or write {nodes.text(table)}.{command.name}"
        yield Hit("drop", step.line, text, f"chatschema new migration --recipe drop-column {table[1]} {command.name}", table)


def _columns(subject: Subject, table: Name) -> set[str]:
    """Return the columns that the table had before the file; those of an unknown table are all that it drops."""
    if table in subject.before.tables and subject.before.tables[table].columns:
        return set(subject.before.tables[table].columns)
    return {one.alter_table_cmd.name for step in subject.apply.steps if step.kind == "alter_table_stmt" for one in step.node.cmds}


def _renamed(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    kind, name = nodes.object_kind(step.node.rename_type), nodes.relation(step.node.relation)
    if kind not in ("table", "column", "view", "matview", "function", "procedure", "type", "schema", "sequence", "attribute"):
        return
    if kind in ("function", "procedure", "type", "schema"):
        name = nodes.object_name(step.node.object) if step.node.HasField("object") else ("", step.node.subname)
    if state.is_new(name) or _is_kept(subject, kind, name):
        return
    shown = f"{nodes.text(name)}.{step.node.subname}" if kind == "column" else nodes.text(name).removeprefix(".")
    yield Hit("rename", step.line, f"the running release uses the name {shown}", _VIEW, name)


def _is_kept(subject: Subject, kind: str, name: Name) -> bool:
    """Return whether the old name goes on working: a view takes it, or a column that was added and filled takes its place."""
    if kind == "table":
        return any(other.kind == "view_stmt" and nodes.relation(other.node.view) == name for other in subject.apply.steps)
    return kind == "column" and subject.is_contract


def _is_cascade(node: Any) -> bool:
    return bool(node.behavior == 2)


def _cascade(step: Step, what: str) -> Hit:
    text = f"{what} cascade also drops objects that the file does not name"
    return Hit("cascade", step.line, text, "drop the objects that depend on it by name, without cascade")
