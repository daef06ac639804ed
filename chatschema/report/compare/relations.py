"""Changes of indexes and tables between two snapshots."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from chatschema.report.compare.snapshot import Index, Snapshot, Table

IndexState = Literal["gone", "no longer used", "new", "grown", "same"]
TableState = Literal["lost an index", "gone", "new", "same"]
INDEX_STATES: tuple[IndexState, ...] = ("gone", "no longer used", "new", "grown", "same")
TABLE_STATES: tuple[TableState, ...] = ("lost an index", "gone", "new", "same")

# An index that is as busy as before has this many expected scans; none at all is then beyond chance (1 in 20,000).
EXPECTED_SCANS = 10.0
GROWTH = 1.5
GROWTH_BYTES = 10 * 1024 * 1024

Relation = TypeVar("Relation", Index, Table)


@dataclass(frozen=True, slots=True)
class IndexChange:
    """An index up to A and between A and B; None where it did not exist. `definition` recreates it."""

    state: IndexState
    name: str
    table: str
    scans_before: int | None
    scans_between: int | None
    bytes_before: int | None
    bytes: int | None
    definition: str | None


@dataclass(frozen=True, slots=True)
class TableChange:
    """A table up to A and between A and B. `seq_pct`: the percentage of its scans that are sequential."""

    state: TableState
    name: str
    indexes_gone: tuple[str, ...] = ()
    seq_scans_before: int | None = None
    seq_pct_before: float | None = None
    seq_scans_between: int | None = None
    seq_pct_between: float | None = None
    seq_rows_between: int | None = None
    index_scans_between: int | None = None
    writes_between: int | None = None
    bytes_before: int | None = None
    bytes: int | None = None


def indexes(earlier: Snapshot, later: Snapshot, reset: datetime | None) -> list[IndexChange]:
    """Return the change of each index, dropped ones first. `reset`: when the counters were reset, if they were."""
    read = {table.name for table in _tables(earlier, later, reset) if table.seq_scans_between or table.index_scans_between}
    expected = _expected(earlier, later, reset)
    both, gone = _pairs(earlier.indexes, later.indexes)
    since = earlier.origin.at, later.origin.at - earlier.origin.at
    found = [_index(old, new, expected, new.table in read, reset, since) for old, new in both]
    found += [IndexChange("gone", old.name, old.table, old.scans, None, old.bytes, None, old.definition) for old in gone]
    return ordered(found)


def ordered(changes: Sequence[IndexChange]) -> list[IndexChange]:
    """Return the indexes, dropped ones first."""
    return sorted(changes, key=lambda one: (INDEX_STATES.index(one.state), -(one.scans_before or 0), one.name))


def _expected(earlier: Snapshot, later: Snapshot, reset: datetime | None) -> float:
    """Return the expected number of scans between, for each scan up to A."""
    counted_s = (earlier.origin.at - earlier.origin.since).total_seconds()
    between_s = (later.origin.at - (reset or earlier.origin.at)).total_seconds()
    return between_s / counted_s if counted_s > 0 else 0.0


def _index(
    old: Index | None, new: Index, expected: float, is_read: bool, reset: datetime | None, since: tuple[datetime, timedelta]
) -> IndexChange:
    if old is None:
        return IndexChange("new", new.name, new.table, None, new.scans, None, new.bytes, new.definition)
    scans = _counted(new.scans, old.scans, reset)
    state: IndexState = "same"
    if not scans and is_read and old.scans * expected >= EXPECTED_SCANS and not _was_done(old, *since):
        state = "no longer used"
    elif new.bytes >= GROWTH * old.bytes and new.bytes - old.bytes >= GROWTH_BYTES:
        state = "grown"
    definition = new.definition or old.definition
    return IndexChange(state, new.name, new.table, old.scans, scans, old.bytes, new.bytes, definition)


def _was_done(index: Index, at: datetime, between: timedelta) -> bool:
    """Return whether an index was unused as long before A as since, or is scanned by writes elsewhere: that is no change."""
    if index.is_referenced:
        return True
    return index.last_scan_at is not None and at - index.last_scan_at >= between


def tables(earlier: Snapshot, later: Snapshot, reset: datetime | None, changes: Sequence[IndexChange]) -> list[TableChange]:
    """Return the change of each table, first those that lost an index and have a larger share of sequential scans."""
    lost: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for change in changes:
        if change.state == "gone":
            lost[change.table] += (change.name,)
    found = [_with_lost(table, lost[table.name]) for table in _tables(earlier, later, reset)]
    return sorted(found, key=lambda one: (TABLE_STATES.index(one.state), -(one.seq_rows_between or 0), one.name))


def _with_lost(table: TableChange, lost: tuple[str, ...]) -> TableChange:
    has_risen = (table.seq_pct_between or 0.0) > (table.seq_pct_before or 0.0)
    return replace(table, indexes_gone=lost, state="lost an index" if lost and table.state == "same" and has_risen else table.state)


def _tables(earlier: Snapshot, later: Snapshot, reset: datetime | None) -> list[TableChange]:
    both, gone = _pairs(earlier.tables, later.tables)
    return [_table(old, new, reset) for old, new in both] + [
        TableChange("gone", old.name, bytes_before=old.bytes, seq_scans_before=old.seq_scans) for old in gone
    ]


def _table(old: Table | None, new: Table, reset: datetime | None) -> TableChange:
    was = old or replace(new, seq_scans=0, seq_rows=0, index_scans=0, writes=0)
    seq, index = _counted(new.seq_scans, was.seq_scans, reset), _counted(new.index_scans, was.index_scans, reset)
    return TableChange(
        state="same" if old else "new",
        name=new.name,
        seq_scans_before=old.seq_scans if old else None,
        seq_pct_before=_pct(was.seq_scans, was.index_scans),
        seq_scans_between=seq,
        seq_pct_between=_pct(seq, index),
        seq_rows_between=_counted(new.seq_rows, was.seq_rows, reset),
        index_scans_between=index,
        writes_between=_counted(new.writes, was.writes, reset),
        bytes_before=old.bytes if old else None,
        bytes=new.bytes,
    )


def _pct(seq: int, index: int) -> float | None:
    return 100 * seq / (seq + index) if seq + index else None


def _counted(now: int, then: int, reset: datetime | None) -> int:
    """Return the count between; the whole count after a reset."""
    return now if reset is not None or now < then else now - then


def _pairs(earlier: Sequence[Relation], later: Sequence[Relation]) -> tuple[list[tuple[Relation | None, Relation]], list[Relation]]:
    """Return each later relation with the earlier one, by oid, or by name if it was recreated; and the dropped ones."""
    left = {one.oid: one for one in earlier}
    same = {new.oid: left.pop(new.oid) for new in later if new.oid in left}
    names = {one.name: one for one in left.values()}
    both = [(same[new.oid] if new.oid in same else names.pop(new.name, None), new) for new in later]
    return both, list(names.values())
