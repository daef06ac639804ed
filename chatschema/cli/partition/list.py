"""chatschema partition list: the months that exist and those that were dropped. Reads only."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from chatschema.partition.values import Partition
    from chatschema.postgres import Connection
    from chatschema.task.months import Months
    from chatschema.values import Settings


def list_months(
    check: Annotated[
        bool, typer.Option("--check", help="Exit 3 if the runway is short, a detach is pending or a month is missing.")
    ] = False,
    openmetrics: Annotated[bool, typer.Option("--openmetrics", help="Print OpenMetrics text, for alerting.")] = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """List months with rows, size and state.

    Lists dropped months too. Reads only.
    """
    from chatschema.partition import catalog, default, metrics, retired_months
    from chatschema.task import months

    if json and openmetrics:
        raise UsageError("--json and --openmetrics cannot be combined", "use one of them", code="usage.options")
    with session.connected(session.settings(url), wait_s=wait, writes=False) as (live, connection):
        found, database = months.survey(connection), connection.info.dbname
        archived = {month for month, record in retired_months.read(connection).items() if record.has_archive_since_detach}
        if check:
            now = catalog.server_now(connection)
            more = [*_missing_archives(connection, live), *default.finding(default.defaults(connection, now), now)]
            found = dataclasses.replace(found, findings=(*found.findings, *more))
    if json:
        console.as_json(found)
    elif openmetrics:
        console.data(metrics.text(found.partitions, found.runway, found.gaps, database).rstrip("\n"))
    else:
        _print(found, archived)
    if check and found.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _missing_archives(connection: Connection, settings: Settings) -> list[str]:
    """Return findings about archives that are missing on this host; note the folders that this host cannot reach."""
    from chatschema.partition import losses, retired_months

    looked = losses.archives(retired_months.read(connection), settings.policy.archive_dir)
    note_unseen(looked.unseen)
    return looked.findings


def note_unseen(folders: Sequence[str]) -> None:
    """Note the archives that were not checked, because their folder is not on this host."""
    if folders:
        console.note(f"note: these archives were not checked, because their folder is not on this host: {', '.join(folders)}")


def state(partition: Partition, archived: set[datetime]) -> str:
    """Return the state as people read it; `archived` are the detached months that have an archive of their rows."""
    words: str = partition.state
    if partition.state == "archived":
        words = "dropped (archived)"
    elif partition.state == "detached" and partition.lower in archived:
        words = "detached, archived"
    return words + (", held" if partition.is_held else "")


def _print(found: Months, archived: set[datetime]) -> None:
    rows = [
        (
            p.parent, p.name, f"{p.lower:%Y-%m-%d}", f"{p.upper:%Y-%m-%d}", state(p, archived),
            "?" if p.rows is None else f"{p.rows}", "?" if p.bytes is None else units.size(p.bytes),
            "?" if p.indexes is None else f"{p.indexes}",
        )
        for p in found.partitions
    ]  # fmt: skip
    if console.is_narrow():
        # The name contains table and month.
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
