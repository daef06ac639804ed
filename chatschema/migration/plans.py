"""The plans that were reviewed and begun: rows of yoyo's log, one a migration, so that a later run can apply the rest."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from chatschema import postgres
from chatschema.postgres import Connection

_OPERATION = "plan"


def recorded(connection: Connection, hash: str) -> list[tuple[str, str]]:
    """Return the ids of a plan that was begun, each with the hash of its file, in their order; empty if it was not begun."""
    query = """
        select distinct on (place) migration_id, part from (
            select migration_id, split_part(comment, ' ', 2)::integer as place, split_part(comment, ' ', 3) as part, created_at_utc
            from chatschema._yoyo_log where operation = %s and split_part(comment, ' ', 1) = %s
        ) as l order by place, created_at_utc desc
    """
    return [(id, part) for id, part in postgres.fetch_all(connection, query, (_OPERATION, hash))]


def record(connection: Connection, hash: str, parts: Sequence[tuple[str, str]], who: tuple[str, str]) -> None:
    """Record that this plan is begun, by `who`: user and host. The caller holds the migration lock, and the ledger exists."""
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [(str(uuid.uuid4()), id, f"{hash} {place} {part}", *who, now) for place, (id, part) in enumerate(parts, 1)]
    with postgres.transaction(connection), connection.cursor() as cursor:
        cursor.executemany(
            "insert into chatschema._yoyo_log (id, migration_id, operation, comment, username, hostname, created_at_utc)"
            f" values (%s, %s, '{_OPERATION}', %s, %s, %s, %s)",
            rows,
        )
