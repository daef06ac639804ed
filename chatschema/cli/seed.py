"""chatschema seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.seed.files import Seeder
    from chatschema.values import Settings


def seed(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Seeders to run; all when none is named.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Remove exactly what was seeded.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the seeders.")] = False,
    into_used: Annotated[
        bool, typer.Option("--into-used", help="Seed although the tables have rows that no seeder created.")
    ] = False,
    rng: Annotated[int, typer.Option("--rng", metavar="N", help="Number the data is made from.")] = 0,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Fill the database with demo data.

    Believable, encrypted, and the same for the same --rng. What has run is not run again. Refused on a protected database.
    """
    if undo and listing:
        raise UsageError("--undo and --list exclude each other", "give one of them")
    settings = session.settings(url)
    with session.connected(settings, wait_s=wait, writes=not listing) as (live, connection):
        if listing:
            _list(live, connection, as_json=json)
        elif undo:
            _undo(live, connection, names or [], lock_wait_s=lock_wait, as_json=json)
        else:
            seeded = plant(live, connection, names or [], rng=rng, into_used=into_used, lock_wait_s=lock_wait, as_lines=not json)
            if json:
                console.as_json({"seeded": seeded})


def plant(
    settings: Settings,
    connection: Connection,
    names: list[str] | None = None,
    *,
    rng: int = 0,
    into_used: bool = False,
    lock_wait_s: float = session.LOCK_WAIT_S,
    as_lines: bool,
) -> list[dict[str, Any]]:
    """Run the named seeders and what they need, under the lock; return what was done.

    Raises ChatschemaError where the tables have rows that no seeder made, unless `into_used`.
    """
    from chatschema import protection
    from chatschema.database import contents
    from chatschema.postgres import locks
    from chatschema.seed import files, runner

    seeders = files.choose(files.discover(settings.seeds_dir), names or [])
    contents.refuse_foreign(connection, "seed")
    _refuse_unmigrated(connection)
    seeded = []
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=console.note):
        # Under the lock, which `protect` takes too: what was protected while we waited counts.
        protection.refuse(connection, settings, "seed")
        if not into_used and runner.is_due(connection, seeders):
            _refuse_used(connection)
        _make_past_months(settings, connection)
        now = _now(connection)
        with console.progress("seeding", len(seeders)) as advance:
            for done, rows in runner.run(connection, seeders, rng=rng, now=now):
                advance(1)
                seeded.append({"name": done.id, "rows": rows, "duration_ms": done.duration_ms})
                if as_lines:
                    console.answer(f"seeded {done.id}  {rows} rows")
    if seeded:
        _finish(settings, connection, [str(entry["name"]) for entry in seeded], rng)
    elif as_lines:
        console.answer("nothing to do: seeded already")
    return seeded


def _now(connection: Connection) -> Any:
    from chatschema.partition import catalog

    return catalog.server_now(connection).replace(microsecond=0)


def _finish(settings: Settings, connection: Connection, names: list[str], rng: int) -> None:
    from chatschema.seed import demo_keys

    if "user_public_keys" in names:
        path = demo_keys.write(connection, settings.state_dir, rng)
        console.note(f"private keys of the demo users: {path.parent.name}/{path.name} (docs/seed.md shows how to read a message)")


def _refuse_used(connection: Connection) -> None:
    """Raise where demo data would come among the rows of others."""
    from chatschema.database import contents

    if table := contents.has_others(connection):
        raise ChatschemaError(
            f"table {table} of database {connection.info.dbname} has rows that no seeder created; nothing was seeded",
            "seed an empty database; or, to add demo data to these rows: chatschema seed --into-used",
        )


def _refuse_unmigrated(connection: Connection) -> None:
    from chatschema import tables

    missing = tables.missing(connection)
    if missing:
        raise ChatschemaError(f"table {missing[0]} is not there, so nothing can be seeded", "first: chatschema migrate")


def _make_past_months(settings: Settings, connection: Connection) -> None:
    from chatschema.partition import catalog, create, grid
    from chatschema.seed import runner

    parents = catalog.parents(connection)
    plan = create.missing(connection, parents, since=runner.HISTORY, ahead=settings.policy.ahead)
    for month in create.ensure(connection, plan, say=console.note):
        if month.parent == grid.GROUP[0].table:
            console.note(f"created the month {month.lower:%Y-%m} for the demo's past")


def _undo(settings: Settings, connection: Connection, names: list[str], *, lock_wait_s: float, as_json: bool) -> None:
    from chatschema import hold, protection
    from chatschema.database import contents
    from chatschema.postgres import locks
    from chatschema.seed import demo_keys, files, runner

    contents.refuse_foreign(connection, "seed --undo")
    seeders: list[Seeder] = files.choose(files.discover(settings.seeds_dir), names, dependents=True)
    removed = []
    if not runner.has_ledger(connection):
        seeders = []
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=console.note):
        protection.refuse(connection, settings, "seed --undo")
        hold.refuse_active(connection, "seed --undo")
        for done, rows in runner.undo(connection, seeders):
            removed.append({"name": done.id, "rows": rows})
            if not as_json:
                console.answer(f"removed {done.id}  {rows} rows")
            if done.id == "user_public_keys":
                (settings.state_dir / demo_keys.FILE).unlink(missing_ok=True)
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
    console.table(("seeder", "state", "rows", "what"), rows, right=(2,))
