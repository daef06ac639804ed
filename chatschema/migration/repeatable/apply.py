"""Running repeatable files: the statements of each are committed together with its record, or not at all."""

import time
from collections.abc import Collection, Iterator, Sequence

from chatschema import postgres
from chatschema.migration import execution, heads, journal, patience, prelude
from chatschema.migration.backend import Backend, YoyoMigration
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import files as repeatable
from chatschema.migration.repeatable import record
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.values import Applied, Patience


def run(
    connection: Connection,
    due: Sequence[MigrationFile],
    files: Sequence[MigrationFile],
    recorded: recording.Run,
    *,
    default: Patience = locks.DDL,
    say: Say,
) -> Iterator[Applied]:
    """Run the files that are `due`, yielding each once it is committed; `files` are all. The caller holds the migration lock.

    Raises MigrationFailed at the first failure, which is rolled back; earlier ones stay as they were run.
    """
    if not due:
        return
    record.ensure(connection)
    backend = Backend(connection)
    for file in due:
        started = time.monotonic()
        # Recorded with the file that drops them: a run that is killed before they are run again leaves them due.
        dropped = repeatable.dependents(files, file.id) if repeatable.drops(file.apply.text) else ()
        with execution.explained(file):
            _run(backend, file, dropped, recorded, patience.of(file.apply, default), say)
        postgres.reset_session(connection)
        yield Applied(file.id, file.title, round((time.monotonic() - started) * 1000, 1))


def _run(
    backend: Backend, file: MigrationFile, dropped: Collection[str], recorded: recording.Run, wait: Patience, say: Say
) -> None:
    started = time.monotonic()
    needs = heads.read(file.apply).needs

    def work() -> None:
        with execution.transaction(backend, wait):
            prelude.take(backend.connection, needs, wait)
            migration = YoyoMigration(file)
            migration.process_steps(backend, "apply")
            execution.take_back(backend, file.apply)
            with postgres.translated():
                backend.log_migration(migration, "apply")
            duration_ms = round((time.monotonic() - started) * 1000, 1)
            record.write(backend.connection, file, duration_ms, dropped)
            journal.annotate(backend.connection, file.id, "apply", duration_ms)
            recording.record(backend.connection, recorded, file.id, file.apply.ddl)

    locks.with_lock_retries(backend.connection, work, wait, say=say)
