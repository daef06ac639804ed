"""Row-level retention: conversations that keep their messages for a shorter time than months stay, and expired messages."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from psycopg import sql

from chatschema import audit, hold, locks, postgres, sqlfile
from chatschema.postgres import Connection, Say

BATCH = 1000
# As long a pause as the batch took: half of the time is the application's.
PACE = 1.0


@dataclass(frozen=True, slots=True)
class Purged:
    """How many messages of a conversation, or of any by their own expiry (conversation None)."""

    conversation: UUID | None
    messages: int


_CONVERSATIONS = """
    select id, chatschema.uuid7_floor(now() - retention_days * interval '1 day') from public.conversations
    where retention_days is not null order by id
"""


_HELD = {"is_held": hold.IS_HELD, "is_answered_by_held": hold.IS_ANSWERED_BY_HELD}


def due(connection: Connection) -> list[Purged]:
    """Return what a purge would remove now; reads only."""
    found = []
    for conversation, cutoff in [*postgres.fetch_all(connection, _CONVERSATIONS), (None, None)]:
        query = sql.SQL("select count(*) from public.messages as m where {} and not {} and not {}")
        condition = _condition(conversation, cutoff)
        count = postgres.fetch_one(connection, query.format(condition, hold.IS_HELD, hold.IS_ANSWERED_BY_HELD))[0]
        if count:
            found.append(Purged(conversation, count))
    return found


def _condition(conversation: UUID | None, cutoff: UUID | None) -> sql.Composed:
    if conversation is None:
        return sql.Composed([sql.SQL("m.expires_at < now()")])
    # The bound is a value, not a subquery: only then are the months that cannot match left out of the plan.
    return sql.SQL("m.conversation_id = {} and m.id < {}").format(sql.Literal(conversation), sql.Literal(cutoff))


def purge(connection: Connection, sql_dir: Path, *, batch: int = BATCH, pace: float = PACE, say: Say) -> Iterator[Purged]:
    """Remove what is due in batches, yielding each conversation once it is done.

    Nothing is remembered: the next run goes on where one was cut off. Rows in use are left to it, rows under a hold stay.
    After a batch it pauses for `pace` times as long as the batch took.
    """
    for conversation, cutoff in [*postgres.fetch_all(connection, _CONVERSATIONS), (None, None)]:
        removed = 0
        while True:
            started = time.monotonic()
            found, count = _batch(connection, sql_dir, conversation, cutoff, batch)
            removed += count
            # A batch of which nothing could go would be found again for ever.
            if found < batch or not count:
                break
            say(f"purged {removed} messages of {conversation or 'those expired'}")
            time.sleep((time.monotonic() - started) * pace)
        if removed:
            yield Purged(conversation, removed)


def _not_answered_by_rows_in_use(connection: Connection, ids: list[UUID]) -> list[UUID]:
    """Return the messages whose replies can be unlinked without waiting for anybody; the replies are locked then."""
    replies = "select id, reply_to_id from public.messages where reply_to_id = any (%s)"
    answered = dict(postgres.fetch_all(connection, replies, (ids,)))
    free = dict(postgres.fetch_all(connection, f"{replies} for update skip locked", (ids,)))
    in_use = {message for reply, message in answered.items() if reply not in free}
    return [id for id in ids if id not in in_use]


def _batch(connection: Connection, sql_dir: Path, conversation: UUID | None, cutoff: UUID | None, batch: int) -> tuple[int, int]:
    """Remove one batch; return how many messages were found, and how many of them could go."""
    condition = _condition(conversation, cutoff)
    select = sqlfile.fill(sql_dir / "partitions" / "purge.sql", due=condition, batch=sql.Literal(batch), **_HELD)

    def work() -> tuple[int, int]:
        hold.freeze(connection)
        found = [row[0] for row in postgres.fetch_all(connection, select)]
        ids = _not_answered_by_rows_in_use(connection, found)
        if ids:
            # Between the first and the last: so that only their months are in the plan.
            query = "delete from public.messages where id = any (%s) and id >= %s and id <= %s"
            postgres.execute(connection, query, (ids, ids[0], ids[-1]))
            audit.record(
                connection,
                "retention.purge",
                "conversation",
                str(conversation or "expired"),
                messages=len(ids),
                last=str(ids[-1]),
            )
        return len(found), len(ids)

    return locks.in_transaction(connection, work, locks.DDL)
