"""Events: what a command changes, written in the same transaction, so that the application's caches learn of it."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection, local

TABLE = "chatschema.events"
CHANNEL = "chatschema_events"
_ONE = """
    insert into chatschema.events (kind, table_name, row_id, conversation_id, user_id, first_id, last_id, row_count)
    values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
# uuid has no min() before 18; as text it sorts the same.
_GROUPED = sql.SQL("""
    insert into chatschema.events (kind, table_name, row_id, conversation_id, first_id, last_id, row_count)
    select {kind}, {name}, case count(*) when 1 then min(t.{key}::text)::uuid end, t.conversation_id,
        case when count(*) > 1 then min(t.{key}::text)::uuid end, case when count(*) > 1 then max(t.{key}::text)::uuid end,
        case when count(*) > 1 then count(*) end
    from {table} as t
    where t.{key} = any ({ids}) and t.{key} between {first} and {last}
    group by t.conversation_id
    order by t.conversation_id
""")


def as_batch(connection: Connection) -> None:
    """Keep triggers from writing events about what the statements of the transaction change: the command writes its own.

    What triggers change in turn, for example replies to a purged message, becomes events all the same.
    """
    local.switch_on(connection, "chatschema.event_batch")


def record(
    connection: Connection,
    kind: str,
    table: str,
    *,
    row: UUID | None = None,
    conversation: UUID | None = None,
    user: UUID | None = None,
    between: tuple[UUID, UUID] | None = None,
    rows: int | None = None,
) -> None:
    """Write an event; it is committed or rolled back with the current transaction. A database of an earlier release has none.

    `row` is the id of one row. Of several, `between` has the lowest and the highest id, `rows` their number.
    """
    if not postgres.has_table(connection, TABLE):
        return
    first, last = between or (None, None)
    postgres.execute(connection, _ONE, (kind, table, row, conversation, user, first, last, rows))
    _tell(connection)


def record_month(connection: Connection, kind: str, between: tuple[UUID, UUID]) -> None:
    """Write an event about a month of messages and their statuses, with the lowest and the highest id that it can have."""
    record(connection, kind, "messages", between=between)


def record_rows(
    connection: Connection,
    kind: str,
    name: str,
    ids: Sequence[UUID],
    *,
    table: sql.Composable | None = None,
    key: LiteralString = "id",
) -> None:
    """Write an event a conversation about the rows with these ids, which still exist in `table`; the default is `name` itself."""
    if not ids or not postgres.has_table(connection, TABLE):
        return
    values = {"kind": sql.Literal(kind), "name": sql.Literal(name), "key": sql.Identifier(key), "ids": sql.Literal(list(ids))}
    # Between the lowest and the highest, so that only their months are in the plan.
    values |= {"first": sql.Literal(min(ids)), "last": sql.Literal(max(ids))}
    postgres.execute(connection, _GROUPED.format(table=table or sql.Identifier("public", name), **values))
    _tell(connection)


def _tell(connection: Connection) -> None:
    postgres.execute(connection, "select chatschema.tell_of_events()")
