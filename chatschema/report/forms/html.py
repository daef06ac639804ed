"""Reports as one self-contained page: no script, no other file, no network."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources

from chatschema import __version__, units
from chatschema.report import causes, wording
from chatschema.report.forms import html_rows, tree
from chatschema.report.result import STATUSES, Coverage, Finding, Result

# The number of findings of one check that are shown; the others are folded.
_ALIKE = 5
# The class of a status: those without a result look alike, and never like ok.
_CLASSES = {"critical": "critical", "warn": "warn", "not evaluated": "unseen", "partial": "unseen", "info": "info",
            "no verdict": "quiet", "ok": "ok"}  # fmt: skip


def text(results: Sequence[Result], coverage: Coverage, *, is_overview: bool) -> str:
    """Return the page: server and start of the statistics, the statuses, the findings worst first, and each report's rows.

    It is ASCII, with other characters as numbers, so that it is correct in any encoding.
    """
    found = wording.findings(results)
    open_ = [finding for finding in found if not finding.suppressed]
    name = f"Health of {coverage.database}" if is_overview else f"{results[0].report}: {coverage.database}"
    worst = min((result.status for result in results), key=STATUSES.index)
    body = [
        _top(results, coverage, is_overview=is_overview),
        '<main class="wrap">',
        _statuses(results) if is_overview else "",
        _findings(
            causes.groups(open_, causes.of_this_moment(results)),
            "No findings." if worst == "ok" else "No findings, but not everything was evaluated.",
        ),
        _known([finding for finding in found if finding.suppressed]),
        section("Reports", f"{len(results)}", "".join(_report(result, is_open=False) for result in results))
        if is_overview
        else section("Rows", f"{len(results[0].rows):,}", _report(results[0], is_open=True)),
        "</main>",
        foot(),
    ]
    return page(f"{name} - {worst}", body)


def page(title: str, body: Iterable[str]) -> str:
    """Return the page of these parts, in ASCII; the title is plain text."""
    whole = _PAGE.format(title=escape(title), style=_style(), body="\n".join(part for part in body if part))
    return whole.encode("ascii", "xmlcharrefreplace").decode()


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
    return (resources.files("chatschema.report.forms") / "page.css").read_text("utf-8")


def section(title: str, aside: str, content: str) -> str:
    """Return a section of a page; `content` is HTML."""
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
        ("Coverage", "partial" if unseen else "full", f"not fully evaluated: {', '.join(unseen)}" if unseen else ""),
    ]
    return top(kind, title, about, facts)


def top(kind: str, title: str, about: str, facts: Iterable[tuple[str, str, str]]) -> str:
    """Return the head of a page: kind, title and what it is about are HTML; the facts, each with its label, plain text."""
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
    return f'<section><h2>Status</h2><ul class="card legend">{lines}</ul></section>'


def _pill(status: str, count: int = 0) -> str:
    return f'<span class="pill {_CLASSES[status]}">{f"{count} " if count else ""}{status}</span>'


def _findings(found: Sequence[causes.Group], none: str) -> str:
    if not found:
        return section("Findings", "", f'<p class="card none">{none}</p>')
    alike: dict[tuple[str, str, str], list[causes.Group]] = {}
    for group in found:
        alike.setdefault((group.severity, group.finding.report, group.finding.check), []).append(group)
    lists = "".join(map(_check, alike.values()))
    return section("Findings", f"{len(found)}, worst first", f'<div class="card">{lists}</div>')


def _check(groups: Sequence[causes.Group]) -> str:
    """Return the findings of one check, the many after the first ones folded."""
    if len(groups) <= _ALIKE + 1:
        return _listed(groups)
    summary = f"{len(groups) - _ALIKE} more findings of {escape(wording.name_of(groups[0].finding))}"
    return f'{_listed(groups[:_ALIKE])}<details class="rest"><summary>{summary}</summary>{_listed(groups[_ALIKE:])}</details>'


def _known(found: Sequence[Finding]) -> str:
    if not found:
        return ""
    listed = _listed([causes.Group(finding, (), is_acute=False) for finding in found])
    return f'<details class="rest card"><summary>{len(found)} suppressed in chatschema.toml</summary>{listed}</details>'


def _listed(groups: Iterable[causes.Group]) -> str:
    return f'<ol class="findings">{"".join(map(_group, groups))}</ol>'


def _group(group: causes.Group) -> str:
    """Return a finding with those that it explains, and its fix beside it."""
    finding = group.finding
    label = f'{_pill(group.severity)}<span class="check">{escape(wording.name_of(finding))}</span>'
    known = f'<div class="soft">suppressed: {escape(finding.suppressed)}</div>' if finding.suppressed else ""
    follows = "".join(f'<div class="follows">{_follows(one)}</div>' for one in group.explained)
    return (
        f'<li class="{_CLASSES[group.severity]}"><div class="label">{label}</div>'
        f'<div class="what">{_what(finding)}{known}{follows}</div>{_fix_of(finding)}</li>\n'
    )


def _what(finding: Finding) -> str:
    object_ = f'<div class="object data">{escape(finding.object)}</div>' if finding.object else ""
    return f'{object_}<div class="message">{escape(finding.message)}</div>'


def _follows(finding: Finding) -> str:
    command = f"<pre>{escape(finding.fix)}</pre>" if finding.fix and not finding.fix.startswith("chatschema report") else ""
    check = f'<span class="check">{escape(wording.name_of(finding))}</span>'
    return f'<span class="soft">explains</span> {_pill(finding.severity)} {check}{_what(finding)}{command}'


def _fix_of(finding: Finding) -> str:
    return fix("To evaluate it" if finding.severity == "not evaluated" else "Fix", finding.fix, finding.undo)


def fix(label: str, text: str | None, undo: str | None = None) -> str:
    """Return the statement to run, with its undo; nothing without a text."""
    if not text:
        return ""
    back = f'<p class="soft">Undo</p><pre>{escape(undo)}</pre>' if undo else ""
    return f'<div class="fix"><p class="soft">{label}</p><pre>{escape(text)}</pre>{back}</div>'


def _report(result: Result, *, is_open: bool) -> str:
    count = f"{len(result.rows):,} rows" if len(result.rows) != 1 else "1 row"
    picture = tree.of(result) if tree.is_tree(result) else html_rows.chart_of(result)
    inside = picture + html_rows.table_of(result) if result.rows else '<p class="soft">No rows.</p>'
    if is_open:
        return f'<div class="card inside">{inside}</div>'
    return (
        f'<details class="card report"><summary><h3>{escape(result.report)}</h3><span class="says">{escape(result.title)}</span>'
        f'<span><span class="count">{count}</span>{_pill(result.status)}</span></summary>'
        f'<div class="inside" id="{escape(result.report)}">{inside}</div></details>\n'
    )


def foot() -> str:
    """Return the end of a page."""
    return (
        f'<footer class="wrap foot"><p>chatschema {__version__}. Reports only read. Review each fix before you run it.</p>'
        "<p>Explain a report: chatschema report explain NAME</p></footer>"
    )
