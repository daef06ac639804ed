"""Applying: a migration, its mark, its log and its checksum are committed together or not at all."""

import time
from collections.abc import Iterator, Sequence

from chatschema import postgres
from chatschema.migration import alone, execution, heads, journal, ledger, patience, prelude
from chatschema.migration.backend import Backend, YoyoMigration
from chatschema.migration.batch import apply as batches
from chatschema.migration.batch import header
from chatschema.migration.batch.record import Batch
from chatschema.migration.files import MigrationFile
from chatschema.migration.online import apply as online
from chatschema.migration.repeatable import files as repeatable
from chatschema.migration.repeatable import record as repeatables
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.values import Applied, Batching, Patience, Started


def migrate(
    connection: Connection,
    files: Sequence[MigrationFile],
    run: recording.Run,
    *,
    default: Patience = locks.DDL,
    batching: Batching | None = None,
    say: Say,
) -> Iterator[Applied | Started]:
    """Apply `files` in the given order, yielding each once it is committed. The caller holds the migration lock.

    `run` records the changes of the structure with each; `default` is the patience of files that set none; `batching` has the
    limits of files that run in batches.

    Raises MigrationFailed at the first failure; earlier migrations stay applied, and the failed one is rolled back.
    """
    backend = Backend(connection)
    for file in files:
        started = time.monotonic()
        apply = _apply if file.apply.is_transactional else _apply_alone
        apply = _apply_online if file.apply.is_online_index else apply
        wait = patience.of(file.apply, default)
        runs_on = None
        if header.of(file.apply):
            runs_on = _apply_in_batches(backend, file, run, started, wait, batching or Batching(), say)
        else:
            with execution.explained(file):
                apply(backend, file, run, started, wait, say)
        postgres.reset_session(connection)
        duration_ms = round((time.monotonic() - started) * 1000, 1)
        yield Started(file.id, file.title, runs_on.id) if runs_on else Applied(file.id, file.title, duration_ms)


def _apply(backend: Backend, file: MigrationFile, run: recording.Run, started: float, wait: Patience, say: Say) -> None:
    found = heads.read(file.apply)

    def work() -> None:
        with execution.transaction(backend, wait, locks_tables=bool(found.needs or found.unread)):
            prelude.take(backend.connection, found.needs, wait)
            migration = YoyoMigration(file)
            migration.process_steps(backend, "apply")
            # The file may have changed the role for its own objects; the ledger is written as the role that logged in.
            execution.take_back(backend, file.apply)
            _record(backend, file, run, started)

    locks.with_lock_retries(backend.connection, work, wait, say=say)


def _apply_alone(backend: Backend, file: MigrationFile, run: recording.Run, started: float, wait: Patience, say: Say) -> None:
    """Apply a single statement that cannot run in a transaction."""
    locks.refuse_late(wait)
    alone.run(backend, file, "apply", say, wait)
    execution.take_back(backend, file.apply)
    locks.in_transaction(backend.connection, lambda: _record(backend, file, run, started), locks.DDL, say=say)


def _apply_online(backend: Backend, file: MigrationFile, run: recording.Run, started: float, wait: Patience, say: Say) -> None:
    """Apply a file with `-- online: index`, after its index was prepared."""
    locks.refuse_late(wait)

    def finish() -> None:
        execution.take_back(backend, file.apply)
        _record(backend, file, run, started)

    online.run(backend, file, file.apply, finish, say, patience=patience.of_online(file.apply, wait))


def _apply_in_batches(
    backend: Backend, file: MigrationFile, run: recording.Run, started: float, wait: Patience, limits: Batching, say: Say
) -> Batch | None:
    """Apply a file with `-- batch:`; return its batches if they run on after this, None once it is applied."""

    def whole(text: MigrationFile) -> None:
        with execution.explained(text):
            _apply(backend, text, run, started, wait, say)

    return batches.run(
        backend.connection,
        file,
        limits,
        before=lambda: locks.refuse_late(wait),
        whole=whole,
        finish=lambda: _record(backend, file, run, started),
        say=say,
    )


def _record(backend: Backend, file: MigrationFile, run: recording.Run, started: float) -> None:
    duration_ms = round((time.monotonic() - started) * 1000, 1)
    for one in file.originals:
        migration = YoyoMigration(one)
        with postgres.translated():
            backend.mark_one(migration, log=False)
        if one is file:
            with postgres.translated():
                backend.log_migration(migration, "apply")
            journal.annotate(backend.connection, file.id, "apply", duration_ms)
        else:
            journal.write(backend.connection, one.id, "apply", {"note": f"by {file.id}"})
        ledger.record(backend.connection, one.id, one.apply.checksum, duration_ms if one is file else 0)
    if repeatable.drops(file.apply.ddl):
        repeatables.mark_due(backend.connection)
    recording.record(backend.connection, run, file.originals[-1].id, file.apply.ddl)
