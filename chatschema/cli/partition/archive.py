"""chatschema partition archive."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.errors import ChatschemaError
from chatschema.task import waits


def archive(
    month: arguments.MonthArgument,
    directory: options.ArchiveDir = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Also write Parquet files, for analysts; needs chatschema[parquet].")
    ] = False,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Archive a month to files, and verify them.

    The month may be attached or detached. The files are read back and compared. Removes nothing.
    """
    from chatschema.partition import retire as steps
    from chatschema.partition.archive import disk
    from chatschema.partition.archive import write as files
    from chatschema.task import months

    lower, settings = arguments.month(month, "MONTH"), session.settings(url)
    archives = directory.absolute() if directory else settings.policy.archive_dir
    with session.locked(settings, lock_wait) as (_, connection):
        months.require_tables(connection)
        group = steps.members(connection, lower)
        if not group:
            text = f"{month} has no table in this database"
            raise ChatschemaError(text, "see: chatschema partition list", code="partition.no-table")
        written = files.archive(connection, group, archives, with_parquet=parquet, say=console.note)
    folder = disk.folder_of(archives, lower)
    if json:
        console.as_json({"folder": folder, "manifest": written})
        return
    for table in written.tables:
        console.answer(f"{folder / table.file.name}: {table.rows} rows, {units.size(table.file.bytes)}")
    console.answer("verified: the files were read back and match the database")
