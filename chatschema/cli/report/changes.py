"""What changed between two snapshots, for people: the regressed queries and their likely causes first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chatschema import units
from chatschema.cli import console
from chatschema.cli.report import cells

if TYPE_CHECKING:
    from chatschema.report.diff import Diff
    from chatschema.report.regression import QueryChange

# What drivers, poolers and reports say at the beginning of a session: it costs nothing, and is in --json.
_SESSION = re.compile(r"\s*(set|reset|show|discard|deallocate|begin|start|commit|end|rollback)\b", re.IGNORECASE)
# More of them in words would push the table out of sight.
_IN_WORDS = 5


def show(diff: Diff, *, limit: int, full: bool) -> None:
    """Print the comparison."""
    a, b = diff.earlier, diff.later
    length = units.duration(max((b.at - a.at).total_seconds(), 0) * 1000)
    console.answer(
        f"PostgreSQL {b.version}, database {b.database}: {a.at:%Y-%m-%d %H:%M:%S} to {b.at:%Y-%m-%d %H:%M:%S} UTC ({length})"
    )
    for warning in diff.warnings:
        console.answer(f"note: {warning}")
    console.answer()
    if diff.queries is None:
        console.answer(f"queries: not compared: {'; '.join(gap.what for gap in diff.gaps) or 'one snapshot has none'}")
    else:
        _show_queries(diff, limit=limit, full=full)
    _show_relations(diff, limit=limit, full=full)


def _show_queries(diff: Diff, *, limit: int, full: bool) -> None:
    from chatschema.report import diff_document
    from chatschema.report.regression import STATES

    definitions = {index.name: index.definition for index in diff.indexes if index.state == "gone"}
    queries = diff.queries or []
    for query in diff.regressed[:_IN_WORDS]:
        console.answer(f"REGRESSED {cells.text('query', query.query, None if full else 100)}")
        console.answer(f"    {why(query)}; {query.between.calls:,} calls, {query.extra_blocks:,.0f} blocks more in all")
        if query.former_queryid:
            console.answer(f"    counted as {query.former_queryid} up to A: its tables have been made anew")
        for name in query.indexes_gone:
            console.answer(f"    an index of its table has gone: {name}")
            if definition := definitions[name]:
                console.answer(f"    to make it again: {definition};")
    if diff.regressed:
        console.answer()
    groups = {which: [query for query in queries if _group(query) == which] for which in ("listed", "session", "once")}
    listed, session, once = groups.values()
    counts = [(state, sum(query.state == state for query in listed)) for state in STATES]
    console.answer("queries: " + (", ".join(f"{count} {_WORDS.get(state, state)}" for state, count in counts if count) or "none"))
    rows = [diff_document.query_row(query, diff) for query in listed]
    if rows:
        cells.table(list(rows[0]), rows, sort=None, limit=limit, full=full)
    if session:
        console.answer(
            f"not listed: {len(session)} that set up a session or a transaction (set, show, begin, ...), which --json has"
        )
    if once:
        console.answer(f"not listed: {len(once)} that ran a few times before A and not since, which --json has")


def _group(query: QueryChange) -> str:
    from chatschema.report.regression import FORMER_CALLS

    if query.state != "regressed" and _SESSION.match(query.query or ""):
        return "session"
    return "once" if query.state == "gone" and query.before.calls < FORMER_CALLS else "listed"


_WORDS = {"gone": "not called any more", "no verdict": "without a verdict (too few calls)"}


def _show_relations(diff: Diff, *, limit: int, full: bool) -> None:
    from chatschema.report import diff_document

    indexes = [diff_document.index_row(index) for index in diff.indexes if index.state != "same"]
    if indexes:
        console.answer()
        console.answer("indexes:")
        cells.table(list(indexes[0]), indexes, sort=None, limit=limit, full=full)
    for table in diff.tables:
        if table.state == "lost an index":
            console.answer(
                f"{table.name} lost {', '.join(table.indexes_gone)}, and is read from end to end:"
                f" {table.seq_scans_between:,} times, {table.seq_rows_between:,} rows"
                f" ({table.seq_pct_before or 0:.0f} % of its scans before, {table.seq_pct_between:.0f} % since)"
            )


def why(query: QueryChange) -> str:
    """Return what moved, in words."""
    from chatschema.report import diff_document

    return ", ".join(diff_document.said(reason) for reason in query.reasons)
