"""Writing events as the application does, and reading them."""

import random
import threading
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from tests.support.database import Database

SWITCH_ON = (
    "insert into chatschema.event_state (records_changes) values (true) on conflict (is_only) do update set records_changes = true"
)

# What tests compare of all events.
ROWS = "select kind, table_name, coalesce(row_id::text, row_number::text), conversation_id, user_id, first_id, last_id, row_count from chatschema.events order by id"


@dataclass(frozen=True)
class Event:
    """A row of events_after()."""

    cursor: str
    id: int
    recorded_at: Any
    kind: str
    table_name: str
    row_id: UUID | None
    row_number: int | None
    conversation_id: UUID | None
    user_id: UUID | None
    first_id: UUID | None
    last_id: UUID | None
    row_count: int | None


def now(connection: "psycopg.Connection[Any]") -> str:
    """Return a cursor behind all events so far."""
    [(cursor,)] = connection.execute("select chatschema.events_now()").fetchall()
    return str(cursor)


def after(connection: "psycopg.Connection[Any]", cursor: str | None, limit: int = 100) -> list[Event]:
    """Return the next page behind a cursor."""
    return [Event(*row) for row in connection.execute("select * from chatschema.events_after(%s, %s)", (cursor, limit)).fetchall()]


def behind(connection: "psycopg.Connection[Any]", cursor: str) -> list[Event]:
    """Return all events behind a cursor; a page may be short of its limit although more follow."""
    found: list[Event] = []
    while page := after(connection, cursor):
        found += page
        cursor = page[-1].cursor
    return found


def kinds(database: Database) -> list[str]:
    """Return the kinds of all events, in the order of their numbers."""
    return [row[0] for row in database.all("select kind from chatschema.events order by id")]


def conversations(database: Database, count: int) -> list[UUID]:
    """Create conversations with one user, a participant of all; return their ids."""
    database.run("insert into public.users (username, email, password_hash) values ('writer', 'writer@example.com', %s)", HASH)
    return [
        database.one(
            "with c as (insert into public.conversations (type, created_by) select 'group', id from public.users returning id, created_by),"
            " p as (insert into public.conversation_participants (conversation_id, user_id) select id, created_by from c)"
            " select id from c"
        )
        for _ in range(count)
    ]


HASH = "$2b$12$" + "a" * 53
SEND = (
    "insert into public.messages (conversation_id, sender_id, content_encrypted)"
    " select %s, u.id, '\\x00' from public.users as u where u.username = 'writer'"
)


def write(url: str, conversations: list[UUID], count: int, number: int, stop: threading.Event) -> None:
    """Send messages, each behind the lock of its conversation, with early ids, savepoints, rollbacks and pauses before the commit."""
    chance = random.Random(number)
    with psycopg.connect(url) as connection:
        for _ in range(count):
            if stop.is_set():
                return
            if chance.random() < 0.5:
                connection.execute("select pg_current_xact_id()")
                time.sleep(chance.uniform(0, 0.02))
            conversation = chance.choice(conversations)
            connection.execute("select from public.conversations where id = %s for update", (conversation,))
            if chance.random() < 0.3:
                with connection.transaction():
                    connection.execute(SEND, (conversation,))
            connection.execute(SEND, (conversation,))
            time.sleep(chance.uniform(0, 0.05))
            if chance.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()
