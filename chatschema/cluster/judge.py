"""What Citus would refuse, or ask every shard for, in a statement of the application."""

from collections.abc import Callable, Iterator
from typing import Any

from chatschema import nodes
from chatschema.cluster.obstacles import Obstacle
from chatschema.cluster.sources import Reader, Source
from chatschema.cluster.statements import Statement
from chatschema.cluster.tables import DISTRIBUTED, MOVING

# The volatility of a function by name: i, s or v; the least of those that have the name.
Volatility = Callable[[str], str]
_KINDS = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")


def judge(statement: Statement, volatility: Volatility) -> list[Obstacle] | None:
    """Return the obstacles of a statement; None where PostgreSQL's parser cannot read it."""
    import postgast

    try:
        tree = postgast.parse(statement.text)
    except postgast.PgQueryError:
        return None
    found = []
    for raw in tree.stmts:
        kind, node = nodes.kind_of(raw.stmt), nodes.inner(raw.stmt)
        if kind in _KINDS:
            found += [_obstacle(statement, *one) for one in _judged(kind, node, volatility)]
    return found


def _obstacle(statement: Statement, code: str, reason: str, do: str) -> Obstacle:
    text = " ".join(statement.text.split())
    return Obstacle(f"cluster.{code}", text, reason, do, statement.id, statement.calls, statement.total_ms)


def _judged(kind: str, node: Any, volatility: Volatility) -> Iterator[tuple[str, str, str]]:
    yield from _sources(Reader(kind, node))
    for inner_kind, inner in _with_inner(kind, node):
        if not hasattr(inner, "relation") or not _is_distributed(inner.relation):
            continue
        if inner_kind == "insert_stmt":
            yield from _insert(inner, volatility)
        elif inner_kind in ("update_stmt", "delete_stmt"):
            yield from _change(inner_kind, inner, volatility)


