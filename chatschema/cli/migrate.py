"""chatschema migrate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ChatschemaError

if TYPE_CHECKING:
    from chatschema.migration.files import MigrationFile
    from chatschema.postgres import Connection
    from chatschema.postgres.replicas import Replicas
    from chatschema.sqlfile import SqlFile
    from chatschema.structure.recording import Run
    from chatschema.values import Applied, Month, Settings

_TOLD = 3


def migrate(
    to: Annotated[
        str | None, typer.Option("--to", metavar="ID", help="Stop after this migration: its id or the beginning of it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Print the SQL that would run; change nothing.")] = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = session.REPLICA_WAIT_S,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Apply pending migrations, then make the months ahead.

    Each migration commits together with its record: killed at any moment, it is there and recorded, or not at all.
    """
    from chatschema.migration import files as migration_files

    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    last = migration_files.resolve(to, [file.id for file in files]) if to is not None else None
    with session.connected(settings, wait_s=wait) as (live, connection):
        if dry_run:
            _print_plan(live, connection, files, last, json)
        else:
            with session.replicas(live, connection, replica, replica_wait) as replicas:
                applied, months = up(live, connection, files, to=last, lock_wait_s=lock_wait, replicas=replicas, as_lines=not json)
            if json:
                console.as_json({"applied": applied, "partitions": months})
            elif not applied and not months:
                console.answer(f"nothing to do: {last or files[-1].id} is applied")


def up(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    to: str | None = None,
    lock_wait_s: float = session.LOCK_WAIT_S,
    replicas: Replicas | None = None,
    as_lines: bool,
) -> tuple[list[Applied], list[Month]]:
    """Migrate and make the months ahead, under the lock; return what was done, and print it when `as_lines`."""
    from chatschema import protection
    from chatschema.migration import files as migration_files
    from chatschema.migration import ledger, plan
    from chatschema.partition import catalog, create
    from chatschema.postgres import locks
    from chatschema.structure import recording

    with locks.migration_lock(connection, wait_s=lock_wait_s, say=console.note):
        statuses = plan.check_history(files, connection)
        pending = plan.pending(files, statuses, to)
        migration_files.check(pending)
        # Before anything is written, the ledger included.
        plan.refuse_collisions(connection, pending, statuses)
        ledger.ensure(connection)
        plan.refuse_foreign_lock(connection)
        if settings.is_production and protection.protect(connection, protection.BY_ENVIRONMENT):
            console.note(f"the database is protected from now on: {protection.BY_ENVIRONMENT}")
        states = {status.id: status.state for status in statuses}
        was_cut_off = "interrupted" in states.values()
        done = (file.apply.ddl for file in files if states[file.id] == "applied")
        coming = (file.apply.ddl for file in pending)
        applied: list[Applied] = []
        with telling("applied", applied):
            with recording.recorded(connection, done, coming, was_cut_off=was_cut_off, say=console.note) as run:
                follow(_apply(connection, pending, run, replicas), "applied", applied, as_lines=as_lines)
            missing = create.missing(connection, catalog.parents(connection), ahead=settings.policy.ahead)
            months = list(create.ensure(connection, missing, say=console.note))
    if as_lines and months:
        first, last = months[0].lower, months[-1].lower
        console.answer(f"created {len(months)} partitions, {first:%Y-%m} to {last:%Y-%m}")
    return applied, months


def _apply(connection: Connection, pending: list[MigrationFile], run: Run, replicas: Replicas | None) -> Iterator[Applied]:
    """Apply one after the other, each when no long query on a replica is in its way there."""
    if not pending:
        return
    # It takes a while to load.
    from chatschema.migration import runner

    for file in pending:
        if replicas:
            replicas.wait(file.id, file.apply.ddl)
        yield from runner.migrate(connection, [file], run, say=console.note)


def follow(steps: Iterable[Applied], verb: str, followed: list[Applied], *, as_lines: bool) -> None:
    """Add each migration to `followed` as it is done, and print it when `as_lines`."""
    for done in steps:
        followed.append(done)
        if as_lines:
            console.answer(f"{verb} {done.id}  {done.duration_ms:.0f} ms")


@contextmanager
def telling(verb: str, done: list[Applied]) -> Iterator[None]:
    """Print what was committed in this run before the failure that ends the block: the failure's own text is about one step."""
    try:
        yield
    except (ChatschemaError, KeyboardInterrupt):
        if done:
            ids = ", ".join(one.id for one in done[:_TOLD])
            more = f" and {len(done) - _TOLD} more" if len(done) > _TOLD else ""
            console.note(f"{verb} before the failure, and kept: {ids}{more}")
        raise


def print_file(title: str, file: SqlFile) -> None:
    """Print the SQL of a file as it would run, after a comment."""
    wrap = ("begin;\n", "commit;\n") if file.is_transactional else ("", "")
    console.answer(f"-- {title}\n{wrap[0]}{file.text.rstrip()}\n{wrap[1]}")


def _print_plan(settings: Settings, connection: Connection, files: list[MigrationFile], to: str | None, as_json: bool) -> None:
    from chatschema.migration import files as migration_files
    from chatschema.migration import plan
    from chatschema.partition import catalog, create, grid

    statuses = plan.check_history(files, connection)
    pending = plan.pending(files, statuses, to)
    migration_files.check(pending)
    plan.refuse_collisions(connection, pending, statuses)
    there = catalog.parents(connection)
    coming = [p.table for p in grid.GROUP if any(f"create table public.{p.table} (" in file.apply.text for file in pending)]
    missing = create.missing(connection, there + coming, ahead=settings.policy.ahead)
    if as_json:
        console.as_json({"pending": [{"id": file.id, "title": file.title} for file in pending], "partitions": missing})
        return
    for file in pending:
        print_file(f"migration {file.id}", file.apply)
    for month in missing:
        console.answer(f"-- partition {month.name}")
        for statement in create.statements(month):
            console.answer(statement.as_string(connection).rstrip() + ";")
    if pending or missing:
        console.note(
            f"pending: {len(pending)} migrations, {len(missing)} partitions. Nothing was changed; apply: chatschema migrate"
        )
    else:
        console.note("nothing to do")
