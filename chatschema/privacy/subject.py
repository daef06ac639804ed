"""The person whose data is meant, by name or id."""

import re
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def find(connection: Connection, text: str) -> UUID:
    """Return the id of the user with this id or name. Raises ChatschemaError if there is none."""
    # An id has 36 characters, and a name at most 32, or 44 once it is erased.
    name = text.strip().lower()
    column, value = ("id", UUID(name)) if _ID.fullmatch(name) else ("username", name)
    query = sql.SQL("select id from public.users where {} = %s").format(sql.Identifier(column))
    row = postgres.execute(connection, query, (value,)).fetchone()
    if row is None:
        text, hint = f"no user has the name or id {text}", "names are lower case; find one: chatschema server psql, or your console"
        raise ChatschemaError(text, hint, code="privacy.no-user")
    found: UUID = row[0]
    return found
