"""Migrating: pending migrations in order, then the coming months, all under one lock."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from chatschema import protection
from chatschema.migration import files as migration_files
from chatschema.migration import ledger, plan
from chatschema.migration.files import MigrationFile
from chatschema.migration.values import MigrationStatus
from chatschema.partition import catalog, create, grid
from chatschema.postgres import Connection, Say, locks
from chatschema.postgres.replicas import Replicas
from chatschema.structure import recording
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Applied, Month, Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """The migrations that a run would apply, oldest first, and the months that it would create after them.

    `waiting` are the contract files that it would hold back.
    """

    pending: tuple[MigrationFile, ...]
    months: tuple[Month, ...]
    waiting: tuple[MigrationFile, ...] = ()


def migrate(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    to: str | None = None,
    only_expand: bool = False,
    lock_wait_s: float = LOCK_WAIT_S,
    replicas: Replicas | None = None,
    say: Say,
) -> Generator[Applied | Month, None, None]:
    """Apply pending migrations up to `to`, then create the coming months; yield each migration and month once it is committed.

    With `only_expand` contract files are held back, and a note names them.
    Holds the migration lock from the first to the last. Raises HistoryConflict, MigrationFailed, Busy and ChatschemaError;
    everything yielded before is kept.
    """
    with locks.change_lock(connection, wait_s=lock_wait_s, say=say):
        # Before anything is written, the ledger included.
        statuses, pending = _due(connection, files, to, only_expand=only_expand)
        if held := _held(files, statuses, pending, to):
            say(f"waiting for migrate without --phase: {', '.join(file.id for file in held)}")
        ledger.ensure(connection)
        plan.refuse_foreign_lock(connection)
        if settings.is_production and protection.protect(connection, protection.BY_ENVIRONMENT):
            say(f"the database is now protected, because of {protection.BY_ENVIRONMENT}")
        states = {status.id: status.state for status in statuses}
        was_cut_off = "interrupted" in states.values()
        done = (file.apply.ddl for file in files if states[file.id] == "applied")
        coming = (file.apply.ddl for file in pending)
        with recording.recorded(connection, done, coming, was_cut_off=was_cut_off, say=say) as run:
            yield from _apply(connection, pending, run, replicas, say)
        missing = create.missing(connection, catalog.parents(connection), ahead=settings.policy.ahead)
        yield from create.ensure(connection, missing, say=say)


def _apply(
    connection: Connection, pending: list[MigrationFile], run: recording.Run, replicas: Replicas | None, say: Say
) -> Iterator[Applied]:
    """Apply one after the other, each after waiting for long queries on the replicas."""
    if not pending:
        return
    # It takes a while to load.
    from chatschema.migration import runner

    for file in pending:
        if replicas:
            replicas.wait(file.id, file.apply.ddl)
        yield from runner.migrate(connection, [file], run, say=say)


def _due(
    connection: Connection, files: list[MigrationFile], to: str | None, *, only_expand: bool
) -> tuple[list[MigrationStatus], list[MigrationFile]]:
    """Return the state of every migration, and the pending ones. Raises where a run must not begin; changes nothing."""
    statuses = plan.check_history(files, connection)
    pending = plan.pending(files, statuses, to, only_expand=only_expand)
    migration_files.check(pending)
    plan.refuse_collisions(connection, pending, statuses)
    return statuses, pending


def _held(
    files: list[MigrationFile], statuses: list[MigrationStatus], coming: list[MigrationFile], to: str | None
) -> list[MigrationFile]:
    """Return the migrations that a run of `coming` holds back."""
    kept = {file.id for file in coming}
    return [file for file in plan.pending(files, statuses, to) if file.id not in kept]


def planned(
    settings: Settings, connection: Connection, files: list[MigrationFile], *, to: str | None = None, only_expand: bool = False
) -> Plan:
    """Return the plan of `migrate`; changes nothing. Raises HistoryConflict and ChatschemaError if `migrate` would refuse."""
    statuses, pending = _due(connection, files, to, only_expand=only_expand)
    there = catalog.parents(connection)
    coming = [p.table for p in grid.GROUP if any(f"create table public.{p.table} (" in file.apply.text for file in pending)]
    missing = create.missing(connection, there + coming, ahead=settings.policy.ahead)
    return Plan(tuple(pending), tuple(missing), tuple(_held(files, statuses, pending, to)))
