"""Reading events: the pages behind a cursor, and what a cursor is refused for."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError, UsageError
from chatschema.events import TABLE
from chatschema.postgres import Connection, primary

PAGE = 1000
_READ = """
    select id, recorded_at, kind, table_name, row_id, row_number, conversation_id, user_id, first_id, last_id, row_count, cursor
    from chatschema.events_after(%s, %s)
"""
_MAY = """
    select coalesce(has_function_privilege(to_regprocedure('chatschema.events_after(text,integer)'), 'execute'), false),
        quote_ident(current_user)
"""
_STANDBY, _OTHER_SERVER, _TOO_OLD, _SYNTAX = "OBX01", "OBX02", "OBX03", {"22023", "22P02"}


@dataclass(frozen=True, slots=True)
class Event:
    """An event, with the cursor behind it: `row_id` or `row_number` of one row; `first_id`, `last_id`, `row_count` of several."""

    id: int
    recorded_at: datetime
    kind: str
    table_name: str
    row_id: UUID | None
    row_number: int | None
    conversation_id: UUID | None
    user_id: UUID | None
    first_id: UUID | None
    last_id: UUID | None
    row_count: int | None
    cursor: str


def require(connection: Connection) -> None:
    """Raise ChatschemaError where the database has no events, or this role may not read them."""
    if not postgres.has_table(connection, TABLE):
        raise ChatschemaError("this database has no events yet", "first: chatschema migrate", code="events.not-migrated")
    may_read, role = postgres.fetch_one(connection, _MAY)
    if not may_read:
        hint = f"as the owner: grant chat_worker to {role}; the groups: chatschema roles show"
        raise ChatschemaError(f"role {role} may not read events", hint, code="events.not-allowed")


def now(connection: Connection) -> str:
    """Return the cursor behind all events so far. Raises ChatschemaError on a standby."""
    with _explained(connection):
        cursor: str = postgres.fetch_one(connection, "select chatschema.events_now()")[0]
    return cursor


def after(connection: Connection, cursor: str | None, limit: int = PAGE) -> list[Event]:
    """Return the next events behind a cursor, at most `limit`; from the oldest without one.

    Raises ChatschemaError for a cursor that is no good any more, and on a standby; UsageError for a text that is no cursor.
    """
    with _explained(connection):
        rows = postgres.fetch_all(connection, _READ, (cursor, limit))
    return [Event(*row) for row in rows]


def newest(connection: Connection, count: int) -> tuple[list[Event], str]:
    """Return the newest events, oldest first, and the cursor behind them. Reads all that are kept, page by page."""
    if not count:
        return [], now(connection)
    cursor, kept = None, deque[Event](maxlen=count)
    start = now(connection)
    while page := after(connection, cursor, 10 * PAGE):
        cursor = page[-1].cursor
        kept.extend(page)
    return [*kept], cursor or start


@contextmanager
def _explained(connection: Connection) -> Iterator[None]:
    """Turn what the functions in the database refuse into errors with the next command."""
    try:
        yield
    except ServerError as error:
        begin = "empty the caches, and go on from now: chatschema events tail --lines 0 --follow"
        if error.sqlstate == _STANDBY:
            with postgres.translated():
                hint = f"connect to the primary ({primary.where(connection)})"
            raise ChatschemaError(error.message, hint, code="events.standby") from None
        if error.sqlstate == _OTHER_SERVER:
            raise ChatschemaError(error.message, begin, code="events.other-server") from None
        if error.sqlstate == _TOO_OLD:
            raise ChatschemaError(error.message, begin, code="events.too-old") from None
        if error.sqlstate in _SYNTAX:
            hint = "give the column cursor of an event, as --json prints it"
            raise UsageError("this is not the cursor of an event", hint, code="events.cursor-syntax") from None
        raise
