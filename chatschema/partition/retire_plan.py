"""Which months to retire, and the next step of each. Pure: from now, the survey, the ledger and the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from chatschema.partition import grid, losses
from chatschema.partition.values import Partition, RetiredMonth
from chatschema.values import Month, Policy, Span

# Why a month stays that a hold covers.
HELD = "it has messages under a hold: chatschema hold list"
Action = Literal["detach", "archive", "drop", "release", "discard held", "wait", "keep"]


@dataclass(frozen=True, slots=True)
class Step:
    """The next step of a month, and its reason; with `wait` and `keep` nothing happens."""

    month: datetime
    action: Action
    reason: str


def before(now: datetime, span: Span) -> datetime:
    """Return the moment `span` before `now`: months by the calendar, a day that a month lacks being its last."""
    first = grid.month_before(grid.month_of(now), span.months)
    day = min(now.day, (grid.next_month(first) - first).days)
    return now.replace(year=first.year, month=first.month, day=day) - timedelta(days=span.days)


def plan(now: datetime, survey: Sequence[Partition], records: Mapping[datetime, RetiredMonth], policy: Policy) -> list[Step]:
    """Return the next step of every month that is due to be retired or is being retired, oldest first.

    A month is due when it ended before `policy.keep` ago. Periods that are off the grid are never named.
    """
    months: dict[datetime, list[Partition]] = {}
    for partition in survey:
        if grid.is_month(partition.lower, partition.upper):
            months.setdefault(partition.lower, []).append(partition)
    steps = [_step(now, month, months[month], records.get(month), policy) for month in sorted(months)]
    return [step for step in steps if step is not None]


def _step(now: datetime, month: datetime, tables: Sequence[Partition], record: RetiredMonth | None, policy: Policy) -> Step | None:
    if all(table.state in ("archived", "dropped") for table in tables):
        return _after_drop(month, tables, record)
    attached = [table for table in tables if table.state in ("attached", "detach pending")]
    is_due = policy.keep is not None and tables[0].upper <= before(now, policy.keep)
    if record is not None and record.state == "detaching":
        # Inserts into a half detached month fail: its detach is finished, whatever the policy and the holds are now. A detach
        # deletes nothing.
        return Step(month, "detach", "its detach was interrupted")
    was_detached = record is not None and record.state == "detached" and len(attached) < len(tables)
    # A table that is detached without a record was detached by hand: somebody decided that, and it is only listed.
    if not was_detached and not (is_due and len(attached) == len(tables)):
        return None
    if reason := _why_it_stays(now, tables, record, policy, is_due=is_due):
        return Step(month, "keep", reason)
    if attached:
        return Step(month, "detach", f"it ended on {tables[0].upper:%Y-%m-%d}")
    return _after_detach(now, month, record, policy)


def _why_it_stays(
    now: datetime, tables: Sequence[Partition], record: RetiredMonth | None, policy: Policy, *, is_due: bool
) -> str | None:
    if record and record.state == "dropped":
        return "it was dropped before; the tables that have its name now are not the ones that were retired"
    if any(table.is_held for table in tables) and policy.holds == "block":
        return HELD
    if record and record.keep_until and record.keep_until > now:
        return f"it was restored, and is kept until {record.keep_until:%Y-%m-%d}"
    if not is_due:
        return "it is detached, and no retention policy covers it: partition retire --older-than, or partition restore"
    return None


def _after_detach(now: datetime, month: datetime, record: RetiredMonth | None, policy: Policy) -> Step:
    if record is None or record.detached_at is None:
        return Step(month, "detach", "its detach was not recorded")
    if before(now, policy.grace) < record.detached_at:
        return Step(month, "wait", f"it was detached on {record.detached_at:%Y-%m-%d}, and its grace period is not over")
    if policy.archive and not record.has_archive_since_detach:
        return Step(month, "archive", "a month is archived before it is dropped")
    return Step(month, "drop", "its grace period is over" + ("" if policy.archive else ", and the policy requires no archive"))


def _after_drop(month: datetime, tables: Sequence[Partition], record: RetiredMonth | None) -> Step | None:
    if record is None:
        return None
    if record.held_messages and not any(table.is_held for table in tables):
        return Step(month, "discard held", "no hold covers the kept rows any more")
    if record.attachments_released is None:
        return Step(month, "release", "its attachments still refer to dropped messages")
    return None


def findings(
    survey: Sequence[Partition],
    gaps: Sequence[Month],
    overlaps: Sequence[Month],
    parents: Sequence[str],
    records: Mapping[datetime, RetiredMonth],
) -> list[str]:
    """Return findings about the months, as text: an interrupted detach, gaps, overlaps, half a month, a missing table."""
    found = [
        f"{p.name} is unavailable until its pending detach is finalized; finalize it: chatschema maintain"
        for p in survey
        if p.state == "detach pending"
    ]
    attached = {p.lower for p in survey if p.state == "attached"}
    half_out = {month for month, record in records.items() if record.state == "detaching" and month in attached}
    found += [
        f"{month:%Y-%m} is half detached, and inserts of its statuses fail; finish the detach: chatschema maintain;"
        f" or undo it: chatschema partition restore {month:%Y-%m}"
        for month in sorted({p.lower for p in survey if p.state == "detached"} & half_out)
    ]
    found += [
        f"{p.name} is detached, the other table of its month is not; restore it: chatschema partition restore {p.lower:%Y-%m}"
        for p in survey
        if p.state == "detached" and p.lower in attached - half_out
    ]
    found += [f"{gap.parent} has no partition from {gap.lower:%Y-%m-%d} to {gap.upper:%Y-%m-%d}" for gap in gaps]
    there = [Month(p.parent, p.name, p.lower, p.upper) for p in survey if p.state in ("attached", "detach pending", "detached")]
    found += losses.tables(there, parents, records)
    found += [f"{month.name} is detached, but attached partitions cover its period" for month in overlaps]
    return found
