"""chatschema baseline."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session, verify
from chatschema.errors import ExitCode


def baseline(
    id: Annotated[str, typer.Argument(metavar="ID", help="Last migration that the database has: its id, or the first characters.")],
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Record the baseline although the database differs.")
    ] = False,
    scratch: options.Replay = None,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Record migrations as applied to a database that was created by other means; nothing is run.

    The database is first compared with what these migrations make. If it differs, nothing is recorded, the differences
    are listed, and the exit code is 3.
    """
    from chatschema.migration import files as migration_files
    from chatschema.task import baselining

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    last = migration_files.resolve(id, [file.id for file in files])
    chosen = [file for file in files if file.id <= last]
    elsewhere = session.elsewhere(scratch)
    with session.connected(settings, wait_s=wait, needs_ledger=False) as (live, connection):
        found = baselining.baseline(live, connection, chosen, accept=accept_differences, scratch=elsewhere, say=console.note)
    is_recorded = accept_differences or not found
    recorded = [file.id for file in chosen] if is_recorded else []
    if json:
        console.as_json({"recorded": recorded, "differences": [verify.document(one) for one in found]})
    else:
        for one in found:
            verify.print_difference(one)
        done = f"recorded {len(recorded)} migrations as applied" if is_recorded else "nothing was recorded"
        console.answer(f"compared with {len(chosen)} migrations: {verify.count(len(found))}; {done}")
    if not is_recorded:
        console.note("reconcile the database with this SQL, or accept it as it is: --accept-differences")
        raise typer.Exit(ExitCode.FINDINGS)
