"""A baseline: the migrations up to one are recorded as applied to a database that was created by other means."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration import journal, ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import record as repeatables
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import drift, snapshot
from chatschema.structure.drift import Drift
from chatschema.task import replay
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was recorded as applied, migrations and then repeatable files; and the differences of the database from these."""

    recorded: tuple[str, ...]
    differences: tuple[Drift, ...]


class _Differs(Exception):
    """Ends the transaction that must not be committed."""


def baseline(
    settings: Settings,
    connection: Connection,
    files: Sequence[MigrationFile],
    repeated: Sequence[MigrationFile] = (),
    *,
    accept: bool,
    scratch: Settings | None,
    say: Say,
) -> Baseline:
    """Record `files` as applied if the database is as they make it, or if its differences are accepted.

    The repeatable files `repeated` are recorded as run with them, unless the database has none of their objects.
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
        expected = replay.structure(settings, connection, files, scratch, repeated=repeated, say=say)
        done = Baseline((), ())
        with suppress(_Differs), postgres.transaction(connection):
            # With its own objects, of which some grants are compared.
            ledger.create(connection)
            there = snapshot.read(connection)
            found = drift.compare(expected, there)
            if found and repeated:
                bare = drift.compare(replay.structure(settings, connection, files, scratch, say=say), there)
                if not bare:
                    say(f"the database has nothing of the repeatable files yet: {', '.join(one.id for one in repeated)}")
                    found, repeated = bare, ()
            done = Baseline((), tuple(found))
            if found and not accept:
                raise _Differs
            _record(connection, files, repeated, found)
            done = replace(done, recorded=tuple(one.id for one in (*files, *repeated)))
    return done


def _record(
    connection: Connection, files: Sequence[MigrationFile], repeated: Sequence[MigrationFile], found: Sequence[Drift]
) -> None:
    # It takes a while to load.
    from chatschema.migration.backend import Backend, YoyoMigration

    backend = Backend(connection)
    count = "no difference" if not found else "1 difference accepted" if len(found) == 1 else f"{len(found)} differences accepted"
    for file in files:
        with postgres.translated():
            backend.mark_one(YoyoMigration(file), log=False)
        ledger.record(connection, file.id, file.apply.checksum, 0)
        journal.write(connection, file.id, "baseline", {"note": count})
    if repeated:
        repeatables.ensure(connection)
    for file in repeated:
        repeatables.write(connection, file, 0, ())
        journal.write(connection, file.id, "baseline", {"note": count})
