"""Rules about tables: rewritten, locked, attached or detached while others wait."""

from collections.abc import Iterator
from typing import Any

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject, needs
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name
from chatschema.migration.heads import Mode

_REWRITES = {
    "SetLogged": "set logged", "SetUnLogged": "set unlogged", "SetTableSpace": "set tablespace",
    "SetAccessMethod": "set access method",
}  # fmt: skip
_OUTSIDE = "move it to a file of its own with -- transactional: false"


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of a statement about tables."""
    if step.kind == "alter_table_stmt" and nodes.object_kind(step.node.objtype) in ("table", "matview"):
        table = nodes.relation(step.node.relation)
        for one in step.node.cmds:
            yield from _altered(step, state, table, one.alter_table_cmd)
    elif step.kind in ("vacuum_stmt", "cluster_stmt"):
        yield from _copied(step)
    elif step.kind == "refresh_mat_view_stmt" and not step.node.concurrent:
        table = nodes.relation(step.node.relation)
        if not state.is_new(table):
            text = f"refresh stops readers of {nodes.text(table)} until its query has ended"
            yield Hit("refresh", step.line, text, "refresh materialized view concurrently, which needs a unique index", table)
    elif step.kind == "lock_stmt":
        yield from _locked(subject, step, state)
    elif step.kind == "create_stmt" and step.node.HasField("partbound") and step.node.partbound.is_default:
        parent = nodes.relation(step.node.inh_relations[0].range_var)
        if not state.is_new(parent):
            yield _default(step, parent)


_REPACK = "use vacuum without full; for a table that must shrink, a tool that copies it while it is in use, such as pg_repack"


def _copied(step: Step) -> Iterator[Hit]:
    if step.kind == "cluster_stmt":
        if step.node.HasField("relation"):
            yield _rewritten(step, nodes.relation(step.node.relation), "cluster")
    elif nodes.is_on(step.node.options, "full"):
        for one in step.node.rels:
            yield _rewritten(step, nodes.relation(one.vacuum_relation.relation), "vacuum full")
        if not step.node.rels:
            yield Hit("rewrite", step.line, "vacuum full rewrites every table while its readers and writers wait", _REPACK)


def _rewritten(step: Step, table: Name, what: str) -> Hit:
    text = f"{what} rewrites {nodes.text(table)} while its readers and writers wait"
    return Hit("rewrite", step.line, text, _REPACK, table)


def _altered(step: Step, state: Known, table: Name, command: Any) -> Iterator[Hit]:
    action = nodes.action(command)
    if state.is_new(table):
        return
    if action in _REWRITES:
        yield _rewritten(step, table, _REWRITES[action])
    elif action == "DetachPartition" and not getattr(command, "def").partition_cmd.concurrent:
        text = f"detach stops readers and writers of {nodes.text(table)} while it waits for its lock"
        yield Hit("detach", step.line, text, "chatschema partition retire; or detach partition ... concurrently", table)
    elif action == "AttachPartition":
        partition = getattr(command, "def").partition_cmd
        child = nodes.relation(partition.name)
        if partition.bound.is_default:
            yield _default(step, table)
        elif not state.is_new(child):
            yield from _attached(step, state, table, child)


def _attached(step: Step, state: Known, table: Name, child: Name) -> Iterator[Hit]:
    key = frozenset(state.partition_key(table) or ())
    if not (key and child in state.tables and state.tables[child].bounds(key)):
        text = f"attach reads all rows of {nodes.text(child)} while its readers and writers wait"
        fix = "first add a check of the bounds as not valid, and validate it in the next file; then attach"
        yield Hit("attach", step.line, text, fix, table)


def _default(step: Step, parent: Name) -> Hit:
    text = f"{nodes.text(parent)} gets a default partition: each later attach reads it, and detach concurrently is refused"
    return Hit("default-partition", step.line, text, "create the partitions ahead: chatschema partition ensure", parent)


def _locked(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the tables that LOCK TABLE locks more strongly than the other statements of the file."""
    if step.node.mode < Mode.SHARE:
        return
    # A statement that is built from text may need the lock.
    if subject.apply.is_dynamic:
        return
    for one in step.node.relations:
        table = nodes.relation(one.range_var)
        if state.is_new(table):
            continue
        others = [need for other in subject.apply.steps if other.kind != "lock_stmt" for need in needs(other)]
        if not any((need.schema or "public", need.name) == table and need.mode >= step.node.mode for need in others):
            text = f"lock table holds up {nodes.text(table)} until the commit, and no statement of the file needs it"
            yield Hit("lock-table", step.line, text, "remove it: migrate takes the locks of all statements first", table)


def several(subject: Subject) -> Iterator[Hit]:
    """Yield a hit for a file that locks several existing tables against everybody."""
    if not subject.is_transactional:
        return
    first: dict[Name, int] = {}
    for step in subject.apply.steps:
        for need in needs(step):
            table = (need.schema or "public", need.name)
            is_table = need.kind in ("table", "dropped", "truncated") and table not in subject.after.made
            if is_table and need.mode == Mode.ACCESS_EXCLUSIVE and table in subject.before.tables:
                first.setdefault(table, step.line)
    if len(first) > 1:
        table, line = list(first.items())[1]
        names = ", ".join(nodes.text(one) for one in first)
        text = f"the file locks {len(first)} tables against readers and writers until its commit: {names}"
        yield Hit("several-tables", line, text, "write one file a table", table)


def outside(subject: Subject) -> Iterator[Hit]:
    """Yield the statements that PostgreSQL refuses inside a transaction."""
    if not subject.is_transactional:
        return
    for step in subject.apply.steps:
        if what := _needs_no_transaction(step):
            yield Hit("concurrently", step.line, f"{what} cannot run inside a transaction", _OUTSIDE)


def _needs_no_transaction(step: Step) -> str:
    node, kind = step.node, step.kind
    if kind == "index_stmt" and node.concurrent:
        return "create index concurrently"
    if kind == "drop_stmt" and node.concurrent:
        return "drop index concurrently"
    if kind == "reindex_stmt" and nodes.is_on(node.params, "concurrently"):
        return "reindex concurrently"
    if kind == "vacuum_stmt" and node.is_vacuumcmd:
        return "vacuum"
    if kind == "alter_table_stmt":
        commands = [one.alter_table_cmd for one in node.cmds]
        if any(nodes.action(one) == "DetachPartition" and getattr(one, "def").partition_cmd.concurrent for one in commands):
            return "detach partition concurrently"
    names = {
        "createdb_stmt": "create database", "dropdb_stmt": "drop database", "alter_system_stmt": "alter system",
        "create_table_space_stmt": "create tablespace", "drop_table_space_stmt": "drop tablespace",
    }  # fmt: skip
    return names.get(kind, "")
