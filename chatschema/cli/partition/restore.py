"""chatschema partition restore."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments
from chatschema.task import waits


def restore(
    month: arguments.MonthArgument,
    directory: options.ArchiveDir = None,
    force: Annotated[
        bool, typer.Option("--force", help="Load an archive even if it may contain other rows than were dropped.")
    ] = False,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="RULE",
            help="Map an old column: OLD=NEW, OLD=drop, NEW=default, NEW=value:TEXT; TABLE.COLUMN if both tables have it.",
        ),
    ] = None,
    keep_for: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="Do not retire the month again for this long, for example 30d.")
    ] = "30d",
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Restore a month from its tables or archive.

    Attaches the detached tables again, or loads the archive. Erasures recorded since then are applied.
    """
    from datetime import timedelta

    from chatschema.config import partition
    from chatschema.partition import catalog, detach, mapping
    from chatschema.partition import restore as restoring
    from chatschema.partition.archive import disk
    from chatschema.task import months

    lower, settings = arguments.month(month, "MONTH"), session.settings(url)
    span, rules = partition.span(keep_for, "--for"), mapping.parse(maps or [])
    with session.locked(settings, lock_wait) as (live, connection):
        months.require_tables(connection, "deferred_erasures")
        detach.finish_pending(connection, say=console.note)
        until = catalog.server_now(connection) + timedelta(days=span.days + 31 * span.months)
        folder = disk.folder_of(directory.absolute(), lower) if directory else None
        back = restoring.restore(
            connection, lower, folder, live.policy.archive_dir, keep_until=until, force=force, rules=rules,
            say=console.note,
        )  # fmt: skip
    if json:
        console.as_json(back)
        return
    console.answer(f"restored {back.month}: {back.messages} messages, {back.statuses} statuses")
    if back.source == "kept rows":
        console.answer("these are the rows that were kept under a hold; the others were dropped without an archive")
    console.answer(f"retire will not detach it before {back.keep_until:%Y-%m-%d}")
    for column, values in back.lost.items():
        console.answer(f"left out: {values} values of {column}")
    if back.erased:
        console.answer(f"erased {back.erased} rows again, by erasures recorded since then")
    if back.attachments:
        console.answer(f"linked {back.attachments} attachments to their messages again")
    if back.attachments_gone:
        console.answer(
            f"{len(back.attachments_gone)} attachments are missing: their row or file was removed since then; --json lists them"
        )
    if back.attachments_left:
        console.answer(f"{back.attachments_left} attachments were not linked: their message was erased or has another attachment")
