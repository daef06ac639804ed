"""Running a file with `-- online: index`, forward or back: preparation, then its transaction with short lock timeouts."""

from collections.abc import Callable

from psycopg import sql

from chatschema import postgres
from chatschema.errors import Busy, ChatschemaError
from chatschema.migration import execution, ledger
from chatschema.migration.backend import Backend
from chatschema.migration.files import MigrationFile
from chatschema.migration.online import prepare, state, statement
from chatschema.migration.online.prepare import Build
from chatschema.migration.online.statement import CreateIndex, DropIndex
from chatschema.postgres import Connection, Say, locks
from chatschema.sqlfile import SqlFile

# Longer than deadlock_timeout, after which the server ends an autovacuum that is in the way. The lock stops no reader or writer.
_GENTLE = "3s"
_ROUNDS = 10


class _Changed(Exception):
    """A partition appeared that the preparation has not seen; the transaction is rolled back, and the preparation continues."""


def run(
    backend: Backend,
    file: MigrationFile,
    text: SqlFile,
    finish: Callable[[], None],
    say: Say,
    *,
    patience: locks.Patience = locks.MONTHS,
) -> None:
    """Prepare the index of `text`, the file or its rollback, and run it in one transaction with `finish`, which records it.

    The caller holds locks.change_lock(), which stays while the migration lock is released for the preparation.
    Raises StatementFailed, Busy and ChatschemaError; what is prepared stays, the ledger says so, and the next run continues.
    """
    action = statement.read(text)
    build = prepare.look(backend.connection, file.id, text, action) if isinstance(action, CreateIndex) else None
    if build:
        prepare.warn_of_edit(backend.connection, file, build, say)
    for _ in range(_ROUNDS):
        if build and build.missing(backend.connection):
            ledger.start(backend.connection, file.id, file.apply.checksum)
            with locks.set_aside(backend.connection, say=say):
                prepare.build_all(backend.connection, file.id, build, before=lambda: locks.refuse_late(patience), say=say)
        try:
            locks.with_lock_retries(
                backend.connection, lambda: _in_transaction(backend, text, action, build, patience, finish), patience, say=say
            )
        except _Changed:
            continue
        return
    raise Busy(
        f"partitions of {build.table.name if build else text.path.name} were added again and again while the index was prepared",
        "run the same command again: it continues",
        code="online.changed",
    )


def give_up(connection: Connection, file: MigrationFile, say: Say) -> None:
    """Drop what an interrupted run of the file has built, and remove its record. The caller holds locks.change_lock()."""
    action = statement.read(file.apply)
    build = prepare.look(connection, file.id, file.apply, action) if isinstance(action, CreateIndex) else None
    if build:
        with locks.set_aside(connection, say=say):
            prepare.drop_all(connection, file.id, build, say=say)
    ledger.withdraw(connection, file.id)


def _in_transaction(
    backend: Backend,
    text: SqlFile,
    action: CreateIndex | DropIndex,
    build: Build | None,
    patience: locks.Patience,
    finish: Callable[[], None],
) -> None:
    connection = backend.connection
    with execution.transaction(backend, patience):
        if table := _table(connection, action):
            _lock_gently(connection, table)
        if build and build.missing(connection):
            raise _Changed
        locks.limit_lock_wait(connection, patience)
        # On a table that is not partitioned the index has its name already.
        is_built = build is not None and build.table.partition_key is None
        backend.run(text, but=action.statement if is_built else None)
        if isinstance(action, CreateIndex):
            _check(connection, text, action)
        finish()


def _table(connection: Connection, action: CreateIndex | DropIndex) -> str | None:
    """Return the table of the index, as SQL writes it; None if there is none yet."""
    if isinstance(action, CreateIndex):
        found = state.table(connection, action.table)
    else:
        query = "select indrelid::regclass::text from pg_catalog.pg_index where indexrelid = to_regclass(%s)"
        rows = postgres.fetch_all(connection, query, (action.name,))
        found = state.table(connection, rows[0][0]) if rows else None
    return found.name if found else None


def _lock_gently(connection: Connection, table: str) -> None:
    """Lock the table and its partitions against autovacuum and against new partitions, and not against readers and writers."""
    postgres.execute(connection, "select set_config('lock_timeout', %s, true)", (_GENTLE,))
    postgres.execute(connection, sql.SQL("lock table {} in share update exclusive mode").format(sql.SQL(table)))


def _check(connection: Connection, text: SqlFile, create: CreateIndex) -> None:
    """Raise ChatschemaError if the index is not valid, or a partition's part of it has another definition.

    PostgreSQL takes an invalid or a different index of a partition for a part without an error.
    """
    table = state.table(connection, create.table)
    index = state.index(connection, f"{table.schema}.{create.name}") if table else None
    if index is None:
        return
    parts = state.parts(connection, index)
    others = [part for part in parts if not part.is_same(index)]
    if others:
        raise ChatschemaError(
            f"{text.path.name}: PostgreSQL took the existing index {others[0].name} as a part of {index.name}, but it differs:"
            f" {others[0].definition} instead of {index.definition}; it was rolled back",
            f"drop it, then run the same command again: drop index concurrently {others[0].name}",
            code="online.differs",
        )
    if not index.is_valid:
        invalid = next((part.name for part in parts if not part.is_valid), None)
        raise ChatschemaError(
            f"{text.path.name}: {index.name} is not valid"
            + (f", because {invalid} is not" if invalid else "")
            + "; it was rolled back",
            f"drop it, then run the same command again: drop index concurrently {invalid or index.name}",
            code="online.invalid",
        )
