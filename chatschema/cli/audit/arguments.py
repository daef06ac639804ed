"""What the options of several commands on the trail mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from chatschema import units
from chatschema.errors import ChatschemaError, ServerError, UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection

_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_REFUSED = "42501"


def require_trail(connection: Connection) -> None:
    """Raise ChatschemaError where the database has no trail, or this role may not read it."""
    from chatschema import postgres

    if not postgres.has_table(connection, "public.audit_logs"):
        raise ChatschemaError("this database has no audit trail yet", "first: chatschema migrate", code="audit.not-migrated")
    query = "select has_column_privilege('public.audit_logs', 'details', 'select'), quote_ident(current_user)"
    may_read, role = postgres.fetch_one(connection, query)
    if not may_read:
        hint = f"as the owner: grant chat_auditor to {role}; the groups: chatschema roles show"
        raise ChatschemaError(f"role {role} may not read the audit trail", hint, code="audit.not-allowed")


def moment(text: str | None, where: str, now: datetime) -> datetime | None:
    """Return the time of "2024-12-31", "2024-12-31T08:00Z" or, before `now`, "24h". Raises UsageError, naming `where`."""
    if text is None:
        return None
    try:
        if ago := units.quantity(text, _UNITS):
            return now - ago[0] * ago[1]
        found = datetime.fromisoformat(text.strip())
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        hint = "write it as 24h, 7d, 2024-12-31 or 2024-12-31T08:00Z; without a zone it is UTC"
        raise UsageError(f"{where} {text} is not a time", hint, code="audit.time-syntax") from None


def user(connection: Connection, text: str | None) -> UUID | None:
    """Return the id of a user given by id or by name. Raises UsageError for a name that the role cannot look up."""
    from chatschema import users

    if text is None:
        return None
    try:
        found = users.find(connection, text)
    except ServerError as error:
        if error.sqlstate != _REFUSED:
            raise
        hint = "give the id of the user: ids look like 019b76da-a800-7000-8000-000000000000"
        raise UsageError(f"--user {text}: this role may not read the names of users", hint, code="audit.user-name") from None
    if found is None:
        hint = "give an id or the name of a user; of a user who was erased only the id is left"
        raise UsageError(f"--user {text}: no user has this name", hint, code="audit.user-name")
    return found


def resource(text: str | None) -> tuple[str | None, str | None]:
    """Return the type and the id of "message:ID", or the type alone."""
    kind, colon, id = (text or "").partition(":")
    if text is not None and (not kind or (colon and not id)):
        hint = "write it as message, or message:019b76da-a800-7000-8000-000000000000"
        raise UsageError(f"--resource {text} is no type, nor TYPE:ID", hint, code="audit.resource-syntax")
    return kind or None, id or None
