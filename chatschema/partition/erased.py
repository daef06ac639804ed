"""Erasures in a month that is attached again to a distributed database: values, because a shard cannot ask for them."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from chatschema import hold, postgres, sqlfile
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, listed
from chatschema.values import Month

_ERASED = """
    select subject_type, subject_id, min(erased_at) from chatschema.erasures
    where subject_type in ('user', 'conversation', 'message') group by 1, 2
    union all select 'message', message_id, erased_at from chatschema.deferred_erasures where user_id is null
"""
# In this order: rows that are gone, then contents.
_FILES = {
    "messages": ("defer_messages.sql", "drop_gone_messages.sql", "erase_messages.sql"),
    "message_statuses": ("defer_statuses.sql", "drop_gone_readers.sql", "erase_statuses.sql"),
}
_DEFERS = "defer_"


def apply(connection: Connection, months: Sequence[Month], messages: sql.Identifier) -> int:
    """Apply every erasure to tables that nobody sees yet, and record those that a hold prevents; return the changed rows."""
    with postgres.transaction(connection):
        hold.freeze(connection)
        values = {"messages": messages, "is_held": hold.is_held(connection)}
        erased = postgres.fetch_all(connection, _ERASED)
        values |= _values(connection, erased)
        # First what a hold prevents, of both tables: afterwards rows are gone.
        todo = [(month, file) for month in months for file in _FILES[month.parent] if erased]
        todo.sort(key=lambda one: not one[1].startswith(_DEFERS))
        changed = 0
        for month, file in todo:
            query = sqlfile.fill(f"partitions/distributed/{file}", partition=sql.Identifier(SCHEMA, month.name), **values)
            rows = postgres.execute(connection, query).rowcount
            changed += 0 if file.startswith(_DEFERS) else rows
        for month in months:
            if month.parent != GROUP[0].table:
                partition = sql.Identifier(SCHEMA, month.name)
                query = sqlfile.fill("partitions/distributed/erase_gone_statuses.sql", partition=partition, **values)
                changed += postgres.execute(connection, query).rowcount
        return changed


def _values(connection: Connection, erased: Sequence[tuple[Any, ...]]) -> dict[str, sql.Composable]:
    subjects = {kind: [row[1] for row in erased if row[0] == kind] for kind in ("user", "conversation", "message")}
    values: dict[str, sql.Composable] = {f"{kind}s": sql.Literal(ids) for kind, ids in subjects.items()}
    values["said"] = values.pop("messages")
    values["erased"] = listed.rows([row[1:] for row in erased], ["uuid", "timestamptz"])
    values["now"] = sql.Literal(postgres.fetch_one(connection, "select clock_timestamp()")[0])
    for kind, table in (("user", "users"), ("conversation", "conversations")):
        query = sql.SQL("select id from {} where id = any (%s)").format(sql.Identifier("public", table))
        there = {row[0] for row in postgres.fetch_all(connection, query, (subjects[kind],))}
        values[f"gone_{kind}s"] = sql.Literal([id for id in subjects[kind] if id not in there])
    return values
