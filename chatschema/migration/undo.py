"""Undoing: a rollback, its unmark and its log commit together or not at all."""

import re
import time
from collections.abc import Iterator, Sequence

from psycopg import sql

from chatschema import hold, locks, postgres
from chatschema.errors import HistoryConflict
from chatschema.migration import execution, ledger
from chatschema.migration.backend import Backend, StatementFailed, YoyoMigration
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.models import Applied
from chatschema.postgres import Connection, Say

_DROP_TABLE = re.compile(r"(?is)\bdrop\s+table\s+(?:if\s+exists\s+)?(?P<names>[\w.\", ]+?)\s*(?:cascade|restrict)?\s*$")

# Has one row from the beginning, which nobody wrote.
_NO_LOSS = {"chatschema.last_hold"}


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
        with execution.explained(file):
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
        with execution.transaction(backend):
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
        execution.run_alone(backend, file.rollback, migration, "rollback", say)
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
