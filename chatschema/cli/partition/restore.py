"""chatschema partition restore."""

from __future__ import annotations

from typing import Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments


def restore(
    month: arguments.MonthArgument,
    directory: options.ArchiveDir = None,
    force: Annotated[
        bool, typer.Option("--force", help="Load an archive also when it may hold other rows than those that were dropped.")
    ] = False,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="RULE",
            help="Map an old column: OLD=NEW, OLD=drop, NEW=default, NEW=value:TEXT; as TABLE.COLUMN where both have it.",
        ),
    ] = None,
    keep_for: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="How long retire leaves it alone, for example 30d.")
    ] = "30d",
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Bring a month back: attach its detached table again, or load it from its archive. Erasures made since are applied."""
    from datetime import timedelta

    from chatschema.config import partition
    from chatschema.partition import catalog, detach, mapping
    from chatschema.partition import restore as restoring
    from chatschema.partition.archive import disk
    from chatschema.postgres import locks
    from chatschema.task import months

    lower, settings = arguments.month(month, "MONTH"), session.settings(url)
    span, rules = partition.span(keep_for, "--for"), mapping.parse(maps or [])
    with (
        session.connected(settings) as (live, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
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
    console.answer(f"{back.month} is back: {back.messages} messages, {back.statuses} statuses")
    if back.source == "kept rows":
        console.answer("these are the rows that were kept under a hold; the others were dropped without an archive")
    console.answer(f"retire leaves it alone until {back.keep_until:%Y-%m-%d}")
    for column, values in back.lost.items():
        console.answer(f"left out: {values} values of {column}")
    if back.erased:
        console.answer(f"erased anew: {back.erased} rows, of erasures recorded since")
    if back.attachments:
        console.answer(f"{back.attachments} attachments have their message again")
    if back.attachments_gone:
        console.answer(
            f"{len(back.attachments_gone)} attachments are gone: their row or file was removed meanwhile; --json lists them"
        )
    if back.attachments_left:
        console.answer(f"{back.attachments_left} attachments stay without their message: it was erased, or they have another one")
