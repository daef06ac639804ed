"""chatschema repair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session, verify

if TYPE_CHECKING:
    from chatschema.task.repairing import Repair


def repair(
    id: Annotated[str, typer.Argument(metavar="ID", help="An edited or renamed migration: its id, or the first characters.")],
    scratch: options.Replay = None,
    yes: options.Yes = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Accept an edited or renamed file as the one that was applied; nothing is run.

    Prints the difference from the applied text, if git has that, and compares the database with the migrations as
    they are now. Then asks for confirmation.
    """
    from chatschema.migration import files as migration_files
    from chatschema.task import repairing

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    elsewhere = session.elsewhere(scratch)
    with session.connected(settings, wait_s=wait) as (live, connection):
        found = repairing.look(live, connection, files, id, scratch=elsewhere, say=console.note)
        if not json:
            _print(found)
        action = f"this records {found.file.id}.sql as the file that was applied"
        console.confirm_name(action, connection.info.dbname, yes=yes)
        repairing.repair(connection, files, found, say=console.note)
    if json:
        differences = [verify.document(one) for one in found.verified.differences] if found.verified else None
        console.as_json(
            {
                "repaired": found.file.id,
                "was": found.status.state,
                "diff": found.diff,
                "differences": differences,
                "reason": found.unverified,
            }
        )
    else:
        console.answer(f"repaired {found.file.id}")


def _print(found: Repair) -> None:
    if found.diff is None:
        console.answer(f"{found.status.id} is edited; the applied text is not in git, so the difference cannot be shown")
    elif found.status.state == "renamed":
        console.answer(f"{found.status.id} is now {found.file.id}, with the same text")
    else:
        for line in found.diff:
            console.answer(line)
    if found.verified is None:
        console.answer(f"the database was not compared with the migrations as they are now: {found.unverified}")
        return
    for one in found.verified.differences:
        verify.print_difference(one)
    console.answer(f"compared with the migrations as they are now: {verify.count(len(found.verified.differences))}")
