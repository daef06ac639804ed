"""Reports as one page that needs nothing else: no script, no file beside it, no network."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from chatschema import __version__, units
from chatschema.report import chart, rows, wording
from chatschema.report.result import STATUSES, Coverage, Finding, Result

# Findings of one check that are shown before the others are folded away.
_ALIKE = 5
# The class of a status: those of which nothing is known look alike, and never like fine.
_CLASSES = {"critical": "critical", "warn": "warn", "not evaluated": "unseen", "partial": "unseen", "info": "info",
            "no verdict": "quiet", "ok": "ok"}  # fmt: skip


def text(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return the page: where and since when, the statuses, the findings worst first, and each report's rows.

    It is ASCII, other characters as their numbers, so that it is right in whatever encoding it is written.
    """
    found = wording.findings(results)
    open_ = [finding for finding in found if not finding.suppressed]
    name = f"Health of {coverage.database}" if is_overview else f"{results[0].report}: {coverage.database}"
    worst = min((result.status for result in results), key=STATUSES.index)
    body = [
        _top(results, coverage, is_overview=is_overview),
        '<main class="wrap">',
        _statuses(results) if is_overview else "",
        _findings(open_, "No finding." if worst == "ok" else "No finding, but not everything was seen."),
        _known([finding for finding in found if finding.suppressed]),
        _section("Reports", f"{len(results)}", "".join(_report(result, is_open=False) for result in results))
        if is_overview
        else _section("Rows", f"{len(results[0].rows):,}", _report(results[0], is_open=True)),
        "</main>",
        _foot(),
    ]
    page = _PAGE.format(title=escape(f"{name} - {worst}"), style=_style(), body="\n".join(part for part in body if part))
    return page.encode("ascii", "xmlcharrefreplace").decode()


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _style() -> str:
    return (resources.files("chatschema.report") / "page.css").read_text("utf-8")


def _section(title: str, aside: str, content: str) -> str:
    return f'<section><h2>{escape(title)} <span class="soft">{escape(aside)}</span></h2>\n{content}</section>'


def _top(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    if is_overview:
        kind, title, about = "PostgreSQL health", escape(coverage.database), ""
    else:
        (result,) = results
        kind = f"PostgreSQL report on {escape(coverage.database)}"
        title = f"{escape(result.report)} {_pill(result.status)}"
        about = f'<p class="about">{escape(result.title)}</p>'
    unseen = sorted({finding.report for finding in wording.findings(results) if finding.severity == "not evaluated"})
    facts = [
        ("Server", f"PostgreSQL {coverage.version}", ("standby at " if coverage.is_standby else "") + (coverage.host or "local")),
        ("Role", coverage.role, ""),
        ("Taken (UTC)", units.when(coverage.now), ""),
        ("Statistics since (UTC)", units.when(coverage.since), wording.days(coverage)),
        ("Coverage", "partial" if unseen else "full", f"not all was seen of {', '.join(unseen)}" if unseen else ""),
    ]
    terms = "".join(
        f"<div><dt>{label}</dt><dd>{escape(fact)}{f'<small>{escape(more)}</small>' if more else ''}</dd></div>"
        for label, fact, more in facts
    )
    return (
        f'<header class="top"><div class="wrap"><p class="eyebrow">{kind}</p><h1>{title}</h1>{about}'
        f'<dl class="facts">{terms}</dl></div></header>'
    )


def _statuses(results: Sequence[Result]) -> str:
    groups = {status: [r.report for r in results if r.status == status] for status in STATUSES}
    there = {status: names for status, names in groups.items() if names}
    lines = "".join(
        f"<li><span>{_pill(status, len(names))}</span><span>"
        + "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in sorted(names))
        + "</span></li>"
        for status, names in there.items()
    )
    said = "Reports by status: " + ", ".join(f"{len(names)} {status}" for status, names in there.items())
    ring = chart.donut(said, [(_CLASSES[status], len(names)) for status, names in there.items()], "reports")
    return f'<section><h2>Status</h2><div class="card status">{ring}<ul class="legend">{lines}</ul></div></section>'


def _pill(status: str, count: int = 0) -> str:
    return f'<span class="pill {_CLASSES[status]}">{f"{count} " if count else ""}{status}</span>'


def _findings(found: Sequence[Finding], none: str) -> str:
    if not found:
        return _section("Findings", "", f'<p class="card none">{none}</p>')
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.severity, finding.report, finding.check), []).append(finding)
    lists = "".join(map(_group, groups.values()))
    return _section("Findings", f"{len(found)}, worst first", f'<div class="card">{lists}</div>')


def _group(group: Sequence[Finding]) -> str:
    """Return the findings of one check, the many after the first ones folded."""
    if len(group) <= _ALIKE + 1:
        return _listed(group)
    summary = f"{len(group) - _ALIKE} more of {escape(wording.name_of(group[0]))}"
    return f'{_listed(group[:_ALIKE])}<details class="rest"><summary>{summary}</summary>{_listed(group[_ALIKE:])}</details>'


def _known(found: Sequence[Finding]) -> str:
    if not found:
        return ""
    return (
        f'<details class="rest card"><summary>{len(found)} known, left out by chatschema.toml</summary>{_listed(found)}</details>'
    )


def _listed(found: Iterable[Finding]) -> str:
    return f'<ol class="findings">{"".join(map(_finding, found))}</ol>'


def _finding(finding: Finding) -> str:
    object_ = f'<div class="object data">{escape(finding.object)}</div>' if finding.object else ""
    known = f'<div class="soft">known: {escape(finding.suppressed)}</div>' if finding.suppressed else ""
    label = f'{_pill(finding.severity)}<span class="check">{escape(wording.name_of(finding))}</span>'
    return (
        f'<li class="{_CLASSES[finding.severity]}"><div class="label">{label}</div>'
        f'<div class="what">{object_}<div class="message">{escape(finding.message)}</div>{known}{_fix(finding)}</div></li>\n'
    )


def _fix(finding: Finding) -> str:
    if not finding.fix:
        return ""
    undo = f'<p class="soft">Undo</p><pre>{escape(finding.undo)}</pre>' if finding.undo else ""
    label = "How to see it" if finding.severity == "not evaluated" else "Fix"
    return f'<details class="fix"><summary>{label}</summary><pre>{escape(finding.fix)}</pre>{undo}</details>'


def _report(result: Result, *, is_open: bool) -> str:
    count = f"{len(result.rows):,} rows" if len(result.rows) != 1 else "1 row"
    inside = rows.chart_of(result) + rows.table_of(result) if result.rows else '<p class="soft">No rows.</p>'
    if is_open:
        return f'<div class="card inside">{inside}</div>'
    return (
        f'<details class="card report"><summary><h3>{escape(result.report)}</h3><span class="says">{escape(result.title)}</span>'
        f'<span><span class="count">{count}</span>{_pill(result.status)}</span></summary>'
        f'<div class="inside" id="{escape(result.report)}">{inside}</div></details>\n'
    )


def _foot() -> str:
    return (
        f'<footer class="wrap foot"><p>chatschema {__version__}. It only reads: what it proposes is yours to judge and to run.</p>'
        "<p>What a report means: chatschema report explain NAME</p></footer>"
    )
