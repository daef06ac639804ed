"""Exit codes and the errors that carry them. An error's text is shown to the user as it is."""

import enum


class ExitCode(enum.IntEnum):
    """What a script learns from a command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    FINDINGS = 3
    UNREACHABLE = 4
    BUSY = 5
    INTERRUPTED = 130
    TERMINATED = 143


class ChatschemaError(Exception):
    """What happened, to which object; `hint` is what to do or type next; `excerpt` is the place in a file.

    `code` is stable and dotted, as history.edited; `chatschema explain CODE` has its explanation, from chatschema/explanations/.
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
        """Return the message, also where it was added to after it was raised."""
        return self.message


class UsageError(ChatschemaError):
    """The command, its options or its configuration cannot be understood."""

    exit_code = ExitCode.USAGE
    code = "usage"


class CannotConnect(ChatschemaError):
    """The server cannot be reached, refuses the login, or is not one chatschema supports."""

    exit_code = ExitCode.UNREACHABLE
    code = "connect"


class Busy(ChatschemaError):
    """Somebody holds a lock; the step that waited for it was rolled back, and trying again is safe."""

    exit_code = ExitCode.BUSY
    code = "busy"


class HistoryConflict(ChatschemaError):
    """The files and the database disagree about what was applied."""

    code = "history"


class MigrationFailed(ChatschemaError):
    """A statement of a migration failed. Carries the exit code of its cause: a lock that did not come is safe to retry."""

    def __init__(self, message: str, hint: str | None, excerpt: str, cause: "ServerError") -> None:
        super().__init__(message, hint, excerpt, code="migration.failed")
        self.exit_code = cause.exit_code
        self.sqlstate = cause.sqlstate


class Protected(ChatschemaError):
    """The database is marked protected and the command would destroy or invent data."""

    code = "protected"


class ServerError(ChatschemaError):
    """The server refused a statement.

    `sqlstate` is PostgreSQL's five-character code (appendix A of its manual), `position` the 1-based
    character in the statement where the server stopped, if it said.
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


# lock_not_available, deadlock_detected: the whole transaction may be tried again at once; and object_in_use
LOCK_SQLSTATES = frozenset({"55P03", "40P01"})
BUSY_SQLSTATES = LOCK_SQLSTATES | {"55006"}
