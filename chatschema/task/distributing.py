"""Distributing a database over a cluster of Citus and bringing it back: one transaction, with the rows proved equal."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from chatschema import postgres
from chatschema.cluster import measure, obstacles, places
from chatschema.cluster.distribute import checks, proof, script
from chatschema.cluster.distribute.proof import Sum
from chatschema.cluster.distribute.script import Step
from chatschema.cluster.places import Place
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration import history, ledger
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.task.waits import LOCK_WAIT_S


@dataclass(frozen=True, slots=True)
class Moved:
    """The end of a run: whether it changed anything, the rows of each table before and after, and how long writers waited."""

    is_changed: bool
    tables: tuple[Sum, ...] = ()
    locked_s: float = 0.0


def declared(files: Sequence[MigrationFile]) -> dict[str, str]:
    """Return where migrations place their tables: the header `-- Cluster:`, by the table of the first line."""
    found = {}
    for file in files:
        value = file.apply.header("Cluster")
        if value is not None:
            found[f"public.{file.apply.title.partition(':')[0]}"] = value
    return found


def plan(connection: Connection, files: Sequence[MigrationFile], shards: int) -> list[Step]:
    """Return the steps to a cluster; none if the database is distributed. Raises ChatschemaError for what stands in the way."""
    if checks.is_distributed(connection):
        return []
    measure.require_messages(connection)
    _refuse_other_schema(connection, files)
    headers = declared(files)
    # The foreign keys of a table that moves too are dropped and added again with the others.
    others = [one for one in obstacles.of_catalog(connection) if one.object.rpartition(".")[0] not in headers]
    checks.refuse([*checks.of_servers(connection), *others])
    return list(script.distribute(connection, places.places(headers), shards))


def _refuse_other_schema(connection: Connection, files: Sequence[MigrationFile]) -> None:
    """Raise ChatschemaError unless the schema is that of these files: the functions for shards stand for those of this release."""
    other = [one for one in history.statuses(list(files), ledger.entries(connection)) if one.state != "applied"]
    if other:
        also = f", and {len(other) - 1} more are not applied as they are here" if other[1:] else ""
        raise ChatschemaError(
            f"migration {other[0].id} is {other[0].state}{also}: a cluster takes the schema of this release and no other",
            "apply it first, or look what differs: chatschema migrate, chatschema status",
            code="cluster.other-schema",
        )


def plan_back(connection: Connection, files: Sequence[MigrationFile]) -> list[Step]:
    """Return the steps back to one server; none if it is not distributed. Raises ChatschemaError for what stands in the way."""
    if not checks.is_distributed(connection):
        return []
    checks.refuse(list(checks.of_servers(connection)))
    return list(script.undistribute(connection, places.places(declared(files))))


def distribute(connection: Connection, files: Sequence[MigrationFile], shards: int, *, say: Say) -> Moved:
    """Distribute the database. Killed at any moment, it is as before or distributed. Raises ChatschemaError."""
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        return _run(connection, plan(connection, files, shards), places.places(declared(files)), say)


def undistribute(connection: Connection, files: Sequence[MigrationFile], *, say: Say) -> Moved:
    """Bring the database back to one server. Killed at any moment, it is distributed or back. Raises ChatschemaError."""
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        return _run(connection, plan_back(connection, files), places.places(declared(files)), say)


def _run(connection: Connection, steps: Sequence[Step], moved: Sequence[Place], say: Say) -> Moved:
    """Run the steps in one transaction; roll it back where a table has other rows at the end."""
    if not steps:
        return Moved(False)
    tables = [place.table for place in moved if place.table not in places.OWN]
    record = recording.renewed(connection, say=say)

    def work() -> Moved:
        was: list[Sum] = []
        begun = time.monotonic()
        for step in steps:
            script.run(connection, step)
            if step.locks:
                # The tables are locked, so no step waits for an application; and none ends because it takes long.
                postgres.execute(connection, "set local lock_timeout = 0")
                begun = time.monotonic()
                was = proof.sums(connection, tables)
        proof.refuse_difference(was, proof.sums(connection, tables))
        record()
        return Moved(True, tuple(was), time.monotonic() - begun)

    try:
        return locks.in_transaction(connection, work, locks.DDL, say=say)
    except ServerError:
        # The server does not say which node it lost. Without a connection to the coordinator there is nobody to ask.
        with suppress(ServerError):
            checks.refuse([one for one in checks.of_servers(connection) if one.code == "cluster.unreachable"])
        raise
