"""Exit codes, and the errors that have them. The text of an error is shown to the user unchanged."""

import enum


class ExitCode(enum.IntEnum):
    """How a command ended, for scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 3
    UNREACHABLE = 4
    BUSY = 5
    INTERRUPTED = 130
    TERMINATED = 143


class ChatschemaError(Exception):
    """Any error of chatschema. `message` names the event and the object, `hint` the next step, `excerpt` the place in a file.

    `code` is stable and dotted, for example history.edited; `chatschema explain CODE` explains it (chatschema/explanations/).
    """

    exit_code = ExitCode.FAILED
    code = "error"

    def __init__(self, message: str, hint: str | None = None, excerpt: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.excerpt = excerpt
        self.code = code or type(self).code

    def __str__(self) -> str:
        """Return the message as it is now: code that passes an error on may add to it."""
        return self.message


class UsageError(ChatschemaError):
    """The command, its options or its configuration cannot be understood."""

    exit_code = ExitCode.USAGE
    code = "usage"


class CannotConnect(ChatschemaError):
    """The server cannot be reached, refuses the login, or has a version that chatschema does not support."""

    exit_code = ExitCode.UNREACHABLE
    code = "connect"


class Busy(ChatschemaError):
    """Another session holds a lock. The step that waited for it was rolled back, so it is safe to retry."""

    exit_code = ExitCode.BUSY
    code = "busy"


class HistoryConflict(ChatschemaError):
    """The migration files and the database disagree about which migrations were applied."""

    code = "history"


class MigrationFailed(ChatschemaError):
    """A statement of a migration failed. The exit code is that of its cause: after a lock timeout it is safe to retry."""

    def __init__(self, message: str, hint: str | None, excerpt: str, cause: "ServerError") -> None:
        super().__init__(message, hint, excerpt, code="migration.failed")
        self.exit_code = cause.exit_code
        self.sqlstate = cause.sqlstate


class Protected(ChatschemaError):
    """The database is protected, and the command would delete data or add demo data."""

    code = "protected"


class ServerError(ChatschemaError):
    """The server refused a statement.

    `sqlstate` is PostgreSQL's five-character code (appendix A of its manual), `position` the 1-based
    character in the statement at which the server reported the error, if it reported one.
    """

    code = "server.refused"

    def __init__(
        self, message: str, hint: str | None, sqlstate: str, position: int | None = None, *, code: str | None = None
    ) -> None:
        super().__init__(message, hint, code=code)
        self.sqlstate = sqlstate
        self.position = position
        if sqlstate in BUSY_SQLSTATES:
            self.exit_code = ExitCode.BUSY
        elif sqlstate[:2] == "08" or sqlstate[:3] == "57P":
            self.exit_code = ExitCode.UNREACHABLE


# lock_not_available and deadlock_detected, after which the whole transaction can be retried at once; and object_in_use
LOCK_SQLSTATES = frozenset({"55P03", "40P01"})
BUSY_SQLSTATES = LOCK_SQLSTATES | {"55006"}
