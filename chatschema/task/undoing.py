"""Undoing: choosing the migrations, finding the losses of their rollbacks, asking for consent, and rolling back."""

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from chatschema import protection
from chatschema.errors import ChatschemaError, HistoryConflict
from chatschema.migration import files as migration_files
from chatschema.migration import ledger, loss, variables
from chatschema.migration import undo as rollbacks
from chatschema.migration.files import MigrationFile
from chatschema.migration.loss import Change, Loss
from chatschema.migration.repeatable import record as repeatables
from chatschema.postgres import Connection, Say, door, locks
from chatschema.postgres.replicas import Replicas
from chatschema.structure import recording
from chatschema.task import granting, planning, undo_losses
from chatschema.task.planning import Foresight, Sized
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Applied, Settings

# Called with the losses that nobody has accepted yet; returns if they are accepted, and raises if not.
Consent = Callable[[Sequence[Loss]], None]


@dataclass(frozen=True, slots=True)
class Undo:
    """An undo: all migration files, the migrations to undo, last applied first, and whether these are all applied ones."""

    files: list[MigrationFile]
    chosen: list[MigrationFile]
    is_all: bool = False


def choose(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    steps: int | None,
    to: str | None,
    is_all: bool = False,
) -> Undo:
    """Return the undo of `steps` migrations, or of those after `to`, or of all.

    Raises HistoryConflict if one cannot be undone, and ChatschemaError for a rollback that would end its own transaction:
    it would be committed before anybody is asked. So for one that a distributed database rests on.
    """
    entries = ledger.entries(connection)
    last = migration_files.resolve(to, [entry.id for entry in entries]) if to is not None else None
    chosen = rollbacks.to_undo(files, entries, steps=None if is_all else steps, to=last)
    chosen = variables.filled(chosen, settings.variables)
    migration_files.check_rollbacks(chosen)
    if chosen and door.is_distributed(connection):
        from chatschema.task import clustered

        clustered.refuse_before(connection, chosen)
    return Undo(files, chosen, is_all)


def agreed_before(
    settings: Settings, connection: Connection, undo: Undo, consent: Consent, *, is_agreed: bool, say: Say
) -> set[Change] | None:
    """Return the accepted losses, None for all; ask for consent before the lock is taken, because an answer may take hours.

    Raises Protected, and the errors of `consent`.
    """
    if undo.is_all:
        protection.refuse(connection, settings, "undo --all")
    if is_agreed and protection.read(connection, settings) is None:
        return None
    if len(undo.chosen) <= 1 and not undo.is_all:
        # The losses of a single rollback are found when it runs; it is then rolled back before consent is asked for.
        return set()
    losses = undo_losses.losses(settings, connection, undo.files, undo.chosen, say=say) if undo.chosen else []
    if losses:
        refuse_protected(settings, connection, losses)
    if losses or (undo.is_all and undo.chosen):
        consent(losses)
    return {one.change for one in losses}


@dataclass(frozen=True, slots=True)
class Planned:
    """An undo that is not run: what each statement does, the sizes of the tables, and the losses.

    `losses` is None if they could not be found out; `unknown` tells why.
    """

    foresight: Foresight
    sized: Sized
    losses: list[Loss] | None
    unknown: ChatschemaError | None = None


def planned(settings: Settings, connection: Connection, undo: Undo, *, scratch: str | None, say: Say) -> Planned:
    """Return the plan of an undo; changes nothing in the database itself.

    The copy of the structure, on which the rollbacks are tried, is made in `scratch`: see scratching.place(). If there is none,
    or a statement cannot be tried on it, the losses are found in a database beside this one, as before a real undo.
    """
    foresight = planning.rollbacks(settings, connection, _complete(connection, undo.chosen), where=scratch, say=say)
    sized = planning.sized(connection, foresight)
    if not undo.chosen:
        return Planned(foresight, sized, [])
    if foresight.changes is not None and not any(forecast.problems for forecast in foresight.forecasts):
        return Planned(foresight, sized, loss.counted(connection, foresight.changes))
    try:
        losses = undo_losses.losses(settings, connection, undo.files, undo.chosen, only_in_copy=True, say=say)
    except ChatschemaError as error:
        return Planned(foresight, sized, None, error)
    return Planned(foresight, sized, losses)


