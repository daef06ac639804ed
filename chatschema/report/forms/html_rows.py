"""The rows of one report on a page: a chart of comparable values, and a table that becomes a list of cards on a phone."""

from html import escape
from typing import Any

from chatschema.report import wording
from chatschema.report.forms import chart
from chatschema.report.result import Result

# The limit of a page that is sent by mail; the other forms have all rows.
_ROWS = 100
_BARS = 10
# Values are alike if the largest is at most this many times the smallest.
_ALIKE = 1.1
# Texts such as queries are folded from the first length, and cut at the second.
_FOLDED, _CUT = 90, 4000


def chart_of(result: Result) -> str:
    """Return the bars of the first column with a unit, if there are at least two to compare."""
    of = next((column for column in result.columns if column.endswith(("_bytes", "_ms", "_pct"))), None)
    label = _label(result)
    rows = [row for row in result.rows if of and wording.is_number(row[of]) and row[of] >= 0]
    if of is None or label is None or sum(row[of] > 0 for row in rows) < 2:
        return ""
    # Only the order of the report shows whether a percentage is good or bad; for times and sizes the largest ones matter.
    is_share = of.endswith("_pct")
    shown = (rows if is_share else sorted(rows, key=lambda row: -row[of]))[:_BARS]
    which = (
        f"the {'first' if is_share else 'largest'} {len(shown)} of {len(result.rows):,}" if len(shown) < len(result.rows) else "all"
    )
    title = f"{wording.title(of)}: {which}"
    # Bars of similar length show less than their numbers.
    if max(row[of] for row in shown) <= _ALIKE * min(row[of] for row in shown):
        return ""
    longest = max([float(row[of]) for row in shown] + [100.0] * is_share)
    items = [chart.Bar(wording.flat(str(row[label])), float(row[of]), wording.text(of, row[of])) for row in shown]
    return f"<figure><figcaption>{escape(title)}</figcaption>{chart.bars(title, items, longest)}</figure>"


def _label(result: Result) -> str | None:
    named = [column for column in ("object", "query", *result.columns) if column in result.columns]
    return next((name for name in named if any(isinstance(row[name], str) for row in result.rows)), None)


def table_of(result: Result) -> str:
    """Return the table, only its first rows if there are many; the first text is the heading of its row."""
    columns = wording.filled(result)
    heading = _label(result) or columns[0]
    right = {column for column in columns if wording.numeric(result.rows, column)}
    head = "".join(
        f'<th scope="col"{" class=number" if column in right else ""}>{escape(wording.title(column))}</th>' for column in columns
    )
    rows = "".join(
        f"<tr>{''.join(_cell(c, row[c], c == heading, c in right) for c in columns)}</tr>\n" for row in result.rows[:_ROWS]
    )
    rest = f"the first {_ROWS:,} of {len(result.rows):,} rows; for all of them: chatschema report {escape(result.report)} --csv"
    caption = f"<caption>{rest}</caption>" if len(result.rows) > _ROWS else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="rows of {escape(result.report)}"><table>'
        f"{caption}<thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>"
    )


def _cell(column: str, value: Any, is_heading: bool, is_right: bool) -> str:
    tag, scope = ("th", ' scope="row"') if is_heading else ("td", "")
    shown, classes, exact = escape(wording.text(column, value)), [], ""
    if value is None:
        classes.append("null")
    elif is_right:
        exact = f' title="{wording.raw(value)}" data-value="{wording.raw(value)}"'
    elif isinstance(value, str) and (column == "query" or len(value) > _FOLDED):
        classes.append("text")
        shown = _folded(value) if len(value) > _FOLDED else shown
    if is_right:
        classes.append("number")
    name = f' class="{" ".join(classes)}"' if classes else ""
    return f'<{tag}{scope}{name} data-column="{escape(wording.title(column))}"{exact}>{shown}</{tag}>'


def _folded(words: str) -> str:
    rest = f"\n... {len(words) - _CUT:,} characters more" if len(words) > _CUT else ""
    start = wording.flat(words[:_FOLDED])
    return f"<details><summary>{escape(start)}&hellip;</summary><pre>{escape(words[:_CUT])}{rest}</pre></details>"
