"""chatschema undo."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatschema.cli import console, migrate, options, rehearsal, session
from chatschema.errors import ChatschemaError, HistoryConflict, UsageError

if TYPE_CHECKING:
    from chatschema.migration.files import MigrationFile
    from chatschema.migration.loss import Change, Loss
    from chatschema.postgres import Connection
    from chatschema.postgres.replicas import Replicas
    from chatschema.structure.recording import Run
    from chatschema.values import Applied, Settings

_LOOK = "the same command with --dry-run"


def undo(
    steps: Annotated[int | None, typer.Option("--steps", metavar="N", min=1, help="How many; default 1.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="ID", help="Go back to this migration, which stays applied.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Undo every migration. Refused on a protected database.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Show the SQL and what it would lose; change nothing.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    wait: options.Wait = 0,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = session.REPLICA_WAIT_S,
    url: options.Url = None,
    sql_dir: options.SqlDir = None,
) -> None:
    """Undo the last migration, or more, last applied first.

    Where that loses rows or columns, the losses are named and confirmed first; a protected database refuses them.
    """
    from chatschema import hold
    from chatschema.database import contents
    from chatschema.migration import files as migration_files

    if sum((steps is not None, to is not None, all)) > 1:
        raise UsageError("--steps, --to and --all exclude each other", "give one of them")
    settings = session.settings(url, sql_dir)
    files = migration_files.discover(settings.sql_dir / "migrations")
    with (
        session.connected(settings, wait_s=wait, writes=not dry_run) as (live, connection),
        session.replicas(live, connection, replica, replica_wait) as replicas,
    ):
        contents.refuse_foreign(connection, "undo")
        chosen = _choose(connection, files, steps=None if all else steps or 1, to=to)
        # A rollback that ends the transaction itself would be kept, whatever is asked afterwards.
        migration_files.check_rollbacks(chosen)
        if dry_run:
            _dry_run(live, connection, files, chosen, as_json=json)
            return
        if chosen:
            hold.refuse_active(connection, "undo")
        agreed = _agree(live, connection, files, chosen, all=all, yes=yes)
        undone = _undo(
            live, connection, files, chosen, agreed, replicas, all=all, yes=yes, lock_wait_s=lock_wait, as_lines=not json
        )
    if json:
        console.as_json({"undone": undone})
    elif not undone:
        console.answer("nothing to undo")


def _choose(connection: Connection, files: list[MigrationFile], *, steps: int | None, to: str | None) -> list[MigrationFile]:
    from chatschema.migration import files as migration_files
    from chatschema.migration import ledger
    from chatschema.migration import undo as rollbacks

    entries = ledger.entries(connection)
    last = migration_files.resolve(to, [entry.id for entry in entries]) if to is not None else None
    return rollbacks.to_undo(files, entries, steps=steps, to=last)


def _agree(
    settings: Settings, connection: Connection, files: list[MigrationFile], chosen: list[MigrationFile], *, all: bool, yes: bool
) -> set[Change] | None:
    """Return the losses that are agreed to, None for all; ask before the lock is taken, as an answer may take hours."""
    from chatschema import protection

    if all:
        protection.refuse(connection, settings, "undo --all")
    is_protected = protection.read(connection, settings) is not None
    if yes and not is_protected:
        return None
    if len(chosen) <= 1 and not all:
        # What a single one loses is found when it runs, and then it has been taken back.
        return set()
    losses = rehearsal.losses(settings, connection, files, chosen) if chosen else []
    _ask(settings, connection, losses, all=all and bool(chosen), yes=yes)
    return {loss.change for loss in losses}


def _ask(settings: Settings, connection: Connection, losses: Sequence[Loss], *, yes: bool, all: bool = False) -> None:
    """Have the losses agreed to; raise Protected, or UsageError where nobody can be asked."""
    from chatschema import protection
    from chatschema.migration.loss import listed

    name = connection.info.dbname
    if losses:
        protection.refuse(connection, settings, f"undo, which would {listed(losses)},")
        what = f"undo would {listed(losses)} in database {name}"
        if all:
            what = f"undo --all would drop every table of chatschema in database {name}; it would {listed(losses)}"
        console.confirm_name(what, name, yes=yes, look=_LOOK)
    elif all:
        console.confirm_name(f"undo --all would drop every table of chatschema in database {name}; all are empty", name, yes=yes)


def _undo(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    chosen: list[MigrationFile],
    agreed: set[Change] | None,
    replicas: Replicas,
    *,
    all: bool,
    yes: bool,
    lock_wait_s: float,
    as_lines: bool,
) -> list[Applied]:
    """Roll back; where a loss shows that nobody has agreed to, ask with the lock given back, and go on."""
    from chatschema.migration import loss
    from chatschema.migration import undo as rollbacks
    from chatschema.postgres import locks

    undone: list[Applied] = []
    with migrate.telling("undid", undone):
        while len(undone) < len(chosen):
            left = chosen[len(undone) :]
            try:
                with locks.migration_lock(connection, wait_s=lock_wait_s, say=console.note):
                    _refuse_moved(connection, left)
                    agreed = _still_agreed(settings, connection, agreed, all=all)
                    for file in left:
                        replicas.wait(f"undo of {file.id}", file.rollback.ddl if file.rollback else "")
                    with _recorded(connection, files) as run:
                        steps = rollbacks.undo(connection, left, run, agreed=agreed, say=console.note)
                        migrate.follow(steps, "undid", undone, as_lines=as_lines)
            except loss.WouldLose as error:
                _ask(settings, connection, loss.counted(connection, error.changes), yes=yes)
                agreed = {*(agreed or ()), *error.changes}
    return undone


def _still_agreed(settings: Settings, connection: Connection, agreed: set[Change] | None, *, all: bool) -> set[Change] | None:
    """Return the losses that are agreed to, read again under the lock, which `protect` takes: who waited may have been late."""
    from chatschema import protection

    if all:
        protection.refuse(connection, settings, "undo --all")
    return set() if protection.read(connection, settings) else agreed


def _recorded(connection: Connection, files: list[MigrationFile]) -> AbstractContextManager[Run]:
    """Return what the run's rollbacks are recorded with."""
    from chatschema.migration import ledger
    from chatschema.structure import recording

    entries = ledger.entries(connection)
    applied = {entry.id for entry in entries if not entry.is_running}
    was_cut_off = any(entry.is_running or entry.is_undoing for entry in entries)
    texts = (file.apply.ddl for file in files if file.id in applied)
    return recording.recorded(connection, texts, [], was_cut_off=was_cut_off, say=console.note)