def refuse_planned(connection: Connection, undo: Undo, plan: Planned) -> None:
    """Raise ChatschemaError where a distributed database would refuse the rollbacks, whose plan is printed then."""
    if undo.chosen and door.is_distributed(connection):
        from chatschema.task import clustered

        clustered.refuse_planned(connection, plan.foresight, undo.chosen, is_undo=True)


def _complete(connection: Connection, chosen: list[MigrationFile]) -> list[MigrationFile]:
    """Return the migrations without one whose index is only half built: to give that up runs no rollback."""
    return [file for file in chosen if not (file.apply.is_online_index and ledger.is_unfinished(connection, file.id))]


def refuse_protected(settings: Settings, connection: Connection, losses: Sequence[Loss]) -> None:
    """Raise Protected if the database is protected against these losses."""
    protection.refuse(connection, settings, f"undo, which would {loss.listed(losses)},")


def roll_back(
    settings: Settings,
    connection: Connection,
    undo: Undo,
    agreed: set[Change] | None,
    consent: Consent,
    *,
    replicas: Replicas | None = None,
    lock_wait_s: float = LOCK_WAIT_S,
    say: Say,
) -> Generator[Applied, None, None]:
    """Roll back, yielding each migration once it is undone; ask for consent if a rollback would lose data unexpectedly.

    The migration lock is released while consent is asked for. Raises MigrationFailed, HistoryConflict, Protected, Busy, and the
    errors of `consent`; migrations that were yielded stay undone.
    """
    if undo.chosen and door.is_distributed(connection):
        from chatschema.task import clustered

        clustered.refuse_rollbacks(settings, connection, _complete(connection, undo.chosen), where=None, say=say)
    undone = 0
    while undone < len(undo.chosen):
        left = undo.chosen[undone:]
        try:
            with locks.change_lock(connection, wait_s=lock_wait_s, say=say):
                _refuse_moved(connection, left)
                agreed = _still_agreed(settings, connection, agreed, undo)
                if replicas:
                    for file in left:
                        replicas.wait(f"undo of {file.id}", file.rollback.ddl if file.rollback else "")
                with _recorded(connection, undo.files, say) as run:
                    if door.is_distributed(connection):
                        run.check = clustered.guard(connection)
                    for done in rollbacks.undo(connection, left, run, agreed=agreed, default=settings.locks, say=say):
                        undone += 1
                        yield done
                granting.restore(settings, connection, undo.files, say=say)
        except loss.WouldLose as error:
            losses = loss.counted(connection, error.changes)
            if losses:
                refuse_protected(settings, connection, losses)
                consent(losses)
            agreed = {*(agreed or ()), *error.changes}
    if undone and (kept := repeatables.read(connection)):
        say(f"repeatable files have no rollback and stay as they are: {', '.join(kept)}")


def _still_agreed(settings: Settings, connection: Connection, agreed: set[Change] | None, undo: Undo) -> set[Change] | None:
    """Return the accepted losses; checks the protection again under the lock, because `protect` may have run meanwhile."""
    if undo.is_all:
        protection.refuse(connection, settings, "undo --all")
    return set() if protection.read(connection, settings) else agreed


def _recorded(connection: Connection, files: list[MigrationFile], say: Say) -> AbstractContextManager[recording.Run]:
    """Return the run that records the rollbacks."""
    entries = ledger.entries(connection)
    applied = {entry.id for entry in entries if not entry.is_running or entry.batch}
    was_cut_off = any(entry.is_running or entry.is_undoing for entry in entries)
    texts = (file.apply.ddl for file in files if file.id in applied)
    return recording.recorded(connection, texts, [], was_cut_off=was_cut_off, say=say)


def _refuse_moved(connection: Connection, left: list[MigrationFile]) -> None:
    """Raise if the last applied migrations are not those that are to be undone."""
    # An interrupted build of an index is the last one.
    ids = {file.id for file in left}
    applied = [entry.id for entry in ledger.entries(connection) if not entry.is_running or entry.batch or entry.id in ids]
    if applied[-len(left) :][::-1] != [file.id for file in left]:
        raise HistoryConflict(
            f"another run changed the migrations of database {connection.info.dbname} in the meantime",
            "check the state: chatschema status",
            code="undo.changed",
        )
