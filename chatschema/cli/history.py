"""chatschema history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session

if TYPE_CHECKING:
    from chatschema.migration.journal import Record


def history(
    id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this migration: its id, or the first characters.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the last N records.")] = None,
    json: options.Json = False,
    wait: options.Wait = 0,
    url: options.Url = None,
) -> None:
    """Show what was applied, undone and repaired: when, by whom, from which host, by which release. Reads only."""
    from chatschema.migration import files as migration_files
    from chatschema.migration import journal

    with session.connected(session.settings(url), wait_s=wait, writes=False) as (_, connection):
        found = journal.read(connection)
    if id is not None:
        wanted = migration_files.resolve(id, sorted({one.migration_id for one in found}))
        found = [one for one in found if one.migration_id == wanted]
    if limit is not None:
        found = found[-limit:]
    if json:
        console.as_json({"history": found})
    elif not found:
        console.answer("nothing was applied to this database yet")
    else:
        header = ("when (UTC)", "what", "migration", "by", "release", "ms", "note")
        console.table(header, [_row(one) for one in found], right=(5,))


def _row(one: Record) -> tuple[str, ...]:
    by = f"{one.user or '?'}@{one.host or '?'}"
    notes = [f"plan {one.plan_hash[:12]}" if one.plan_hash else "", one.note or ""]
    duration = "" if one.duration_ms is None else f"{one.duration_ms:.0f}"
    note = "; ".join(text for text in notes if text)
    return (units.when(one.at), one.action, one.migration_id, by, one.version or "", duration, note)
