"""Which months leave, and what each one's next step is. Pure: from now, the survey, the ledger and the policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from chatschema.partition import grid, losses
from chatschema.partition.values import Partition, RetiredMonth
from chatschema.values import Month, Policy, Span

Action = Literal["detach", "archive", "drop", "release", "discard held", "wait", "keep"]


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing that happens to a month, and why; `wait` and `keep` are what does not happen."""

    month: datetime
    action: Action
    reason: str


def before(now: datetime, span: Span) -> datetime:
    """Return the moment `span` before `now`: months by the calendar, a day that a month lacks being its last."""
    first = grid.month_before(grid.month_of(now), span.months)
    day = min(now.day, (grid.next_month(first) - first).days)
    return now.replace(year=first.year, month=first.month, day=day) - timedelta(days=span.days)


def plan(now: datetime, survey: Sequence[Partition], records: Mapping[datetime, RetiredMonth], policy: Policy) -> list[Step]:
    """Return the next step of every month that is to leave or is leaving, oldest first.

    A month is to leave when it ended before `policy.keep` ago. What the grid does not know is never named.
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
        # A month that is half out refuses rows: it goes on, whatever the policy and the holds say now. A detach removes nothing.
        return Step(month, "detach", "its detach was cut off")
    was_detached = record is not None and record.state == "detached" and len(attached) < len(tables)
    # A table that is detached without a record was detached by hand: that is somebody's decision, and listed.
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
        return "it was dropped before; the tables that have its name now are not the ones that left"
    if any(table.is_held for table in tables) and policy.holds == "block":
        return "it has messages under a hold: chatschema hold list"
    if record and record.keep_until and record.keep_until > now:
        return f"it was brought back until {record.keep_until:%Y-%m-%d}"
    if not is_due:
        return "it is detached, and no policy lets it go: retire --older-than, or partition restore"
    return None


def _after_detach(now: datetime, month: datetime, record: RetiredMonth | None, policy: Policy) -> Step:
    if record is None or record.detached_at is None:
        return Step(month, "detach", "its detach was not recorded")
    if before(now, policy.grace) < record.detached_at:
        return Step(month, "wait", f"detached on {record.detached_at:%Y-%m-%d}, in its days of grace")
    # An archive from before the detach may be of other rows: somebody could still write then.
    is_archived = record.archived_at is not None and record.archived_at >= record.detached_at and record.archive_is_current
    if policy.archive and not is_archived:
        return Step(month, "archive", "only what is archived is dropped")
    return Step(month, "drop", "its days of grace are over" + ("" if policy.archive else ", and the policy asks for no archive"))


def _after_drop(month: datetime, tables: Sequence[Partition], record: RetiredMonth | None) -> Step | None:
    if record is None:
        return None
    if record.held_messages and not any(table.is_held for table in tables):
        return Step(month, "discard held", "no hold names the rows that were kept any more")
    if record.attachments_released is None:
        return Step(month, "release", "its attachments still name dropped messages")
    return None


def findings(
    survey: Sequence[Partition],
    gaps: Sequence[Month],
    overlaps: Sequence[Month],
    parents: Sequence[str],
    records: Mapping[datetime, RetiredMonth],
) -> list[str]:
    """Return what is wrong with the months, in words: a detach cut off, gaps, overlaps, a group out of step, a lost table."""
    found = [
        f"{p.name} is pending detach: out of sight, and refusing rows; finish it: chatschema partition maintain"
        for p in survey
        if p.state == "detach pending"
    ]
    attached = {p.lower for p in survey if p.state == "attached"}
    half_out = {month for month, record in records.items() if record.state == "detaching" and month in attached}
    found += [
        f"{month:%Y-%m} is half out, and its statuses are refused; finish it: chatschema maintain;"
        f" or bring it back: chatschema partition restore {month:%Y-%m}"
        for month in sorted({p.lower for p in survey if p.state == "detached"} & half_out)
    ]
    found += [
        f"{p.name} is detached, the other table of its month is not; bring it back: chatschema partition restore {p.lower:%Y-%m}"
        for p in survey
        if p.state == "detached" and p.lower in attached - half_out
    ]
    found += [f"{gap.parent} has no partition from {gap.lower:%Y-%m-%d} to {gap.upper:%Y-%m-%d}" for gap in gaps]
    there = [Month(p.parent, p.name, p.lower, p.upper) for p in survey if p.state in ("attached", "detach pending", "detached")]
    found += losses.tables(there, parents, records)
    found += [f"{month.name} is detached, and attached partitions cover its period" for month in overlaps]
    return found
