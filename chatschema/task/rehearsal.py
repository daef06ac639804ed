"""What a set of rollbacks would lose: run in an empty copy of the database, then the rows of the real tables counted."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from chatschema import postgres
from chatschema.database import catalog, template
from chatschema.errors import CannotConnect, ChatschemaError
from chatschema.migration import ledger, loss
from chatschema.migration import undo as rollbacks
from chatschema.migration.files import MigrationFile
from chatschema.migration.loss import Change, Loss
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.task.session import LOCK_WAIT_S
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
    """Return what the rollbacks of `chosen` would lose of the rows there are now.

    The copy is a database of its own, migrated like this one without rows, dropped afterwards. Where none can be made they are
    rehearsed in the database itself, in one transaction under the migration lock that is taken back; with `only_in_copy`
    ChatschemaError is raised instead.
    """
    try:
        found = _in_copy(settings, connection, files, chosen, say)
    except ChatschemaError as error:
        if only_in_copy:
            raise ChatschemaError(
                f"what undo would lose cannot be seen in a copy of the database: {error.message}",
                "let a role that may create databases run it; or undo one step, which asks before it loses a row",
            ) from None
        say(f"rehearsing in the database itself, as there can be no copy of it: {error.message}")
        with locks.migration_lock(connection, wait_s=LOCK_WAIT_S, say=say):
            found = rollbacks.rehearse(connection, chosen, is_empty=False)
    return loss.counted(connection, found)


def _in_copy(
    settings: Settings, connection: Connection, files: list[MigrationFile], chosen: list[MigrationFile], say: Say
) -> list[Change]:
    # It takes a while to load.
    from chatschema.migration import runner

    applied = [entry.id for entry in ledger.entries(connection) if not entry.is_running]
    by_id = {file.id: file for file in files}
    if gone := [id for id in applied if id not in by_id]:
        raise ChatschemaError(f"the file of {gone[0]}, which is applied, is gone")
    with _copy(settings, connection.info.dbname, say) as copy:
        ledger.ensure(copy)
        unrecorded = recording.Run(say, is_recorded=False)
        for _ in runner.migrate(copy, [by_id[id] for id in applied], unrecorded, say=lambda _: None):
            pass
        return rollbacks.rehearse(copy, chosen, is_empty=True)


@contextmanager
def _copy(settings: Settings, name: str, say: Say) -> Iterator[Connection]:
    """Yield a connection to an empty database with the locale of `name`; drop it afterwards, and what a killed run has left."""
    scratch = f"chatschema_rehearsal_{catalog.digest(name)}"
    try:
        maintenance = catalog.maintenance(settings, name)
    except CannotConnect as error:
        raise ChatschemaError(error.message) from None
    with closing(maintenance):
        target = catalog.inspect(maintenance, name)
        if not target.may_create:
            raise ChatschemaError(f"role {maintenance.info.user} may not create databases")
        with locks.migration_lock(maintenance, wait_s=LOCK_WAIT_S, say=say):
            catalog.drop(maintenance, scratch)
            try:
                template.create(maintenance, scratch, target)
                # Its own migration lock as well: each migration is asked whether it has kept it.
                with closing(postgres.connect(settings, dbname=scratch)) as copy, locks.migration_lock(copy, wait_s=0):
                    yield copy
            finally:
                catalog.drop(maintenance, scratch)
