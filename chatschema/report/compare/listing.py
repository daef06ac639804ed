"""Changes between two snapshots for people, in any form: sentences and rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatschema import units
from chatschema.report.compare import document
from chatschema.report.compare.diff import Diff
from chatschema.report.compare.queries import FORMER_CALLS, STATES, QueryChange

# Statements that drivers, poolers and reports run at the start of a session: they cost nothing, and are in --json.
_SESSION = re.compile(r"\s*(set|reset|show|discard|deallocate|begin|start|commit|end|rollback)\b", re.IGNORECASE)
_WORDS = {**document.QUERY_WORDS, "no verdict": "without a verdict (too few calls)"}


@dataclass(frozen=True, slots=True)
class Listing:
    """The queries that are listed, the number of each state, and a sentence on those that are not listed."""

    queries: Sequence[QueryChange]
    counts: str
    left_out: Sequence[str]


def heading(diff: Diff) -> str:
    """Return server, database and the two moments."""
    a, b = diff.earlier, diff.later
    moments = f"{a.at:%Y-%m-%d %H:%M:%S} to {b.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"PostgreSQL {b.version}, database {b.database}: {moments} ({length(diff)})"


def length(diff: Diff) -> str:
    """Return the time between the two."""
    return units.duration(max((diff.later.at - diff.earlier.at).total_seconds(), 0) * 1000)


def of_queries(diff: Diff) -> Listing:
    """Return the queries to list, the worst first."""
    queries = diff.queries or []
    groups = {which: [query for query in queries if _group(query) == which] for which in ("listed", "session", "once")}
    counts = [(state, sum(query.state == state for query in groups["listed"])) for state in STATES]
    said = {
        "session": "that set up a session or a transaction (set, show, begin, ...)",
        "once": "that ran a few times before A and not since",
    }
    return Listing(
        queries=groups["listed"],
        counts=", ".join(f"{count} {_WORDS.get(state, state)}" for state, count in counts if count) or "none",
        left_out=[f"not listed: {len(groups[which])} {text}; see --json" for which, text in said.items() if groups[which]],
    )


def _group(query: QueryChange) -> str:
    if query.state != "regressed" and _SESSION.match(query.query or ""):
        return "session"
    return "once" if query.state == "gone" and query.before.calls < FORMER_CALLS else "listed"


def not_compared(diff: Diff) -> str:
    """Return why the queries were not compared."""
    return f"not compared: {'; '.join(gap.what for gap in diff.gaps) or 'one snapshot has no queries'}"


def why(query: QueryChange) -> str:
    """Return the reasons in words."""
    return ", ".join(document.said(reason) for reason in query.reasons)


def cost(query: QueryChange) -> str:
    """Return the reasons, and their total cost."""
    return f"{why(query)}; {query.between.calls:,} calls, {query.extra_blocks:,.0f} blocks more in total"


def renamed(query: QueryChange) -> str | None:
    """Return a sentence on a query that had another number."""
    return f"counted as {query.former_queryid} up to A, because its tables were recreated" if query.former_queryid else None


def indexes_gone(query: QueryChange, diff: Diff) -> list[tuple[str, str | None]]:
    """Return the dropped indexes of its tables, and the statement that recreates each."""
    definitions = {index.name: index.definition for index in diff.indexes if index.state == "gone"}
    return [(name, f"{definition};" if (definition := definitions[name]) else None) for name in query.indexes_gone]


def index_rows(diff: Diff) -> list[dict[str, Any]]:
    """Return the rows of the indexes that changed."""
    return [document.index_row(index) for index in diff.indexes if index.state != "same"]


def tables(diff: Diff) -> list[str]:
    """Return sentences on tables that lost an index."""
    return [
        f"{table.name} lost {', '.join(table.indexes_gone)}:"
        f" {table.seq_scans_between:,} sequential scans read {table.seq_rows_between:,} rows"
        f" ({table.seq_pct_before or 0:.0f} % of its scans were sequential before, {table.seq_pct_between:.0f} % since)"
        for table in diff.tables
        if table.state == "lost an index"
    ]
