"""chatschema report --watch: the same reports again and again, with what changed in between."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import typer

from chatschema.cli import console, signals
from chatschema.cli.report import cells
from chatschema.cli.report.printing import WORDS
from chatschema.errors import UsageError
from chatschema.report import interval, wording

if TYPE_CHECKING:
    from chatschema.cli.report.printing import Layout
    from chatschema.report.result import Coverage, Finding, Result
    from chatschema.task.looking import Look

    Row = dict[str, Any]

# What a row is called, where its report says no object: a place in the order is not a name.
_NAMES = ("object", "queryid")
_TEXT_WIDTH = 48
_NO_COUNTS = frozenset({"n", "queryid", "pid"})
_FINDING_LINES = 6
_ORDER = list(WORDS.values())
_HEADER = ["", "change", "check", "finding"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is otherwise than at the tick before.

    `what` is "row" or "finding"; `change` is "new", "gone", "up", "down" of the column, or, of a severity, "worse" or "better".
    """

    report: str
    what: str
    object: str
    change: str
    column: str | None = None
    before: Any = None
    after: Any = None
    delta: float | None = None


def watch(look: Look, layout: Layout, seconds: float) -> None:
    """Show what `look` sees every so many seconds, at first at once: drawn anew on a terminal, a JSON line a tick elsewhere.

    Returns when nobody reads it any more; Ctrl-C ends it with 130. Raises ServerError when the connection is lost.
    """
    if layout.form not in ("table", "json"):
        raise UsageError(f"--{layout.form} cannot be watched", "take --json, or neither")
    try:
        if layout.form == "table" and console.width() is not None:
            _draw(look, layout, seconds)
        else:
            _stream(look, seconds)
    except KeyboardInterrupt as interrupt:
        raise typer.Exit(signals.exit_code(interrupt)) from None


def _ticks(look: Look, seconds: float) -> Iterator[tuple[list[Result], list[Result]]]:
    """Yield the results of the tick before, none at first, and of this one, until nobody reads them."""
    before: list[Result] = []
    due = time.monotonic()
    while True:
        now = look.now()
        yield before, now
        before = now
        # A report that took longer than a tick does not make the next ones come in a heap.
        due = max(due + seconds, time.monotonic())
        if not console.wait(due - time.monotonic()):
            return


def _stream(look: Look, seconds: float) -> None:
    from chatschema.report.forms import document

    for before, now in _ticks(look, seconds):
        reports = document.of(now, look.coverage)["reports"]
        if not console.as_json_line({"at": look.coverage.now, "reports": reports, "changes": changes(before, now)}):
            return


def changes(before: Sequence[Result], now: Sequence[Result]) -> list[Change]:
    """Return what changed from one tick to the next; a report that was not evaluated at one of them has no say."""
    earlier = {result.report: result for result in before if result.status != "not evaluated"}
    pairs = [(earlier[result.report], result) for result in now if result.report in earlier and result.status != "not evaluated"]
    return [change for old, new in pairs for change in (*_of_findings(old, new), *_of_rows(old, new))]


def _of_findings(old: Result, new: Result) -> list[Change]:
    from chatschema.report.result import STATUSES

    was, has = ({finding.id: finding.severity for finding in result.findings if not finding.suppressed} for result in (old, new))
    found = [Change(new.report, "finding", id, "new", after=severity) for id, severity in has.items() if id not in was]
    found += [Change(new.report, "finding", id, "gone", before=severity) for id, severity in was.items() if id not in has]
    for id, severity in has.items():
        if id in was and was[id] != severity:
            is_worse = STATUSES.index(severity) < STATUSES.index(was[id])
            found.append(Change(new.report, "finding", id, "worse" if is_worse else "better", before=was[id], after=severity))
    return found


def _of_rows(old: Result, new: Result) -> list[Change]:
    was, has = keyed(old), keyed(new)
    found = [Change(new.report, "row", name, "new") for name in has if name not in was]
    found += [Change(new.report, "row", name, "gone") for name in was if name not in has]
    for name, row in has.items():
        for column, value in row.items():
            earlier = was.get(name, {}).get(column)
            if _is_count(column, value) and _is_count(column, earlier) and value != earlier:
                way = "up" if value > earlier else "down"
                found.append(Change(new.report, "row", name, way, column, earlier, value, value - earlier))
    return found


def _is_count(column: str, value: Any) -> bool:
    return column not in _NO_COUNTS and wording.is_number(value)


def keyed(result: Result) -> dict[str, Row]:
    """Return the rows by what they are of: their object, else the number of their query, else their first column."""
    return dict(zip(_names(result, result.rows), result.rows, strict=True))


def _names(result: Result, rows: Sequence[Row]) -> list[str]:
    """Return a name for each row; of one object's several rows, such as its applications, each has its other texts in it."""
    plain = [str(next((row[column] for column in (*_NAMES, result.columns[0]) if row.get(column) is not None), "")) for row in rows]
    times = Counter(plain)
    return [
        name if times[name] == 1 else f"{name} {[value for key, value in row.items() if isinstance(value, str) and key != 'query']}"
        for name, row in zip(plain, rows, strict=True)
    ]


