"""Reports as text for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chatschema.cli import console
from chatschema.cli.report import cells
from chatschema.errors import UsageError
from chatschema.report import causes, wording
from chatschema.report import definition as definitions

if TYPE_CHECKING:
    from chatschema.report.definition import Definition
    from chatschema.report.result import Coverage, Finding, Result

WORDS = {"critical": "CRIT", "warn": "WARN", "info": "info", "not evaluated": "?", "no verdict": "-", "partial": "?", "ok": "ok"}
_FIX_LINES = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of an answer: its form, one report (`name`) or the overview, and its extent."""

    form: str
    name: str | None
    sort: str | None = None
    limit: int = 20
    full: bool = False


def form(**wanted: bool) -> str:
    """Return the requested form, "table" for none. Raises UsageError for two."""
    asked = [name for name, is_asked in wanted.items() if is_asked]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} cannot be combined", "choose one form", code="report.options")
    return asked[0] if asked else "table"


def list_reports(definitions: Sequence[Definition], form: str) -> None:
    """Print the names and titles of the reports."""
    if form == "json":
        console.as_json(
            [{"name": one.name, "title": one.title, "checks": one.checks, "in_overview": one.in_overview} for one in definitions]
        )
        return
    console.table(("report", "shows"), [(one.name, one.title) for one in definitions])
    console.answer()
    console.answer("run one: chatschema report NAME; explain it: chatschema report explain NAME")


def explain(definition: Definition, values: dict[str, Any], *, as_json: bool) -> None:
    """Print the explanation of a report, and its query as in its file."""
    from chatschema import sqlfile

    query = sqlfile.read(definition.path).statements[0].text
    if as_json:
        console.as_json({"name": definition.name, "title": definition.title, "why": definition.why, "checks": definition.checks,
                         "thresholds": values, "needs": definition.needs, "fully": definition.fully, "sql": query})  # fmt: skip
        return
    console.answer(f"{definition.name}: {definition.title}")
    console.paragraph(definition.why)
    for check, meaning in definition.checks.items():
        console.paragraph(f"  {check}: {meaning}")
    if definition.thresholds:
        console.answer()
        console.answer(f"thresholds, set in chatschema.toml under [report.{definition.name}]:")
        for name, threshold in definition.thresholds.items():
            console.answer(f"  {name} = {definitions.plain(values[name])}  # {threshold.meaning}")
    for label, names in (("needs", definition.needs), ("shows everything only to", definition.fully)):
        if names:
            console.answer(f"{label}: {', '.join(names)}")
    console.answer()
    console.answer(query)


def show(results: list[Result], coverage: Coverage, layout: Layout) -> None:
    """Print the answer in the requested form."""
    if layout.form == "json":
        from chatschema.report.forms import document

        console.as_json(document.of(results, coverage))
    elif layout.form == "table":
        _show_table(results, coverage, layout)
    else:
        from chatschema.report import forms

        if layout.form == "csv":
            # CSV has no place for gaps.
            for result in results:
                for gap in result.gaps:
                    console.note(f"{result.report} is incomplete: {gap.what}; {gap.fix}")
        console.data(forms.text(layout.form, results, coverage, is_overview=layout.name is None).rstrip("\n"))


def _show_table(results: list[Result], coverage: Coverage, layout: Layout) -> None:
    console.paragraph(wording.header(coverage))
    console.answer()
    if layout.name is None:
        overview(results)
        return
    (result,) = results
    console.paragraph(f"{result.report}: {result.title}")
    for gap in result.gaps:
        console.paragraph(f"{'not evaluated' if result.status == 'not evaluated' else 'not visible'}: {gap.what}")
        _print_fix("to evaluate it", gap.fix)
    for finding in result.findings:
        console.answer()
        _print_finding(finding)
    if result.status == "ok":
        console.answer("nothing to do: this report has no findings")
    if result.rows:
        console.answer()
        cells.table(result.columns, result.rows, sort=layout.sort, limit=layout.limit, full=layout.full)
    console.answer()
    console.answer(f"explain this report: chatschema report explain {result.report}")


def overview(results: list[Result]) -> None:
    """Print one line per check, worst first, with the findings it explains; reports that are ok on one line."""
    found = [finding for result in results for finding in result.findings if not finding.suppressed]
    rows = _lines(causes.groups(found, causes.of_this_moment(results)))
    shared: dict[str, list[str]] = {}
    for result in results:
        for gap in result.gaps:
            said = f"{'not evaluated' if result.status == 'not evaluated' else 'partly evaluated'}: {gap.what}; {gap.fix}"
            shared.setdefault(wording.flat(said), []).append(result.report)
    rows += [("?", ", ".join(sorted(names)), said) for said, names in shared.items()]
    order = list(WORDS.values())
    rows.sort(key=lambda row: order.index(row[0]))
    if rows:
        console.table(("", "check", "finding"), rows)
        console.answer()
    passed = [result.report for result in results if result.status == "ok"]
    if passed:
        console.paragraph(f"ok: {', '.join(sorted(passed))}")
    known = sum(bool(finding.suppressed) for result in results for finding in result.findings)
    if known:
        console.answer(f"suppressed in chatschema.toml: {known}")
    first = next((check for word, check, _ in rows if word != WORDS["no verdict"]), None)
    if first:
        console.answer(f"next: chatschema report {first.partition('.')[0].partition(',')[0]}")


def _lines(groups: Sequence[causes.Group]) -> list[tuple[str, str, str]]:
    """Return a line per check and severity: its worst finding, the number of others, and the findings they explain."""
    alike: dict[tuple[str, str], list[causes.Group]] = {}
    for group in groups:
        alike.setdefault((wording.name_of(group.finding), group.severity), []).append(group)
    lines = []
    for (check, severity), found in alike.items():
        first = found[0].finding
        message = wording.grouped(first.message)
        text = wording.flat(f"{first.object}: {message}" if first.object else message)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        explained = sorted({wording.name_of(one) for group in found for one in group.explained})
        lines.append((WORDS[severity], check, text + more + (f"; explains {', '.join(explained)}" if explained else "")))
    return lines


def _print_finding(finding: Finding) -> None:
    object_ = f"{finding.object}: " if finding.object else ""
    console.paragraph(f"{WORDS[finding.severity]} {finding.check}: {wording.flat(object_ + wording.grouped(finding.message))}")
    if finding.suppressed:
        console.answer(f"    suppressed: {finding.suppressed}")
    _print_fix("fix", finding.fix)
    _print_fix("undo", finding.undo)


def _print_fix(label: str, text: str | None) -> None:
    if not text:
        return
    lines = text.splitlines()
    shown = (
        lines
        if len(lines) <= _FIX_LINES
        else [*lines[: _FIX_LINES - 1], f"-- and {len(lines) - _FIX_LINES + 1} more lines: --json"]
    )
    for number, line in enumerate(shown):
        console.answer(f"    {label + ': ' if not number else ' ' * (len(label) + 2)}{wording.flat(line)}")
