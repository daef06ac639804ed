"""chatschema audit report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema.cli import console, options, session
from chatschema.cli.audit import arguments, page, printing, wording
from chatschema.errors import UsageError

if TYPE_CHECKING:
    from chatschema.audit.report import Report


def report(
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Begin of the period: 24h, 7d, 2024-12-31; 30 days ago by default."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="End of the period; now by default.")] = None,
    json: options.Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for an issue or a wiki.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Self-contained HTML page.")] = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Report for an auditor who did what in a period. Reads only."""
    from chatschema import postgres
    from chatschema.audit import report as reporting

    asked = [name for name, is_asked in (("json", json), ("markdown", markdown), ("html", html)) if is_asked]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} cannot be combined", "choose one form", code="audit.options")
    with session.connected(session.settings(url), wait_s=wait, writes=False) as (_, connection):
        arguments.require_trail(connection)
        now: datetime = postgres.fetch_one(connection, "select clock_timestamp()")[0]
        end = arguments.moment(until, "--until", now) or now
        begin = arguments.moment(since, "--since", now) or end - timedelta(days=30)
        if begin >= end:
            text = f"the period is empty: it begins at {printing.second(begin)} and ends at {printing.second(end)}"
            raise UsageError(text, "give an earlier --since, or a later --until", code="audit.empty-period")
        made = reporting.report(connection, begin, end)
    if json:
        console.as_json(_document(made))
    elif markdown or html:
        console.data(page.markdown(made) if markdown else page.html(made))
    else:
        _show(made)


def _document(made: Report) -> dict[str, Any]:
    document = {name: getattr(made, name) for name in made.__dataclass_fields__ if name != "tables"}
    tables = [
        {
            "name": table.name, "title": table.title, "note": table.note, "total": table.total, "columns": table.columns,
            "rows": table.rows,
        }
        for table in made.tables
    ]  # fmt: skip
    return {**document, "tables": tables}


def _show(made: Report) -> None:
    console.paragraph(wording.facts(made))
    for table in made.tables:
        if not table.rows:
            continue
        console.answer()
        console.paragraph(f"{table.title}{wording.left_out(table)}")
        if table.note:
            console.paragraph(table.note)
        console.table(table.columns, wording.cells(table), right=wording.numbers(table))
    console.answer()
    if not made.severe:
        console.paragraph("No row of the severity error or critical.")
        return
    more = f", the newest {len(made.severe)}" if made.severe_total > len(made.severe) else ""
    console.paragraph(f"Errors and critical rows: {made.severe_total}{more}")
    printing.show(made.severe)
