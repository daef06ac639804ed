"""One query with several numbers: before PostgreSQL 18, recreating a table changes the numbers of its queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from chatschema.report.compare.counters import ZERO, Counters
from chatschema.report.compare.queries import QueryChange, names
from chatschema.report.compare.snapshot import Snapshot
from chatschema.report.literals import bare


def recreated(earlier: Snapshot, later: Snapshot) -> set[str]:
    """Return the tables that have their former name and another oid."""
    oids = {table.name: table.oid for table in earlier.tables}
    return {table.name for table in later.tables if oids.get(table.name, table.oid) != table.oid}


def joined(changes: Sequence[QueryChange], recreated: Collection[str]) -> list[QueryChange]:
    """Return the changes, with queries that continue under another number as one.

    Queries are the same if their texts differ only in blanks and comments, and they name a table of `recreated`; or if the text
    belongs to one query that is no longer called, and to a new one.
    """
    groups: dict[tuple[str, bool] | str, list[QueryChange]] = defaultdict(list)
    for change in changes:
        groups[(bare(change.query), change.is_toplevel) if change.query else change.queryid].append(change)
    return [change for group in groups.values() for change in _joined(group, recreated)]


def _joined(group: Sequence[QueryChange], recreated: Collection[str]) -> Sequence[QueryChange]:
    former = [one for one in group if one.before.calls]
    new = [one for one in group if not one.before.calls]
    if not former or not new:
        return group
    is_recreated = any(names(new[0].query, table) for table in recreated)
    if not is_recreated and (len(former) > 1 or len(new) > 1 or former[0].between.calls):
        return group
    latest = max(new, key=lambda one: one.between.calls)
    return [
        replace(
            latest,
            before=_sum(one.before for one in former),
            between=_sum(one.between for one in group),
            former_queryid=former[0].queryid,
            began_at=former[0].began_at,
            restarted_at=next((one.restarted_at for one in former if one.restarted_at), None),
        )
    ]


def _sum(counters: Iterable[Counters]) -> Counters:
    return sum(counters, ZERO)
