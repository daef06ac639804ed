"""chatschema report queries --explain and --advise: the plan of one query, and indexes for the top queries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema.cli import console, options, session
from chatschema.cli.report import advice, cells, printing
from chatschema.cli.report import look as looks
from chatschema.cli.report import options as report_options
from chatschema.errors import ChatschemaError, UsageError
from chatschema.report import wording

if TYPE_CHECKING:
    from chatschema.cli.report.printing import Layout
    from chatschema.postgres import Connection
    from chatschema.report.plans.generic import Plan
    from chatschema.report.plans.reading import Remark
    from chatschema.report.result import Coverage
    from chatschema.task.looking import Look

    Row = dict[str, Any]

_PLAN_LINES = 80
# The options that the report itself does not have.
OWN = ("explain", "advise")


def plans(
    ctx: typer.Context,
    json: options.Json = False,
    sort: report_options.Sort = None,
    limit: report_options.Limit = 20,
    full: report_options.Full = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="N", help="Show the generic plan of the N-th query, or of a queryid.")
    ] = None,
    advise: Annotated[bool, typer.Option("--advise", help="Try hypothetical indexes for the top queries (needs HypoPG).")] = False,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Show the plan of the query numbered `explain` as sorted; or, to `advise`, indexes for it, or for all.

    Raises ChatschemaError if an extension is missing, or the query cannot be planned.
    """
    report_options.refuse_others(ctx, plans.__annotations__, "--explain or --advise")
    settings = session.settings(url, sql_dir)
    wanted = looks.wanted(settings, "queries")
    layout = printing.Layout("json" if json else "table", "queries", sort, limit, full)
    with looks.opened(settings, wanted, None, timeout_s=timeout, wait_s=wait) as look:
        connection, settings, seen = look.connection, look.settings, look.coverage
        rows, place = _rows(look, sort, needs=("hypopg",) if advise else ())
        chosen = _numbered(rows, explain, seen) if explain else None
        if advise:
            advice.show(connection, settings, seen, rows[: layout.limit or None], chosen, layout)
        elif chosen and explain:
            _explain(connection, seen, chosen, f"query {chosen['n']} by {place}", explain, layout)


def _rows(look: Look, sort: str | None, *, needs: tuple[str, ...]) -> tuple[list[Row], str]:
    """Return the rows of the report on queries in the order in which it prints them, and the name of that order."""
    from chatschema.report import coverage, run

    (wanted,) = look.wanted
    gaps = coverage.blocking(replace(wanted, needs=(*wanted.needs, *needs)), look.coverage)
    if gaps:
        raise ChatschemaError(gaps[0].what, gaps[0].fix, code="report.extension")
    result = run.run(look.connection, wanted, look.coverage, look.settings.reporting.thresholds)
    if result.status == "not evaluated":
        raise ChatschemaError(result.gaps[0].what, result.gaps[0].fix, code="report.not-evaluated")
    column = cells.named(result.columns, sort) if sort else None
    return cells.ordered(result.rows, column), wording.title(column) if column else "total time"


def _numbered(rows: list[Row], number: str, seen: Coverage) -> Row:
    """Return the row at this place, or with this queryid: places change while others overtake it."""
    found = [row for row in rows if number in (str(row["n"]), row["queryid"])]
    if not found:
        hint = "list them: chatschema report queries --limit 0 --full"
        raise UsageError(f"there is no query {number}: the report has {len(rows)}", hint, code="report.no-query")
    row = found[0]
    if row["queryid"] is None:
        raise ChatschemaError(
            f"query {number} belongs to another role, and its text is hidden from {seen.role}",
            f"grant pg_read_all_stats to {seen.role}",
            code="report.hidden-query",
        )
    return row


def _explain(connection: Connection, seen: Coverage, row: Row, title: str, number: str, layout: Layout) -> None:
    from chatschema.report.plans import generic, reading, remarks, rights

    statement = rights.statements(connection, seen.extensions["pg_stat_statements"]).get(row["queryid"])
    if statement is None:
        raise ChatschemaError(
            f"query {number} is missing: pg_stat_statements has removed its entry",
            "list the queries: chatschema report queries",
            code="report.no-query",
        )
    try:
        with rights.as_application(connection):
            found = generic.explain(connection, statement)
    except ChatschemaError as error:
        error.excerpt = error.excerpt or row["query"]
        raise
    said = remarks.of(connection, found.tree, reading.tables(connection, found.tree), row)
    if layout.form == "json":
        numbers = {name: value for name, value in row.items() if name not in ("object", "query")}
        console.as_json({"query": row["query"], "numbers": numbers, "plan": found.tree, "remarks": said})
        return
    console.answer(wording.header(seen))
    console.answer()
    console.answer(f"{title}:")
    console.answer(row["query"])
    console.answer()
    shown = {name: value for name, value in row.items() if name not in ("n", "object", "query") and value is not None}
    console.paragraph(", ".join(f"{wording.title(name)} {cells.text(name, value, None)}" for name, value in shown.items()))
    console.answer()
    _print_plan(found, said, full=layout.full)
    console.answer()
    console.answer(f"next: chatschema report queries --explain {number} --advise")


def _print_plan(found: Plan, said: list[Remark], *, full: bool) -> None:
    console.answer("generic plan, for any parameter values:")
    shown = found.lines if full else found.lines[:_PLAN_LINES]
    for line in shown:
        console.answer(f"  {line}")
    if len(shown) < len(found.lines):
        console.answer(f"  and {len(found.lines) - len(shown)} more lines: --full")
    console.answer()
    for remark in said:
        console.answer(f"{remark.kind}: {remark.table}: {remark.message}")
    if not said:
        console.answer(
            "nothing stands out: no large table is read completely, partitions are pruned where possible, and the calls so far"
            " read few blocks per row"
        )
