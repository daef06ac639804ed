"""Row-level retention: conversations that keep their messages for less time than months are kept, and expired messages."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from chatschema import audit, events, hold, postgres, sqlfile
from chatschema.partition import catalog, erasures, purge_distributed, retired_months
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, Say, door, locks
from chatschema.values import Month

BATCH = 1000
# The pause is as long as the batch took, which leaves half of the time to the application.
PACE = 1.0
_NOW = sql.SQL("now()")
# A conversation and the first id that it keeps; or neither, for the messages that have expired.
Scope = tuple[UUID | None, UUID | None]
EXPIRED: Scope = (None, None)


@dataclass(frozen=True, slots=True)
class _Batch:
    """How many messages a batch found and removed, and the last one that it found: its id, and when it expired."""

    found: int
    removed: int
    last: tuple[UUID, str | None] | None


@dataclass(frozen=True, slots=True)
class Purged:
    """How many messages of a conversation; conversation None is for messages that expired by themselves."""

    conversation: UUID | None
    messages: int


def kept(connection: Connection) -> dict[str, sql.Composable]:
    """Return the conditions that keep a message: it is held, or a held message in any table answers it.

    Called in the transaction that deletes, after hold.freeze(): without an active hold no other table is read.
    """
    if door.is_distributed(connection):
        return purge_distributed.kept(connection)
    if not hold.is_any(connection):
        return {"is_held": sql.SQL("false"), "is_answered_by_held": sql.SQL("false")}
    away = [month.name for month in catalog.away(connection) if month.parent == GROUP[0].table]
    answered = sql.SQL("exists (select from {} as r where r.reply_to_id = m.id and {})")
    conditions = [hold.IS_ANSWERED_BY_HELD]
    conditions += [answered.format(sql.Identifier(SCHEMA, name), hold.REPLY_IS_HELD) for name in away]
    return {"is_held": hold.IS_HELD, "is_answered_by_held": sql.SQL("({})").format(sql.SQL(" or ").join(conditions))}


def conversations(connection: Connection, at: sql.Composable = _NOW) -> list[Scope]:
    """Return the conversations that have messages past their retention at this moment, and the first id that they keep."""
    rows = postgres.fetch_all(connection, sqlfile.fill("partitions/purge_due.sql", at=at))
    return [(conversation, kept_from) for conversation, kept_from in rows]


def _with_something_due(connection: Connection) -> list[Scope]:
    """Return the conversations with messages to purge and the first id to keep; last EXPIRED."""
    return [*conversations(connection), EXPIRED]


def due(connection: Connection) -> list[Purged]:
    """Return which messages a purge would remove now; reads only."""
    found, keeps = [], kept(connection)
    for conversation, kept_from in _with_something_due(connection):
        query = sql.SQL("select count(*) from public.messages as m where {} and not {} and not {}")
        where = condition(conversation, kept_from)
        count = postgres.fetch_one(connection, query.format(where, keeps["is_held"], keeps["is_answered_by_held"]))[0]
        if count:
            found.append(Purged(conversation, count))
    return found


def condition(conversation: UUID | None, kept_from: UUID | None) -> sql.Composed:
    """Return the condition for the messages of a conversation before this id; without one, for those that have expired."""
    if conversation is None:
        return sql.Composed([sql.SQL("m.expires_at < now()")])
    if kept_from is None:
        return sql.SQL("m.conversation_id = {} and m.expires_at < now()").format(sql.Literal(conversation))
    # The bound is a value: only then are the months that cannot match left out of the plan. It is also read again, as a run may
    # take hours and the conversation may have been given more time since.
    return sql.SQL("""
        m.conversation_id = {0} and m.id < {1} and m.id < (
            select chatschema.uuid7_floor(now() - least(c.retention_days, 36500) * interval '1 day')
            from public.conversations as c where c.id = {0}
        )
    """).format(sql.Literal(conversation), sql.Literal(kept_from))


def purge(
    connection: Connection,
    due: Sequence[Scope] | None = None,
    *,
    batch: int = BATCH,
    pace: float = PACE,
    is_over: Callable[[], bool] = lambda: False,
    say: Say,
) -> Iterator[Purged]:
    """Remove the messages that are due in batches, yielding each conversation once it is done, or once the time `is_over`.

    `due` is all that is due, or a part of it: conversations(), EXPIRED. No progress is stored: the next run continues where one
    was interrupted, and takes the rows that were in use; rows under a hold stay, and are looked at once. After a batch it pauses
    for `pace` times as long as the batch took.
    """
    scopes = _with_something_due(connection) if due is None else due
    if door.is_distributed(connection):
        scopes = purge_distributed.by_conversation(connection, scopes)
    for conversation, kept_from in scopes:
        removed, last = 0, None
        while True:
            started = time.monotonic()
            done = _batch(connection, conversation, kept_from, batch, last)
            removed, last = removed + done.removed, done.last
            if done.found < batch or is_over():
                break
            say(f"purged {removed} messages of {conversation or 'any conversation, expired'}")
            time.sleep((time.monotonic() - started) * pace)
        if removed:
            yield Purged(conversation, removed)
        if is_over():
            return


def purge_detached(connection: Connection, messages: Month, statuses: Month) -> tuple[int, int]:
    """Remove the messages that are due from the detached tables of one month, and carry out erasures that a hold deferred.

    Returns how many messages were removed, and how many rows erased.

    An earlier archive of the month still contains the removed rows, so the month is archived again.
    The caller holds the migration lock.
    """
    tables = {"messages": sql.Identifier(SCHEMA, messages.name), "statuses": sql.Identifier(SCHEMA, statuses.name)}

    def work() -> tuple[list[UUID], int]:
        hold.freeze(connection)
        if door.is_distributed(connection):
            ids, erased = purge_distributed.of_detached(connection, messages, statuses, BATCH, after)
            if ids or erased:
                _record_detached(connection, messages, ids, erased)
            return ids, erased
        values = {**tables, **kept(connection), "batch": sql.Literal(BATCH), "after": sql.Literal(after)}
        select = sqlfile.fill("partitions/purge_detached.sql", **values)
        audit.as_batch(connection)
        erased = erasures.apply_detached(connection, tables["messages"], tables["statuses"])
        ids = [row[0] for row in postgres.fetch_all(connection, select)]
        if ids:
            events.record_rows(connection, "message.purged", "messages", ids, table=tables["messages"])
            delete = sqlfile.fill("partitions/delete_detached.sql", ids=sql.Literal(ids), **tables)
            postgres.execute(connection, delete)
        if ids or erased:
            _record_detached(connection, messages, ids, erased)
        return ids, erased

    removed, erased, after = 0, 0, UUID(int=0)
    while any(done := locks.in_transaction(connection, work, locks.DDL)):
        removed, erased = removed + len(done[0]), erased + done[1]
        after = done[0][-1] if done[0] else after
    return removed, erased


def _record_detached(connection: Connection, messages: Month, ids: list[UUID], erased: int) -> None:
    retired_months.write(connection, messages.lower, archive_is_current=False)
    audit.record(connection, "retention.purge", "partition", f"{messages.lower:%Y-%m}", messages=len(ids), erased=erased)


def _not_answered_by_rows_in_use(connection: Connection, ids: list[UUID], within: sql.Composable) -> list[UUID]:
    """Return the messages whose replies can be unlinked without waiting for anybody; the replies are locked then."""
    replies = sql.SQL("select id, reply_to_id from public.messages where {}reply_to_id = any (%s)").format(within)
    answered = dict(postgres.fetch_all(connection, replies, (ids,)))
    free = dict(postgres.fetch_all(connection, replies + sql.SQL(" for update skip locked"), (ids,)))
    in_use = {message for reply, message in answered.items() if reply not in free}
    return [id for id in ids if id not in in_use]


def _order(conversation: UUID | None, last: tuple[UUID, str | None] | None) -> dict[str, sql.Composable]:
    """Return the order of the messages of a scope, which an index has, and the condition for those after the last one."""
    if conversation is not None:
        after = sql.SQL("m.id > {}").format(last[0]) if last else sql.SQL("true")
        return {"order": sql.SQL("m.id"), "after": after}
    after = sql.SQL("true")
    if last:
        values = {"at": sql.Literal(last[1]), "id": sql.Literal(last[0])}
        after = sql.SQL("m.expires_at >= {at}::timestamptz and (m.expires_at, m.id) > ({at}::timestamptz, {id})").format(**values)
    return {"order": sql.SQL("m.expires_at, m.id"), "after": after}


def _batch(
    connection: Connection, conversation: UUID | None, kept_from: UUID | None, batch: int, last: tuple[UUID, str | None] | None
) -> _Batch:
    """Remove the batch after the message `last`."""
    where = {"due": condition(conversation, kept_from), **_order(conversation, last)}
    within: sql.Composable = sql.SQL("")
    if door.is_distributed(connection):
        # Citus locks rows of one conversation only.
        within = sql.SQL("conversation_id = {} and ").format(sql.Literal(conversation))

    def work() -> _Batch:
        hold.freeze(connection)
        select = sqlfile.fill("partitions/purge.sql", batch=sql.Literal(batch), **where, **kept(connection))
        found = postgres.fetch_all(connection, select)
        ids = _not_answered_by_rows_in_use(connection, [row[0] for row in found], within)
        if ids:
            audit.as_batch(connection)
            events.as_batch(connection)
            events.record_rows(connection, "message.purged", "messages", ids)
            # Between the first and the last: so that only their months are in the plan.
            query = sql.SQL("delete from public.messages where {}id = any (%s) and id >= %s and id <= %s").format(within)
            postgres.execute(connection, query, (ids, min(ids), max(ids)))
            audit.record(
                connection,
                "retention.purge",
                "conversation",
                str(conversation or "expired"),
                messages=len(ids),
                last=str(ids[-1]),
            )
        return _Batch(len(found), len(ids), found[-1] if found else None)

    return locks.in_transaction(connection, work, locks.DDL)
