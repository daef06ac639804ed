"""Migrating: pending migrations in order, then the coming months, all under one lock."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from chatschema import protection
from chatschema.errors import Busy
from chatschema.migration import files as migration_files
from chatschema.migration import heads, ledger, plan, prelude, variables
from chatschema.migration.author import who
from chatschema.migration.batch import guard, record, subject
from chatschema.migration.files import MigrationFile
from chatschema.migration.prelude import Lock
from chatschema.migration.squash import files as squashed
from chatschema.migration.values import MigrationStatus
from chatschema.partition import catalog, create, event_months, grid
from chatschema.postgres import Connection, Say, door, locks
from chatschema.postgres.replicas import Replicas
from chatschema.structure import recording
from chatschema.task import deadline, granting, planning, repeating, reviewing
from chatschema.task.planning import Foresight, Sized
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Applied, Batching, Month, Patience, Settings, Started


@dataclass(frozen=True, slots=True)
class Plan:
    """The migrations that a run would apply, oldest first, repeatable files after them, and the months that it would create then.

    `waiting` are the contract files that it would hold back.
    `locks`: by migration, the locks that are taken before its first statement; `unread`: by migration, the statements that run
    code, whose locks cannot be read (line, first word). `foresight`: what each statement does; `sized`: the same with the sizes
    of the tables.
    """

    pending: tuple[MigrationFile, ...]
    months: tuple[Month, ...]
    locks: dict[str, list[Lock]]
    unread: dict[str, tuple[tuple[int, str], ...]]
    foresight: Foresight
    sized: Sized
    waiting: tuple[MigrationFile, ...] = ()


def migrate(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    to: str | None = None,
    only_expand: bool = False,
    lock_wait_s: float = LOCK_WAIT_S,
    until: str | None = None,
    replicas: Replicas | None = None,
    plan_hash: str | None = None,
    scratch: str | None = None,
    say: Say,
) -> Generator[Applied | Started | Month, None, None]:
    """Apply pending migrations up to `to`, then create the coming months; yield each migration and month once it is committed.

    With `only_expand` contract files are held back, and a note names them.
    A file whose batches run on after this is yielded as started, also if an earlier run began them.

    Holds the migration lock from the first to the last. `until` is a time of the day, in the server's time zone, after which
    nothing is begun. With `plan_hash` only the plan with this hash is applied, which is made on a copy in `scratch`: see
    scratching.place(). Raises HistoryConflict, MigrationFailed, Busy and ChatschemaError; everything yielded before is kept.
    """
    patience = deadline.limited(connection, until, settings.locks, say)
    with locks.change_lock(connection, wait_s=deadline.lock_wait_s(patience, lock_wait_s), say=say):
        # Before anything is written, the ledger included.
        statuses, pending = _due(settings, connection, files, to, only_expand=only_expand, say=say)
        _tell(statuses, pending, say)
        if held := _held(files, statuses, pending, to):
            say(f"waiting for migrate without --phase: {', '.join(file.id for file in held)}")
        is_first = _is_first(statuses)
        later = _later(files, statuses, pending, only_expand=only_expand)
        repeats = repeating.look(settings, connection, files, statuses, pending, later, say=say)
        whole = [*pending, *repeats.due]
        if whole and door.is_distributed(connection):
            from chatschema.task import clustered

            clustered.refuse_migrations(settings, connection, whole, where=scratch, say=say)
        begin_plan = reviewing.check(settings, connection, whole, plan_hash, where=scratch, is_first=is_first, say=say)
        ledger.ensure(connection)
        plan.refuse_foreign_lock(connection)
        begin_plan(who())
        if settings.is_production and protection.protect(connection, protection.BY_ENVIRONMENT):
            say(f"the database is now protected, because of {protection.BY_ENVIRONMENT}")
        states = {status.id: status.state for status in statuses}
        was_cut_off = "interrupted" in states.values()
        done = (file.apply.ddl for file in files if states[file.id] == "applied")
        coming = (file.apply.ddl for file in whole)
        with recording.recorded(connection, done, coming, was_cut_off=was_cut_off, writes=bool(whole), say=say) as run:
            if whole and door.is_distributed(connection):
                run.check = clustered.guard(connection)
            yield from _started(connection, statuses)
            guarded = guard.is_needed(statuses, pending)
            yield from _apply(connection, pending, run, patience, replicas, settings.batching, guarded=guarded, say=say)
            yield from repeating.run(connection, repeats, run, patience, replicas, say=say)
        granting.restore(settings, connection, files, say=say)
        missing = create.missing(connection, catalog.parents(connection), ahead=settings.policy.ahead)
        of_events = event_months.missing(connection, settings.policy.ahead)
        if missing or of_events:
            with deadline.kept(patience, [month.name for month in (*missing, *of_events)], "partition"):
                yield from create.ensure(connection, missing, say=say)
                yield from _event_months(connection, of_events, say)


def _event_months(connection: Connection, missing: list[Month], say: Say) -> Iterator[Month]:
    """Create months of events. Where the table is busy, leave that to `maintain`: events without a month are kept too."""
    try:
        yield from event_months.ensure(connection, missing, say=say)
    except Busy as busy:
        say(f"months of events were not created: {busy}; chatschema maintain does so later, and no event is lost")


def _started(connection: Connection, statuses: list[MigrationStatus]) -> Iterator[Started]:
    """Yield the migrations whose batches an earlier run began, and that run on."""
    titles = {status.id: status.title for status in statuses if status.state == "running"}
    if titles:
        yield from (
            Started(one.migration, titles[one.migration], one.id) for one in record.all_of(connection) if one.migration in titles
        )


def _apply(
    connection: Connection,
    pending: list[MigrationFile],
    run: recording.Run,
    patience: Patience,
    replicas: Replicas | None,
    batching: Batching,
    *,
    guarded: bool,
    say: Say,
) -> Iterator[Applied | Started]:
    """Apply one after the other, each after waiting for long queries on the replicas.

    If `guarded`, a file is refused that names a table whose rows an earlier file still changes.
    """
    if not pending:
        return
    # It takes a while to load.
    from chatschema.migration import runner

    for number, file in enumerate(pending):
        if guarded:
            guard.refuse(connection, file)
        with deadline.kept(patience, [one.id for one in pending[number:]], "migration"):
            if replicas:
                replicas.wait(file.id, file.apply.ddl)
            yield from runner.migrate(connection, [file], run, default=patience, batching=batching, say=say)


def _due(
    settings: Settings, connection: Connection, files: list[MigrationFile], to: str | None, *, only_expand: bool, say: Say
) -> tuple[list[MigrationStatus], list[MigrationFile]]:
    """Return the state of every migration, and the pending ones. Raises where a run must not begin; changes nothing."""
    statuses = plan.check_history(files, connection, settings.planning)
    found = plan.pending(files, statuses, to, only_expand=only_expand)
    found = squashed.shortened(found, files, statuses, connection.info.server_version // 10000, say=say)
    pending = variables.filled(found, settings.variables)
    if pending and door.is_distributed(connection):
        from chatschema.task import clustered

        pending = clustered.with_places(pending)
    migration_files.check(pending)
    granting.declared(pending)
    subject.refuse_unknown(connection, pending)
    plan.refuse_collisions(connection, pending, statuses)
    return statuses, pending


def _tell(statuses: list[MigrationStatus], pending: list[MigrationFile], say: Say) -> None:
    """Name the migrations that this release does not know, and those that a late file was not tested after."""
    if newer := [one.id for one in statuses if one.state == "newer"]:
        say(f"warning: applied by a newer release, and not known to this one: {', '.join(newer)}")
    applied = [one.id for one in statuses if one.applied_at]
    late = {one.id for one in statuses if one.state == "out-of-order"}
    for file in pending:
        if file.id in late:
            later = ", ".join(id for id in applied if id > file.id)
            say(f"warning: {file.id} is applied after migrations that it was not tested after: {later}")


def _held(
    files: list[MigrationFile], statuses: list[MigrationStatus], coming: list[MigrationFile], to: str | None
) -> list[MigrationFile]:
    """Return the migrations that a run of `coming` holds back."""
    kept = {one.id for file in coming for one in file.originals}
    return [file for file in plan.pending(files, statuses, to) if file.id not in kept]


def _later(
    files: list[MigrationFile], statuses: list[MigrationStatus], coming: list[MigrationFile], *, only_expand: bool
) -> list[MigrationFile]:
    """Return the migrations that are pending after a run of `coming`, which `to` leaves out."""
    kept = {one.id for file in coming for one in file.originals}
    left = (file for file in plan.pending(files, statuses, None) if file.id not in kept)
    # One that names a table of a file that is held back is no obstacle where `to` ends before it.
    return [file for file in left if not (only_expand and file.apply.is_contract)]


def _is_first(statuses: list[MigrationStatus]) -> bool:
    """Return whether no migration is applied: nobody waits for a lock then."""
    return all(status.applied_at is None for status in statuses)


def planned(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    to: str | None = None,
    only_expand: bool = False,
    scratch: str | None = None,
    say: Say,
) -> Plan:
    """Return the plan of `migrate`; changes nothing. Raises HistoryConflict and ChatschemaError if `migrate` would refuse.

    The copy of the structure, on which the files are tried, is made in `scratch`: see scratching.place().
    """
    statuses, pending = _due(settings, connection, files, to, only_expand=only_expand, say=say)
    # The file of an online index has locks of its own.
    is_first = _is_first(statuses)
    later = _later(files, statuses, pending, only_expand=only_expand)
    pending = [*pending, *repeating.look(settings, connection, files, statuses, pending, later, say=say).due]
    locking = [] if is_first else [file for file in pending if file.apply.is_transactional and not file.apply.is_online_index]
    read = {file.id: heads.read(file.apply) for file in locking}
    there = catalog.parents(connection)
    coming = [p.table for p in grid.GROUP if any(f"create table public.{p.table} (" in file.apply.text for file in pending)]
    missing = create.missing(connection, there + coming, ahead=settings.policy.ahead)
    if any("create table chatschema.events (" in file.apply.text for file in pending):
        missing += grid.plan(catalog.server_now(connection), [], [event_months.PARENT], ahead=settings.policy.ahead)
    missing += event_months.missing(connection, settings.policy.ahead)
    found = {id: prelude.locks(connection, one.needs) for id, one in read.items()}
    unread = {id: one.unread for id, one in read.items()}
    foresight = planning.migrations(settings, connection, pending, where=scratch, is_first=is_first, say=say)
    held = tuple(_held(files, statuses, pending, to))
    return Plan(tuple(pending), tuple(missing), found, unread, foresight, planning.sized(connection, foresight), held)


def refuse_planned(connection: Connection, plan: Plan) -> None:
    """Raise ChatschemaError where a distributed database would refuse the plan, which is printed then."""
    if plan.pending and door.is_distributed(connection):
        from chatschema.task import clustered

        clustered.refuse_planned(connection, plan.foresight, plan.pending)
