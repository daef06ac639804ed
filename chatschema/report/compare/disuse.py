"""Indexes that current queries no longer use; an index that served a one-time job, such as a seed, is not reported."""

from collections.abc import Sequence
from dataclasses import replace

from chatschema.report.compare.queries import FORMER_CALLS, QueryChange, names
from chatschema.report.compare.relations import IndexChange

# A query that has lost an index reads a different number of blocks, more or fewer.
OTHER_BLOCKS = 0.1


def confirmed(indexes: Sequence[IndexChange], queries: Sequence[QueryChange]) -> list[IndexChange]:
    """Return the indexes; one that is unused only because the queries that used it have ended becomes "same"."""
    return [
        replace(index, state="same") if index.state == "no longer used" and _is_done(index.table, queries) else index
        for index in indexes
    ]


def _is_done(table: str, queries: Sequence[QueryChange]) -> bool:
    """Return whether the queries of the table are known, and all that still run read the same blocks as before."""
    those = [query for query in queries if query.before.calls and names(query.query, table)]
    return bool(those) and not any(_has_another_plan(query) for query in those)


def _has_another_plan(query: QueryChange) -> bool:
    x, y = query.before.each(query.before.blocks), query.between.each(query.between.blocks)
    if x is None or y is None or query.before.calls < FORMER_CALLS:
        return False
    return abs(y - x) >= max(1.0, OTHER_BLOCKS * x)