def _with_inner(kind: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Yield a statement, and those in its WITH."""
    yield kind, node
    for cte in node.with_clause.ctes if node.HasField("with_clause") else ():
        query = cte.common_table_expr.ctequery
        yield nodes.kind_of(query), nodes.inner(query)


def _sources(reader: Reader) -> Iterator[tuple[str, str, str]]:
    spread = [one for one in reader.sources if one.is_distributed]
    if not spread:
        return
    unbound = [one for one in spread if not reader.is_bound(one.key)]
    local = sorted({one.table for one in reader.sources if _is_local(one)})
    names = ", ".join(sorted({one.table for one in spread}))
    if local:
        yield (
            "local-join",
            f"joins {names} with {', '.join(local)}, which stays on the coordinator: complex joins are only supported when all"
            " distributed tables are co-located and joined on their distribution columns",
            "read one of the two first, in a query of its own or in a WITH ... AS MATERIALIZED",
        )
    elif any(one in unbound for one in reader.locked):
        yield (
            "locking",
            "FOR UPDATE over all conversations: could not run distributed query with FOR UPDATE/SHARE commands",
            "lock the rows of one conversation at a time: conversation_id = $1; or change them in one statement without locking first",
        )
    elif unbound and len({reader.group(one.key) for one in spread}) > 1:
        yield (
            "join",
            f"joins {names} without comparing their conversation_id: complex joins are only supported when all distributed tables are"
            " co-located and joined on their distribution columns",
            "add conversation_id to the join, and compare it with a value",
        )
    elif unbound:
        yield (
            "no-conversation",
            f"reads {names} without conversation_id: every shard is asked, which took 30 times as long as on one server",
            "add conversation_id = $n to WHERE (id = $n for conversations); for the list of a user, keep a table by user",
        )


def _insert(node: Any, volatility: Volatility) -> Iterator[tuple[str, str, str]]:
    table = node.relation.relname
    key = DISTRIBUTED[table]
    columns = [column.res_target.name for column in node.cols]
    if table == "conversations":
        # The id of a group has a default, which is evaluated before the row is sent.
        if "direct_user_low" in columns and "id" not in columns:
            yield (
                "direct-id",
                "inserts a direct conversation without its id: there it has to be that of the pair, or two shards may each have one",
                "give id: chatschema.direct_id(direct_user_low, direct_user_high); or call chatschema.create_conversation()",
            )
    elif columns and key not in columns:
        yield (
            "insert",
            f"inserts into {table} without {key}: cannot perform an INSERT without a partition column value",
            f"give {key}: the trigger that fills it would run on the shard",
        )
    values = node.select_stmt.select_stmt if nodes.kind_of(node.select_stmt) == "select_stmt" else None
    if values is not None and values.values_lists and _asks(values):
        yield (
            "values",
            "a subquery over a distributed table in VALUES is refused: subqueries are not supported within INSERT queries",
            "write it as insert ... select, or read the value first",
        )
    if node.HasField("on_conflict_clause"):
        yield from _conflict(node.on_conflict_clause, table, key, volatility)


def _conflict(clause: Any, table: str, key: str, volatility: Volatility) -> Iterator[tuple[str, str, str]]:
    target = [element.index_elem.name for element in clause.infer.index_elems] if clause.HasField("infer") else []
    if target and key not in target:
        yield (
            "conflict",
            f"on conflict ({', '.join(target)}) on {table}: there is no unique or exclusion constraint matching the ON CONFLICT"
            " specification, as every key has the partition column there",
            f"write on conflict ({', '.join((key, *target))}) there; on one server that key does not exist"
            if table != "conversations"
            else "make the id with chatschema.direct_id(), and write on conflict (id)",
        )
    for name in _functions(clause.target_list):
        if volatility(name) != "i":
            yield (
                "upsert",
                f"{name}() in DO UPDATE SET: functions used in the DO UPDATE SET clause of INSERTs on distributed tables must be marked"
                " IMMUTABLE",
                "give the value in the row, and write excluded.COLUMN",
            )
            return


def _change(kind: str, node: Any, volatility: Volatility) -> Iterator[tuple[str, str, str]]:
    table = node.relation.relname
    if kind == "update_stmt" and DISTRIBUTED[table] in [target.res_target.name for target in node.target_list]:
        yield (
            "moved-row",
            f"sets {DISTRIBUTED[table]}: modifying the partition value of rows is not allowed",
            "delete the row, and insert it for the other conversation",
        )
    calls = [(inner, _name(inner)) for kind_, inner in nodes.walk(node) if kind_ == "func_call"]
    for call, name in calls:
        if volatility(name) == "v":
            yield (
                "volatile",
                f"{name}() is VOLATILE: functions used in UPDATE queries on distributed tables must not be VOLATILE",
                "compute the value first, and give it as a parameter",
            )
            return
        if volatility(name) == "s" and any(inner == "column_ref" for argument in call.args for inner, _ in nodes.walk(argument)):
            yield (
                "stable",
                f"{name}() of a column: STABLE functions used in UPDATE queries cannot be called with column references",
                "compute the value first, and give it as a parameter",
            )
            return


def _asks(values: Any) -> bool:
    return any(
        kind == "range_var" and _is_distributed(inner)
        for row in values.values_lists
        for kind, inner in nodes.walk(row)
    )


def _functions(targets: Any) -> list[str]:
    """Return the names of the functions that the expressions call, those that are written without parentheses included."""
    found = []
    for target in targets:
        for kind, inner in nodes.walk(target):
            if kind == "func_call":
                found.append(_name(inner))
            elif kind == "sqlvalue_function":
                found.append("now")
    return found


def _name(call: Any) -> str:
    return nodes.strings(call.funcname)[-1]


def _is_distributed(relation: Any) -> bool:
    return relation.schemaname in ("", "public") and relation.relname in DISTRIBUTED


def _is_local(source: Source) -> bool:
    # Views and functions of schema chatschema are changed with the tables.
    return source.schema != "chatschema" and not (source.schema in ("", "public") and source.table in MOVING)
