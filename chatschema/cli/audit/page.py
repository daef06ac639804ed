"""The report of the trail as Markdown, and as a page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from chatschema.cli.audit import printing
from chatschema.cli.audit.wording import cells, facts, left_out, numbers
from chatschema.report.forms import html as page
from chatschema.report.forms import markdown as marks

if TYPE_CHECKING:
    from chatschema.audit.report import Report

_SEVERE = ("id", "when (UTC)", "severity", "action", "user", "resource", "from")


def markdown(made: Report) -> str:
    """Return the report as Markdown; nothing in it can be taken for a mark."""
    parts = [f"# {marks.cell(f'Audit trail of {made.database}')}", marks.cell(facts(made))]
    for table in made.tables:
        if table.rows:
            parts.append(f"## {marks.cell(table.title + left_out(table))}")
            parts += [marks.cell(table.note)] if table.note else []
            parts.append(marks.table(table.columns, cells(table), numbers(table)))
    parts.append(f"## Errors and critical rows: {made.severe_total}")
    parts += [marks.table(_SEVERE, _severe(made), (0,))] if made.severe else []
    return "\n\n".join(parts)


def html(made: Report) -> str:
    """Return the report as a self-contained page, in ASCII."""
    about = [
        ("Server", f"PostgreSQL {made.server}", ""),
        ("Role", made.role, ""),
        ("Taken (UTC)", printing.second(made.taken_at), ""),
        ("From (UTC)", printing.second(made.since), ""),
        ("To (UTC)", printing.second(made.until), ""),
        ("Rows", str(made.rows), f"ids {made.first_id} to {made.last_id}" if made.rows else ""),
        ("Users", str(made.users), ""),
    ]
    sections = [
        page.section(
            table.title, left_out(table).strip(" ()"), _note(table.note) + _table(table.columns, cells(table), numbers(table))
        )
        for table in made.tables
        if table.rows
    ]
    severe = _table(_SEVERE, _severe(made), (0,)) if made.severe else '<p class="card none">None.</p>'
    sections.append(page.section("Errors and critical rows", str(made.severe_total), severe))
    top = page.top("Audit trail", escape(made.database), "", about)
    return page.page(f"Audit trail of {made.database}", [top, '<main class="wrap">', *sections, "</main>"]).rstrip("\n")


def _severe(made: Report) -> list[tuple[str, ...]]:
    return [
        (
            str(one.id), printing.second(one.created_at), one.severity, one.action, str(one.user_id or f"({one.recorded_by})"),
            printing.resource(one), one.ip_address or "",
        )
        for one in made.severe
    ]  # fmt: skip


def _note(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>' if text else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> str:
    """Return a table that becomes a list of cards on a phone."""
    classes = [' class="number"' if at in right else "" for at in range(len(columns))]
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(columns, classes, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{kind} data-column="{escape(name)}">{escape(cell)}</td>'
            for name, kind, cell in zip(columns, classes, row, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        '<div class="card inside"><div class="scroll" role="region" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div></div>"
    )
