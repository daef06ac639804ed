"""Changes between two snapshots as Markdown with tables (GitHub's), for an issue or a wiki."""

from collections.abc import Sequence
from typing import Any

from chatschema.report.compare import document, listing
from chatschema.report.compare.diff import Diff
from chatschema.report.forms.markdown import cell, code, table_of

_HEADING = 200


def text(diff: Diff) -> str:
    """Return regressed queries and their fixes, then all queries and indexes; no text of theirs is a mark or a tag."""
    parts = [f"# Changes of {cell(diff.later.database)}", cell(listing.heading(diff))]
    said = [f"- note: {cell(warning)}" for warning in diff.warnings] + [f"- not visible: {cell(gap.what)}" for gap in diff.gaps]
    if said:
        parts.append("\n".join(said))
    if diff.regressed:
        parts.append("## Regressed")
    for place, query in enumerate(diff.regressed, 1):
        lines = [listing.cost(query), listing.renamed(query)]
        gone = listing.indexes_gone(query, diff)
        lines += [f"an index of its table was dropped: {name}" for name, _ in gone]
        parts += [
            f"### {place}. {cell(_cut(query.query or query.queryid))}",
            "\n".join(f"- {cell(line)}" for line in lines if line),
        ]
        if again := "\n".join(definition for _, definition in gone if definition):
            parts += ["To recreate it:", code(again)]
    if diff.queries is None:
        parts += ["## Queries", cell(listing.not_compared(diff))]
    else:
        listed = listing.of_queries(diff)
        rows = [document.query_row(query, diff) for query in listed.queries]
        parts += ["## Queries", listed.counts, *_rows(rows), *(cell(one) for one in listed.left_out)]
    relations = [*_rows(listing.index_rows(diff)), *(cell(one) for one in listing.tables(diff))]
    return "\n\n".join(parts + (["## Indexes", *relations] if relations else [])) + "\n"


def _cut(query: str) -> str:
    # The table shows the whole text.
    return query if len(query) <= _HEADING else f"{query[:_HEADING]}..."


def _rows(rows: Sequence[dict[str, Any]]) -> list[str]:
    columns = [column for column in rows[0] if any(row[column] is not None for row in rows)] if rows else []
    return [table_of(columns, rows)] if rows else []
