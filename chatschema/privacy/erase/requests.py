"""chatschema.privacy_requests: an erasure from its request to its receipt."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection
from chatschema.privacy.subject import COMMANDS, Subject

TABLE = "chatschema.privacy_requests"
_COLUMNS = """
    id, subject_type, subject_id, state, requested_at, requested_by, holds, started_at, finished_at, receipt
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to erase; `holds` are those that prevented it when it was last tried."""

    id: int
    subject_type: str
    subject_id: UUID
    state: str
    requested_at: datetime
    requested_by: str
    holds: list[int]
    started_at: datetime | None
    finished_at: datetime | None
    receipt: dict[str, Any] | None


def refuse_missing(connection: Connection) -> None:
    """Raise ChatschemaError where the database has no table of requests yet."""
    if not postgres.has_table(connection, TABLE):
        text = f"this database has no table {TABLE} yet"
        raise ChatschemaError(text, "first: chatschema migrate", code="privacy.not-migrated")


def listed(connection: Connection) -> list[Request]:
    """Return all requests, oldest first."""
    return [Request(*row) for row in postgres.fetch_all(connection, f"select {_COLUMNS} from {TABLE} order by id")]


def findings(connection: Connection) -> list[str]:
    """Return, in words, the erasures that were interrupted, or that no hold prevents any more; none if not readable."""
    query = f"""
        select r.id, r.subject_type, r.subject_id, r.state from {TABLE} as r
        where r.state = 'running' or r.state = 'waiting' and not exists (
            select from chatschema.holds as h where h.id = any (r.holds) and h.released_at is null
        )
        order by r.id
    """
    try:
        found = postgres.fetch_all(connection, query)
    except ServerError as error:
        if error.sqlstate not in ("42P01", "42501"):
            raise
        return []
    return [
        f"privacy request {id} {'was interrupted' if state == 'running' else 'waits, and its holds are released'}:"
        f" chatschema {COMMANDS[kind]} {subject}"
        for id, kind, subject, state in found
    ]


def wait(connection: Connection, subject: Subject, holds: list[int]) -> None:
    """Record a request that holds prevent; one that runs already keeps its state."""
    query = f"""
        insert into {TABLE} as r (subject_type, subject_id, holds) values (%s, %s, %s)
        on conflict (subject_type, subject_id) where state <> 'done' do update set holds = excluded.holds
    """
    postgres.execute(connection, query, (subject.kind, subject.id, holds))


def start(connection: Connection, subject: Subject) -> tuple[int, bool]:
    """Record that a request runs; return its number, and whether an earlier run of it has begun."""
    begun = f"""
        select exists (
            select from {TABLE} where subject_type = %s and subject_id = %s and state <> 'done' and started_at is not null
        )
    """
    is_resumed: bool = postgres.fetch_one(connection, begun, (subject.kind, subject.id))[0]
    query = f"""
        insert into {TABLE} as r (subject_type, subject_id, state, started_at) values (%s, %s, 'running', clock_timestamp())
        on conflict (subject_type, subject_id) where state <> 'done'
            do update set state = 'running', holds = '{{}}', started_at = coalesce(r.started_at, clock_timestamp())
        returning id
    """
    number: int = postgres.fetch_one(connection, query, (subject.kind, subject.id))[0]
    return number, is_resumed


def finish(connection: Connection, number: int, receipt: dict[str, Any]) -> None:
    """Record the receipt of a request."""
    query = f"update {TABLE} set state = 'done', finished_at = clock_timestamp(), receipt = %s::jsonb where id = %s"
    postgres.execute(connection, query, (json.dumps(receipt), number))
