"""What stands in the way of distributing this database, in its catalog."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.cluster.tables import DISTRIBUTED, MOVING, own_names
from chatschema.postgres import Connection


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something that Citus refuses: its code, where, the reason, and what to do; of a statement also calls and milliseconds in all.

    `object` is a table, with the object's name behind it, or the text of a statement; `id` the statement's number in
    pg_stat_statements.
    """

    code: str
    object: str
    reason: str
    do: str
    id: str | None = None
    calls: int | None = None
    total_ms: float | None = None


def of_catalog(connection: Connection) -> list[Obstacle]:
    """Return the obstacles beyond those that chatschema changes by itself, the keys first."""
    return [
        *_keys(connection),
        *_foreign_keys(connection),
        *_triggers(connection),
        *_policies(connection),
        *_replication(connection),
        *_columns(connection),
        *_children(connection),
    ]


def _keys(connection: Connection) -> Iterator[Obstacle]:
    placed = sql.Literal(json.dumps(DISTRIBUTED))
    for table, name, column, kind in _rows(connection, "keys", placed=placed):
        if ("key", name) in own_names():
            continue
        reason = f"the {kind} key lacks {column}: UNIQUE, EXCLUDE, or PRIMARY KEY constraints have to include the partition column"
        do = f"create it with {column} in front, or drop it; what is unique over all conversations needs a table of its own"
        yield Obstacle("cluster.key", f"{table}.{name}", reason, do)


def _foreign_keys(connection: Connection) -> Iterator[Obstacle]:
    for table, name, referenced in _rows(connection, "foreign_keys", moving=_moving()):
        if ("key", name) in own_names():
            continue
        do = "drop it before, and let the application check the reference; a key to users can be created again afterwards"
        yield Obstacle("cluster.foreign-key", f"{table}.{name}", f"refers to {referenced}: {_refusal(table, referenced)}", do)


def _refusal(table: str, referenced: str) -> str:
    if table.removeprefix("public.") in DISTRIBUTED:
        return "referenced table must be a distributed table or a reference table"
    if referenced.removeprefix("public.") in DISTRIBUTED:
        return "it would look for the rows on the coordinator, and every insert would fail"
    return "the table that is copied to all nodes is created again, and chatschema does not touch keys of other tables"


def _triggers(connection: Connection) -> Iterator[Obstacle]:
    for table, name, function in _rows(connection, "triggers", moving=_moving()):
        if ("trigger", name) in own_names() or (name.startswith("month_") and function.startswith("chatschema.")):
            continue
        is_distributed = table.removeprefix("public.") in DISTRIBUTED or table.startswith("chat_partitions.")
        where = "on the shard, where it sees no table of the coordinator" if is_distributed else "once on each node"
        reason = f"{function}() would run {where}: cannot distribute relation because it has triggers"
        do = "drop it before, and create it afterwards if its function reads and writes only the row, or its conversation"
        yield Obstacle("cluster.trigger", f"{table}.{name}", reason, do)


def _policies(connection: Connection) -> Iterator[Obstacle]:
    for table, name, asked, called in _rows(connection, "policies", moving=_moving()):
        if ("policy", name) in own_names() or not (asked or called):
            continue
        if asked:
            reason = f"asks {asked}: Subqueries are not supported in policies on distributed tables"
        else:
            reason = f"calls {called}(), which is written in SQL: could not create distributed plan"
        do = "let it compare columns of the row with a setting: chatschema.enter() sets the conversation"
        yield Obstacle("cluster.policy", f"{table}.{name}", reason, do)


def _replication(connection: Connection) -> Iterator[Obstacle]:
    for kind, name, tables in _rows(connection, "replication", moving=_moving()):
        if kind == "publication":
            reason = f"publishes {tables}, whose rows are on the workers then: the coordinator sends none of them"
            do = f"alter publication {_quoted(name)} drop table ...; read chatschema.events instead"
        else:
            reason = f"writes to {tables or 'tables that are not known yet'}, past the triggers and the shards"
            do = f"wait until it has caught up, then: drop subscription {_quoted(name)}"
        yield Obstacle(f"cluster.{kind}", name, reason, do)


def _columns(connection: Connection) -> Iterator[Obstacle]:
    for table, name, is_identity in _rows(connection, "columns", moving=_moving()):
        kind = "an identity column" if is_identity else "numbered by a sequence"
        reason = f"{kind}: each node counts for itself there, in a range of its own"
        do = "use chatschema.uuid7(), or move the column to a table of the coordinator"
        yield Obstacle("cluster.sequence", f"{table}.{name}", reason, do)


def _children(connection: Connection) -> Iterator[Obstacle]:
    for table, name in _rows(connection, "inheritance", moving=_moving()):
        reason = f"inherits from {table}, which is not a regular, foreign or partitioned table then"
        yield Obstacle("cluster.inheritance", name, reason, f"alter table {name} no inherit {table}")


def _rows(connection: Connection, name: str, **values: sql.Composable) -> list[tuple[str, ...]]:
    return postgres.fetch_all(connection, sqlfile.fill(f"cluster/check/{name}.sql", **values))


def _moving() -> sql.Literal:
    return sql.Literal(list(MOVING))


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)
