"""Changes between two snapshots as a self-contained HTML page."""

from collections.abc import Sequence
from html import escape
from typing import Any

from chatschema import units
from chatschema.report.compare import document, listing
from chatschema.report.compare.diff import Diff
from chatschema.report.compare.queries import QueryChange
from chatschema.report.forms import html, html_rows
from chatschema.report.result import Result

# The limit of a page that is sent by mail.
_ROWS = 100


def text(diff: Diff) -> str:
    """Return the page, in ASCII: regressed queries and their fixes, then all queries and indexes."""
    regressed = "".join(_regressed(query, diff) for query in diff.regressed)
    none = '<p class="card none">No query regressed.</p>'
    findings = f'<div class="card"><ol class="findings">{regressed}</ol></div>' if regressed else none
    if diff.queries is None:
        what = [html.section("Queries", "", f'<p class="card none">{escape(listing.not_compared(diff))}</p>')]
    else:
        listed = listing.of_queries(diff)
        table = _table("queries", [document.query_row(query, diff) for query in listed.queries])
        what = [
            html.section("Regressed", f"{len(diff.regressed)}, worst first", findings),
            html.section("Queries", listed.counts, f'<div class="card inside">{table}{_words(listed.left_out)}</div>'),
        ]
    indexes, tables = listing.index_rows(diff), listing.tables(diff)
    if indexes or tables:
        content = f'<div class="card inside">{_table("indexes", indexes)}{_words(tables)}</div>'
        what.append(html.section("Indexes", f"{len(indexes)} changed", content))
    title = f"Changes of {diff.later.database}"
    return html.page(title, [_top(diff), '<main class="wrap">', *what, "</main>", html.foot()])


def _top(diff: Diff) -> str:
    a, b = diff.earlier, diff.later
    facts = [
        ("Server", f"PostgreSQL {b.version}", "standby" if b.is_standby else ""),
        ("Role", b.role, ""),
        ("From (UTC)", units.when(a.at), ""),
        ("To (UTC)", units.when(b.at), listing.length(diff)),
        ("Regressed", f"{len(diff.regressed)}", "" if diff.queries is not None else "not compared"),
    ]
    said = [f"note: {warning}" for warning in diff.warnings] + [f"not visible: {gap.what}" for gap in diff.gaps]
    about = "".join(f'<p class="about">{escape(one)}</p>' for one in said)
    return html.top("PostgreSQL changes", f"Changes of {escape(b.database)}", about, facts)


def _regressed(query: QueryChange, diff: Diff) -> str:
    gone = listing.indexes_gone(query, diff)
    lines = [listing.renamed(query), *(f"an index of its table was dropped: {name}" for name, _ in gone)]
    again = "\n".join(definition for _, definition in gone if definition)
    return (
        '<li class="critical"><div class="label"><span class="pill critical">regressed</span></div>'
        f'<div class="what"><div class="object data">{escape(query.query or query.queryid)}</div>'
        f'<div class="message">{escape(listing.cost(query))}</div>{_words([line for line in lines if line])}</div>'
        f"{html.fix('Fix', again)}</li>\n"
    )


def _table(name: str, found: Sequence[dict[str, Any]]) -> str:
    if not found:
        return ""
    shown = list(found[:_ROWS])
    rest = f"the first {_ROWS} of {len(found):,}; for all of them use --json" if len(found) > _ROWS else ""
    return html_rows.table_of(Result(name, name, "ok", tuple(shown[0]), shown, [], [], 0)) + _words([rest] if rest else [])


def _words(lines: Sequence[str]) -> str:
    return "".join(f'<p class="soft">{escape(line)}</p>' for line in lines)
