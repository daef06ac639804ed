"""Legal holds: messages that must not be removed. Placed and released here; checked wherever rows are removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import audit, postgres
from chatschema.errors import BUSY_SQLSTATES, ChatschemaError, ServerError, UsageError
from chatschema.postgres import Connection, Say, door, listed, locks
from chatschema.values import Month

_COLUMNS = """
    id, conversation_id, user_id, from_at, to_at, reason, placed_by, placed_at, released_by, released_at, release_reason
"""
_UNDEFINED_TABLE = "42P01"
# A new hold waits for transactions that changed messages before they could see it: with short timeouts and many attempts, so
# that other sessions do not queue behind it, and for minutes, because a drop that compares a month blocks holds for so long.
_PLACING = locks.Patience(0.15, 1000, 0.48)
# Whether a message is under a hold; the view defines the rule, and each kind of scope is looked up by the index that serves it.
_IS_HELD = sql.SQL("""(
    exists (
        select from chatschema.held_scopes as s
        where s.conversation_id = {m}.conversation_id and (s.sender_id is null or s.sender_id = {m}.sender_id)
            and {m}.id >= s.low and {m}.id < s.high
    ) or exists (
        select from chatschema.held_scopes as s
        where s.conversation_id is null and s.sender_id = {m}.sender_id and {m}.id >= s.low and {m}.id < s.high
    ) or exists (
        select from chatschema.held_scopes as s
        where s.conversation_id is null and s.sender_id is null and {m}.id >= s.low and {m}.id < s.high
    )
)""")
IS_HELD = _IS_HELD.format(m=sql.Identifier("m"))
REPLY_IS_HELD = _IS_HELD.format(m=sql.Identifier("r"))
# The message that a held reply answers is evidence too: without it the reply would lose its reference.
IS_ANSWERED_BY_HELD = sql.SQL("exists (select from public.messages as r where r.reply_to_id = m.id and {})").format(REPLY_IS_HELD)


# In a distributed database the scopes are values, because a shard cannot ask the coordinator.
_IS_HELD_BY_VALUES = sql.SQL("""(
    ({is_wide} or {m}.conversation_id = any ({conversations}::uuid[]) or {m}.sender_id = any ({senders}::uuid[])) and exists (
        select 1 from {scopes} as s (conversation_id, sender_id, low, high)
        where (s.conversation_id is null or s.conversation_id = {m}.conversation_id)
            and (s.sender_id is null or s.sender_id = {m}.sender_id) and {m}.id >= s.low and {m}.id < s.high
    )
)""")


def scopes(connection: Connection) -> list[tuple[Any, ...]]:
    """Return conversation, sender and bounds of the ids of all that is under a hold; None stands for any."""
    query = "select distinct conversation_id, sender_id, low, high from chatschema.held_scopes order by 1, 2, 3, 4"
    return postgres.fetch_all(connection, query)


def is_held(connection: Connection, alias: str = "m") -> sql.Composable:
    """Return the condition that a message, whose table is `alias`, is under a hold; call it after freeze() where that counts."""
    m = sql.Identifier(alias)
    if not door.is_distributed(connection):
        return _IS_HELD.format(m=m)
    active = scopes(connection)
    if not active:
        return sql.SQL("false")
    conversations, senders = (sql.Literal([scope[n] for scope in active if scope[n]]) for n in (0, 1))
    is_wide = sql.Literal(any(scope[:2] == (None, None) for scope in active))
    return _IS_HELD_BY_VALUES.format(
        m=m, is_wide=is_wide, conversations=conversations, senders=senders, scopes=listed.rows(active, ["uuid"] * 4)
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: which messages must not be removed; None in a scope means any."""

    id: int
    conversation_id: UUID | None
    user_id: UUID | None
    from_at: datetime | None
    to_at: datetime | None
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None
    release_reason: str | None


def add(
    connection: Connection,
    *,
    conversation: UUID | None,
    user: UUID | None,
    period: tuple[datetime | None, datetime | None],
    reason: str,
    say: Say | None = None,
) -> Hold:
    """Place a hold, and record the conversations of its user as its scope.

    Waits for transactions that changed messages before they could see the hold. Raises UsageError for a conversation or user
    that does not exist: a typing error would hold nothing. Raises Busy when such a transaction does not end.
    """
    for table, id in (("conversations", conversation), ("users", user)):
        query = sql.SQL("select exists (select from {} where id = {})").format(sql.Identifier("public", table), sql.Literal(id))
        if id is not None and not postgres.fetch_one(connection, query)[0]:
            text, hint = f"no row of {table} has the id {id}", "look up the id with psql, or your own client"
            raise UsageError(text, hint, code="hold.unknown-subject")

    def work() -> Hold:
        # Before the insert, which would take a weaker lock first and wait for the stronger one with it.
        postgres.execute(connection, "lock table chatschema.holds in exclusive mode")
        row = postgres.fetch_one(
            connection,
            f"""
            insert into chatschema.holds (conversation_id, user_id, from_at, to_at, reason) values (%s, %s, %s, %s, %s)
            returning {_COLUMNS}
            """,
            (conversation, user, *period, reason),
        )
        if not audit.is_logged(connection, "audit_holds"):
            audit.record(connection, "hold.add", "hold", str(row[0]), conversation_id=conversation, user_id=user, reason=reason)
        return Hold(*row)

    return locks.in_transaction(connection, work, _PLACING, say=say)


