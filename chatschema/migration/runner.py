"""Applying: a migration, its mark, its log and its checksum commit together or not at all."""

import time
from collections.abc import Iterator, Sequence

from chatschema import locks, postgres
from chatschema.errors import ChatschemaError
from chatschema.migration import alone, collisions, execution, history, ledger
from chatschema.migration.backend import Backend, YoyoMigration
from chatschema.migration.files import MigrationFile
from chatschema.models import Applied, MigrationStatus
from chatschema.postgres import Connection, Say
from chatschema.structure import recording


def pending(files: list[MigrationFile], statuses: Sequence[MigrationStatus], to: str | None) -> list[MigrationFile]:
    """Return the migrations to apply, oldest first, up to and including `to`; none when `to` is applied already."""
    wanted = {s.id for s in statuses if s.state == "pending" or (s.state == "interrupted" and s.applied_at is None)}
    return [file for file in files if file.id in wanted and (to is None or file.id <= to)]


def migrate(connection: Connection, files: Sequence[MigrationFile], run: recording.Run, *, say: Say) -> Iterator[Applied]:
    """Apply `files` in the given order, yielding each once it is committed. The caller holds the migration lock.

    What each changes in the structure is recorded with it, as `run` says.

    Raises MigrationFailed at the first that fails; what was yielded before stays, of the failed one nothing does.
    """
    backend = Backend(connection)
    for file in files:
        started = time.monotonic()
        apply = _apply if file.apply.is_transactional else _apply_alone
        with execution.explained(file):
            apply(backend, file, run, started, say)
        postgres.reset_session(connection)
        yield Applied(file.id, file.title, round((time.monotonic() - started) * 1000, 1))


def _apply(backend: Backend, file: MigrationFile, run: recording.Run, started: float, say: Say) -> None:
    def work() -> None:
        with execution.transaction(backend):
            migration = YoyoMigration(file)
            migration.process_steps(backend, "apply")
            # The file may have changed the role for its own objects; the ledger is ours.
            execution.take_back(backend, file.apply)
            _record(backend, file, run, started)

    locks.with_lock_retries(backend.connection, work, locks.DDL, say=say)


def _apply_alone(backend: Backend, file: MigrationFile, run: recording.Run, started: float, say: Say) -> None:
    """Apply a single statement that refuses to run in a transaction."""
    alone.run(backend, file, "apply", say)
    execution.take_back(backend, file.apply)
    locks.in_transaction(backend.connection, lambda: _record(backend, file, run, started), locks.DDL, say=say)


def _record(backend: Backend, file: MigrationFile, run: recording.Run, started: float) -> None:
    migration = YoyoMigration(file)
    with postgres.translated():
        backend.mark_one(migration, log=False)
        backend.log_migration(migration, "apply")
    ledger.record(backend.connection, file.id, file.apply.checksum, round((time.monotonic() - started) * 1000, 1))
    recording.record(backend.connection, run, file.id, file.apply.ddl)


def check_history(files: list[MigrationFile], connection: Connection) -> list[MigrationStatus]:
    """Return where every migration stands; raise HistoryConflict when going on would be wrong."""
    statuses = history.statuses(files, ledger.entries(connection))
    history.refuse_conflicts(statuses)
    return statuses


def refuse_collisions(files: list[MigrationFile], connection: Connection, to: str | None) -> None:
    """Raise ChatschemaError when a pending file would create what exists already. Changes nothing, and needs no ledger.

    A file that was cut off is left out: what it creates may be there.
    """
    statuses = history.statuses(files, ledger.entries(connection))
    collisions.refuse(connection, pending(files, [status for status in statuses if status.state == "pending"], to))


def refuse_foreign_lock(connection: Connection) -> None:
    """Raise when a stock yoyo is at work, or was killed, in this database: it does not know our lock."""
    row = postgres.execute(connection, "select pid, ctime from chatschema.yoyo_lock").fetchone()
    if row:
        raise ChatschemaError(
            f"a stock yoyo (pid {row[0]}, since {row[1]} UTC) holds its lock here",
            "let it end; if it was killed: yoyo break-lock",
        )
