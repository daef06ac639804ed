"""chatschema partition list: the months there are and were. Reads only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.task.months import Months
    from chatschema.values import Settings


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
    from chatschema.task import months

    if json and openmetrics:
        raise UsageError("--json and --openmetrics are two forms of one answer", "take one")
    with session.connected(session.settings(url), wait_s=wait, writes=False) as (live, connection):
        found, database = months.survey(connection), connection.info.dbname
        if check:
            now = catalog.server_now(connection)
            more = [*_missing_archives(connection, live), *default.finding(default.defaults(connection, now), now)]
            found = dataclasses.replace(found, findings=(*found.findings, *more))
    if json:
        console.as_json(found)
    elif openmetrics:
        console.data(metrics.text(found.partitions, found.runway, found.gaps, database).rstrip("\n"))
    else:
        _print(found)
    if check and found.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _missing_archives(connection: Connection, settings: Settings) -> list[str]:
    """Return which archives are missing on this host; those of another host are noted."""
    from chatschema.partition import losses, retired_months

    looked = losses.archives(retired_months.read(connection), settings.policy.archive_dir)
    note_unseen(looked.unseen)
    return looked.findings


def note_unseen(folders: Sequence[str]) -> None:
    """Say which archives nobody looked for: their folder is not on this host."""
    if folders:
        console.note(f"note: not looked for, as their folder cannot be seen from this host: {', '.join(folders)}")


def _print(found: Months) -> None:
    rows = [
        (
            p.parent, p.name, f"{p.lower:%Y-%m-%d}", f"{p.upper:%Y-%m-%d}", p.state + (", held" if p.is_held else ""),
            "?" if p.rows is None else f"{p.rows}", "?" if p.bytes is None else units.size(p.bytes),
            "?" if p.indexes is None else f"{p.indexes}",
        )
        for p in found.partitions
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
    for runway in found.runway:
        until = f"until {runway.until:%Y-%m-%d}, {runway.days:.0f} days" if runway.until else "none from now on"
        console.answer(f"{runway.parent}: {until}")
    for finding in found.findings:
        console.answer(f"look at: {finding}")
