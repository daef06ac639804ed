"""The transaction of a migration, and a failure in words that show the place."""

from collections.abc import Iterator
from contextlib import contextmanager

from chatschema import postgres
from chatschema.errors import LOCK_SQLSTATES, Busy, ChatschemaError, ExitCode, MigrationFailed, ServerError
from chatschema.migration.backend import Backend, StatementFailed
from chatschema.migration.files import MigrationFile, excerpt, line_of
from chatschema.postgres import locks
from chatschema.sqlfile import SqlFile


@contextmanager
def lock_failures_bare() -> Iterator[None]:
    """Let a lock that did not come pass as the server's own error, which is retried, and not as a failed statement."""
    try:
        yield
    except StatementFailed as error:
        if error.cause.sqlstate in LOCK_SQLSTATES:
            raise error.cause from error
        raise


@contextmanager
def transaction(backend: Backend) -> Iterator[None]:
    """Yoyo's transaction with a short lock timeout; a lock that does not come can be retried as a whole."""
    with lock_failures_bare(), backend.committed():
        # The second one is gone at the end of the file when the file has reset all settings.
        query = "select set_config('lock_timeout', %s, true), set_config('chatschema.is_pinned', 'on', true)"
        postgres.execute(backend.connection, query, (f"{locks.DDL.timeout_s * 1000:.0f}ms",))
        yield


def take_back(backend: Backend, file: SqlFile) -> None:
    """Take back the role that the file may have taken; raise ChatschemaError when it has dropped the run's lock or settings.

    For a file that runs in a transaction this comes before the commit, so that nothing of it is kept.
    """
    backend.reset_role()
    query = "select coalesce(current_setting('chatschema.is_pinned', true) = 'on', false), locked.*"
    is_pinned, is_locked = postgres.fetch_one(backend.connection, f"{query} from ({locks.HOLDS_MIGRATION_LOCK}) as locked")
    kept = "nothing of it was kept" if file.is_transactional else "its statement may have had an effect, and is not recorded"
    if not is_locked:
        raise ChatschemaError(
            f"{file.path.name} has released the migration lock, so another chatschema could have run at the same time; {kept}",
            "remove pg_advisory_unlock_all() or discard all from what it runs; release other locks one by one",
        )
    if file.is_transactional and not is_pinned:
        raise ChatschemaError(
            f"{file.path.name} has reset all settings of the session, also how long it may wait for a lock; {kept}",
            "remove reset all from what it runs; reset settings one by one",
        )


@contextmanager
def explained(file: MigrationFile) -> Iterator[None]:
    """Turn a failure into one that shows file, line and the place."""
    try:
        yield
    except StatementFailed as error:
        raise _failure(file, error) from None
    except Busy as error:
        raise Busy(f"nothing of {file.id} was kept: {error.message}", error.hint) from None
    except ServerError as error:
        if error.sqlstate[:2] != "23":
            raise
        # A constraint that is checked at the end is not of one statement.
        raise ServerError(f"nothing of {file.id} was kept: {error.message}", error.hint, error.sqlstate) from None


def _failure(file: MigrationFile, error: StatementFailed) -> MigrationFailed:
    cause = error.cause
    line = line_of(error.statement, cause.position)
    hint = cause.hint
    command = "chatschema undo" if error.file is file.rollback else "chatschema migrate"
    if cause.exit_code == ExitCode.UNREACHABLE:
        kept = f"nothing of {file.id} was kept" if error.file.is_transactional else "the statement may have had an effect"
        hint = f"{(cause.hint or '').partition(';')[0]}; {kept}; run it again: {command}"
    elif cause.sqlstate == "25001":
        hint = "let the statement stand alone in its file, under a first line: -- transactional: false"
    elif not hint and not error.file.is_transactional:
        hint = f"the statement may have left something behind; fix {error.file.path.name} and run: {command}"
    elif not hint:
        kept = f"{file.id} is still applied" if error.file is file.rollback else f"nothing of {file.id} was kept"
        hint = f"{kept}; fix the file and run: {command}"
    # Where the server refuses a value or a row (classes 22 and 23), the file's literals may be just that.
    place = excerpt(error.file, error.statement, cause.position, literals=cause.sqlstate[:2] not in ("22", "23"))
    return MigrationFailed(f"{error.file.path.name} line {line}: {cause.message}", hint, place, cause)
