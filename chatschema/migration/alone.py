"""Running a statement that cannot run in a transaction, forward or back; the next run continues after an interruption."""

import re
from contextlib import suppress
from typing import Literal

from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration import concurrently, execution, ledger
from chatschema.migration.backend import Backend, StatementFailed, YoyoMigration
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Say, locks, watch
from chatschema.sqlfile import SqlFile
from chatschema.values import Patience

Direction = Literal["apply", "rollback"]
_COMMANDS = {"apply": "chatschema migrate", "rollback": "chatschema undo"}
# SQLSTATEs of a statement that had run already: the object exists, or does not exist.
_EXISTS = frozenset({"42710", "42P07", "42P04", "42701"})
_IS_MISSING = frozenset({"42704", "42P01", "3D000", "42703"})
_HAD_RUN = {"create": _EXISTS, "drop": _IS_MISSING, "alter": _EXISTS | _IS_MISSING}
# Classes of SQLSTATE with which a concurrent statement is refused before it starts any work.
_REFUSED_AT_ONCE = frozenset({"0A", "25", "42", "55"})


def run(backend: Backend, file: MigrationFile, direction: Direction, say: Say, patience: Patience = locks.DDL) -> None:
    """Run the statement of a file outside of a transaction; continue the work of an earlier run that was interrupted.

    Until the caller records the end, the ledger has the file as started, except after a failure that left nothing behind.
    Raises StatementFailed, Busy, and ChatschemaError if its index exists and is invalid.
    """
    # A migration without a rollback is not undone.
    text = file.rollback if direction == "rollback" and file.rollback else file.apply
    was_cut_off = ledger.has_begun(backend.connection, file.id)
    ledger.start(backend.connection, file.id, file.apply.checksum)
    is_done = _take_up(backend, file.id, text, say) if was_cut_off else False
    if is_done:
        return
    try:
        _run(backend, text, YoyoMigration(file), direction, say, patience)
        concurrently.refuse_invalid(backend.connection, text, _COMMANDS[direction])
    except StatementFailed as error:
        if is_done is None and error.cause.sqlstate in _HAD_RUN.get(_first_word(text), ()):
            say(f"{file.id}: the interrupted run had completed it: {error.cause.message}")
            return
        if not concurrently.is_concurrent(text) or error.cause.sqlstate[:2] in _REFUSED_AT_ONCE:
            _withdraw(backend, file.id)
        raise
    except ServerError:
        raise
    except ChatschemaError:
        _withdraw(backend, file.id)
        raise


def _first_word(file: SqlFile) -> str:
    match = re.match(r"\w*", file.statements[0].text)
    return match.group().lower() if match else ""


def _withdraw(backend: Backend, id: str) -> None:
    # Without a connection the ledger keeps the file as started, and the next run checks.
    with suppress(ServerError):
        ledger.withdraw(backend.connection, id)


def _take_up(backend: Backend, id: str, file: SqlFile, say: Say) -> bool | None:
    with watch.named(backend.connection, after_s=1, say=lambda text: say(f"{id}: {text}")):
        return concurrently.take_up(backend.connection, file, say)


def _run(backend: Backend, file: SqlFile, migration: YoyoMigration, direction: Direction, say: Say, patience: Patience) -> None:
    """Run the statement; with a lock timeout, unless it is a concurrent one."""
    migration.load()

    def work() -> None:
        for step in migration.steps:
            getattr(step, direction)(backend)

    def work_with_limit() -> None:
        with execution.lock_failures_bare():
            work()

    if concurrently.is_concurrent(file):
        # It may take hours, and its own connection is busy.
        with watch.named(backend.connection, after_s=1, say=lambda text: say(f"{migration.id}: {text}")):
            work()
        return
    locks.limit_lock_wait(backend.connection, patience, of="session")
    locks.with_lock_retries(backend.connection, work_with_limit, patience, say=say)
