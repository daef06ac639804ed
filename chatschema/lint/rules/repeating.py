"""The rule about repeatable files: each statement can be run again, and changes nothing then."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name

_ROWS = ("insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "truncate_stmt", "copy_stmt")
# Each with the field of its name; those with a schema before it.
_CREATES = {
    "create_function_stmt": "funcname", "view_stmt": "view", "create_table_as_stmt": "into", "create_stmt": "relation",
    "create_enum_stmt": "type_name", "create_domain_stmt": "domainname", "composite_type_stmt": "typevar",
    "define_stmt": "defnames",
    "create_trig_stmt": "trigname", "create_policy_stmt": "policy_name", "rule_stmt": "rulename", "index_stmt": "idxname",
    "create_seq_stmt": "sequence",
}  # fmt: skip
_ADDS = ("AddColumn", "AddConstraint", "AddIndex", "AttachPartition", "AddIdentity")


def check(subject: Subject) -> Iterator[Hit]:
    """Yield the statements of a repeatable file that fail, or change rows, when the file is run again."""
    if not subject.is_repeatable:
        return
    dropped: set[str] = set()
    for step in subject.apply.steps:
        if step.kind == "drop_stmt":
            dropped |= {_last(name) for name in map(nodes.listed, step.node.objects)}
            if not step.node.missing_ok:
                yield Hit(
                    "run-once", step.line, "a new database does not have the object that is dropped", "write: drop ... if exists"
                )
        elif step.kind in _ROWS:
            text = "the rows are changed again each time the file is run"
            yield Hit("run-once", step.line, text, "write them in a migration, which is run once")
        elif step.kind == "alter_table_stmt" and any(nodes.action(one.alter_table_cmd) in _ADDS for one in step.node.cmds):
            text = "the table is changed already when the file is run again"
            yield Hit("run-once", step.line, text, "change tables in a migration, which is run once")
        elif step.kind in _CREATES and not _is_repeatable(step, dropped):
            text = f"{_name(step)} exists already when the file is run again"
            yield Hit("run-once", step.line, text, "write create or replace, or drop it before with if exists")


def _is_repeatable(step: Step, dropped: set[str]) -> bool:
    node: Any = step.node
    is_lenient = any(getattr(node, name, False) for name in ("replace", "if_not_exists"))
    return is_lenient or _name(step) in dropped


def _name(step: Step) -> str:
    value = getattr(step.node, _CREATES[step.kind])
    if isinstance(value, str):
        return value
    if step.kind == "create_table_as_stmt":
        return str(value.rel.relname)
    name: Name = nodes.relation(value) if hasattr(value, "relname") else nodes.qualified(value)
    return name[1]


def _last(names: list[str]) -> str:
    return names[-1] if names else ""
