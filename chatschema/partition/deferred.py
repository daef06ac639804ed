"""Erasures that a hold deferred, carried out on a distributed database: their record is on the coordinator, the rows on shards."""

from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import audit, events, hold, postgres, sqlfile
from chatschema.postgres import Connection, listed

_SOME = """
    select message_id, user_id, origin, erased_at from chatschema.deferred_erasures
    where %s::uuid is null or message_id > %s order by message_id, user_id limit %s
"""
_FREE = "select m.conversation_id, m.id from {} as m where m.id = any ({}::uuid[]) and not {}"


def apply(connection: Connection, messages: sql.Identifier, statuses: sql.Identifier, batch: int) -> list[UUID]:
    """Erase a batch that no hold covers any more, of the messages in this table; return their ids, in order.

    Within the caller's transaction, which has called hold.freeze(). A message with more readers than `batch` takes all of them.
    """
    is_held, after = hold.is_held(connection), None
    while rows := postgres.fetch_all(connection, _SOME, (after, after, batch)):
        ids = sorted({row[0] for row in rows})
        after = ids[-1]
        found = postgres.fetch_all(connection, sql.SQL(_FREE).format(messages, sql.Literal(ids), is_held))
        if found:
            _erase(connection, messages, statuses, found)
            return sorted(row[1] for row in found)
    return []


def _erase(connection: Connection, messages: sql.Identifier, statuses: sql.Identifier, found: list[tuple[Any, ...]]) -> None:
    ids = [row[1] for row in found]
    query = "select message_id, user_id, origin, erased_at from chatschema.deferred_erasures where message_id = any (%s)"
    due = postgres.fetch_all(connection, query, (ids,))
    contents, readers = [row for row in due if row[1] is None], [row for row in due if row[1] is not None]
    restored = [row[0] for row in contents if row[2] == "restore"]
    lists: dict[str, list[Any]] = {
        "conversations": sorted({row[0] for row in found}),
        "ids": [row[0] for row in contents],
        "restored": restored,
        "read": [row[0] for row in readers],
    }
    values: dict[str, sql.Composable] = {name: sql.Literal(one) for name, one in lists.items()}
    values |= {"messages": messages, "statuses": statuses, "read": listed.rows([row[:2] for row in readers], ["uuid", "uuid"])}
    values["erased"] = listed.rows([(row[0], row[3]) for row in contents], ["uuid", "timestamptz"])
    values["now"] = sql.Literal(postgres.fetch_one(connection, "select clock_timestamp()")[0])
    audit.as_batch(connection)
    events.as_batch(connection)
    for name, file in (("ids", "messages"), ("read", "statuses"), ("restored", "files")):
        if lists[name]:
            postgres.execute(connection, sqlfile.fill(f"partitions/distributed/erase_deferred_{file}.sql", **values))
    postgres.execute(connection, "delete from chatschema.deferred_erasures where message_id = any (%s)", (ids,))
