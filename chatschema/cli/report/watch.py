"""chatschema report watch: the same reports again and again, with the changes in between."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session, signals
from chatschema.cli.report import cells
from chatschema.cli.report import look as looks
from chatschema.cli.report import options as report_options
from chatschema.cli.report.printing import WORDS, Layout
from chatschema.errors import UsageError
from chatschema.report import watch as changed_rows
from chatschema.report import wording

if TYPE_CHECKING:
    from chatschema.report.result import Coverage, Finding, Result
    from chatschema.report.watch import Change, Row
    from chatschema.task.looking import Look

_TEXT_WIDTH = 48
_FINDING_LINES = 6
_ORDER = list(WORDS.values())
_HEADER = ["", "change", "check", "finding"]
# Changes as people read them, where they differ from the document's.
_SHOWN = {"gone": "cleared"}


def watch(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A report; defaults to the overview.")] = None,
    every: Annotated[float, typer.Option("--every", metavar="S", min=0.2, help="Refresh every S seconds.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="One JSON document per refresh, each on its own line.")] = False,
    sort: report_options.Sort = None,
    limit: report_options.Limit = 20,
    full: report_options.Full = False,
    replica: report_options.Replicas = None,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Watch the overview or one report, and highlight changes. Off a terminal: JSON lines."""
    settings = session.settings(url, sql_dir)
    layout = Layout("json" if json else "table", name, sort, limit, full)
    with looks.opened(settings, looks.wanted(settings, name), replica, timeout_s=timeout, wait_s=wait) as look:
        show(look, layout, every)


def show(look: Look, layout: Layout, seconds: float) -> None:
    """Show the results every so many seconds, the first at once: redrawn on a terminal, a JSON line per tick elsewhere.

    Returns when nobody reads it any more; Ctrl-C ends it with 130. Raises ServerError when the connection is lost.
    """
    if layout.form not in ("table", "json"):
        raise UsageError(f"--{layout.form} cannot be watched", "use --json, or no form", code="report.options")
    try:
        if layout.form == "table" and console.width() is not None:
            _draw(look, layout, seconds)
        else:
            _stream(look, seconds)
    except KeyboardInterrupt as interrupt:
        raise typer.Exit(signals.exit_code(interrupt)) from None


def _ticks(look: Look, seconds: float) -> Iterator[tuple[list[Result], list[Result]]]:
    """Yield the results of the previous tick, none at first, and of this one, until nobody reads them."""
    before: list[Result] = []
    due = time.monotonic()
    while True:
        now = look.now()
        yield before, now
        before = now
        # After a report that took longer than a tick, the next ones do not follow without a pause.
        due = max(due + seconds, time.monotonic())
        if not console.wait(due - time.monotonic()):
            return


def _stream(look: Look, seconds: float) -> None:
    from chatschema.report.forms import document

    for before, now in _ticks(look, seconds):
        reports = document.of(now, look.coverage)["reports"]
        if not console.as_json_line({"at": look.coverage.now, "reports": reports, "changes": changed_rows.changes(before, now)}):
            return


def _draw(look: Look, layout: Layout, seconds: float) -> None:
    with console.live() as draw:
        for before, now in _ticks(look, seconds):
            changed = changed_rows.changes(before, now)
            has_means = layout.name is not None and bool(before) and not changed_rows.MEANS.isdisjoint(now[0].columns)
            lines = [wording.header(look.coverage), _clock(look.coverage, seconds, changed, has_means=has_means), ""]
            if layout.name is not None:
                lines += [*_findings(before, now[0], changed), ""]
            # The table's own header takes two lines, the cursor one.
            size = shutil.get_terminal_size()
            # One more is for the number of rows that do not fit.
            room = max(size.lines - sum(max(-(-len(line) // size.columns), 1) for line in lines) - 4, 1)
            if layout.name is None:
                header, rows = _overview(before, now, changed)
                table: tuple[list[str], list[list[str]], Sequence[int]] = (header, rows[:room], ())
                total = len(rows)
            else:
                table, total = _table(before, now[0], layout, room), len(now[0].rows)
            shown = len(table[1])
            lines = [*lines[:2], f"{shown} of {total} rows; the others do not fit", *lines[2:]] if shown < total else lines
            draw(lines, *table)


def _clock(coverage: Coverage, seconds: float, changed: Sequence[Change], *, has_means: bool) -> str:
    means = f"; means are of the last {seconds:g} s" if has_means else ""
    return f"{coverage.now.astimezone(UTC):%H:%M:%S} UTC, every {seconds:g} s{means}; changed: {len(changed)}; Ctrl-C ends it"


def _overview(before: Sequence[Result], now: Sequence[Result], changed: Sequence[Change]) -> tuple[list[str], list[list[str]]]:
    """Return findings and gaps, worst first, each with its change; those that disappeared last."""
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
    return {change.object: _SHOWN.get(change.change, change.change) for change in changed if change.what == "finding"}


def _gone(before: Sequence[Result], changed: Sequence[Change]) -> list[Finding]:
    gone = {change.object for change in changed if change.what == "finding" and change.change == "gone"}
    return [finding for result in before for finding in result.findings if finding.id in gone]


def _line(finding: Finding, marks: dict[str, str]) -> list[str]:
    text = f"{finding.object}: {finding.message}" if finding.object else finding.message
    check = f"{finding.report}.{finding.check}"
    return [WORDS[finding.severity], marks.get(finding.id, ""), check, text]


def _findings(before: Sequence[Result], result: Result, changed: Sequence[Change]) -> list[str]:
    """Return the lines above the rows of one report: its gaps and its worst findings."""
    lines = [f"{result.report}: {result.title}", *(f"not visible: {gap.what}" for gap in result.gaps)]
    marks = _marks(changed)
    found = [_line(finding, marks) for finding in (*result.findings, *_gone(before, changed)) if not finding.suppressed]
    lines += [" ".join(word for word in line if word) for line in found[:_FINDING_LINES]]
    return [*lines, f"and {len(found) - _FINDING_LINES} more"] if len(found) > _FINDING_LINES else lines


def _table(before: Sequence[Result], result: Result, layout: Layout, room: int) -> tuple[list[str], list[list[str]], list[int]]:
    """Return header, rows with the change of each number, and the columns that are numbers."""
    by = cells.named(result.columns, layout.sort) if layout.sort else None
    rows = cells.ordered(result.rows, by)[: min(room, layout.limit or room)]
    was = changed_rows.keyed(before[0]) if before else {}
    rows = [
        {**row, **changed_rows.means(was[name], row)} if name in was else row
        for name, row in zip(changed_rows.names(result, rows), rows, strict=True)
    ]
    columns = [column for column in result.columns if any(row[column] is not None for row in rows)]
    titles = {column: wording.title(column) for column in columns}
    names = changed_rows.names(result, rows)
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
    """Return a value and its change, with sign and word."""
    value, shown = row[column], cells.text(column, row[column], _TEXT_WIDTH)
    earlier = was.get(column) if was else None
    # A change below this precision needs no room; the mean of this interval is not a change of the previous one.
    if (
        column in changed_rows.MEANS
        or not changed_rows.is_count(column, value)
        or not changed_rows.is_count(column, earlier)
        or cells.text(column, earlier, None) == shown
    ):
        return shown
    size = wording.number(column, abs(value - earlier))
    return f"{shown} (+{size} up)" if value > earlier else f"{shown} (-{size} down)"
