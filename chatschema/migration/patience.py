"""The patience of one file: `-- lock-timeout: 2s` and `-- lock-attempts: 20` in its header, otherwise the configured one."""

from dataclasses import replace

from chatschema.config import locks
from chatschema.errors import ChatschemaError, UsageError
from chatschema.postgres.locks import MONTHS
from chatschema.sqlfile import SqlFile
from chatschema.values import Patience


def of(file: SqlFile, default: Patience) -> Patience:
    """Return how long the statements of the file wait for locks, and how often it is tried. Raises ChatschemaError."""
    timeout, attempts = file.header("lock-timeout"), file.header("lock-attempts")
    try:
        found = (
            default if timeout is None else replace(default, timeout_s=locks.seconds(timeout, f"{file.path.name}: lock-timeout"))
        )
        if attempts is None:
            return found
        if not attempts.isdecimal():
            text = f"{file.path.name}: lock-attempts {attempts!r} is not a number"
            raise UsageError(text, "write: -- lock-attempts: 20", code="file.header")
        return replace(found, attempts=locks.attempts(int(attempts), f"{file.path.name}: lock-attempts"))
    except UsageError as error:
        raise ChatschemaError(error.message, error.hint, code="file.header") from None


def of_online(file: SqlFile, default: Patience) -> Patience:
    """Return the patience of a file with `-- online: index`: short and often, unless its header sets another."""
    return of(file, replace(MONTHS, ends_at=default.ends_at, until=default.until))
