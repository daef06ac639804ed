"""Purging on a distributed database: what holds cover are values, and rows are changed by conversation."""

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from chatschema import audit, events, hold, postgres, sqlfile
from chatschema.partition import catalog, erasures
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection
from chatschema.values import Month


def kept(connection: Connection) -> dict[str, sql.Composable]:
    """Return the conditions that keep a message, as purge.kept() does, of values."""
    is_held = hold.is_held(connection)
    answered: set[UUID] = set()
    if hold.scopes(connection):
        away = [sql.Identifier(SCHEMA, month.name) for month in catalog.away(connection) if month.parent == GROUP[0].table]
        for table in (sql.Identifier("public", GROUP[0].table), *away):
            query = sql.SQL("select distinct r.reply_to_id from {} as r where r.reply_to_id is not null and {}")
            rows = postgres.fetch_all(connection, query.format(table, hold.is_held(connection, "r")))
            answered.update(row[0] for row in rows)
    is_answered = sql.SQL("m.id = any ({}::uuid[])").format(sql.Literal(sorted(answered)))
    return {"is_held": is_held, "is_answered_by_held": is_answered}


def by_conversation(
    connection: Connection, scopes: Sequence[tuple[UUID | None, UUID | None]]
) -> list[tuple[UUID | None, UUID | None]]:
    """Return the scopes with one a conversation, without a first id to keep, in place of all that expired by themselves.

    Rows are locked by conversation: a statement that locks rows on all shards is refused.
    """
    found: list[tuple[UUID | None, UUID | None]] = []
    for scope in scopes:
        if scope[0] is None:
            query = "select distinct conversation_id from public.messages where expires_at < now() order by 1"
            found += [(row[0], None) for row in postgres.fetch_all(connection, query)]
        else:
            found.append(scope)
    return found


def of_detached(connection: Connection, messages: Month, statuses: Month, batch: int, after: UUID) -> tuple[list[UUID], int]:
    """Remove the batch of due messages after one from a detached month, and before it carry out deferred erasures.

    Returns the ids of the messages, and how many rows were erased.

    Within the caller's transaction, which has called hold.freeze().
    """
    tables = {"messages": sql.Identifier(SCHEMA, messages.name), "statuses": sql.Identifier(SCHEMA, statuses.name)}
    values: dict[str, sql.Composable] = {**tables, **kept(connection), "batch": sql.Literal(batch)}
    values["after"] = sql.Literal(after)
    audit.as_batch(connection)
    erased = erasures.apply_detached(connection, tables["messages"], tables["statuses"])
    found = postgres.fetch_all(connection, sqlfile.fill("partitions/distributed/purge_detached.sql", **values))
    ids = [row[1] for row in found]
    if ids:
        events.record_rows(connection, "message.purged", "messages", ids, table=tables["messages"])
        values |= {"ids": sql.Literal(ids), "conversations": sql.Literal(sorted({row[0] for row in found}))}
        for file in ("statuses", "replies", "later_replies", "attachments", "messages"):
            postgres.execute(connection, sqlfile.fill(f"partitions/distributed/purge_detached_{file}.sql", **values))
    return ids, erased
