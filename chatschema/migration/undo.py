"""Undoing: a rollback, its unmark and its log are committed together or not at all."""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress

from chatschema import audit, hold, postgres
from chatschema.errors import HistoryConflict
from chatschema.migration import alone, execution, heads, journal, ledger, loss, patience, prelude
from chatschema.migration.backend import Backend, StatementFailed, YoyoMigration
from chatschema.migration.batch import header
from chatschema.migration.batch import record as batches
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.migration.loss import Change, WouldLose
from chatschema.migration.online import apply as online
from chatschema.migration.repeatable import record as repeatables
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.values import Applied, Patience

# Statements that cannot run in a transaction; and procedures that end it.
_ACTIVE_TRANSACTION, _COMMITS = "25001", "2D000"


def to_undo(
    files: list[MigrationFile], entries: Sequence[ledger.Entry], *, steps: int | None, to: str | None
) -> list[MigrationFile]:
    """Return the migrations to undo, last applied first: `steps` of them, or all that were applied after `to`, or all.

    A build of an index that was interrupted is the last one, and is undone alone. One whose batches are not finished is undone like
    one that is applied.
    Raises HistoryConflict if one of them has no file or no rollback, or a migration was interrupted while it was applied.
    """
    by_id = {file.id: file for file in files}
    if running := next((entry.id for entry in entries if entry.is_running and not entry.batch), None):
        is_online = running in by_id and by_id[running].apply.is_online_index
        if is_online and steps == 1:
            return [by_id[running]]
        raise HistoryConflict(
            f"{running} was interrupted while it was applied; nothing was undone",
            f"finish it first: chatschema migrate{'; or drop what it has built: chatschema undo' if is_online else ''}",
            code="history.interrupted",
        )
    applied = [entry.id for entry in entries if not entry.is_running or entry.batch]
    if to is not None:
        if to not in applied:
            hint = "list the applied migrations: chatschema status"
            raise HistoryConflict(f"{to} is not applied, so undo cannot go back to it", hint, code="undo.not-applied")
        chosen = applied[applied.index(to) + 1 :]
    else:
        chosen = applied[-steps:] if steps is not None else applied
    result = []
    for id in reversed(chosen):
        file = by_id.get(id)
        if file is None:
            hint = "restore the file from git, or use the version of the files that has it"
            raise HistoryConflict(f"{id} is applied, but its file is missing", hint, code="history.missing")
        if file.rollback is None or not file.rollback.statements:
            raise HistoryConflict(
                f"{id} has no rollback, so it cannot be undone; nothing was changed",
                f"write {id}.rollback.sql, or write a new migration that reverts it",
                code="undo.no-rollback",
            )
        result.append(file)
    return result


def undo(
    connection: Connection,
    files: Sequence[MigrationFile],
    run: recording.Run,
    *,
    agreed: Collection[Change] | None,
    default: Patience = locks.DDL,
    say: Say,
) -> Iterator[Applied]:
    """Roll back `files` in the given order, yielding each once it is committed. The caller holds the migration lock.

    `agreed` are the losses that somebody has accepted, None for all. `run` records the changes of the structure with each.
    `default` is the patience of files that set none. Raises WouldLose before any other loss is committed.
    """
    backend = Backend(connection)
    for file in files:
        started = time.monotonic()
        with execution.explained(file):
            wait = patience.of(file.rollback or file.apply, default)
            if file.apply.is_online_index and ledger.is_unfinished(connection, file.id):
                online.give_up(connection, file, say)
            else:
                _undo(backend, file, agreed, run, wait, say)
        postgres.reset_session(connection)
        yield Applied(file.id, file.title, round((time.monotonic() - started) * 1000, 1))


