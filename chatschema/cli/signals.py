"""Ctrl-C and SIGTERM end a run alike: the running statement is cancelled, its step rolled back, the embedded server stopped."""

import signal
from types import FrameType

from chatschema.errors import ExitCode


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived. A KeyboardInterrupt, because psycopg cancels the running statement for one."""


def handle() -> None:
    """Let Ctrl-C raise KeyboardInterrupt and SIGTERM Terminated, unless the parent process has them ignored.

    Process 1 of a container ignores SIGTERM without a handler.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, _terminate)):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # Python passes them
    # A second SIGTERM must not interrupt the rollback and the shutdown that the first one started.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def exit_code(interrupt: KeyboardInterrupt) -> ExitCode:
    """Return the exit code of a run that `interrupt` ended."""
    return ExitCode.TERMINATED if isinstance(interrupt, Terminated) else ExitCode.INTERRUPTED
