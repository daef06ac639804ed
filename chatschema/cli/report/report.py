"""chatschema report: which reports run, on what, and what their answer means to the caller."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from chatschema.cli import console, options, session
from chatschema.cli.report import printing
from chatschema.errors import ExitCode, UsageError
from chatschema.report import wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatschema.values import Settings

_SEVERITIES = ("warn", "critical")
_TICK_S = 0.2


def report(
    ctx: typer.Context,
    list_reports: Annotated[bool, typer.Option("--list", help="List the reports there are.")] = False,
    json: options.Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="One report's rows as CSV; the overview's findings.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for an issue or a wiki.")] = False,
    openmetrics: Annotated[bool, typer.Option("--openmetrics", help="Print OpenMetrics text, for alerting.")] = False,
    html: Annotated[bool, typer.Option("--html", help="One page with charts, that needs nothing else.")] = False,
    sort: Annotated[str | None, typer.Option("--sort", metavar="COLUMN", help="Largest first; its beginning is enough.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=0, help="Rows of a table; 0 for all.")] = 20,
    full: Annotated[bool, typer.Option("--full", help="All columns and texts, however wide.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="N", help="Show the generic plan of the N-th query, or of a queryid.")
    ] = None,
    advise: Annotated[bool, typer.Option("--advise", help="Try hypothetical indexes for the top queries (needs HypoPG).")] = False,
    watch: Annotated[float, typer.Option("--watch", metavar="S", min=0, help="Again every S seconds, with what changed.")] = 0,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", metavar="SEVERITY", help="Exit 3 on findings: warn, or critical.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="A former --json: fail only on what is new or worse.")
    ] = None,
    allow_partial: Annotated[bool, typer.Option("--allow-partial", help="Do not fail on what could not be seen.")] = False,
    replica: Annotated[
        list[str] | None, typer.Option("--replica", metavar="URL", help="Count its index scans as well; again for more.")
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, max=86400, help="Seconds for each query of ours.")
    ] = 4,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Report the health of the database: one line a check, worst first. Reads only."""
    if ctx.invoked_subcommand:
        _refuse_misplaced(ctx)
        return
    from chatschema.report import definition, verdict
    from chatschema.task import looking

    _refuse_contradictions(fail_on, watch, gate=bool(baseline or allow_partial), plans=bool(explain or advise))
    form = printing.form(json=json, csv=csv, markdown=markdown, openmetrics=openmetrics, html=html)
    settings = session.settings(url, sql_dir, needs_server=not list_reports)
    name = None if isinstance(ctx.command, TyperGroup) else ctx.info_name
    if list_reports:
        printing.list_reports([definition.load(settings.sql_dir, one) for one in definition.names(settings.sql_dir)], form)
        return
    wanted = [definition.load(settings.sql_dir, name)] if name else definition.overview(settings.sql_dir)
    known = verdict.baseline(baseline) if baseline else None
    layout = printing.Layout(form, name, sort, limit, full)
    replicas = [_replica(one) for one in replica or []]
    with looking.looking(settings, wanted, timeout_s=timeout, wait_s=wait, replicas=replicas, say=console.note) as look:
        if explain or advise:
            from chatschema.cli.report import queries

            queries.show(look.connection, look.settings, sort=sort, explain=explain, advise=advise, layout=layout)
            return
        if watch:
            from chatschema.cli.report import watch as watching

            watching.watch(look, layout, watch)
            return
        results = look.now()
        coverage = look.coverage
    printing.show(results, coverage, layout)
    today = datetime.now(UTC).date()
    for text in verdict.expired(settings.reporting.suppressions, today):
        console.note(f"warning: {text}")
    reasons = verdict.failing(results, fail_on, known, allow_partial=allow_partial) if fail_on else []
    for reason in reasons:
        console.note(wording.flat(f"fails: {reason}"))
    if reasons:
        raise typer.Exit(ExitCode.FINDINGS)


def _refuse_misplaced(ctx: typer.Context) -> None:
    """Raise UsageError for options before the name of a report: they would be the overview's, which is not run."""
    for param in ctx.command.params:
        source = ctx.get_parameter_source(param.name or "")
        if source is not None and source.name == "COMMANDLINE":
            option = param.opts[0]
            hint = f"write it behind: chatschema report {ctx.invoked_subcommand} {option} ..."
            raise UsageError(f"{option} stands before {ctx.invoked_subcommand}, and would not count", hint)


def _refuse_contradictions(fail_on: str | None, watch: float, *, gate: bool, plans: bool) -> None:
    """Raise UsageError for options that would silently have no effect."""
    if fail_on not in (None, *_SEVERITIES):
        raise UsageError(f"--fail-on {fail_on} is neither warn nor critical")
    if gate and not fail_on:
        raise UsageError("--baseline and --allow-partial are for --fail-on", "add --fail-on warn")
    if fail_on and (watch or plans):
        raise UsageError("--watch, --explain and --advise have no findings to fail on", "leave out --fail-on")
    if 0 < watch < _TICK_S:
        raise UsageError(f"--watch {watch:g} would keep the server busy with us", f"the shortest is {_TICK_S:g}")


def _replica(url: str) -> Callable[[Settings], Settings]:
    """Return what gives the settings of another node, from those of the running server."""
    return lambda live: session.settings(url, live.sql_dir)


def explain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A report; report --list has them.")],
    json: options.Json = False,
    sql_dir: options.SqlDir = None,
) -> None:
    """Explain a report: what it means, why it matters, its thresholds and its SQL. Needs no server."""
    from chatschema.report import definition

    settings = session.settings(None, sql_dir, needs_server=False)
    found = definition.load(settings.sql_dir, name)
    values: dict[str, Any] = {key: one.default for key, one in found.thresholds.items()}
    values |= settings.reporting.thresholds.get(name, {})
    printing.explain(found, values, as_json=json)
