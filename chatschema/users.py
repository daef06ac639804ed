"""Users, looked up by what people type: an id or a name."""

import re
from uuid import UUID

from chatschema import postgres
from chatschema.postgres import Connection

# An id has 36 characters, and a name at most 32, or 44 once it is erased.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def find(connection: Connection, text: str) -> UUID | None:
    """Return the id in `text`, whether or not a user has it, or the id of the user with this name; None if nobody has it.

    Raises ServerError where the role may not read the names.
    """
    name = text.strip().lower()
    if _ID.fullmatch(name):
        return UUID(name)
    row = postgres.execute(connection, "select id from public.users where username = %s", (name,)).fetchone()
    return row[0] if row else None
