"""Applying and undoing: a migration, its mark, its log and its checksum commit together or not at all."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from chatschema import hold, locks, postgres
from chatschema.errors import LOCK_SQLSTATES, Busy, ChatschemaError, HistoryConflict, MigrationFailed
from chatschema.migration import concurrently, history, ledger
from chatschema.migration.backend import Backend, StatementFailed, YoyoMigration
from chatschema.migration.files import COMMENTS, MigrationFile, excerpt, line_of
from chatschema.models import Applied, MigrationStatus
from chatschema.postgres import Connection, Say
from chatschema.sqlfile import SqlFile

_DROP_TABLE = re.compile(r"(?is)\bdrop\s+table\s+(?:if\s+exists\s+)?(?P<names>[\w.\", ]+?)\s*(?:cascade|restrict)?\s*$")

# Has one row from the beginning, which nobody wrote.
_NO_LOSS = {"chatschema.last_hold"}


def pending(files: list[MigrationFile], statuses: Sequence[MigrationStatus], to: str | None) -> list[MigrationFile]:
    """Return the migrations to apply, oldest first, up to and including `to`; none when `to` is applied already."""
    wanted = {s.id for s in statuses if s.state == "pending" or (s.state == "interrupted" and s.applied_at is None)}
    return [file for file in files if file.id in wanted and (to is None or file.id <= to)]


def migrate(connection: Connection, files: Sequence[MigrationFile], *, say: Say) -> Iterator[Applied]:
    """Apply `files` in the given order, yielding each once it is committed. The caller holds the migration lock.

    Raises MigrationFailed at the first that fails; what was yielded before stays, of the failed one nothing does.
    """
    backend = Backend(connection)
    for file in files:
        started = time.monotonic()
        run = _apply if file.apply.is_transactional else _apply_alone
        with _explained(file):
            run(backend, file, started, say)
        postgres.reset_session(connection)
        yield Applied(file.id, file.title, round((time.monotonic() - started) * 1000, 1))


def _apply(backend: Backend, file: MigrationFile, started: float, say: Say) -> None:
    def work() -> None:
        with _transaction(backend):
            migration = YoyoMigration(file)
            migration.process_steps(backend, "apply")
            # The file may have changed the role for its own objects; the ledger is ours.
            postgres.execute(backend.connection, "reset session authorization; reset role")
            _record(backend, file, started)

    locks.with_lock_retries(backend.connection, work, locks.DDL, say=say)


def _apply_alone(backend: Backend, file: MigrationFile, started: float, say: Say) -> None:
    """Apply a single statement that refuses to run in a transaction; the ledger knows that it began."""
    connection = backend.connection
    was_running = any(entry.is_running and entry.id == file.id for entry in ledger.entries(connection))
    is_done = was_running and concurrently.take_up(connection, file, say)
    ledger.start(connection, file.id, file.apply.checksum)
    if not is_done:
        _run_alone(backend, file.apply, YoyoMigration(file), "apply", say)
    concurrently.refuse_invalid(connection, file)
    postgres.execute(connection, "reset session authorization; reset role")
    with postgres.transaction(connection):
        _record(backend, file, started)


def _run_alone(backend: Backend, file: SqlFile, migration: YoyoMigration, direction: str, say: Say) -> None:
    """Run a statement outside of a transaction; unless it is a concurrent one it may not make others wait either."""

    def work() -> None:
        migration.load()
        with _lock_failures_bare():
            for step in migration.steps:
                getattr(step, direction)(backend)

    if concurrently.is_concurrent(file):
        work()
        return
    locks.limit_lock_wait(backend.connection, locks.DDL, of="session")
    locks.with_lock_retries(backend.connection, work, locks.DDL, say=say)


@contextmanager
def _lock_failures_bare() -> Iterator[None]:
    """Let a lock that did not come pass as the server's own error, which is retried, and not as a failed statement."""
    try:
        yield
    except StatementFailed as error:
        if error.cause.sqlstate in LOCK_SQLSTATES:
            raise error.cause from error
        raise


def _record(backend: Backend, file: MigrationFile, started: float) -> None:
    migration = YoyoMigration(file)
    with postgres.translated():
        backend.mark_one(migration, log=False)
        backend.log_migration(migration, "apply")
    ledger.record(backend.connection, file.id, file.apply.checksum, round((time.monotonic() - started) * 1000, 1))


def to_undo(
    files: list[MigrationFile], entries: Sequence[ledger.Entry], *, steps: int | None, to: str | None
) -> list[MigrationFile]:
    """Return the migrations to undo, last applied first: `steps` of them, or all that came after `to`, or all.

    Raises HistoryConflict when one of them has no file or no rollback.
    """
    by_id = {file.id: file for file in files}
    applied = [entry.id for entry in entries if not entry.is_running]
    if to is not None:
        if to not in applied:
            raise HistoryConflict(f"{to} is not applied, so there is no going back to it", "see what is: chatschema status")
        chosen = applied[applied.index(to) + 1 :]
    else:
        chosen = applied[-steps:] if steps is not None else applied
    result = []
    for id in reversed(chosen):
        file = by_id.get(id)
        if file is None:
            raise HistoryConflict(f"{id} is applied, but its file is gone", "restore it from git, or run the version that has it")
        if file.rollback is None or not file.rollback.statements:
            raise HistoryConflict(
                f"{id} has no rollback, so it cannot be undone; nothing was changed", f"write {id}.rollback.sql, or go forward"
            )
        result.append(file)
    return result