def _undo(
    backend: Backend, file: MigrationFile, agreed: Collection[Change] | None, run: recording.Run, wait: Patience, say: Say
) -> None:
    started = time.monotonic()
    migration = YoyoMigration(file)
    needs = heads.read(file.rollback).needs if file.rollback else ()

    def unmark() -> None:
        execution.take_back(backend, file.rollback or file.apply)
        with postgres.translated():
            backend.unmark_one(migration, log=False)
            backend.log_migration(migration, "rollback")
        journal.annotate(backend.connection, file.id, "rollback", round((time.monotonic() - started) * 1000, 1))
        ledger.forget(backend.connection, file.id)
        if header.of(file.apply):
            batches.cancel(backend.connection, file.id)
        repeatables.mark_due(backend.connection)
        if postgres.has_table(backend.connection, "public.audit_logs"):
            audit.record(backend.connection, loss.ACTION, "migration", file.id, title=file.title)
        recording.record(backend.connection, run, file.id, file.rollback.ddl if file.rollback else "")

    def work() -> None:
        with execution.transaction(backend, wait):
            _refuse_held(backend.connection)
            if header.of(file.apply):
                batches.freeze(backend.connection, file.id)
            prelude.take(backend.connection, needs, wait)
            _roll_back(backend, migration, agreed)
            unmark()

    if file.rollback and file.rollback_is_online:
        # It loses no row.
        hold.refuse_active(backend.connection, "undo")
        online.run(backend, file, file.rollback, unmark, say, patience=patience.of_online(file.rollback, wait))
        return
    if file.rollback is None or file.rollback.is_transactional:
        locks.with_lock_retries(backend.connection, work, wait, say=say)
        return
    hold.refuse_active(backend.connection, "undo")
    if agreed is not None and not ledger.has_begun(backend.connection, file.id):
        # If it can also run in a transaction it is no concurrent statement, and may lose rows.
        found = loss.counted(backend.connection, rehearse(backend.connection, [file], is_empty=False))
        if refused := [one.change for one in found if one.change not in agreed]:
            raise WouldLose(refused)
    alone.run(backend, file, "rollback", say, wait)
    locks.in_transaction(backend.connection, unmark, locks.DDL, say=say)


def _roll_back(backend: Backend, migration: YoyoMigration, agreed: Collection[Change] | None) -> None:
    """Run the rollback; raise WouldLose if it loses rows that nobody has accepted to lose.

    Its effect is known only after it has run, and the rows of a table only before. So it is run, rolled back if it changed a
    table, and run again with these tables locked and checked.
    """
    connection = backend.connection
    if agreed is None:
        migration.process_steps(backend, "rollback")
        return
    before = loss.state(connection)
    postgres.execute(connection, "savepoint chatschema_undo")
    migration.process_steps(backend, "rollback")
    by_lock = not loss.counts_rows(connection)
    if not (found := loss.changes(before, loss.state(connection), by_lock=by_lock)):
        return
    postgres.execute(connection, "rollback to savepoint chatschema_undo")
    if refused := [change for change in loss.of_rows(connection, found) if change not in agreed]:
        raise WouldLose(refused)
    before = loss.state(connection)
    migration.process_steps(backend, "rollback")
    if others := set(loss.changes(before, loss.state(connection), by_lock=by_lock)) - set(found):
        raise WouldLose(sorted(others))


def rehearse(connection: Connection, files: Sequence[MigrationFile], *, is_empty: bool) -> list[Change]:
    """Run the rollbacks of `files` in one transaction that is rolled back; return the changes of tables.

    For a copy that `is_empty` or, if there can be none, the database itself. Raises MigrationFailed if one cannot run.
    """
    backend, found = Backend(connection), set[Change]()
    # A copy has no rows, so nobody else and no autovacuum works on it.
    needs = [need for file in files if file.rollback for need in heads.read(file.rollback).needs] if not is_empty else []

    def work() -> None:
        # Not in a pipeline: a refused statement is known at once, and skipped.
        with postgres.transaction(connection):
            locks.limit_lock_wait(connection, locks.DDL)
            prelude.take(connection, needs, locks.DDL)
            by_lock = is_empty or not loss.counts_rows(connection)
            before = loss.state(connection)
            for file in files:
                with execution.explained(file), execution.lock_failures_bare():
                    found.update(_rehearse(backend, file))
                after = loss.state(connection)
                found.update(loss.changes(before, after, by_lock=by_lock))
                before = after
            raise _TakenBack

    with suppress(_TakenBack):
        locks.with_lock_retries(connection, work, locks.DDL)
    postgres.reset_session(connection)
    return sorted(found)


class _TakenBack(Exception):
    """Ends the transaction of a rehearsal."""


def _rehearse(backend: Backend, file: MigrationFile) -> list[Change]:
    """Run the rollback; for a statement that cannot run in a transaction, return the changes that are known without running it."""
    postgres.execute(backend.connection, "savepoint chatschema_undo")
    try:
        YoyoMigration(file).process_steps(backend, "rollback")
    except StatementFailed as error:
        if error.cause.sqlstate not in (_ACTIVE_TRANSACTION, _COMMITS):
            raise
        postgres.execute(backend.connection, "rollback to savepoint chatschema_undo")
        # The losses of a procedure that commits, and of drop database, are unknown.
        if error.cause.sqlstate == _ACTIVE_TRANSACTION and loss.LOSES_NOTHING.match(COMMENTS.sub(" ", error.statement.text)):
            return []
        return [Change(f"rollback of {file.id}", "unseen")]
    return []


def _refuse_held(connection: Connection) -> None:
    """Raise while a hold is active, and block new holds until the transaction ends: a rollback may drop held rows."""
    if postgres.has_table(connection, "chatschema.holds"):
        hold.freeze(connection)
        hold.refuse_active(connection, "undo")
