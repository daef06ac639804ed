"""The journal of a database: yoyo's log with what yoyo does not write, such as the release and the duration, in its comments."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

from chatschema import __version__, postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration import ledger
from chatschema.migration.author import who
from chatschema.postgres import Connection

Action = Literal["applied", "undone", "repaired", "baseline", "marked", "unmarked"]
_ACTIONS: dict[str, Action] = {
    "apply": "applied", "rollback": "undone", "repair": "repaired", "baseline": "baseline", "mark": "marked", "unmark": "unmarked",
}  # fmt: skip
# yoyo's column is that long.
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Record:
    """Something that happened to a migration: when, by whom, from which host. None where an earlier release recorded nothing.

    `plan_hash` is that of the reviewed plan that it belongs to. `note` tells what is special, in words.
    """

    at: datetime
    action: Action
    migration_id: str
    user: str | None
    host: str | None
    version: str | None
    duration_ms: float | None
    plan_hash: str | None
    note: str | None


def annotate(connection: Connection, migration_id: str, operation: str, duration_ms: float) -> None:
    """Add the release, the duration and the newer migrations that are applied to yoyo's newest row about this migration."""
    postgres.execute(
        connection,
        """
        update chatschema._yoyo_log set comment = (
            jsonb_build_object('version', %(version)s::text, 'ms', %(ms)s::float8) || coalesce((
                select jsonb_build_object('newer', count(*), 'newest', left(max(migration_id), 120))
                from chatschema._yoyo_migration where migration_id > %(id)s and %(operation)s = 'apply' having count(*) > 0
            ), '{}')
        )::text
        where id = (
            select id from chatschema._yoyo_log where migration_id = %(id)s and operation = %(operation)s
            order by created_at_utc desc limit 1
        )
        """,
        {"version": __version__, "ms": duration_ms, "id": migration_id, "operation": operation},
    )


def write(connection: Connection, migration_id: str, operation: str, details: Mapping[str, str]) -> None:
    """Add a row about a migration, in the transaction of the change that it describes."""
    comment = json.dumps({"version": __version__, **details})[:_LONGEST]
    postgres.execute(
        connection,
        "insert into chatschema._yoyo_log (id, migration_id, operation, comment, username, hostname, created_at_utc)"
        " values (%s, %s, %s, %s, %s, %s, clock_timestamp() at time zone 'UTC')",
        (str(uuid4()), migration_id, operation, comment, *who()),
    )


def read(connection: Connection) -> list[Record]:
    """Return what happened, oldest first; empty without a ledger. Raises ChatschemaError if the role may not read it."""
    if not ledger.exists(connection):
        return []
    query = """
        select l.created_at_utc, l.operation, l.migration_id, l.username, l.hostname, l.comment, (
                select split_part(p.comment, ' ', 1) from chatschema._yoyo_log as p
                where p.operation = 'plan' and p.migration_id = l.migration_id and p.created_at_utc <= l.created_at_utc
                    and l.operation = 'apply'
                order by p.created_at_utc desc limit 1
            ), m.tool_version, m.duration_ms
        from chatschema._yoyo_log as l
        left join chatschema.migrations as m on m.migration_id = l.migration_id and l.operation = 'apply' and not exists (
            select from chatschema._yoyo_log as n
            where n.migration_id = l.migration_id and n.operation = 'apply' and n.created_at_utc > l.created_at_utc
        )
        where l.operation = any (%s)
        order by l.created_at_utc, l.migration_id
    """
    try:
        rows = postgres.fetch_all(connection, query, (list(_ACTIONS),))
    except ServerError as error:
        if error.sqlstate != "42501":
            raise
        raise ChatschemaError(
            f"this role may not read who did what: {error.message}",
            f"use the owner of the ledger, or grant it: grant select on chatschema._yoyo_log to {connection.info.user}",
            code="ledger.permission",
        ) from None
    return [_record(*row) for row in rows]


def _record(
    at: datetime, operation: str, id: str, user: str | None, host: str | None, comment: str | None, plan_hash: str | None,
    version: str | None, duration_ms: float | None,
) -> Record:  # fmt: skip
    details = _details(comment)
    return Record(
        at.replace(tzinfo=UTC),
        _ACTIONS[operation],
        id,
        user,
        host,
        details.get("version", version),
        details.get("ms", duration_ms),
        plan_hash,
        _note(details),
    )


def _details(comment: str | None) -> dict[str, Any]:
    try:
        found = json.loads(comment or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _note(details: Mapping[str, Any]) -> str | None:
    if "newer" in details:
        count = "1 newer migration" if details["newer"] == 1 else f"{details['newer']} newer migrations"
        return f"after {count}, the newest {details['newest']}"
    return details.get("note")
