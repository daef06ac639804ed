"""The bytes that a statement reads and rewrites, and the time that it takes: bytes over the rate that was measured. Pure."""

from dataclasses import dataclass

from chatschema.migration.forecast.live import Leaf, Live
from chatschema.migration.forecast.planner import Planner
from chatschema.migration.forecast.values import Foreseen, Work

# How many times longer than a plain read: to check each row, to look up a key, to build an index, and to write the table.
_CHECK, _KEY, _BUILD, _REWRITE = 1.0, 1.0, 2.5, 3.0
# An index sorts rows, so one of few bytes takes as long as one of so many.
_LEAST_ROW = 250
# To change a row, with its indexes; to lock a table; and to begin a file of a table or an index.
_ROW_MS, _TABLE_MS, _FILE_MS = 0.05, 0.4, 1.0


@dataclass(frozen=True, slots=True)
class Estimated:
    """A statement with the tables that it reads whole on the real database, and its bytes and milliseconds; None if unknown."""

    statement: Foreseen
    scans: tuple[str, ...] | None
    bytes: int | None
    estimate_ms: float | None


def estimated(statement: Foreseen, live: Live, planner: Planner) -> Estimated:
    """Return the statement with its bytes and its time; `planner` is that of the real database."""
    if statement.rewrites is None or statement.scans is None:
        return Estimated(statement, None, None, None)
    rows, work = 0.0, tuple(_decided(one, live, planner) for one in statement.work)
    if statement.is_about_rows and (reads := planner.reads(statement.sql)):
        rows, work = reads.rows, tuple(Work(name, is_scan=True) for name in reads.tables)
    rewritten = set(statement.rewrites)
    scans = tuple(sorted({_root(one.table, live) for one in work if one.is_scan} - rewritten))
    total = sum(_bytes(one, live.leaves.get(one.table)) for one in work)
    locked = sum(lock.partitions + lock.is_parent for lock in statement.locks)
    ms = sum(_ms(one, live.leaves.get(one.table), live.rate) for one in work) + rows * _ROW_MS + locked * _TABLE_MS
    return Estimated(statement, scans, total, round(ms, 1))


def _decided(work: Work, live: Live, planner: Planner) -> Work:
    """Return the work, with a scan if the planner would read the table whole to check new foreign keys, its own and others'.

    The largest of the other tables decides.
    """
    if not work.checks:
        return work
    own = [planner.reads_both(one) for one in work.checks if one.table == work.table]
    if None in own:
        # The column does not exist yet, or this role may not read the table: it is as on the copy.
        return work
    is_scan = any(reads is not None and work.table in reads.tables for reads in own)
    others = [one for one in work.checks if one.table != work.table]
    if others and not is_scan:
        check = max(others, key=lambda one: (leaf.heap or 0) if (leaf := live.leaves.get(one.table)) else 0)
        is_scan = planner.reads_for(check, work.table)
    return Work(work.table, work.is_rewrite, is_scan, work.builds, work.keys)


def _root(table: str, live: Live) -> str:
    leaf = live.leaves.get(table)
    return leaf.root if leaf else table


def _bytes(work: Work, leaf: Leaf | None) -> int:
    if leaf is None:
        return 0
    return (leaf.size if work.is_rewrite else leaf.heap) or 0


def _ms(work: Work, leaf: Leaf | None, rate: float) -> float:
    if leaf is None:
        return 0.0
    heap = leaf.heap or 0
    builds = work.builds + (leaf.indexes if work.is_rewrite else 0)
    files = builds + work.is_rewrite
    times = work.keys * _KEY
    if work.is_rewrite:
        times += _REWRITE
    elif work.is_scan and not work.builds:
        times += _CHECK
    total = heap * times + builds * _BUILD * max(heap, leaf.rows * _LEAST_ROW if heap else 0)
    return total / rate * 1000 + files * _FILE_MS
