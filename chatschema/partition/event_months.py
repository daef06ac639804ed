"""Months of chatschema.events: created ahead, dropped after their time; never archived or retired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import sql

from chatschema import events, postgres, sqlfile
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
    """The months of events; None in a database of an earlier release, which has no table of events.

    `oldest_without_month` is the time of the oldest event for whose month there is no partition.
    """

    months: tuple[Month, ...]
    oldest_without_month: datetime | None


def survey(connection: Connection) -> EventMonths | None:
    """Return the months that exist, oldest first; reads only."""
    if not postgres.has_table(connection, events.TABLE):
        return None
    rows = postgres.fetch_all(connection, sqlfile.text_of("partitions/list_events.sql"))
    months = [Month(PARENT, name, lower.astimezone(UTC), upper.astimezone(UTC)) for name, lower, upper, _ in rows if lower]
    oldest = rows[0][3] if rows else None
    return EventMonths(tuple(months), oldest and oldest.astimezone(UTC))


def missing(connection: Connection, ahead: int) -> list[Month]:
    """Return the months to create: from that of the oldest event without one, or the current one, to `ahead` months ahead."""
    found = survey(connection)
    if found is None:
        return []
    now = catalog.server_now(connection)
    return grid.plan(now, found.months, [PARENT], found.oldest_without_month, ahead)


def ensure(connection: Connection, plan: Sequence[Month], *, say: Say) -> Iterator[Month]:
    """Create the planned months and move events into them that had none; yield each once all are committed.

    The caller holds the migration lock. Raises Busy when a lock cannot be acquired.
    """
    if not plan:
        return

    def work() -> None:
        # The parent first, as readers and writers do; and no event comes into the default partition while it is emptied.
        postgres.execute(connection, _LOCK)
        found = survey(connection)
        is_aside = found is not None and found.oldest_without_month is not None
        if is_aside:
            _execute(connection, "set_default_events_aside.sql")
        for month in plan:
            _execute(connection, "create_events.sql", **_names(month))
        if is_aside:
            _execute(connection, "sort_events.sql")

    locks.in_transaction(connection, work, locks.MONTHS, say=say)
    yield from plan


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
    if found.oldest_without_month is None:
        return []
    since = f"{found.oldest_without_month:%Y-%m-%d}"
    return [f"{DEFAULT} has events since {since} for whose month there is no partition; move them: chatschema maintain"]


def _names(month: Month) -> dict[str, sql.Composable]:
    return {
        "partition": sql.Identifier(SCHEMA, month.name),
        "constraint": sql.Identifier(f"{month.name}_bounds_check"),
        "lower": sql.Literal(f"{month.lower:%Y-%m-%d %H:%M:%S+00}"),
        "upper": sql.Literal(f"{month.upper:%Y-%m-%d %H:%M:%S+00}"),
    }


def _execute(connection: Connection, file: str, **values: sql.Composable) -> None:
    postgres.execute(connection, sqlfile.fill(f"partitions/{file}", **values))
