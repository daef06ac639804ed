"""chatschema partition list and plan: what is there, and what would be done. They read only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from chatschema.partition.retire_plan import Step
    from chatschema.partition.values import Partition, Runway
    from chatschema.postgres import Connection
    from chatschema.values import Month, Settings


def list_months(
    check: Annotated[
        bool, typer.Option("--check", help="Exit 3 when the months run out, a detach is pending or a month is missing.")
    ] = False,
    openmetrics: Annotated[bool, typer.Option("--openmetrics", help="Print OpenMetrics text, for alerting.")] = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """List the months there are and were, with rows, size and state. Reads only."""
    from chatschema.partition import catalog, default, metrics

    if json and openmetrics:
        raise UsageError("--json and --openmetrics are two forms of one answer", "take one")
    with session.connected(session.settings(url), wait_s=wait, writes=False) as (live, connection):
        state, database = collect(connection), connection.info.dbname
        if check:
            state["findings"] += _missing_archives(connection, live)
            now = catalog.server_now(connection)
            state["findings"] += default.finding(default.defaults(connection, now), now)
    if json:
        console.as_json(state)
    elif openmetrics:
        console.data(metrics.text(state["partitions"], state["runway"], state["gaps"], database).rstrip("\n"))
    else:
        _print(state["partitions"], state["runway"])
        for finding in state["findings"]:
            console.answer(f"look at: {finding}")
    if check and state["findings"]:
        raise typer.Exit(ExitCode.FINDINGS)


def collect(connection: Connection, *, measured: bool = True) -> dict[str, Any]:
    """Return partitions, runway, gaps, overlaps and findings of the months; reads only."""
    from chatschema.partition import catalog, grid, retire_plan, retired_months

    records = retired_months.read(connection)
    survey = catalog.survey(connection, records, measured=measured)
    parents = catalog.parents(connection)
    attached = [_bounds(p) for p in survey if p.state == "attached"]
    away = [_bounds(p) for p in survey if p.state != "attached"]
    gaps = grid.gaps(attached, parents, away)
    overlaps = grid.overlaps(attached, [_bounds(p) for p in survey if p.state == "detached"])
    runways = grid.runway(attached, parents, catalog.server_now(connection))
    return {
        "partitions": survey,
        "runway": runways,
        "gaps": gaps,
        "overlaps": overlaps,
        "findings": [*_running_out(runways), *retire_plan.findings(survey, gaps, overlaps, parents, records)],
    }


def _missing_archives(connection: Connection, settings: Settings) -> list[str]:
    """Return which archives are missing on this host; those of another host are noted."""
    from chatschema.partition import losses, retired_months

    looked = losses.archives(retired_months.read(connection), settings.policy.archive_dir)
    note_unseen(looked.unseen)
    return looked.findings


def note_unseen(folders: list[str]) -> None:
    """Say which archives nobody looked for: their folder is not on this host."""
    if folders:
        console.note(f"note: not looked for, as their folder cannot be seen from this host: {', '.join(folders)}")


def _bounds(partition: Partition) -> Month:
    from chatschema.values import Month

    return Month(partition.parent, partition.name, partition.lower, partition.upper)


def _running_out(runways: list[Runway]) -> list[str]:
    from chatschema.partition import grid

    return [
        f"{runway.parent} has partitions for {runway.days:g} more days, under {grid.RUNWAY_DAYS}"
        for runway in runways
        if runway.days < grid.RUNWAY_DAYS
    ]


def _print(partitions: list[Partition], runways: list[Runway]) -> None:
    rows = [
        (
            p.parent, p.name, f"{p.lower:%Y-%m-%d}", f"{p.upper:%Y-%m-%d}", p.state + (", held" if p.is_held else ""),
            "?" if p.rows is None else f"{p.rows}", "?" if p.bytes is None else units.size(p.bytes),
            "?" if p.indexes is None else f"{p.indexes}",
        )
        for p in partitions
    ]  # fmt: skip
    if console.is_narrow():
        # The name says table and month.
        narrow = [(name, state, count, size) for _, name, _, _, state, count, size, _ in rows]
        console.table(("partition", "state", "rows", "size"), narrow, right=(2, 3))
    else:
        header = ("table", "partition", "from", "to", "state", "rows", "size", "indexes")
        console.table(header, rows, right=(5, 6, 7))
    if rows:
        console.answer()
    for runway in runways:
        until = f"until {runway.until:%Y-%m-%d}, {runway.days:.0f} days" if runway.until else "none from now on"
        console.answer(f"{runway.parent}: {until}")


def plan(
    older_than: options.OlderThan = None,
    grace: options.Grace = None,
    holds: options.Holds = None,
    archive: options.Archive = None,
    directory: options.ArchiveDir = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Show what ensure, retire and purge would do now, with the SQL and the locks. Reads only."""
    from chatschema.partition import catalog, create, default, lock_table, purge, retire

    settings = session.settings(url)
    policy = arguments.policy(
        settings.policy, older_than=older_than, grace=grace, holds=holds, archive=archive, archive_dir=directory
    )
    with session.connected(settings, writes=False) as (_, connection):
        parents = arguments.require_tables(connection)
        missing = create.missing(connection, parents, ahead=policy.ahead)
        ddl = {month.name: [s.as_string(connection) for s in create.statements(month)] for month in missing}
        steps = describe(connection, retire.steps(connection, policy))
        purges = purge.due(connection)
        findings = lock_table.findings(connection)
        now = catalog.server_now(connection)
        findings += default.finding(default.defaults(connection, now), now)
    if json:
        created = [{"partition": name, "sql": sql} for name, sql in ddl.items()]
        console.as_json({"create": created, "steps": steps, "purge": purges, "findings": findings})
        return
    for name, texts in ddl.items():
        console.answer(f"create {name}")
        for text in texts:
            print_sql(text)
    print_steps(steps)
    for purged in purges:
        console.answer(f"purge {purged.messages} messages of {purged.conversation or 'any conversation: they have expired'}")
    if not (ddl or steps or purges):
        console.answer("nothing to do: no month is missing, and none is to leave")
    for finding in findings:
        console.answer(f"look at: {finding}")


def describe(connection: Connection, steps: list[Step]) -> list[dict[str, Any]]:
    """Return the steps with their SQL and locks, as --json prints them."""
    from chatschema.partition import retire

    return [
        {
            "month": f"{step.month:%Y-%m}",
            "action": step.action,
            "reason": step.reason,
            "sql": retire.statements(connection, step),
            "locks": retire.LOCKS.get(step.action, ""),
        }
        for step in steps
    ]


def print_steps(steps: list[dict[str, Any]]) -> None:
    """Print steps as describe() returns them."""
    for step in steps:
        console.answer(f"{step['action']} {step['month']}: {step['reason']}")
        for text in step["sql"]:
            print_sql(text)
        if step["locks"]:
            console.answer(f"    -- locks: {step['locks']}")


def print_sql(text: str) -> None:
    """Print a statement, indented; our own comments left out."""
    for line in text.strip().splitlines():
        if not line.startswith("--"):
            console.answer(f"    {line}")
