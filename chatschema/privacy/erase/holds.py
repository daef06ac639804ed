"""Holds that prevent an erasure, and batches that a new hold stops."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from chatschema import audit, hold, postgres
from chatschema.errors import ChatschemaError, ExitCode
from chatschema.postgres import Connection, locks

T = TypeVar("T")
# A hold on the person, on a conversation with rows of theirs, or on everybody. Months do not matter: the whole is refused.
_HOLDS = """
    with mine as (
        select p.conversation_id from public.conversation_participants as p where p.user_id = %(subject)s
    )
    select h.id from chatschema.holds as h
    where h.released_at is null and (
        h.user_id = %(subject)s
        or h.user_id is null and h.conversation_id is null
        or h.conversation_id in (select conversation_id from mine)
        or exists (
            select from chatschema.hold_conversations as c
            where c.hold_id = h.id and c.conversation_id in (select conversation_id from mine)
        )
        or exists (
            select from public.messages as m where m.sender_id = %(subject)s and m.conversation_id = h.conversation_id
        )
    )
    order by h.id
"""


class Held(ChatschemaError):
    """A hold prevents the erasure; `holds` are their numbers."""

    exit_code = ExitCode.FINDINGS
    code = "privacy.held"

    def __init__(self, holds: list[int]) -> None:
        self.holds = holds
        which = f"hold {holds[0]} covers" if len(holds) == 1 else f"holds {', '.join(map(str, holds))} cover"
        super().__init__(
            f"{which} the person, or conversations with messages of theirs",
            "see: chatschema hold list; run the same command again when the hold is released",
        )


def on(connection: Connection, subject: UUID) -> list[int]:
    """Return the numbers of the active holds that prevent erasing this user."""
    return [row[0] for row in postgres.fetch_all(connection, _HOLDS, {"subject": subject})]


def batch(connection: Connection, subject: UUID, work: Callable[[], T]) -> T:
    """Return the result of `work`, run in a transaction in which no hold can be placed. Raises Held, Busy."""

    def guarded() -> T:
        hold.freeze(connection)
        if found := on(connection, subject):
            raise Held(found)
        audit.as_batch(connection)
        return work()

    return locks.in_transaction(connection, guarded, locks.DDL)
