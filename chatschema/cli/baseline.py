"""chatschema baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session, verify
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from chatschema.migration.files import MigrationFile
    from chatschema.task.baselining import Baseline

# Their names begin so.
REPEATABLE = "R_"


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
    are listed, and the exit code is 3. Repeatable files are recorded as well if ID is the last migration.
    """
    from chatschema.migration import files as migration_files
    from chatschema.migration.repeatable import files as repeatable
    from chatschema.task import baselining

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    last = migration_files.resolve(id, [file.id for file in files])
    chosen = [file for file in files if file.id <= last]
    # They run after the last migration.
    repeated = repeatable.discover(settings.sql_dir / "migrations") if chosen == files else []
    elsewhere = session.elsewhere(scratch)
    with session.connected(settings, wait_s=wait, needs_ledger=False) as (live, connection):
        done = baselining.baseline(
            live, connection, chosen, repeated, accept=accept_differences, scratch=elsewhere, say=console.note
        )
    if json:
        console.as_json({"recorded": done.recorded, "differences": [verify.document(one) for one in done.differences]})
    else:
        for one in done.differences:
            verify.print_difference(one)
        console.answer(f"compared with {_count(chosen, repeated)}: {verify.count(len(done.differences))}; {_recorded(done)}")
    if not done.recorded:
        console.note("reconcile the database with this SQL, or accept it as it is: --accept-differences")
        raise typer.Exit(ExitCode.FINDINGS)


def _recorded(done: Baseline) -> str:
    if not done.recorded:
        return "nothing was recorded"
    repeated = [id for id in done.recorded if id.startswith(REPEATABLE)]
    more = f" and {', '.join(repeated)} as run" if repeated else ""
    return f"recorded {console.count(len(done.recorded) - len(repeated), 'migration')} as applied{more}"


def _count(chosen: list[MigrationFile], repeated: list[MigrationFile]) -> str:
    more = f" and {console.count(len(repeated), 'repeatable file')}" if repeated else ""
    return f"{console.count(len(chosen), 'migration')}{more}"
