"""chatschema partition verify-archives: check that the archives are complete and unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.errors import ExitCode, UsageError


def verify_archives(
    months: Annotated[
        list[str] | None,
        typer.Argument(metavar="MONTH", help="Months, for example 2024-12. Defaults to all recorded archives."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Verify all recorded archives, which is the default.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Current folder of the archives, if they were moved.", file_okay=False),
    ] = None,
    json: options.Json = False,
    url: options.Url = None,
) -> None:
    """Check that archives are complete and unchanged.

    Reads each archive completely and compares it with the ledger. For cron: exit 3 if one is missing, damaged or changed.
    """
    from chatschema.partition.archive import verify
    from chatschema.task import months as tables

    if months and every:
        raise UsageError("--all and MONTH cannot be combined", "use one of them", code="usage.options")
    chosen = [arguments.month(month, "MONTH") for month in months or []]
    with session.connected(session.settings(url), writes=False) as (_, connection):
        tables.require_tables(connection)
        archives = directory.absolute() if directory else None
        found = []
        for one in verify.verify(connection, chosen, archives, say=console.note):
            found.append(one)
            if json:
                continue
            if one.state == "ok":
                doubt = "" if one.is_current else "; it may not match the rows of the month"
                console.answer(f"{one.month} ok: {one.folder}, {one.files} files, {units.size(one.bytes)}{doubt}")
            for problem in one.problems:
                console.answer(f"{one.month} {one.state}: {problem}")
            if one.advice:
                console.answer(f"    {one.advice}")
    bad = [one for one in found if one.state != "ok"]
    if json:
        console.as_json({"archives": found, "findings": len(bad)})
    elif not found:
        console.answer("nothing to do: no archive is recorded")
    if bad:
        raise typer.Exit(ExitCode.FINDINGS)
