"""Reads the facts for the advice: from the catalog and the statistics, never from the rows of a table."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chatschema import postgres, sqlfile
from chatschema.cluster import statements, thresholds
from chatschema.cluster.facts import Activity, Conversation, Facts, Month, Reads, Standby, StatusWrites, Unseen
from chatschema.cluster.statements import Statements
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

_HAS_CITUS = "select to_regclass('pg_catalog.pg_dist_partition') is not null"
_STATUS_UPSERT = re.compile(r"\binsert\s+into\s+(?:\S+\.)?\"?message_statuses\b", re.IGNORECASE)
_HAS_MESSAGES = "select to_regclass('public.messages') is not null"


def measure(connection: Connection, keep_months: float | None) -> Facts:
    """Return the facts as they are now; what this role may not see is told in `unseen`.

    `keep_months`: after how long the configuration retires a month; None for never. Raises ServerError, and ChatschemaError before
    the migrations.
    """
    require_messages(connection)
    unseen: list[Unseen] = []
    is_distributed = _is_distributed(connection)
    if is_distributed:
        unseen.append(Unseen("sizes and rows of the months", "they are on the workers", "chatschema cluster status"))
    months = _months(connection)
    activity = _activity(connection, unseen)
    found = statements.read(connection)
    unseen.extend(found.unseen)
    return Facts(
        months=tuple(months),
        keep_months=keep_months,
        activity=activity,
        reads=_reads(connection, found, activity),
        status_writes=_status_writes(found, activity),
        largest=_largest(connection, unseen),
        standbys=_standbys(connection, unseen),
        is_distributed=is_distributed,
        unseen=tuple(unseen),
    )


def require_messages(connection: Connection) -> None:
    """Raise ChatschemaError where the tables do not exist yet."""
    if not postgres.fetch_one(connection, _HAS_MESSAGES)[0]:
        text = "table messages does not exist, so there is nothing to scale out"
        raise ChatschemaError(text, "first: chatschema migrate", code="cluster.not-migrated")


def _is_distributed(connection: Connection) -> bool:
    if not postgres.fetch_one(connection, _HAS_CITUS)[0]:
        return False
    query = "select exists (select from pg_catalog.pg_dist_partition where logicalrelid = to_regclass('public.messages'))"
    return bool(postgres.fetch_one(connection, query)[0])


def _months(connection: Connection) -> list[Month]:
    query = sqlfile.fill("cluster/advise/months.sql", locked=_part("locked"))
    now = postgres.fetch_one(connection, "select clock_timestamp()")[0].astimezone(UTC)
    parts: dict[datetime, dict[str, tuple[int | None, int]]] = {}
    ends: dict[datetime, datetime] = {}
    for parent, lower, upper, rows, size in postgres.fetch_all(connection, query):
        if lower is None or upper is None:
            continue
        begins = _time(lower)
        ends[begins] = _time(upper)
        parts.setdefault(begins, {})[parent] = (rows, size)
    return [_month(begins, ends[begins], of, now) for begins, of in sorted(parts.items()) if begins <= now]


def _month(begins: datetime, ends: datetime, of: dict[str, tuple[int | None, int]], now: datetime) -> Month:
    messages, statuses = of.get("messages", (0, 0)), of.get("message_statuses", (0, 0))
    elapsed = min((now - begins) / (ends - begins), 1.0)
    return Month(begins, messages[0], statuses[0], messages[1] + statuses[1], elapsed)


def _part(name: str) -> Any:
    return sqlfile.fill(f"reports/parts/{name}.sql")


def _time(bound: str) -> datetime:
    """Return the time in an id; in Python, as the role may not be able to call the function for it."""
    return datetime.fromtimestamp((UUID(bound).int >> 80) / 1000, UTC)


def _activity(connection: Connection, unseen: list[Unseen]) -> Activity | None:
    observed, written, blocks, hit, buffers = postgres.fetch_one(connection, sqlfile.text_of("cluster/advise/activity.sql"))
    if observed is None or observed < thresholds.OBSERVED_S:
        why = f"the statistics cover {observed or 0:.0f} seconds, and a rate needs {thresholds.OBSERVED_S:.0f}"
        unseen.append(Unseen("how much is written and read", why, "run it again later"))
        return None
    return Activity(observed, written, blocks, hit, buffers)


def _reads(connection: Connection, found: Statements, activity: Activity | None) -> Reads | None:
    about_rows = [one for one in found.found if one.is_about_rows]
    total = sum(one.total_ms for one in about_rows)
    if total:
        volatile = statements.volatile_functions(connection)
        share = sum(one.total_ms for one in about_rows if one.is_read(volatile)) / total
        # Without the hidden ones it would be too low.
        busy = total / 1000 / activity.observed_s if activity and not found.unseen else None
        return Reads(share, "time of statements", busy)
    read, written = postgres.fetch_one(connection, sqlfile.text_of("cluster/advise/tables.sql"))
    return Reads(read / (read + written), "rows read and written") if read + written else None


def _status_writes(found: Statements, activity: Activity | None) -> StatusWrites | None:
    writes = [one for one in found.found if _STATUS_UPSERT.search(one.text)]
    if activity is None or (not writes and found.unseen):
        return None
    calls, rows = sum(one.calls for one in writes), sum(one.rows for one in writes)
    return StatusWrites(rows / activity.observed_s, rows / calls if calls else 0.0)


def _largest(connection: Connection, unseen: list[Unseen]) -> Conversation | None:
    analyzed, visible, messages, id, largest = postgres.fetch_one(connection, sqlfile.text_of("cluster/advise/largest.sql"))
    if not visible:
        why = "its statistics are hidden from this role" if analyzed else "messages was never analyzed"
        hint = "run it as the owner of the tables" if analyzed else "analyze public.messages;"
        unseen.append(Unseen("the largest conversation", why, hint))
        return None
    return Conversation(id or "", largest or 0, messages)


def _standbys(connection: Connection, unseen: list[Unseen]) -> tuple[Standby, ...]:
    rows: Sequence[tuple[Any, ...]] = postgres.fetch_all(connection, sqlfile.text_of("cluster/advise/standbys.sql"))
    found = tuple(Standby(*row) for row in rows)
    if any(one.behind_bytes is None for one in found):
        unseen.append(Unseen("how far the standbys are behind", "it is hidden from this role", "grant pg_monitor to it"))
    return found
