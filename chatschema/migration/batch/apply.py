"""Applying a file that runs in batches: once on a table without rows, else batch by batch, now or later."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from chatschema import postgres
from chatschema.errors import ChatschemaError, HistoryConflict
from chatschema.migration import ledger
from chatschema.migration.backend import Backend, YoyoMigration
from chatschema.migration.batch import bounds, engine, header, pace, record, subject
from chatschema.migration.batch.header import Header
from chatschema.migration.batch.record import Batch, Work
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say, locks
from chatschema.sqlfile import SqlFile
from chatschema.values import Batching


def run(
    connection: Connection,
    file: MigrationFile,
    limits: Batching,
    *,
    before: Callable[[], None],
    whole: Callable[[MigrationFile], None],
    finish: Callable[[], None],
    say: Say,
) -> Batch | None:
    """Apply a file that runs in batches; return its batches if they run on after this, None once it is applied.

    `before` is called before each batch, and may raise; `whole` applies a file in its transaction; `finish` records the
    migration in a transaction that is open. The caller holds locks.change_lock(); the migration lock is released while the
    batches run. Raises what engine.run() raises, and HistoryConflict if the file was edited since its batches began.
    """
    wanted = header.of(file.apply)
    if wanted is None:
        raise AssertionError("unreachable: the caller has read the header")
    found = record.of_migration(connection, file.id)
    before_edit = None
    if found and found.state == "done":
        # Its mark was removed by hand, or by a release that knows no batches.
        record.cancel(connection, file.id)
        found = None
    elif found and _give_up_edited(connection, file, found.id):
        say(f"{file.id}: begins with the edited text, as no batch of the earlier one was done")
        found, before_edit = None, found
    if found is None:
        work = _new(connection, file, wanted)
        if work is None:
            whole(MigrationFile(file.id, header.Whole(file.apply), file.rollback))
            return None
        found = _begin(connection, file, work, header.detached(work.statement, wanted), say)
        if before_edit:
            record.set_rate(connection, found.id, before_edit.rate)
            record.set_state(connection, found.id, before_edit.state)
            found = record.known(connection, found.id)
    _refuse_edited(connection, file, found)
    if not found.waits:
        return found
    with record.running(connection, found):
        # They may take hours, in which months are created and retired.
        with locks.set_aside(connection, say=say):
            engine.run(connection, found.id, limits, before=before, say=say)

        def end() -> None:
            finish()
            record.finish(connection, found.id)

        locks.in_transaction(connection, end, locks.DDL, say=say)
    return None


def _new(connection: Connection, file: MigrationFile, wanted: Header) -> Work | None:
    """Return the work that the file asks for, None if the table has no row."""
    about = subject.find(connection, file, wanted)
    now = datetime.now(UTC)
    size = pace.FIRST_SIZE
    batch = Batch(0, file.id, about.table, wanted.key, wanted.waits, "running", 1, 0, 0, None, 0, size, None, now, now, None)
    statement = file.apply.statements[0].text
    work = Work(batch, file.apply.checksum, wanted.alias, about.key_type, statement, wanted.left, None, "", ())

    def last() -> str | None:
        return bounds.last(connection, work)

    end = locks.in_transaction(connection, last, locks.DDL)
    if end is None:
        return None
    expected = subject.expected(connection, about.table)
    begun = Batch(0, file.id, about.table, wanted.key, wanted.waits, "running", 1, 0, 0, expected, 0, size, None, now, now, None)
    return Work(begun, work.checksum, work.alias, work.key_type, statement, work.left, None, end, ())


def _begin(connection: Connection, file: MigrationFile, work: Work, detached: str | None, say: Say) -> Batch:
    """Record the batches, and the migration as started."""
    record.ensure(connection)

    def begin() -> int:
        ledger.start(connection, file.id, work.checksum)
        return record.create(connection, work, detached)

    return record.known(connection, locks.in_transaction(connection, begin, locks.DDL, say=say))


def _give_up_edited(connection: Connection, file: MigrationFile, id: int) -> bool:
    """Remove the record of batches whose file was edited before one of them was done; return whether that was so."""

    def give_up() -> bool:
        work = record.work(connection, id)
        if work is None or work.checksum == file.apply.checksum or work.batch.batches:
            return False
        record.cancel(connection, file.id)
        ledger.withdraw(connection, file.id)
        return True

    return locks.in_transaction(connection, give_up, locks.DDL)


def _refuse_edited(connection: Connection, file: MigrationFile, batch: Batch) -> None:
    work = record.work(connection, batch.id, locked=False)
    if work and work.checksum != file.apply.checksum:
        raise HistoryConflict(
            f"{file.apply.path.name} was edited after its batches began; {batch.rows_done} rows are done by the earlier statement",
            f"restore the file: git checkout -- '*{file.id}.sql'; or take back what is done: chatschema undo",
            code="batch.edited",
        )


def complete(connection: Connection, id: int) -> None:
    """Record that the migration of finished batches is applied. The caller holds the migration lock.

    Raises ChatschemaError if undo took the migration back in the meantime.
    """
    work = record.work(connection, id, locked=False)
    if work is None:
        raise ChatschemaError(
            "the batches were canceled: undo took their migration back", "see: chatschema status", code="batch.canceled"
        )
    migration = work.batch.migration
    backend = Backend(connection)
    # The files are not at hand, and not needed: yoyo's mark has the id alone.
    mark = YoyoMigration(MigrationFile(migration, SqlFile(Path(f"{migration}.sql")), None))

    def end() -> None:
        with postgres.translated():
            backend.mark_one(mark, log=False)
            backend.log_migration(mark, "apply")
        milliseconds = (datetime.now(UTC) - work.batch.started_at).total_seconds() * 1000
        ledger.record(connection, migration, work.checksum, round(milliseconds, 1))
        record.finish(connection, id)

    locks.in_transaction(connection, end, locks.DDL)
