"""The person whose data is meant, by name or id."""

from uuid import UUID

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection


def find(connection: Connection, text: str) -> UUID:
    """Return the id of the user with this id or name. Raises ChatschemaError if there is none."""
    row = postgres.execute(
        connection,
        "select id from public.users where id::text = %(text)s or username = %(text)s order by id::text = %(text)s desc limit 1",
        {"text": text.strip().lower()},
    ).fetchone()
    if row is None:
        text, hint = f"no user has the name or id {text}", "names are lower case; find one: chatschema server psql, or your console"
        raise ChatschemaError(text, hint, code="privacy.no-user")
    found: UUID = row[0]
    return found
