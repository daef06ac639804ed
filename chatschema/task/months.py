"""The state of the months: their tables, their runway, and findings about them; and creating the missing ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError, UsageError
from chatschema.partition import catalog, create, default, event_months, grid, retire_plan, retired_months
from chatschema.partition.values import Partition, RetiredMonth, Runway
from chatschema.postgres import Connection, Say
from chatschema.values import Month, Settings


@dataclass(frozen=True, slots=True)
class Months:
    """Every month's tables, existing or dropped; the runway of each parent; the gaps and overlaps; and the findings as text."""

    partitions: tuple[Partition, ...]
    runway: tuple[Runway, ...]
    gaps: tuple[Month, ...]
    overlaps: tuple[Month, ...]
    findings: tuple[str, ...]


def survey(connection: Connection, *, measured: bool = True) -> Months:
    """Return the state of the months, without sizes unless `measured`; reads only. Raises ServerError."""
    records = retired_months.read(connection)
    found = catalog.survey(connection, records, measured=measured)
    parents = catalog.parents(connection)
    attached = [_bounds(one) for one in found if one.state == "attached"]
    gaps = grid.gaps(attached, parents, [_bounds(one) for one in found if one.state != "attached"])
    overlaps = grid.overlaps(attached, [_bounds(one) for one in found if one.state == "detached"])
    of_events = event_months.survey(connection)
    now = of_events.now if of_events else catalog.server_now(connection)
    runway = grid.runway(attached, parents, now)
    if of_events:
        runway += grid.runway(of_events.months, [event_months.PARENT], now)
    findings = [*_running_out(runway), *retire_plan.findings(found, gaps, overlaps, parents, records)]
    findings += event_months.findings(of_events) if of_events else []
    return Months(tuple(found), tuple(runway), tuple(gaps), tuple(overlaps), tuple(findings))


def statements(month: Month) -> list[sql.Composed]:
    """Return the DDL that creates a month, of messages and statuses or of events."""
    return event_months.statements(month) if month.parent == event_months.PARENT else create.statements(month)


def detached_by_hand(months: Months, records: Mapping[datetime, RetiredMonth]) -> list[Partition]:
    """Return the detached tables of months whose retirement is not recorded."""
    kept = {lower for lower, record in records.items() if record.state != "attached"}
    return [one for one in months.partitions if one.state == "detached" and one.lower not in kept]


def _bounds(partition: Partition) -> Month:
    return Month(partition.parent, partition.name, partition.lower, partition.upper)


def _running_out(runways: Sequence[Runway]) -> list[str]:
    return [
        f"{runway.parent} has partitions for {runway.days:g} more days, fewer than {grid.RUNWAY_DAYS}"
        for runway in runways
        if runway.days < grid.RUNWAY_DAYS
    ]


def require_tables(connection: Connection, *needed: str) -> list[str]:
    """Return the partitioned tables, messages first; raise when they, or the tables that retirement needs, are missing.

    `needed` are other tables of schema chatschema that a command needs: an earlier release may not have created them.
    """
    parents = catalog.parents(connection)
    if not parents:
        text = "table messages does not exist, so it has no months"
        raise ChatschemaError(text, "first: chatschema migrate", code="partition.not-migrated")
    for table in ("retired_months", *needed):
        if not postgres.has_table(connection, f"chatschema.{table}"):
            text = f"this database has no table chatschema.{table} yet"
            raise ChatschemaError(text, "first: chatschema migrate", code="partition.not-migrated")
    return parents


def ensure(connection: Connection, settings: Settings, since: datetime | None = None, *, say: Say) -> list[Month]:
    """Create the missing months, from `since` on, and return them. The caller holds the migration lock.

    Raises UsageError when `since` is not in the past, ChatschemaError and Busy.
    """
    parents, ahead = require_tables(connection), settings.policy.ahead
    if since and since > catalog.server_now(connection):
        text, hint = f"--from {since:%Y-%m} is not in the past", f"the next {ahead} months are created without --from"
        raise UsageError(text, hint, code="partition.future-month")
    plan = create.missing(connection, parents, since=since, ahead=ahead)
    away = sorted({month.lower for month in catalog.dropped(connection) if since and month.upper > since})
    if away:
        months = ", ".join(f"{lower:%Y-%m}" for lower in away)
        say(f"warning: these months were retired and are not created again: {months}; restore: chatschema partition restore MONTH")
    made = list(create.ensure(connection, plan, say=say))
    made += event_months.ensure(connection, event_months.missing(connection, ahead), say=say)
    now = catalog.server_now(connection)
    for finding in default.finding(default.defaults(connection, now), now):
        say(f"warning: {finding}")
    return made
