"""What changed between two snapshots as people read it, whatever the form: what is said in words, and what is a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatschema import units
from chatschema.report.compare import document
from chatschema.report.compare.diff import Diff
from chatschema.report.compare.queries import FORMER_CALLS, STATES, QueryChange

# What drivers, poolers and reports say at the beginning of a session: it costs nothing, and is in --json.
_SESSION = re.compile(r"\s*(set|reset|show|discard|deallocate|begin|start|commit|end|rollback)\b", re.IGNORECASE)
_WORDS = {"gone": "not called any more", "no verdict": "without a verdict (too few calls)"}


@dataclass(frozen=True, slots=True)
class Listing:
    """The queries that are listed, how many of each state, and what is said of those that are not."""

    queries: Sequence[QueryChange]
    counts: str
    left_out: Sequence[str]


def heading(diff: Diff) -> str:
    """Return where, and from when to when."""
    a, b = diff.earlier, diff.later
    moments = f"{a.at:%Y-%m-%d %H:%M:%S} to {b.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"PostgreSQL {b.version}, database {b.database}: {moments} ({length(diff)})"


def length(diff: Diff) -> str:
    """Return how much time lies between the two."""
    return units.duration(max((diff.later.at - diff.earlier.at).total_seconds(), 0) * 1000)


def of_queries(diff: Diff) -> Listing:
    """Return the queries to list, the worst first."""
    queries = diff.queries or []
    groups = {which: [query for query in queries if _group(query) == which] for which in ("listed", "session", "once")}
    counts = [(state, sum(query.state == state for query in groups["listed"])) for state in STATES]
    said = {
        "session": "that set up a session or a transaction (set, show, begin, ...), which --json has",
        "once": "that ran a few times before A and not since, which --json has",
    }
    return Listing(
        queries=groups["listed"],
        counts=", ".join(f"{count} {_WORDS.get(state, state)}" for state, count in counts if count) or "none",
        left_out=[f"not listed: {len(groups[which])} {what}" for which, what in said.items() if groups[which]],
    )


def _group(query: QueryChange) -> str:
    if query.state != "regressed" and _SESSION.match(query.query or ""):
        return "session"
    return "once" if query.state == "gone" and query.before.calls < FORMER_CALLS else "listed"


def not_compared(diff: Diff) -> str:
    """Return why queries were not compared."""
    return f"not compared: {'; '.join(gap.what for gap in diff.gaps) or 'one snapshot has none'}"


def why(query: QueryChange) -> str:
    """Return what moved, in words."""
    return ", ".join(document.said(reason) for reason in query.reasons)


def cost(query: QueryChange) -> str:
    """Return what moved, and what that cost in all."""
    return f"{why(query)}; {query.between.calls:,} calls, {query.extra_blocks:,.0f} blocks more in all"


def renamed(query: QueryChange) -> str | None:
    """Return what is said of a query that had another number."""
    return f"counted as {query.former_queryid} up to A: its tables have been made anew" if query.former_queryid else None


def indexes_gone(query: QueryChange, diff: Diff) -> list[tuple[str, str | None]]:
    """Return the indexes that its tables lost, and the statement that makes each again."""
    definitions = {index.name: index.definition for index in diff.indexes if index.state == "gone"}
    return [(name, f"{definition};" if (definition := definitions[name]) else None) for name in query.indexes_gone]


def index_rows(diff: Diff) -> list[dict[str, Any]]:
    """Return the rows of the indexes that changed."""
    return [document.index_row(index) for index in diff.indexes if index.state != "same"]


def tables(diff: Diff) -> list[str]:
    """Return what is said of tables that lost an index."""
    return [
        f"{table.name} lost {', '.join(table.indexes_gone)}, and is read from end to end:"
        f" {table.seq_scans_between:,} times, {table.seq_rows_between:,} rows"
        f" ({table.seq_pct_before or 0:.0f} % of its scans before, {table.seq_pct_between:.0f} % since)"
        for table in diff.tables
        if table.state == "lost an index"
    ]
