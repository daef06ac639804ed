"""Changes between two snapshots, for people: the regressed queries and their likely causes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatschema.cli import console
from chatschema.cli.report import cells

if TYPE_CHECKING:
    from chatschema.report.compare.diff import Diff

# More of them would push the table out of sight.
_IN_WORDS = 5


def show(diff: Diff, *, limit: int, full: bool) -> None:
    """Print the comparison."""
    from chatschema.report.compare import listing

    console.answer(listing.heading(diff))
    for warning in diff.warnings:
        console.answer(f"note: {warning}")
    console.answer()
    if diff.queries is None:
        console.answer(f"queries: {listing.not_compared(diff)}")
    else:
        _show_queries(diff, limit=limit, full=full)
    if indexes := listing.index_rows(diff):
        console.answer()
        console.answer("indexes:")
        cells.table(list(indexes[0]), indexes, sort=None, limit=limit, full=full)
    for said in listing.tables(diff):
        console.answer(said)


def _show_queries(diff: Diff, *, limit: int, full: bool) -> None:
    from chatschema.report.compare import document, listing

    for query in diff.regressed[:_IN_WORDS]:
        console.answer(f"REGRESSED {cells.text('query', query.query, None if full else 100)}")
        console.answer(f"    {listing.cost(query)}")
        if renamed := listing.renamed(query):
            console.answer(f"    {renamed}")
        for name, definition in listing.indexes_gone(query, diff):
            console.answer(f"    an index of its table was dropped: {name}")
            if definition:
                console.answer(f"    to recreate it: {definition}")
    if more := len(diff.regressed[_IN_WORDS:]):
        console.answer(f"{more} more regressed queries are in the table; details: --markdown")
    if diff.regressed:
        console.answer()
    listed = listing.of_queries(diff)
    console.answer(f"queries: {listed.counts}")
    rows = [document.query_row(query, diff) for query in listed.queries]
    if rows:
        cells.table(list(rows[0]), rows, sort=None, limit=limit, full=full)
    for said in listed.left_out:
        console.answer(said)
