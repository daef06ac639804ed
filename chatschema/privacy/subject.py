"""Whose or which data is meant: a person, a conversation or a message."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from chatschema import postgres, users
from chatschema.errors import ChatschemaError, UsageError
from chatschema.postgres import Connection

Kind = Literal["user", "conversation", "message"]
# The command that erases a subject of each kind.
COMMANDS: dict[str, str] = {
    "user": "privacy erase",
    "conversation": "privacy erase-conversation",
    "message": "privacy erase-message",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is erased: a user, a conversation or a message, by its id.

    `elsewhere`: the conversations of a user's messages that are in no attached month, or the senders of those of a conversation;
    who took part may have been deleted since.
    """

    kind: Kind
    id: UUID
    elsewhere: tuple[UUID, ...] = ()


def find(connection: Connection, text: str) -> UUID:
    """Return the id of the user with this id or name. Raises ChatschemaError if there is none."""
    found = users.find(connection, text)
    if found is None or not _exists(connection, "users", found):
        text, hint = f"no user has the name or id {text}", "names are lower case; find one: chatschema server psql, or your console"
        raise ChatschemaError(text, hint, code="privacy.no-user")
    return found


def person(connection: Connection, text: str) -> Subject:
    """Return the user with this id or name as a subject. Raises ChatschemaError if there is none."""
    return Subject("user", find(connection, text))


def conversation(connection: Connection, text: str) -> Subject:
    """Return the conversation with this id. Raises UsageError for another text, ChatschemaError if there is none."""
    id = _id(text, "conversation")
    if not _exists(connection, "conversations", id):
        raise ChatschemaError(f"no conversation has the id {id}", "find the id in public.conversations", code="privacy.no-subject")
    return Subject("conversation", id)


def message(text: str) -> Subject:
    """Return the message with this id, which nobody has looked for yet: its month may be detached or dropped. Raises UsageError."""
    return Subject("message", _id(text, "message"))


def _id(text: str, what: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError:
        hint = "ids look like 019b76da-a800-7000-8000-000000000000"
        raise UsageError(f"{text} is not the id of a {what}", hint, code="privacy.id-syntax") from None


def _exists(connection: Connection, table: str, id: UUID) -> bool:
    return bool(postgres.fetch_one(connection, f"select exists (select from public.{table} where id = %s)", (id,))[0])
