"""A baseline: the migrations up to one are recorded as applied to a database that was created by other means."""

from collections.abc import Sequence
from contextlib import suppress

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration import journal, ledger
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import drift, snapshot
from chatschema.structure.drift import Drift
from chatschema.task import replay
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings


class _Differs(Exception):
    """Ends the transaction that must not be committed."""


def baseline(
    settings: Settings,
    connection: Connection,
    files: Sequence[MigrationFile],
    *,
    accept: bool,
    scratch: Settings | None,
    say: Say,
) -> list[Drift]:
    """Record `files` as applied if the database is as they make it, or if its differences are accepted; return these.

    Nothing is recorded, and nothing else changed, if there are differences and they are not accepted.
    Raises ChatschemaError if a migration is applied already, or the files cannot be replayed.
    """
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        if applied := ledger.entries(connection):
            raise ChatschemaError(
                f"{applied[-1].id} is applied to this database, so it needs no baseline; nothing was changed",
                "apply the pending migrations: chatschema migrate",
                code="baseline.applied",
            )
        expected = replay.structure(settings, connection, files, scratch, say=say)
        found: list[Drift] = []
        with suppress(_Differs), postgres.transaction(connection):
            # With its own objects, of which some grants are compared.
            ledger.create(connection)
            found = drift.compare(expected, snapshot.read(connection))
            if found and not accept:
                raise _Differs
            _record(connection, files, found)
    return found


def _record(connection: Connection, files: Sequence[MigrationFile], found: Sequence[Drift]) -> None:
    # It takes a while to load.
    from chatschema.migration.backend import Backend, YoyoMigration

    backend = Backend(connection)
    count = "no difference" if not found else "1 difference accepted" if len(found) == 1 else f"{len(found)} differences accepted"
    for file in files:
        with postgres.translated():
            backend.mark_one(YoyoMigration(file), log=False)
        ledger.record(connection, file.id, file.apply.checksum, 0)
        journal.write(connection, file.id, "baseline", {"note": count})
