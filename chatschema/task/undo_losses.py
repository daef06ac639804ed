"""The losses of a set of rollbacks: they run in an empty copy of the database, then the rows of the real tables are counted."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from chatschema import postgres
from chatschema.database import scratch
from chatschema.errors import ChatschemaError
from chatschema.migration import ledger, loss, variables
from chatschema.migration import undo as rollbacks
from chatschema.migration.files import MigrationFile
from chatschema.migration.loss import Change, Loss
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings


def losses(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    chosen: list[MigrationFile],
    *,
    only_in_copy: bool = False,
    say: Say,
) -> list[Loss]:
    """Return the losses that the rollbacks of `chosen` would cause now.

    The copy is a separate database, migrated like this one, without rows, and dropped afterwards. If it cannot be created, the
    rollbacks run in the database itself, in one transaction under the migration lock that is rolled back; with `only_in_copy`
    ChatschemaError is raised instead.
    """
    try:
        found = _in_copy(settings, connection, files, chosen, say)
    except ChatschemaError as error:
        if only_in_copy:
            raise ChatschemaError(
                f"the losses of undo cannot be determined in a copy of the database: {error.message}",
                "run it as a role that may create databases; or undo one step, which asks before it loses a row",
                code="undo.no-copy",
            ) from None
        say(f"rehearsing in the database itself, because no copy can be created: {error.message}")
        with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
            found = rollbacks.rehearse(connection, chosen, is_empty=False)
    return loss.counted(connection, found)


def _in_copy(
    settings: Settings, connection: Connection, files: list[MigrationFile], chosen: list[MigrationFile], say: Say
) -> list[Change]:
    # It takes a while to load.
    from chatschema.migration import runner

    applied = [entry.id for entry in ledger.entries(connection) if not entry.is_running or entry.batch]
    by_id = {file.id: file for file in files}
    if missing := [id for id in applied if id not in by_id]:
        raise ChatschemaError(f"{missing[0]} is applied, but its file is missing", code="history.missing")
    with _copy(settings, connection.info.dbname) as copy:
        ledger.ensure(copy)
        unrecorded = recording.Run(say, is_recorded=False)
        before = variables.filled([by_id[id] for id in applied], settings.variables)
        for _ in runner.migrate(copy, before, unrecorded, say=lambda _: None):
            pass
        # To give up an interrupted build of an index loses nothing.
        return rollbacks.rehearse(copy, [file for file in chosen if file.id in applied], is_empty=True)


@contextmanager
def _copy(settings: Settings, name: str) -> Iterator[Connection]:
    """Yield a connection to an empty database with the locale of `name`, which has its own migration lock."""
    # Each migration is checked to have kept that lock.
    with (
        scratch.empty(settings, like=name) as server,
        closing(postgres.connect(server)) as copy,
        locks.migration_lock(copy, wait_s=0),
    ):
        yield copy
