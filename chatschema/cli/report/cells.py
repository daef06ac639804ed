"""Rows of a report as a table: units from the names of the columns, and as many columns as fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatschema.cli import console
from chatschema.errors import UsageError
from chatschema.report import wording

# On a terminal a long text, such as a query, gets the room that is left, between these limits.
_SHORTEST, _LONGEST = 24, 60
_QUERY = "query"
# The space between two columns on a terminal.
_GAP = 3


def table(columns: Sequence[str], rows: list[dict[str, Any]], *, sort: str | None, limit: int, full: bool) -> None:
    """Print rows, the columns that fit, and how much is not shown."""
    sorted_by = named(columns, sort) if sort else None
    rows = ordered(rows, sorted_by)
    shown = rows[:limit] if limit else rows
    kept = [column for column in columns if any(row[column] is not None for row in rows)]
    width = None if full else console.width()
    titles = {column: wording.title(column) + (" ▼" if column == sorted_by else "") for column in kept}
    texts = [{column: text(column, row[column]) for column in kept} for row in shown]
    fitting, texts = fit(kept, titles, texts, width)
    right = [i for i, column in enumerate(fitting) if any(isinstance(row[column], int | float) for row in rows)]
    console.table([titles[column] for column in fitting], [[row[column] for column in fitting] for row in texts], right=right)
    if len(shown) < len(rows):
        console.answer(f"{len(shown)} of {len(rows)} rows; show all: --limit 0")
    if len(fitting) < len(kept):
        hidden = ", ".join(wording.title(column) for column in kept if column not in fitting)
        console.paragraph(f"columns that do not fit: {hidden}; show all: --full")


def named(columns: Sequence[str], prefix: str) -> str:
    """Return the column with this prefix. Raises UsageError when there is none."""
    found = [column for column in columns if column.startswith(prefix)]
    if not found:
        raise UsageError(f"there is no column {prefix}", f"the columns are {', '.join(columns)}", code="report.column")
    return found[0]


def ordered(rows: list[dict[str, Any]], column: str | None) -> list[dict[str, Any]]:
    """Return the rows, the largest of `column` first and `n`, the place in the order, renumbered; unchanged for None."""
    if column is None:
        return rows
    found = sorted(rows, key=lambda row: (row[column] is None, _descending(row[column])))
    return [{**row, "n": place} if "n" in row else row for place, row in enumerate(found, 1)]


def _descending(value: Any) -> Any:
    return -value if isinstance(value, int | float) else str(value)


def fit(
    columns: Sequence[str], titles: dict[str, str], rows: list[dict[str, str]], room: int | None
) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns that fit in `room`, from the left, always the first, and their cells; long texts are cut."""
    if room is None or not columns:
        return list(columns), rows
    widths = {column: max([len(titles[column]), *(len(row[column]) for row in rows)]) for column in columns}
    fitting = _fitting(widths, room)
    return fitting, [{column: _cut(row[column], widths[column]) for column in fitting} for row in rows]


def _fitting(widths: dict[str, int], room: int) -> list[str]:
    """Return the columns that fit, and make the widest narrower in `widths`; a query always fits, cut as necessary."""
    for column in list(widths)[1:]:
        widths[column] = min(widths[column], _LONGEST)
    widest = max(widths, key=lambda column: widths[column])
    if widths[widest] > _SHORTEST:
        others = sum(width + _GAP for column, width in widths.items() if column != widest)
        widths[widest] = max(_SHORTEST, min(widths[widest], room - others))
    if sum(width + _GAP for width in widths.values()) - _GAP <= room:
        return list(widths)
    kept = {next(iter(widths)), _QUERY} & widths.keys()
    if _QUERY in kept:
        widths[_QUERY] = min(widths[_QUERY], _SHORTEST)
    left = room + _GAP - sum(widths[column] + _GAP for column in kept)
    for column in [column for column in widths if column not in kept]:
        if widths[column] + _GAP > left:
            break
        kept.add(column)
        left -= widths[column] + _GAP
    if _QUERY in kept:
        widths[_QUERY] = min(_LONGEST, widths[_QUERY] + max(left, 0))
    return [column for column in widths if column in kept]


def _cut(words: str, width: int) -> str:
    return words if len(words) <= width else words[: width - 1] + "…"


def text(column: str, value: Any, width: int | None = None) -> str:
    """Return a value for people on one line, cut to `width`, without control characters."""
    shown = wording.text(column, value)
    if isinstance(value, str):
        shown = wording.flat(shown) or shown.strip()
        # A tree keeps its indentation.
        shown = " " * (len(value) - len(value.lstrip(" "))) + shown
    return shown if width is None else _cut(shown, width)