def _draw(look: Look, layout: Layout, seconds: float) -> None:
    with console.live() as draw:
        for before, now in _ticks(look, seconds):
            changed = changes(before, now)
            has_means = layout.name is not None and bool(before) and not interval.MEANS.isdisjoint(now[0].columns)
            lines = [wording.header(look.coverage), _clock(look.coverage, seconds, changed, has_means=has_means), ""]
            if layout.name is not None:
                lines += [*_findings(before, now[0], changed), ""]
            # The table's own header takes two lines, the cursor one.
            size = shutil.get_terminal_size()
            # And one for how much there was no room for.
            room = max(size.lines - sum(max(-(-len(line) // size.columns), 1) for line in lines) - 4, 1)
            if layout.name is None:
                header, rows = _overview(before, now, changed)
                table: tuple[list[str], list[list[str]], Sequence[int]] = (header, rows[:room], ())
                total = len(rows)
            else:
                table, total = _table(before, now[0], layout, room), len(now[0].rows)
            shown = len(table[1])
            lines = [*lines[:2], f"{shown} of {total} rows: no room for the others", *lines[2:]] if shown < total else lines
            draw(lines, *table)


def _clock(coverage: Coverage, seconds: float, changed: Sequence[Change], *, has_means: bool) -> str:
    means = f"; means are those of the last {seconds:g} s" if has_means else ""
    return f"{coverage.now.astimezone(UTC):%H:%M:%S} UTC, every {seconds:g} s{means}; changed: {len(changed)}; Ctrl-C ends it"


def _overview(before: Sequence[Result], now: Sequence[Result], changed: Sequence[Change]) -> tuple[list[str], list[list[str]]]:
    """Return the findings and what was not seen, worst first, each with what became of it; those that went, last."""
    marks = _marks(changed)
    rows = [_line(finding, marks) for result in now for finding in result.findings if not finding.suppressed]
    rows += [["?", "", result.report, gap.what] for result in now for gap in result.gaps]
    rows.sort(key=lambda row: _ORDER.index(row[0]))
    rows += [_line(finding, marks) for finding in _gone(before, changed)]
    passed = ", ".join(sorted(result.report for result in now if result.status == "ok"))
    width = (console.width() or _TEXT_WIDTH) - sum(max(len(row[at]) for row in [_HEADER, *rows]) + 2 for at in range(3))
    rows += [["ok", "", "", passed]] if passed else []
    return _HEADER, [[*row[:3], cells.text("finding", row[3], max(width, 20))] for row in rows]


def _marks(changed: Sequence[Change]) -> dict[str, str]:
    return {change.object: change.change for change in changed if change.what == "finding"}


def _gone(before: Sequence[Result], changed: Sequence[Change]) -> list[Finding]:
    gone = {change.object for change in changed if change.what == "finding" and change.change == "gone"}
    return [finding for result in before for finding in result.findings if finding.id in gone]


def _line(finding: Finding, marks: dict[str, str]) -> list[str]:
    text = f"{finding.object}: {finding.message}" if finding.object else finding.message
    check = f"{finding.report}.{finding.check}"
    return [WORDS[finding.severity], marks.get(finding.id, ""), check, text]


def _findings(before: Sequence[Result], result: Result, changed: Sequence[Change]) -> list[str]:
    """Return the lines above the rows of one report: what it could not see, and its worst findings."""
    lines = [f"{result.report}: {result.title}", *(f"not seen: {gap.what}" for gap in result.gaps)]
    marks = _marks(changed)
    found = [_line(finding, marks) for finding in (*result.findings, *_gone(before, changed)) if not finding.suppressed]
    lines += [" ".join(word for word in line if word) for line in found[:_FINDING_LINES]]
    return [*lines, f"and {len(found) - _FINDING_LINES} more"] if len(found) > _FINDING_LINES else lines


def _table(before: Sequence[Result], result: Result, layout: Layout, room: int) -> tuple[list[str], list[list[str]], list[int]]:
    """Return header, rows with what each number gained or lost, and the columns that are numbers."""
    by = cells.named(result.columns, layout.sort) if layout.sort else None
    rows = cells.ordered(result.rows, by)[: min(room, layout.limit or room)]
    was = keyed(before[0]) if before else {}
    rows = [
        {**row, **interval.means(was[name], row)} if name in was else row
        for name, row in zip(_names(result, rows), rows, strict=True)
    ]
    columns = [column for column in result.columns if any(row[column] is not None for row in rows)]
    titles = {column: wording.title(column) for column in columns}
    names = _names(result, rows)
    texts = [{column: _cell(column, row, was.get(name)) for column in columns} for name, row in zip(names, rows, strict=True)]
    if before:
        columns = ["", *columns]
        titles[""] = ""
        texts = [{"": "" if name in was else "new", **shown} for name, shown in zip(names, texts, strict=True)]
    width = console.width()
    fitting, texts = cells.fit(columns, titles, texts, None if layout.full or width is None else width - 2)
    right = [at for at, column in enumerate(fitting) if any(wording.is_number(row.get(column)) for row in rows)]
    return [titles[column] for column in fitting], [[row[column] for column in fitting] for row in texts], right


def _cell(column: str, row: Row, was: Row | None) -> str:
    """Return a value and, in words and with its sign, by how much it changed."""
    value, shown = row[column], cells.text(column, row[column], _TEXT_WIDTH)
    earlier = was.get(column) if was else None
    # What is the same at this precision is not worth the room; a mean of this interval is no change of the one before.
    if (
        column in interval.MEANS
        or not _is_count(column, value)
        or not _is_count(column, earlier)
        or cells.text(column, earlier, None) == shown
    ):
        return shown
    size = wording.number(column, abs(value - earlier))
    return f"{shown} (+{size} up)" if value > earlier else f"{shown} (-{size} down)"
