"""The transaction of a migration, and errors that show file, line and text."""

from collections.abc import Iterator
from contextlib import contextmanager

from chatschema import postgres
from chatschema.errors import LOCK_SQLSTATES, Busy, ChatschemaError, ExitCode, MigrationFailed, ServerError
from chatschema.migration.backend import Backend, StatementFailed
from chatschema.migration.files import MigrationFile, excerpt, line_of
from chatschema.postgres import door, locks
from chatschema.sqlfile import SqlFile
from chatschema.values import Patience


@contextmanager
def lock_failures_bare() -> Iterator[None]:
    """Raise a lock timeout as the server's own error, which is retried, and not as a failed statement."""
    try:
        yield
    except StatementFailed as error:
        if error.cause.sqlstate in LOCK_SQLSTATES:
            raise error.cause from error
        raise


@contextmanager
def transaction(backend: Backend, patience: Patience, *, locks_tables: bool = True) -> Iterator[None]:
    """Yoyo's transaction with the lock timeout of `patience`; after a timeout it can be retried as a whole.

    `locks_tables`: whether its statements lock tables that exist, which a distributed database does in one order.
    """
    with lock_failures_bare(), backend.committed():
        # The second setting is missing at the end of the file if the file reset all settings.
        query = "select set_config('lock_timeout', %s, true), set_config('chatschema.is_pinned', 'on', true)"
        postgres.execute(backend.connection, query, (f"{patience.timeout_s * 1000:.0f}ms",))
        door.enter(backend.connection, closes=locks_tables)
        yield


def take_back(backend: Backend, file: SqlFile) -> None:
    """Reset the role that the file may have set; raise ChatschemaError if it released the run's lock or reset its settings.

    For a file that runs in a transaction this is done before the commit, so that it is rolled back.
    """
    backend.reset_role()
    query = "select coalesce(current_setting('chatschema.is_pinned', true) = 'on', false), locked.*"
    is_pinned, is_locked = postgres.fetch_one(backend.connection, f"{query} from ({locks.HOLDS_MIGRATION_LOCK}) as locked")
    kept = "it was rolled back" if file.is_transactional else "its statement may have taken effect, and is not recorded"
    if not is_locked:
        raise ChatschemaError(
            f"{file.path.name} released the migration lock, so another chatschema could have run at the same time; {kept}",
            "remove pg_advisory_unlock_all() and discard all from the file and its functions; release other locks one by one",
            code="migration.unlock",
        )
    if file.is_transactional and not is_pinned:
        raise ChatschemaError(
            f"{file.path.name} reset all settings of the session, including its lock timeout; {kept}",
            "remove reset all from the file and its functions; reset settings one by one",
            code="migration.settings",
        )


@contextmanager
def explained(file: MigrationFile) -> Iterator[None]:
    """Turn a failure into an error that shows file, line and text."""
    try:
        yield
    except StatementFailed as error:
        raise _failure(file, error) from None
    except Busy as error:
        raise Busy(f"{file.id} was rolled back: {error.message}", error.hint, code=error.code) from None
    except ServerError as error:
        if error.sqlstate[:2] != "23":
            raise
        # A constraint that is checked at the end does not belong to one statement.
        message = f"{file.id} was rolled back: {error.message}"
        raise ServerError(message, error.hint, error.sqlstate, code=error.code) from None


def _failure(file: MigrationFile, error: StatementFailed) -> MigrationFailed:
    cause = error.cause
    line = line_of(error.statement, cause.position)
    hint = cause.hint
    command = "chatschema undo" if error.file is file.rollback else "chatschema migrate"
    if cause.exit_code == ExitCode.UNREACHABLE:
        kept = f"{file.id} was rolled back" if error.file.is_transactional else "the statement may have taken effect"
        hint = f"{(cause.hint or '').partition(';')[0]}; {kept}; run it again: {command}"
    elif cause.sqlstate == "25001":
        hint = "put the statement alone into a file, with the first line: -- transactional: false"
    elif not hint and not error.file.is_transactional:
        hint = f"the statement may have left something behind; fix {error.file.path.name} and run: {command}"
    elif not hint:
        kept = f"{file.id} is still applied" if error.file is file.rollback else f"{file.id} was rolled back"
        hint = f"{kept}; fix the file and run: {command}"
    # If the server refuses a value or a row (classes 22 and 23), the literals of the file may contain it.
    place = excerpt(error.file, error.statement, cause.position, literals=cause.sqlstate[:2] not in ("22", "23"))
    return MigrationFailed(f"{error.file.path.name} line {line}: {cause.message}", hint, place, cause)
