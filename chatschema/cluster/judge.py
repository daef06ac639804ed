"""What Citus would refuse, or ask every shard for, in a statement of the application."""

from collections.abc import Callable, Iterator
from typing import Any

from chatschema import nodes
from chatschema.cluster.obstacles import Obstacle
from chatschema.cluster.sources import Reader, Source
from chatschema.cluster.statements import Statement
from chatschema.cluster.tables import DISTRIBUTED, MOVING
from chatschema.cluster.wording import WORDS

# The volatility of a function by name: i, s or v; the least of those that have the name.
Volatility = Callable[[str], str]
# A code, and the names in its sentences.
Found = tuple[str, dict[str, str]]
_KINDS = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")


def judge(statement: Statement, volatility: Volatility) -> list[Obstacle] | None:
    """Return the obstacles of a statement; None where PostgreSQL's parser cannot read it."""
    import postgast

    try:
        tree = postgast.parse(statement.text)
    except postgast.PgQueryError:
        return None
    found: list[Found] = []
    for raw in tree.stmts:
        kind, node = nodes.kind_of(raw.stmt), nodes.inner(raw.stmt)
        if kind in _KINDS:
            found += _judged(kind, node, volatility)
    return [_obstacle(statement, code, names) for code, names in found]


def _obstacle(statement: Statement, code: str, names: dict[str, str]) -> Obstacle:
    reason, do = (text.format(**names) for text in WORDS[code])
    text = " ".join(statement.text.split())
    return Obstacle(f"cluster.{code}", text, reason, do, statement.id, statement.calls, statement.total_ms)


def _judged(kind: str, node: Any, volatility: Volatility) -> Iterator[Found]:
    yield from _sources(Reader(kind, node))
    for inner_kind, inner in _with_inner(kind, node):
        if inner_kind not in _KINDS[1:] or not _is_moving(inner.relation):
            continue
        if inner_kind == "insert_stmt":
            yield from _insert(inner, volatility)
        else:
            yield from _change(inner_kind, inner, volatility)


def _with_inner(kind: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Yield a statement, and those in its WITH."""
    yield kind, node
    for cte in node.with_clause.ctes if node.HasField("with_clause") else ():
        query = cte.common_table_expr.ctequery
        yield nodes.kind_of(query), nodes.inner(query)


def _sources(reader: Reader) -> Iterator[Found]:
    """Yield the one thing that is wrong with what a statement reads: the others are consequences of it."""
    spread = [one for one in reader.sources if one.is_distributed]
    if not spread:
        return
    unbound = [one for one in spread if not reader.is_bound(one.key)]
    others = sorted({one.table for one in reader.sources if _is_local(one)})
    names = {"tables": ", ".join(sorted({one.table for one in spread})), "others": ", ".join(others)}
    if others:
        yield "local-join", names
    elif any(one in unbound for one in reader.locked):
        yield "locking", names
    elif any(len({reader.group(other.key) for other in spread if other.unit == one.unit}) > 1 for one in unbound):
        yield "join", names
    elif unbound:
        yield "no-conversation", names


def _insert(node: Any, volatility: Volatility) -> Iterator[Found]:
    table = node.relation.relname
    names = {"tables": table, "key": DISTRIBUTED.get(table, "")}
    columns = [column.res_target.name for column in node.cols]
    if table == "conversations":
        # The id of a group has a default, which is evaluated before the row is sent.
        if "direct_user_low" in columns and "id" not in columns:
            yield "direct-id", names
    elif columns and names["key"] and names["key"] not in columns:
        yield "insert", names
    if nodes.kind_of(node.select_stmt) == "select_stmt" and _asks(node.select_stmt.select_stmt.values_lists):
        yield "values", names
    if node.HasField("on_conflict_clause"):
        yield from _conflict(node.on_conflict_clause, names, volatility)


def _conflict(clause: Any, names: dict[str, str], volatility: Volatility) -> Iterator[Found]:
    target = [element.index_elem.name for element in clause.infer.index_elems] if clause.HasField("infer") else []
    if target and names["key"] and names["key"] not in target:
        wanted = f"on conflict ({', '.join((names['key'], *target))})"
        if names["tables"] == "conversations":
            wanted = "on conflict (id), with chatschema.direct_id() as the id"
        yield "conflict", {**names, "target": ", ".join(target), "wanted": wanted}
    called = next((name for name in _functions(clause.target_list) if volatility(name) != "i"), None)
    if called:
        yield "upsert", {**names, "function": called}


def _change(kind: str, node: Any, volatility: Volatility) -> Iterator[Found]:
    key = DISTRIBUTED.get(node.relation.relname)
    if key and kind == "update_stmt" and key in [target.res_target.name for target in node.target_list]:
        yield "moved-row", {"key": key}
    for inner_kind, call in nodes.walk(node):
        if inner_kind != "func_call":
            continue
        name = _name(call)
        reads_column = any(one == "column_ref" for argument in call.args for one, _ in nodes.walk(argument))
        if volatility(name) == "v" or (volatility(name) == "s" and reads_column):
            yield "volatile" if volatility(name) == "v" else "stable", {"function": name}
            return


def _asks(rows: Any) -> bool:
    """Return whether a value is that of a subquery on a distributed table."""
    return any(kind == "range_var" and _is_distributed(inner) for row in rows for kind, inner in nodes.walk(row))


def _functions(targets: Any) -> Iterator[str]:
    """Yield the names of the functions that the expressions call; those without parentheses are as now()."""
    for target in targets:
        for kind, inner in nodes.walk(target):
            if kind == "func_call":
                yield _name(inner)
            elif kind == "sqlvalue_function":
                yield "now"


def _name(call: Any) -> str:
    return nodes.strings(call.funcname)[-1]


def _is_distributed(relation: Any) -> bool:
    return relation.schemaname in ("", "public") and relation.relname in DISTRIBUTED


def _is_moving(relation: Any) -> bool:
    return relation.schemaname in ("", "public") and relation.relname in MOVING


def _is_local(source: Source) -> bool:
    # Views and functions of schema chatschema are changed with the tables.
    return source.schema != "chatschema" and not (source.schema in ("", "public") and source.table in MOVING)
