"""Months of chatschema.events: created ahead, dropped after their time; never archived or retired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.partition import catalog, grid
from chatschema.partition.grid import SCHEMA
from chatschema.partition.retire_plan import before
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Month, Span

PARENT = "events"
DEFAULT = f"{SCHEMA}.events_default"
_LOCK = "lock table chatschema.events in access exclusive mode"


@dataclass(frozen=True, slots=True)
class EventMonths:
    """The months of events, oldest first; whether the one for events without a month was written to; and the server's time."""

    months: tuple[Month, ...]
    has_without_month: bool
    now: datetime


def survey(connection: Connection) -> EventMonths | None:
    """Return the months that exist; None in a database of an earlier release, which has no table of events. Reads only."""
    rows = postgres.fetch_all(connection, sqlfile.text_of("partitions/list_events.sql"))
    months = [Month(PARENT, name, lower.astimezone(UTC), upper.astimezone(UTC)) for name, lower, upper, *_ in rows if lower]
    return EventMonths(tuple(months), any(row[3] for row in rows), rows[0][4]) if rows else None


def missing(connection: Connection, ahead: int) -> list[Month]:
    """Return the months to create: from that of the oldest event without one, or the current one, to `ahead` months ahead."""
    found = survey(connection)
    if found is None:
        return []
    span = _span_without_month(connection) if found.has_without_month else None
    return grid.plan(found.now, found.months, [PARENT], span and span[0], ahead)


def statements(month: Month) -> list[sql.Composed]:
    """Return the DDL that creates a month of events."""
    return [sqlfile.fill("partitions/create_events.sql", **_names(month))]


def ensure(connection: Connection, plan: Sequence[Month], *, say: Say) -> Iterator[Month]:
    """Create the planned months and move events into them that had none; yield each once all are committed.

    Where the missing months follow each other, what holds such events becomes one partition for all of them.
    The caller holds the migration lock. Raises Busy when a lock cannot be acquired.
    """
    # Without a plan there may be something to take out all the same: nothing but the space of an insert that was rolled back.
    if plan or (_is_written(connection) and _span_without_month(connection) is None):
        yield from locks.in_transaction(connection, lambda: _create(connection, plan), locks.MONTHS, say=say)


def _create(connection: Connection, plan: Sequence[Month]) -> list[Month]:
    # A month is attached beside writers and readers: only the partition without a month is looked at. What was written to that is
    # taken out behind the lock of the whole table, which comes first, as with readers and writers.
    if not _is_written(connection):
        postgres.execute(connection, f"lock table {DEFAULT} in access exclusive mode")
        if not _is_written(connection):
            _create_all(connection, plan)
            return list(plan)
    postgres.execute(connection, _LOCK)
    span = _span_without_month(connection)
    if span and (whole := _whole(plan, *span)):
        _execute(connection, "renew_default_events.sql", name=sql.Identifier(whole.name))
        _execute(connection, "adopt_events.sql", **_names(whole))
        rest = [month for month in plan if not grid.overlap(month, whole)]
        _create_all(connection, rest)
        return [whole, *rest]
    _execute(connection, "renew_default_events.sql", name=sql.Identifier("events_without_month"))
    _create_all(connection, plan)
    _execute(connection, "sort_events.sql")
    return list(plan)


def _create_all(connection: Connection, months: Sequence[Month]) -> None:
    for month in months:
        for statement in statements(month):
            postgres.execute(connection, statement)


def _whole(plan: Sequence[Month], oldest: datetime, newest: datetime) -> Month | None:
    """Return one partition for the planned months of these events; None if one of their months exists or is not planned."""
    months = [month for month in plan if month.upper > oldest and month.lower <= newest]
    if not months or months[0].lower > oldest or months[-1].upper <= newest:
        return None
    if any(first.upper != second.lower for first, second in pairwise(months)):
        return None
    return replace(months[0], upper=months[-1].upper)


def expired(connection: Connection, keep: Span) -> list[Month]:
    """Return the months of events that ended at least `keep` ago; reads only."""
    found = survey(connection)
    limit = before(catalog.server_now(connection), keep)
    return [month for month in (found.months if found else ()) if month.upper <= limit]


def expire(connection: Connection, keep: Span, *, say: Say) -> Iterator[Month]:
    """Drop the months of events that ended at least `keep` ago, yielding each once it is committed. Raises Busy."""
    for month in expired(connection, keep):

        def work(month: Month = month) -> None:
            postgres.execute(connection, _LOCK)
            _execute(connection, "drop_events.sql", **_names(month))

        locks.in_transaction(connection, work, locks.MONTHS, say=say)
        yield month


def findings(found: EventMonths) -> list[str]:
    """Return the finding about events without a month."""
    if not found.has_without_month:
        return []
    text = f"{DEFAULT} has events for whose month there is no partition; move them: chatschema maintain"
    return [f"{text}; those of a time further ahead than its months stay there"]


def _is_written(connection: Connection) -> bool:
    """Return whether the partition without a month was ever written to, also by an insert that was rolled back."""
    return bool(postgres.fetch_one(connection, "select pg_relation_size(to_regclass(%s)) > 0", (DEFAULT,))[0])


def _span_without_month(connection: Connection) -> tuple[datetime, datetime] | None:
    """Return the times of the oldest and of the newest event without a month; None if there is none."""
    oldest, newest = postgres.fetch_one(connection, "select min(recorded_at), max(recorded_at) from chat_partitions.events_default")
    return (oldest.astimezone(UTC), newest.astimezone(UTC)) if oldest else None


def _names(month: Month) -> dict[str, sql.Composable]:
    return {
        "partition": sql.Identifier(SCHEMA, month.name),
        "constraint": sql.Identifier(f"{month.name}_bounds_check"),
        "lower": sql.Literal(f"{month.lower:%Y-%m-%d %H:%M:%S+00}"),
        "upper": sql.Literal(f"{month.upper:%Y-%m-%d %H:%M:%S+00}"),
    }


def _execute(connection: Connection, file: str, **values: sql.Composable) -> None:
    postgres.execute(connection, sqlfile.fill(f"partitions/{file}", **values))