def release(connection: Connection, id: int, reason: str) -> Hold:
    """Release a hold; removes nothing. Raises ChatschemaError when there is none, or it was released before."""
    with postgres.transaction(connection):
        row = postgres.execute(
            connection,
            f"""
            update chatschema.holds set released_at = clock_timestamp(), released_by = session_user, release_reason = %s
            where id = %s and released_at is null returning {_COLUMNS}
            """,
            (reason, id),
        ).fetchone()
        if row is None:
            raise ChatschemaError(f"no active hold has the number {id}", "see: chatschema hold list --all", code="hold.not-active")
        if not audit.is_logged(connection, "audit_holds"):
            audit.record(connection, "hold.release", "hold", str(id), reason=reason)
    return Hold(*row)


def holds(connection: Connection, *, released: bool = False) -> list[Hold]:
    """Return the active holds, oldest first; with `released` also the released ones."""
    query = f"select {_COLUMNS} from chatschema.holds where released_at is null or %s order by id"
    return [Hold(*row) for row in postgres.fetch_all(connection, query, (released,))]


def is_readable(connection: Connection) -> bool:
    """Return whether this role may read the holds, and their table exists."""
    query = "select coalesce(has_table_privilege(to_regclass('chatschema.held_scopes'), 'select'), false)"
    return bool(postgres.fetch_one(connection, query)[0])


# Each scope by the index that serves it: reading a whole month only to find that no message in it is held takes seconds.
_HAS_HELD = sql.SQL("""
    select exists (
        select from chatschema.held_scopes as s
        where case
            when s.conversation_id is not null then exists (
                select from {table} as m
                where m.conversation_id = s.conversation_id and m.id >= s.low and m.id < s.high
                    and (s.sender_id is null or m.sender_id = s.sender_id)
            )
            when s.sender_id is not null then exists (
                select from {table} as m where m.sender_id = s.sender_id and m.id >= s.low and m.id < s.high
            )
            else exists (select from {table} as m where m.id >= s.low and m.id < s.high)
        end
    )
""")


def held(connection: Connection, months: Sequence[Month]) -> set[datetime]:
    """Return which months of messages have a message under a hold, by their first instant.

    Without an active hold no partition is read. A role that may not read the holds gets an empty set.
    """
    if not is_readable(connection) or not _has_scopes(connection):
        return set()
    return {month.lower for month in months if _may_be_held(connection, month)}


def is_any(connection: Connection) -> bool:
    """Return whether any hold is active; call it after freeze() where that counts."""
    return bool(postgres.fetch_one(connection, "select exists (select from chatschema.holds where released_at is null)")[0])


def _has_scopes(connection: Connection) -> bool:
    # The scopes of a distributed database are on all nodes, and one of them may be lost.
    if door.is_distributed(connection):
        return is_any(connection)
    return bool(postgres.fetch_one(connection, "select exists (select from chatschema.held_scopes)")[0])


def _may_be_held(connection: Connection, month: Month) -> bool:
    """Return whether a message is held, or could be: a month that another session has locked counts as held."""
    try:
        return has_held(connection, month)
    except ServerError as error:
        if error.sqlstate == _UNDEFINED_TABLE:
            # Dropped since it was listed: there is nothing left to hold.
            return False
        if error.sqlstate not in BUSY_SQLSTATES:
            raise
        return True


def has_held(connection: Connection, month: Month) -> bool:
    """Return whether a message in the table of `month` is under a hold."""
    table = sql.Identifier("chat_partitions", month.name)
    if door.is_distributed(connection):
        query = sql.SQL("select exists (select 1 from {} as m where {})").format(table, is_held(connection))
    else:
        query = _HAS_HELD.format(table=table)
    return bool(postgres.fetch_one(connection, query)[0])


def freeze(connection: Connection) -> None:
    """Prevent new holds until the current transaction ends, so that no row is under a hold when it is removed."""
    postgres.execute(connection, "lock table chatschema.holds in share mode")


def refuse_active(connection: Connection, command: str) -> None:
    """Raise ChatschemaError while a hold is active: `command` would remove held messages, or the hold itself."""
    if not postgres.has_table(connection, "chatschema.holds"):
        return
    query = "select id from chatschema.holds where released_at is null order by id"
    active = [str(row[0]) for row in postgres.fetch_all(connection, query)]
    if active:
        which = f"hold {active[0]} is" if len(active) == 1 else f"holds {', '.join(active)} are"
        raise ChatschemaError(
            f"{which} active in database {connection.info.dbname}: {command} is refused",
            "see: chatschema hold list; when the case is closed: chatschema hold release ID --reason TEXT",
            code="hold.active",
        )
