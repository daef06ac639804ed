"""Changes between two snapshots as one document with stable keys, and as rows of tables."""

from dataclasses import asdict
from typing import Any

from chatschema.report.compare.counters import Counters
from chatschema.report.compare.diff import Diff
from chatschema.report.compare.queries import QueryChange, Reason
from chatschema.report.compare.relations import IndexChange
from chatschema.report.compare.snapshot import Origin

FORMAT = 1
# States as people read them, where they differ from the document's.
QUERY_WORDS = {"gone": "no longer called"}
INDEX_WORDS = {"gone": "dropped"}


def of(diff: Diff) -> dict[str, Any]:
    """Return the document; times in milliseconds, sizes in bytes; `per_call` values are means between the two moments."""
    return {
        "format": FORMAT,
        "before": _origin(diff.earlier),
        "after": _origin(diff.later),
        "statements_since": diff.statements_since,
        "relations_since": diff.relations_since,
        "warnings": diff.warnings,
        "gaps": diff.gaps,
        "regressed": len(diff.regressed),
        "queries": None if diff.queries is None else [_query(query, diff) for query in diff.queries],
        "indexes": diff.indexes,
        "tables": diff.tables,
    }


def _origin(origin: Origin) -> dict[str, Any]:
    names = ("at", "system_identifier", "database", "version", "role", "is_standby", "since", "evictions", "is_io_timed")
    return {name: getattr(origin, name) for name in names}


def _query(query: QueryChange, diff: Diff) -> dict[str, Any]:
    return {
        "state": query.state,
        "queryid": query.queryid,
        "former_queryid": query.former_queryid,
        "is_toplevel": query.is_toplevel,
        "query": query.query,
        "reasons": [{**asdict(reason), "factor": reason.factor} for reason in query.reasons],
        "extra_blocks": query.extra_blocks,
        "extra_ms": query.extra_ms,
        "indexes_gone": query.indexes_gone,
        "restarted_at": query.restarted_at,
        "before": _counters(query.before, query.per_transaction_before, diff.earlier.block_size),
        "between": _counters(query.between, query.per_transaction, diff.later.block_size),
    }


def _counters(counters: Counters, per_transaction: float | None, block_size: int) -> dict[str, Any]:
    return {
        "calls": counters.calls,
        "calls_per_transaction": per_transaction,
        "total_ms": counters.total_ms,
        "mean_ms": counters.mean_ms,
        "stddev_ms": counters.stddev_ms,
        "blocks_per_call": counters.each(counters.blocks),
        "hit_pct": counters.hit_pct,
        "rows_per_call": counters.each(counters.rows),
        "temp_bytes_per_call": counters.each(counters.temp * block_size),
        "wal_bytes_per_call": counters.each(counters.wal_bytes),
        "wal_records_per_call": counters.each(counters.wal_records),
        "io_ms_per_call": counters.each(counters.io_ms),
    }


def query_row(query: QueryChange, diff: Diff) -> dict[str, Any]:
    """Return the query as a row for people; the leftmost columns matter most."""
    before, between = query.before, query.between
    size = diff.later.block_size
    return {
        "state": QUERY_WORDS.get(query.state, query.state),
        "query": query.query,
        "calls": between.calls or None,
        "blocks_before": before.each(before.blocks),
        "blocks_per_call": between.each(between.blocks),
        "mean_before_ms": before.mean_ms,
        "mean_ms": between.mean_ms,
        "stddev_ms": between.stddev_ms,
        "total_ms": between.total_ms if between.calls else None,
        "hit_pct": between.hit_pct,
        "calls_per_transaction_before": query.per_transaction_before,
        "calls_per_transaction": query.per_transaction,
        "rows_before": before.each(before.rows),
        "rows_per_call": between.each(between.rows),
        "temp_bytes": between.each(between.temp * size),
        "wal_before_bytes": before.each(before.wal_bytes),
        "wal_bytes": between.each(between.wal_bytes),
        "counted_from_at": query.restarted_at,
        "queryid": query.queryid,
    }


def index_row(index: IndexChange) -> dict[str, Any]:
    """Return the index as a row for people."""
    return {
        "state": INDEX_WORDS.get(index.state, index.state),
        "index": index.name,
        "scans_before": index.scans_before,
        "scans": index.scans_between,
        "before_bytes": index.bytes_before,
        "size_bytes": index.bytes,
        "table": index.table,
    }


_MEASURES = {
    "blocks_per_call": "blocks per call",
    "temp_blocks_per_call": "temporary blocks per call",
    "rows_per_call": "rows per call",
    "wal_records_per_call": "WAL records per call",
    "mean_ms": "ms per call",
}


def said(reason: Reason) -> str:
    """Return the reason in words."""
    if reason.measure == "calls_per_transaction":
        return f"{_calls(reason.between)} calls per transaction, {_calls(reason.before)} before"
    factor = f" (x{reason.factor:,.1f})" if reason.factor else ""
    return f"{_number(reason.before)} -> {_number(reason.between)} {_MEASURES[reason.measure]}{factor}"


def _calls(value: float) -> str:
    return f"{value:,.1f}" if value >= 0.05 or not value else f"{value:.1g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
