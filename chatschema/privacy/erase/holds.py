"""Holds that prevent an erasure, and batches that a new hold stops."""

from collections.abc import Callable
from typing import TypeVar

from chatschema import audit, events, hold, postgres
from chatschema.errors import ChatschemaError, ExitCode
from chatschema.postgres import Connection, locks
from chatschema.privacy.subject import Subject

T = TypeVar("T")
# A hold on the person, on a conversation with rows of theirs, or on everybody. Months do not matter: the whole is refused.
_ON_USER = """
    with mine as (
        select p.conversation_id from public.conversation_participants as p where p.user_id = %(subject)s
    )
    select h.id from chatschema.holds as h
    where h.released_at is null and (
        h.user_id = %(subject)s
        or h.user_id is null and h.conversation_id is null
        or h.conversation_id in (select conversation_id from mine) or h.conversation_id = any (%(elsewhere)s)
        or exists (
            select from chatschema.hold_conversations as c
            where c.hold_id = h.id
                and (c.conversation_id in (select conversation_id from mine) or c.conversation_id = any (%(elsewhere)s))
        )
        or exists (
            select from public.messages as m where m.sender_id = %(subject)s and m.conversation_id = h.conversation_id
        )
    )
    order by h.id
"""
# A hold on the conversation, on somebody who took part or wrote in it, or on everybody; whatever its months are.
_ON_CONVERSATION = """
    select h.id from chatschema.holds as h
    where h.released_at is null and (
        h.conversation_id = %(subject)s
        or exists (select from chatschema.hold_conversations as c where c.hold_id = h.id and c.conversation_id = %(subject)s)
        or h.conversation_id is null and (
            h.user_id is null or h.user_id = any (%(elsewhere)s)
            or exists (
                select from public.conversation_participants as p where p.conversation_id = %(subject)s and p.user_id = h.user_id
            )
            or exists (select from public.messages as m where m.conversation_id = %(subject)s and m.sender_id = h.user_id)
        )
    )
    order by h.id
"""
# A hold that covers the message, or a reply to it, to which it belongs as evidence. Where its month is not attached, nobody sees
# whose it is: then any hold of its time.
_ON_MESSAGE = """
    with meant as (
        select m.id, m.conversation_id, m.sender_id from public.messages as m where m.id = %(subject)s
        union all
        select m.id, m.conversation_id, m.sender_id from public.messages as m where m.reply_to_id = %(subject)s
        union all
        select %(subject)s, null, null where not exists (select from public.messages as m where m.id = %(subject)s)
    )
    select distinct h.id from chatschema.holds as h
    join meant as m on (h.from_at is null or m.id >= chatschema.uuid7_floor(h.from_at))
        and (h.to_at is null or m.id < chatschema.uuid7_floor(h.to_at))
    where h.released_at is null and (
        m.conversation_id is null
        or h.conversation_id = m.conversation_id and (h.user_id is null or h.user_id = m.sender_id)
        or h.conversation_id is null and (h.user_id is null or h.user_id = m.sender_id)
        or exists (select from chatschema.hold_conversations as c where c.hold_id = h.id and c.conversation_id = m.conversation_id)
    )
    order by h.id
"""
_HOLDS = {"user": _ON_USER, "conversation": _ON_CONVERSATION, "message": _ON_MESSAGE}
_COVERED = {
    "user": "the person, or conversations with messages of theirs",
    "conversation": "the conversation, or people in it",
    "message": "the message, or a reply to it",
}


class Held(ChatschemaError):
    """Holds prevent the erasure of a subject; `holds` are their numbers."""

    exit_code = ExitCode.FINDINGS
    code = "privacy.held"

    def __init__(self, subject: Subject, holds: list[int]) -> None:
        self.holds = holds
        which = f"hold {holds[0]} covers" if len(holds) == 1 else f"holds {', '.join(map(str, holds))} cover"
        super().__init__(
            f"{which} {_COVERED[subject.kind]}",
            "see: chatschema hold list; run the same command again when the hold is released",
        )


def on(connection: Connection, subject: Subject) -> list[int]:
    """Return the numbers of the active holds that prevent erasing the subject."""
    # Asked before each batch, and planning the other question takes milliseconds.
    if not hold.is_any(connection):
        return []
    values = {"subject": subject.id, "elsewhere": list(subject.elsewhere)}
    return [row[0] for row in postgres.fetch_all(connection, _HOLDS[subject.kind], values)]


def batch(connection: Connection, subject: Subject, work: Callable[[], T]) -> T:
    """Return the result of `work`, run in a transaction in which no hold can be placed. Raises Held, Busy."""

    def guarded() -> T:
        hold.freeze(connection)
        if found := on(connection, subject):
            raise Held(subject, found)
        audit.as_batch(connection)
        events.as_batch(connection)
        return work()

    return locks.in_transaction(connection, guarded, locks.DDL)