def losses(connection: Connection, files: Sequence[MigrationFile]) -> list[str]:
    """Return the tables with rows in them that the rollbacks of `files` name in a `drop table`."""
    texts = [COMMENTS.sub(" ", s.text) for file in files if file.rollback for s in file.rollback.statements]
    dropped = [name.strip() for text in texts for match in _DROP_TABLE.finditer(text) for name in match["names"].split(",")]
    found = []
    for name in dropped:
        table = postgres.fetch_one(connection, "select to_regclass(%s)::text", (name,))[0]
        # The server wrote the name, quoted where it must be.
        if (
            table
            and table not in _NO_LOSS
            and postgres.fetch_one(connection, sql.SQL("select exists (select from {})").format(sql.SQL(table)))[0]
        ):
            found.append(table)
    return found


def undo(connection: Connection, files: Sequence[MigrationFile], *, say: Say) -> Iterator[Applied]:
    """Roll back `files` in the given order, yielding each once it is committed. The caller holds the migration lock."""
    backend = Backend(connection)
    for file in files:
        started = time.monotonic()
        with _explained(file):
            _undo(backend, file, say)
        postgres.reset_session(connection)
        yield Applied(file.id, file.title, round((time.monotonic() - started) * 1000, 1))


def _undo(backend: Backend, file: MigrationFile, say: Say) -> None:
    migration = YoyoMigration(file)

    def unmark() -> None:
        postgres.execute(backend.connection, "reset session authorization; reset role")
        with postgres.translated():
            backend.unmark_one(migration, log=False)
            backend.log_migration(migration, "rollback")
        ledger.forget(backend.connection, file.id)

    def work() -> None:
        with _transaction(backend):
            _refuse_held(backend.connection)
            migration.process_steps(backend, "rollback")
            unmark()

    if file.rollback is None or file.rollback.is_transactional:
        locks.with_lock_retries(backend.connection, work, locks.DDL, say=say)
        return
    hold.refuse_active(backend.connection, "undo")
    was_cut_off = ledger.is_undoing(backend.connection, file.id)
    ledger.start(backend.connection, file.id, file.apply.checksum)
    try:
        _run_alone(backend, file.rollback, migration, "rollback", say)
    except StatementFailed as error:
        # undefined_object, undefined_table: the run that was cut off had got that far.
        if not (was_cut_off and error.cause.sqlstate in ("42704", "42P01")):
            raise
    with postgres.transaction(backend.connection):
        unmark()


def _refuse_held(connection: Connection) -> None:
    """Raise while a hold is active, and let none be placed until the transaction ends: a rollback may drop what it holds."""
    if postgres.has_table(connection, "chatschema.holds"):
        hold.freeze(connection)
        hold.refuse_active(connection, "undo")


@contextmanager
def _transaction(backend: Backend) -> Iterator[None]:
    """Yoyo's transaction with a short lock timeout; a lock that does not come can be retried as a whole."""
    with _lock_failures_bare(), postgres.translated(), backend.transaction():
        locks.limit_lock_wait(backend.connection, locks.DDL)
        yield


@contextmanager
def _explained(file: MigrationFile) -> Iterator[None]:
    """Turn a failure into one that shows file, line and the place."""
    try:
        yield
    except StatementFailed as error:
        raise _failure(file, error) from None
    except Busy as error:
        raise Busy(f"{file.id}: {error.message}", error.hint) from None


def _failure(file: MigrationFile, error: StatementFailed) -> MigrationFailed:
    cause = error.cause
    line = line_of(error.statement, cause.position)
    hint = cause.hint
    if cause.sqlstate == "25001":
        hint = "let the statement stand alone in its file, under a first line: -- transactional: false"
    elif not hint and not error.file.is_transactional:
        hint = f"the statement may have left something behind; mend {error.file.path.name} and run: chatschema migrate"
    elif not hint:
        hint = f"nothing of {file.id} was kept; mend the file and run: chatschema migrate"
    # Where the server refuses a value or a row (classes 22 and 23), the file's literals may be just that.
    place = excerpt(error.file, error.statement, cause.position, literals=cause.sqlstate[:2] not in ("22", "23"))
    return MigrationFailed(f"{error.file.path.name} line {line}: {cause.message}", hint, place, cause)


def check_history(files: list[MigrationFile], connection: Connection) -> list[MigrationStatus]:
    """Return where every migration stands; raise HistoryConflict when going on would be wrong."""
    statuses = history.statuses(files, ledger.entries(connection))
    history.refuse_conflicts(statuses)
    return statuses


def refuse_foreign_lock(connection: Connection) -> None:
    """Raise when a stock yoyo is at work, or was killed, in this database: it does not know our lock."""
    row = postgres.execute(connection, "select pid, ctime from chatschema.yoyo_lock").fetchone()
    if row:
        raise ChatschemaError(
            f"a stock yoyo (pid {row[0]}, since {row[1]} UTC) holds its lock here",
            "let it end; if it was killed: yoyo break-lock",
        )
