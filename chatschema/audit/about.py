"""Which entries an erasure blanks: one rule in SQL, for the table and for the files of archived seals."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection

# Entries by the subject, or that name it or one of its values, whoever acted. What erasures record is kept: it proves them.
# Entries about messages need not name their conversation.
_RULE = """
    e.action <> 'audit.erase' and not starts_with(e.action, 'privacy.') and (
        e.user_id = %(subject)s or e.resource_id ~* any (%(patterns)s::text[]) or e.details ~* any (%(patterns)s::text[])
        or e.resource_type = 'message' and chatschema.is_uuid(e.resource_id) and ({is_inside})
    )
"""
_IN_TABLE = f"""
    select e.id from (
        select a.id, a.action, a.user_id::text, a.resource_type, a.resource_id, a.details::text
        from public.audit_logs as a where a.pii_salt is not null
    ) as e
    where {_RULE}
    order by e.id
"""
_IN_FILE = f"""
    select e.n - 1
    from unnest(%(actions)s::text[], %(users)s::text[], %(types)s::text[], %(resources)s::text[], %(details)s::text[])
        with ordinality as e (action, user_id, resource_type, resource_id, details, n)
    where {_RULE}
"""
_END = "($|[^a-z0-9_-])"
_INSIDE = sql.SQL("""exists (
    select from {table} as m
    where m.conversation_id = %(subject)s::uuid
        and m.id = case when chatschema.is_uuid(e.resource_id) then e.resource_id::uuid end
)""")


@dataclass(frozen=True, slots=True)
class About:
    """The subject of an erasure, and words that belong to it alone: entries that name one of them are meant too.

    `tables` are those of messages, in which it is looked up whether an entry is about a message of the conversation.
    """

    kind: str
    id: UUID
    words: Sequence[str] = ()
    tables: Sequence[sql.Composable] = ()

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the rule."""
        # An id ends the names that chatschema gives to files.
        return {"subject": str(self.id), "patterns": [f"{self.id}{_END}", *patterns(self.words)]}

    def query(self, text: LiteralString) -> sql.Composed:
        """Return a query with the rule for this subject."""
        tables = self.tables if self.kind == "conversation" else ()
        inside: list[sql.Composable] = [_INSIDE.format(table=table) for table in tables] or [sql.SQL("false")]
        return sql.SQL(text).format(is_inside=sql.SQL(" or ").join(inside))


def patterns(words: Sequence[str]) -> list[str]:
    """Return each word as a regular expression of the server that finds it as a whole, in any case."""
    return [rf"(^|[^a-z0-9_.-]){_escaped(word)}{_END}" for word in words]


def _escaped(word: str) -> str:
    return re.sub(r"([^\w@])", r"\\\1", word)


def entries(connection: Connection, about: About) -> list[int]:
    """Return the ids of the entries that still have personal data and are meant, lowest first. Reads the whole trail."""
    return [row[0] for row in postgres.fetch_all(connection, about.query(_IN_TABLE), about.parameters())]


def lines(connection: Connection, about: About, found: Sequence[dict[str, Any]]) -> set[int]:
    """Return which of these lines of a file are meant, by their place from 0; a line has its personal data still."""
    columns = {
        "actions": [line["action"] for line in found],
        "users": [line["user_id"] for line in found],
        "types": [line["resource_type"] for line in found],
        "resources": [line["resource_id"] for line in found],
        "details": [line["personal"]["details"] for line in found],
    }
    return {row[0] for row in postgres.fetch_all(connection, about.query(_IN_FILE), {**about.parameters(), **columns})}
