"""chatschema seed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import bulk, console, options, session
from chatschema.errors import UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.task.seeding import Seeded
    from chatschema.values import Settings


def seed(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Seeders to run. Defaults to all.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Remove the seeded rows, and no other rows.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the seeders.")] = False,
    into_used: Annotated[
        bool, typer.Option("--into-used", help="Seed even if the tables have rows that no seeder created.")
    ] = False,
    rng: Annotated[int, typer.Option("--rng", metavar="N", help="Random seed.")] = 0,
    messages: Annotated[
        str | None, typer.Option("--messages", metavar="N", help="Bulk seed of this size, like 300k or 10m.")
    ] = None,
    users: Annotated[
        str | None, typer.Option("--users", metavar="N", help="Users of a bulk seed. Defaults to 1 for 500 messages.")
    ] = None,
    conversations: Annotated[
        str | None, typer.Option("--conversations", metavar="N", help="Its conversations. Defaults to 1 for 200 messages.")
    ] = None,
    months: Annotated[int | None, typer.Option("--months", metavar="N", help="Its months. Defaults to 12.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="The day before which it ends, in UTC. Defaults to today.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Its shape, and its size: demo, ci, large, or a file of yours.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="Connections that load a bulk seed.")] = 2,
    checksum: Annotated[bool, typer.Option("--checksum", help="Print the checksum of a bulk seed, as --json does.")] = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Fill the database with demo data.

    The data is realistic, encrypted, and the same for the same --rng. Seeders that have run are skipped. Refused on a protected
    database.
    """
    if undo and listing:
        raise UsageError("--undo and --list cannot be combined", "use one of them", code="usage.options")
    _refuse_mixed(names, undo or listing, messages or profile, users, conversations, months, until)
    settings = session.settings(url)
    with session.connected(settings, wait_s=wait, writes=not listing) as (live, connection):
        if listing:
            _list(live, connection, as_json=json)
        elif undo:
            _undo(live, connection, names or [], lock_wait_s=lock_wait, as_json=json)
        elif messages is not None or profile is not None:
            bulk.seed(
                live, connection, messages, users, conversations, months, until, profile, rng=rng, workers=workers,
                into_used=into_used, checksum=checksum, lock_wait_s=lock_wait, as_json=json,
            )  # fmt: skip
        else:
            done = seeded(live, connection, names or [], rng=rng, into_used=into_used, lock_wait_s=lock_wait, as_lines=not json)
            if json:
                console.as_json({"seeded": done})


def _refuse_mixed(names: list[str] | None, other: bool, bulk: str | None, *of_bulk: object) -> None:
    if bulk is None and any(value is not None for value in of_bulk):
        text = "--users, --conversations, --months and --until are options of a bulk seed"
        raise UsageError(text, "add --messages N or --profile NAME", code="usage.options")
    if bulk is not None and (names or other):
        text = "--messages and --profile cannot be combined with names of seeders, --undo or --list"
        raise UsageError(text, "use one of them; chatschema seed --undo removes a bulk seed too", code="usage.options")


def seeded(
    settings: Settings,
    connection: Connection,
    names: Sequence[str] = (),
    *,
    rng: int = 0,
    into_used: bool = False,
    lock_wait_s: float = waits.LOCK_WAIT_S,
    as_lines: bool,
) -> list[Seeded]:
    """Run the named seeders and those they need; return the results, and print each when it is done if `as_lines`."""
    from chatschema.task import seeding

    done = []
    seeders = seeding.choose(settings, names)
    steps = seeding.seed(settings, connection, seeders, rng=rng, into_used=into_used, lock_wait_s=lock_wait_s, say=console.note)
    with console.progress("seeding", len(seeders)) as advance, closing(steps):
        for one in steps:
            advance(1)
            done.append(one)
            if as_lines:
                console.answer(f"seeded {one.name}  {one.rows} rows")
    if as_lines and not done:
        console.answer("nothing to do: already seeded")
    return done


def _undo(settings: Settings, connection: Connection, names: Sequence[str], *, lock_wait_s: float, as_json: bool) -> None:
    from chatschema.task import seeding

    removed = []
    steps = seeding.unseed(settings, connection, names, lock_wait_s=lock_wait_s, say=console.note)
    with closing(steps):
        for one in steps:
            removed.append(one)
            if not as_json:
                console.answer(f"removed {one.name}  {one.rows} rows")
    if as_json:
        console.as_json({"removed": removed})
    elif not removed:
        console.answer("nothing to do: nothing is seeded")


def _list(settings: Settings, connection: Connection, *, as_json: bool) -> None:
    from chatschema.seed import runner

    statuses = runner.statuses(connection, settings.seeds_dir)
    if as_json:
        console.as_json({"seeds": statuses})
        return
    rows = [(s.name, "seeded" if s.seeded_at else "not run", str(s.rows), "" if console.is_narrow() else s.title) for s in statuses]
    console.table(("seeder", "state", "rows", "description"), rows, right=(2,))
