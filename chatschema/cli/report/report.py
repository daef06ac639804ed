"""chatschema report: the overview, one report, and the verdict for a CI job."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from chatschema.cli import console, options, session
from chatschema.cli.report import look as looks
from chatschema.cli.report import options as report_options
from chatschema.cli.report import printing
from chatschema.errors import ExitCode, UsageError
from chatschema.report import wording

if TYPE_CHECKING:
    from chatschema.report.result import Result
    from chatschema.report.verdict import Known

_SEVERITIES = ("warn", "critical")
_TICK_S = 0.2


def report(
    ctx: typer.Context,
    list_reports: Annotated[bool, typer.Option("--list", help="List the reports.")] = False,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="One report's rows as CSV; the overview's findings.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for an issue or a wiki.")] = False,
    openmetrics: Annotated[bool, typer.Option("--openmetrics", help="Print OpenMetrics text, for alerting.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Self-contained HTML page with charts.")] = False,
    sort: report_options.Sort = None,
    limit: report_options.Limit = 20,
    full: report_options.Full = False,
    watch: Annotated[
        float, typer.Option("--watch", metavar="S", min=0, hidden=True, help="Refresh every S seconds and highlight changes.")
    ] = 0,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", metavar="SEVERITY", help="Exit 3 on findings: warn, or critical.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="An earlier --json: fail only on new or worse findings.")
    ] = None,
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Do not fail on reports that were not evaluated.")] = False,
    replica: report_options.Replicas = None,
    timeout: report_options.Timeout = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Report the health of the database: one line per check, worst first. Reads only."""
    if ctx.invoked_subcommand:
        _refuse_misplaced(ctx)
        return
    _refuse_contradictions(fail_on, watch, gate=bool(baseline or allow_partial))
    form = printing.form(json=json, csv=csv, markdown=markdown, openmetrics=openmetrics, html=html)
    settings = session.settings(url, sql_dir, needs_server=not list_reports)
    name = None if isinstance(ctx.command, TyperGroup) else ctx.info_name
    if list_reports:
        from chatschema.report import definition

        printing.list_reports(definition.every(settings.sql_dir), form)
        return
    from chatschema.report import verdict

    wanted = looks.wanted(settings, name)
    known = verdict.baseline(baseline) if baseline else None
    layout = printing.Layout(form, name, sort, limit, full)
    with looks.opened(settings, wanted, replica, timeout_s=timeout, wait_s=wait) as look:
        if watch:
            from chatschema.cli.report import watch as watching

            watching.show(look, layout, watch)
            return
        results = look.now()
        coverage = look.coverage
    printing.show(results, coverage, layout)
    for text in verdict.expired(settings.reporting.suppressions, datetime.now(UTC).date()):
        console.note(f"warning: {text}")
    if fail_on:
        _fail(results, fail_on, known, allow_partial=allow_partial)


def _fail(results: list[Result], fail_on: str, known: Known | None, *, allow_partial: bool) -> None:
    """Print why a CI job fails, and exit 3; return if it does not."""
    from chatschema.report import verdict

    reasons = verdict.failing(results, fail_on, known, allow_partial=allow_partial)
    for reason in reasons:
        console.note(wording.flat(f"fails: {reason}"))
    if reasons:
        raise typer.Exit(ExitCode.FINDINGS)


def _refuse_misplaced(ctx: typer.Context) -> None:
    """Raise UsageError for options before the name of a report: they belong to the overview, which is not run."""
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name or "")
        if source is not None and source.name == "COMMANDLINE":
            option = param.opts[0]
            raise UsageError(
                f"{option} must come after {ctx.invoked_subcommand}",
                f"write: chatschema report {ctx.invoked_subcommand} {option} ...",
                code="report.options",
            )


def _refuse_contradictions(fail_on: str | None, watch: float, *, gate: bool) -> None:
    """Raise UsageError for options that would have no effect."""
    if fail_on not in (None, *_SEVERITIES):
        raise UsageError(
            f"--fail-on {fail_on} is not a severity", "use --fail-on warn, or --fail-on critical", code="report.options"
        )
    if gate and not fail_on:
        raise UsageError("--baseline and --allow-partial need --fail-on", "add --fail-on warn", code="report.options")
    if fail_on and watch:
        raise UsageError("--watch cannot be combined with --fail-on", "leave out one of them", code="report.options")
    if 0 < watch < _TICK_S:
        raise UsageError(f"--watch {watch:g} is too short", f"the shortest is {_TICK_S:g} seconds", code="report.options")


def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A report; report --list names them.")],
    json: options.Json = False,
    sql_dir: options.SqlDir = None,
) -> None:
    """Explain a report: its meaning, its thresholds and its SQL. Needs no server."""
    from chatschema.report import definition

    settings = session.settings(None, sql_dir, needs_server=False)
    found = definition.load(settings.sql_dir, name)
    values: dict[str, Any] = {key: one.default for key, one in found.thresholds.items()}
    values |= settings.reporting.thresholds.get(name, {})
    printing.explain(found, values, as_json=json)
