"""chatschema migrate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError, UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.migration.files import MigrationFile
    from chatschema.postgres import Connection
    from chatschema.postgres.replicas import Replicas
    from chatschema.values import Applied, Month, Settings, Started

_TOLD = 3


def migrate(
    to: Annotated[
        str | None, typer.Option("--to", metavar="ID", help="Last migration to apply: its id, or the first characters of it.")
    ] = None,
    phase: options.Phase = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Print the SQL with its locks and its time, and change nothing.")
    ] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Run on a copy with the load of a chat, and change nothing here.")
    ] = False,
    copy: Annotated[
        str | None, typer.Option("--copy", metavar="URL", help="With --rehearse: a restored copy, which is migrated.")
    ] = None,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="Begin nothing after this time, as 06:00, in the server's time zone."),
    ] = None,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = waits.REPLICA_WAIT_S,
    plan_hash: Annotated[
        str | None, typer.Option("--plan-hash", metavar="HASH", help="Apply only the plan with this hash, which --dry-run prints.")
    ] = None,
    scratch: options.Scratch = None,
    fleet: options.Fleet = None,
    waves: Annotated[
        int | None, typer.Option("--waves", metavar="N", min=1, help="With --fleet: stop after N waves; 1 is the canary alone.")
    ] = None,
    allow_newer: Annotated[
        bool, typer.Option("--allow-newer", help="Run although a newer release has migrated the database.")
    ] = False,
    out_of_order: Annotated[
        bool, typer.Option("--out-of-order", help="Apply files too whose numbers are before the last applied one.")
    ] = False,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Apply pending migrations, then create the partitions of the coming months.

    Each migration and its record are committed together: if the run is killed, a migration is either applied and recorded,
    or not applied at all. If two runs overlap, the second waits and names the first.
    """
    from chatschema.cli import rehearsing
    from chatschema.cli.planning import planned
    from chatschema.migration import files as migration_files
    from chatschema.migration import phases
    from chatschema.task import deadline, scratching
    from chatschema.task.rehearsing import Choice

    scratching.refuse_unknown(scratch)
    no_rehearsal = {"--dry-run": dry_run, "--fleet": fleet, "--plan-hash": plan_hash, "--until": until, "--replica": replica}
    rehearsing.refuse_options(copy, scratch, no_rehearsal, is_rehearsal=rehearse)
    only_expand = phases.is_expand(phase)
    if fleet is not None:
        own = {"--wait": wait, "--lock-wait": lock_wait, "--until": until, "--plan-hash": plan_hash, "--scratch": scratch}
        flags = {"--allow-newer": allow_newer, "--out-of-order": out_of_order}
        passed_on = [text for name, value in own.items() if value is not None for text in (name, str(value))]
        passed_on += [name for name, is_given in flags.items() if is_given]
        _migrate_fleet(fleet, passed_on, to, only_expand, dry_run, json, until, replica, waves, url, sql_dir)
        return
    if waves is not None:
        raise UsageError("--waves needs --fleet", "add --fleet targets.toml", code="usage.options")
    settings = session.settings(url, sql_dir)
    rules = replace(settings.planning, out_of_order=out_of_order, allow_newer=allow_newer or settings.planning.allow_newer)
    settings = replace(settings, planning=rules)
    files = migration_files.discover(settings.sql_dir / "migrations")
    last = migration_files.resolve(to, [file.id for file in files]) if to is not None else None
    if until is not None:
        deadline.check(until)
    with session.connected(settings, wait_s=wait, writes=not dry_run) as (live, connection):
        if dry_run:
            planned(live, connection, files, to=last, only_expand=only_expand, scratch=scratch, as_json=json)
            return
        if rehearse:
            choice = Choice(files, last, only_expand)
            rehearsing.rehearsed(live, connection, choice, copy, scratch, sql_dir, as_json=json)
            return
        with session.replicas(live, connection, replica, replica_wait) as replicas:
            applied, months, running = migrated(
                live, connection, files, to=last, only_expand=only_expand, lock_wait_s=lock_wait, until=until, replicas=replicas,
                plan_hash=plan_hash, scratch=scratch, as_lines=not json,
            )  # fmt: skip
    if json:
        console.as_json({"applied": applied, "running": running, "partitions": months})
    elif not applied and not months and not running:
        newest = [file.id for file in files if (last is None or file.id <= last) and not (only_expand and file.apply.is_contract)]
        console.answer(f"nothing to do: {newest[-1]} is applied" if newest else "nothing to do")


def _migrate_fleet(
    path: Path, own: list[str], to: str | None, only_expand: bool, dry_run: bool, json: bool, until: str | None,
    replica: list[str] | None, waves: int | None, url: str | None, sql_dir: Path | None,
) -> None:  # fmt: skip
    from chatschema.cli import fleet
    from chatschema.task import deadline

    if url is not None or replica:
        raise UsageError(
            "--fleet cannot be combined with --url and --replica", "the file names the databases", code="usage.options"
        )
    if until is not None:
        deadline.check(until)
    fleet.migrate(path, to=to, only_expand=only_expand, options=own, waves=waves, dry_run=dry_run, json=json, sql_dir=sql_dir)


def migrated(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    to: str | None = None,
    only_expand: bool = False,
    lock_wait_s: float = waits.LOCK_WAIT_S,
    until: str | None = None,
    replicas: Replicas | None = None,
    plan_hash: str | None = None,
    scratch: str | None = None,
    as_lines: bool,
) -> tuple[list[Applied], list[Month], list[Started]]:
    """Migrate and create the coming months; return the migrations, the months, and the migrations whose batches run on.

    Prints each of them when `as_lines`.
    """
    from chatschema.task import migrating
    from chatschema.values import Applied, Started

    applied: list[Applied] = []
    months: list[Month] = []
    running: list[Started] = []
    steps = migrating.migrate(
        settings,
        connection,
        files,
        to=to,
        only_expand=only_expand,
        lock_wait_s=lock_wait_s,
        until=until,
        replicas=replicas,
        plan_hash=plan_hash,
        scratch=scratch,
        say=console.note,
    )
    with telling("applied", applied), closing(steps):
        for done in steps:
            if isinstance(done, Started):
                running.append(done)
                if as_lines:
                    console.answer(f"running {done.id}: chatschema batch run {done.batch}")
                continue
            if not isinstance(done, Applied):
                months.append(done)
                continue
            applied.append(done)
            if as_lines:
                print_step("applied", done)
    if as_lines and months:
        console.answer(f"created {console.count(len(months), 'partition')}, {months[0].lower:%Y-%m} to {months[-1].lower:%Y-%m}")
    return applied, months, running


def print_step(verb: str, done: Applied) -> None:
    """Print a migration that was committed."""
    console.answer(f"{verb} {done.id}  {done.duration_ms:.0f} ms")


@contextmanager
def telling(verb: str, done: list[Applied]) -> Iterator[None]:
    """Print the steps that this run committed before the failure that ends the block: the error itself is about one step."""
    try:
        yield
    except (ChatschemaError, KeyboardInterrupt):
        if done:
            ids = ", ".join(one.id for one in done[:_TOLD])
            more = f" and {len(done) - _TOLD} more" if len(done) > _TOLD else ""
            console.note(f"{verb} before the failure, and kept: {ids}{more}")
        raise
