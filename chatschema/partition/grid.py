"""The grid of months, in UTC: which months should exist, how far they reach, where they have gaps. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chatschema.partition.values import Partition, Runway
from chatschema.values import Month

MONTHS_AHEAD = 6
RUNWAY_DAYS = 60
SCHEMA = "chat_partitions"


@dataclass(frozen=True, slots=True)
class Parent:
    """A partitioned table and the UUIDv7 column that decides the month."""

    table: str
    key: str


# Messages first: a status can only be stored when its message can. Months are retired in the opposite order.
GROUP = (Parent("messages", "id"), Parent("message_statuses", "message_id"))


def month_of(moment: datetime) -> datetime:
    """Return the first instant of the moment's month, in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """Return the month after `month`, which is a month's first instant."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def month_before(month: datetime, count: int) -> datetime:
    """Return the month that is `count` months before `month`; never before the year 1."""
    index = max(month.year * 12 + month.month - 1 - count, 12)
    return month.replace(year=index // 12, month=index % 12 + 1)


def month(parent: str, lower: datetime) -> Month:
    """Return the month of `parent` that begins at `lower`, under its name."""
    return Month(parent, f"{parent}_y{lower.year:04}m{lower.month:02}", lower, next_month(lower))


def is_month(lower: datetime, upper: datetime) -> bool:
    """Return whether the period is a whole month in UTC; other periods are off the grid, and chatschema leaves them alone."""
    return month_of(lower) == lower and next_month(month_of(lower)) == upper


def kept(month: Month) -> Month:
    """Return the month under the name of the table that keeps its rows under a hold when the rest is dropped."""
    return replace(month, name=f"{month.name}_held")


def overlap(one: Month, other: Month) -> bool:
    """Return whether the two are of one parent and share a moment."""
    return one.parent == other.parent and one.lower < other.upper and other.lower < one.upper


def by_age(month: Month | Partition) -> tuple[datetime, int]:
    """Return the sort key of months: oldest first, messages before their statuses."""
    return month.lower, [parent.table for parent in GROUP].index(month.parent)


def plan(
    now: datetime,
    existing: Iterable[Month],
    parents: Iterable[str],
    since: datetime | None = None,
    ahead: int = MONTHS_AHEAD,
) -> list[Month]:
    """Return the months missing from the one of `since` (default: `now`) to `ahead` months ahead; oldest first.

    Pure: the same arguments give the same plan. A month that an existing partition touches is not planned.
    """
    present = list(existing)
    lower = month_of(since if since is not None and since < now else now)
    last = month_of(now)
    for _ in range(ahead):
        last = next_month(last)
    wanted = []
    while lower <= last:
        wanted.append(lower)
        lower = next_month(lower)
    planned = [month(parent, lower) for lower in wanted for parent in parents]
    return [month for month in planned if not any(overlap(month, there) for there in present)]


def uuid7_floor(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of `moment`, as chatschema.uuid7_floor() does."""
    millis = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=millis << 80 | 7 << 76 | 2 << 62)


def ids(lower: datetime) -> tuple[UUID, UUID]:
    """Return the lowest and the highest UUIDv7 that the month which begins at `lower` can have."""
    return uuid7_floor(lower), UUID(int=uuid7_floor(next_month(lower)).int - 1)


def runway(existing: Sequence[Month], parents: Iterable[str], now: datetime) -> list[Runway]:
    """Return how far from `now` the months of each parent reach without a gap."""
    result = []
    for parent in parents:
        own = sorted((month for month in existing if month.parent == parent), key=lambda month: month.lower)
        until = None
        for month in own:
            if month.lower <= (until or now) < month.upper:
                until = month.upper
        days = round((until - now).total_seconds() / 86400, 1) if until else 0.0
        result.append(Runway(parent, len(own), until, days))
    return result


def gaps(existing: Sequence[Month], parents: Sequence[str], away: Iterable[Month] = ()) -> list[Month]:
    """Return the periods between the first and the last month of the group in which a parent has no partition.

    A period that a partition in `away` covers, detached or dropped on purpose, is no gap.
    """
    if not existing:
        return []
    first, last = min(month.lower for month in existing), max(month.upper for month in existing)
    left = list(away)
    result = []
    for parent in parents:
        reached = first
        covered = [month for month in (*existing, *left) if month.parent == parent and month.upper > first and month.lower < last]
        for month in sorted(covered, key=lambda month: month.lower):
            if month.lower > reached:
                result.append(Month(parent, "", reached, month.lower))
            reached = max(reached, month.upper)
        if reached < last:
            result.append(Month(parent, "", reached, last))
    return result


def overlaps(existing: Sequence[Month], away: Iterable[Month]) -> list[Month]:
    """Return the detached tables in `away` whose period an attached partition of the same parent covers as well."""
    return [month for month in away if any(overlap(month, there) for there in existing)]
