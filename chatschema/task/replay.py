"""The structure that the applied migrations make: they are replayed in a scratch database, with one month of each table."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from chatschema import events, postgres
from chatschema.database import catalog, scratch
from chatschema.errors import ChatschemaError, UsageError
from chatschema.migration import ledger, variables
from chatschema.migration.files import MigrationFile
from chatschema.partition import catalog as months
from chatschema.partition import create, event_months, grid
from chatschema.postgres import Connection, Say, locks
from chatschema.roles.catalog import applied_prefix
from chatschema.server import embedded
from chatschema.structure import recording, snapshot
from chatschema.structure.snapshot import Snapshot
from chatschema.task import granting, session
from chatschema.values import Settings


def structure(
    settings: Settings,
    connection: Connection,
    files: Sequence[MigrationFile],
    elsewhere: Settings | None,
    *,
    repeated: Sequence[MigrationFile] = (),
    say: Say,
) -> Snapshot:
    """Return the structure that `files` make, in this order, on a server of the version of `connection`; then those `repeated`.

    With the grants and policies of the roles, if they were applied to the database of `connection`.
    The scratch database is created `elsewhere`, or else on the same server, or else on the embedded one.
    Raises ChatschemaError if it cannot be created, or a file fails.
    """
    with _empty(settings, connection, elsewhere, say) as server, closing(postgres.connect(server)) as copy:
        _refuse_other_version(connection, copy)
        once, again = (variables.filled(some, settings.variables) for some in (files, repeated))
        return _replayed(copy, once, again, applied_prefix(connection), say)


def _replayed(
    copy: Connection, files: Sequence[MigrationFile], repeated: Sequence[MigrationFile], prefix: str | None, say: Say
) -> Snapshot:
    # They take a while to load.
    from chatschema.migration import replaying
    from chatschema.migration.repeatable import apply

    # Each migration is checked to have kept this lock.
    with locks.migration_lock(copy, wait_s=0):
        ledger.ensure(copy)
        replaying.run(copy, files)
        unrecorded = recording.Run(lambda _: None, is_recorded=False)
        for _ in apply.run(copy, repeated, repeated, unrecorded, say=lambda _: None):
            pass
        month = grid.month_of(months.server_now(copy))
        for parent in months.parents(copy):
            for statement in create.statements(grid.month(parent, month)):
                postgres.execute(copy, statement)
        if postgres.has_table(copy, events.TABLE):
            for statement in event_months.statements(grid.month(event_months.PARENT, month)):
                postgres.execute(copy, statement)
        with granting.tried(copy, files, prefix, say=say):
            return snapshot.read(copy)


@contextmanager
def _empty(settings: Settings, connection: Connection, elsewhere: Settings | None, say: Say) -> Iterator[Settings]:
    if elsewhere is not None:
        with session.running(elsewhere, say=say) as server, scratch.empty(server) as empty:
            yield _in_a_hurry(empty)
        return
    if (why := _obstacle(settings, connection)) is None:
        with scratch.empty(settings, like=connection.info.dbname) as empty:
            yield _in_a_hurry(empty)
        return
    if embedded.bin_folder() is None:
        raise ChatschemaError(
            f"no scratch database can be created to replay the migrations in: {why}",
            "name a server of the same version for it: --scratch URL; or use a role with CREATEDB",
            code="verify.scratch",
        )
    say(f"the migrations are replayed on the embedded server: {why}")
    local = dataclasses.replace(settings, conninfo="", embedded=settings.state_dir)
    with session.running(local, say=say) as server, scratch.empty(server) as empty:
        yield _in_a_hurry(empty)


def _obstacle(settings: Settings, connection: Connection) -> str | None:
    """Return why the server of the database cannot have the scratch database; None if it can."""
    if postgres.describe(connection).is_standby:
        return "this server is a standby"
    with closing(catalog.maintenance(settings, connection.info.dbname)) as maintenance:
        if not catalog.inspect(maintenance, connection.info.dbname).may_create:
            return f"role {connection.info.user} may not create databases"
    return None


def _in_a_hurry(empty: Settings) -> Settings:
    """Return the settings of a database whose commits need not reach the disk: it is dropped in a moment."""
    with closing(postgres.connect(empty)) as connection:
        name = connection.info.dbname
        catalog.ddl(connection, "alter database {} set synchronous_commit = off", name)
    return empty


def _refuse_other_version(connection: Connection, copy: Connection) -> None:
    own, other = (one.info.server_version // 10000 for one in (connection, copy))
    if own != other:
        raise UsageError(
            f"the scratch database is on PostgreSQL {other}, the database on {own}, and each prints definitions in its own way",
            f"name a server of version {own}: --scratch URL; or use a role with CREATEDB",
            code="verify.version",
        )