def _refuse_moved(connection: Connection, left: list[MigrationFile]) -> None:
    """Raise where the last applied migrations are not, or no longer, those that are to be undone."""
    from chatschema.migration import ledger

    applied = [entry.id for entry in ledger.entries(connection) if not entry.is_running]
    if applied[-len(left) :][::-1] != [file.id for file in left]:
        raise HistoryConflict(
            f"another run has changed the migrations of database {connection.info.dbname} meanwhile", "look: chatschema status"
        )


def _dry_run(
    settings: Settings, connection: Connection, files: list[MigrationFile], chosen: list[MigrationFile], *, as_json: bool
) -> None:
    losses: list[Loss] = []
    unknown: ChatschemaError | None = None
    try:
        losses = rehearsal.losses(settings, connection, files, chosen, only_in_copy=True) if chosen else []
    except ChatschemaError as error:
        unknown = error
    if as_json:
        plan: list[dict[str, Any]] = [{"id": file.id, "title": file.title} for file in chosen]
        found = [
            {"kind": loss.change.kind, "table": loss.change.table, "column": loss.change.column or None, "rows": loss.rows}
            for loss in losses
        ]
        console.as_json({"would_undo": plan, "losses": None if unknown else found})
        return
    for file in chosen:
        if file.rollback:
            migrate.print_file(f"undo {file.id}", file.rollback)
    for loss in losses:
        console.answer(f"would {loss}")
    if not chosen:
        console.note("nothing to undo")
    elif unknown:
        console.note(f"{unknown.message}. Nothing was changed")
        console.note(f"hint:  {unknown.hint}")
    else:
        lost = "this undo would lose data, as listed" if losses else "no row would be lost"
        console.note(f"{lost}. Nothing was changed; to undo, run the same command without --dry-run")
