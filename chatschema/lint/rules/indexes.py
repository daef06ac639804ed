"""Rules about indexes: what is built or dropped while others wait, and what the server refuses."""

from collections.abc import Iterator

from chatschema import nodes
from chatschema.lint.known import Known
from chatschema.lint.subject import Subject
from chatschema.lint.syntax import Step
from chatschema.lint.values import Hit, Name

_DIRECTIVE = "add -- online: index to the header, and write one index a file"


def check(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    """Yield the hits of a statement about indexes."""
    if step.kind == "index_stmt":
        yield from _created(subject, step, state)
    elif step.kind == "drop_stmt" and nodes.object_kind(step.node.remove_type) == "index":
        yield from _dropped(subject, step, state)
    elif step.kind == "reindex_stmt" and not nodes.is_on(step.node.params, "concurrently"):
        relation = nodes.relation(step.node.relation) if step.node.HasField("relation") else None
        table = state.indexes.get(relation, relation) if relation else None
        if relation is None or not state.is_new(table or relation):
            fix = "reindex ... concurrently, in a file with -- transactional: false"
            yield Hit("reindex", step.line, f"reindex blocks writes to {_name(table)} until its indexes are built", fix, table)


def _created(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    node, table = step.node, nodes.relation(step.node.relation)
    partition_key = state.partition_key(table)
    columns = {part.index_elem.name for part in node.index_params}
    if partition_key is not None and node.unique and not set(partition_key) <= columns:
        yield _lacks_key(step, table, partition_key, "unique index")
    if node.concurrent and partition_key is not None:
        text = f"{nodes.text(table)} is partitioned: PostgreSQL refuses create index concurrently"
        yield Hit("concurrently", step.line, text, _DIRECTIVE, table)
    elif partition_key is not None and not node.relation.inh:
        text = f"an index on only {nodes.text(table)} is invalid until an index of each partition is attached"
        yield Hit("index-only", step.line, text, "remove only", table)
    elif not node.concurrent and not subject.is_online and _is_in_use(table, state):
        text = f"create index blocks writes to {nodes.text(table)} until the index is built"
        yield Hit("index", step.line, text, _DIRECTIVE, table)


def _dropped(subject: Subject, step: Step, state: Known) -> Iterator[Hit]:
    for one in step.node.objects:
        index = nodes.object_name(one)
        table = state.indexes.get(index)
        if step.node.concurrent and table and state.partition_key(table) is not None:
            text = f"{nodes.text(table)} is partitioned: PostgreSQL refuses drop index concurrently"
            yield Hit("concurrently", step.line, text, _DIRECTIVE, table)
        elif not step.node.concurrent and not subject.is_online and (table is None or not state.is_new(table)):
            text = f"drop index stops readers and writers of {_name(table)} while it waits for its lock"
            yield Hit("drop-index", step.line, text, _DIRECTIVE, table)


def _lacks_key(step: Step, table: Name, key: tuple[str, ...], what: str) -> Hit:
    text = f"{nodes.text(table)} is partitioned by {', '.join(key)}: a {what} must contain the partition key"
    return Hit("partition-key", step.line, text, f"add {', '.join(key)} to its columns", table)


def _is_in_use(table: Name, state: Known) -> bool:
    return not state.is_new(table)


def _name(table: Name | None) -> str:
    return nodes.text(table) if table else "its table"
