"""Distributing a database over a cluster of Citus and bringing it back: one transaction, with the rows proved equal."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chatschema import postgres
from chatschema.cluster.distribute import checks, left, places, proof, relay, script
from chatschema.cluster.distribute.proof import Sum
from chatschema.cluster.distribute.script import Step
from chatschema.errors import ChatschemaError
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import recording
from chatschema.task.waits import LOCK_WAIT_S

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: the rows of each table, equal before and after, how long writers waited, and the bytes freed afterwards."""

    is_done: bool
    tables: tuple[Sum, ...]
    locked_s: float
    freed: tuple[str, ...] = ()


def declared(files: Sequence[MigrationFile]) -> dict[str, str]:
    """Return where the headers of migrations place their tables: `-- Cluster:`, by the table of the first line."""
    found = {}
    for file in files:
        value = file.apply.header("Cluster")
        if value is not None:
            found[f"public.{file.apply.title.partition(':')[0]}"] = value
    return found


def plan(connection: Connection, headers: Mapping[str, str], shards: int) -> list[Step]:
    """Return the steps of distribute. Raises ChatschemaError where something stands in the way."""
    moved = places.places(headers)
    _refuse(connection, moved)
    return list(script.distribute(connection, moved, shards))


def plan_back(connection: Connection, headers: Mapping[str, str]) -> list[Step]:
    """Return the steps of undistribute. Raises ChatschemaError where the database is not distributed, or a node does not answer."""
    _refuse_plain(connection)
    checks.refuse(checks.of_servers(connection))
    return list(script.undistribute(connection, places.places(headers)))


def distribute(connection: Connection, headers: Mapping[str, str], shards: int, *, say: Say) -> Done:
    """Distribute the database; what a killed run left behind is finished first.

    Killed at any moment, the database is as before or distributed. Raises ChatschemaError.
    """
    moved = places.places(headers)
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        if checks.is_distributed(connection):
            return Done(False, (), 0.0, tuple(left.truncate(connection)))
        steps = plan(connection, headers, shards)
        there = [place.table for place in moved if place.table not in places.OWN]
        sums, seconds = _run(connection, steps, there, there, say)
        return Done(True, sums, seconds, tuple(left.truncate(connection)))


def undistribute(connection: Connection, headers: Mapping[str, str], *, say: Say) -> Done:
    """Bring the database back to one server. Killed at any moment, it is distributed or back. Raises ChatschemaError."""
    moved = places.places(headers)
    with locks.change_lock(connection, wait_s=LOCK_WAIT_S, say=say):
        if not checks.is_distributed(connection):
            return Done(False, (), 0.0)
        steps = plan_back(connection, headers)
        there = [place.table for place in moved if place.table not in places.OWN]
        while relay.relay(connection):
            pass
        sums, seconds = _run(connection, steps, there, there, say)
        return Done(True, sums, seconds)


def _run(
    connection: Connection, steps: Sequence[Step], before: Sequence[str], after: Sequence[str], say: Say
) -> tuple[tuple[Sum, ...], float]:
    """Run the steps in one transaction; raise ChatschemaError, and roll back, where a table has other rows at the end."""

    def work() -> tuple[tuple[Sum, ...], float]:
        was: list[Sum] = []
        begun = time.monotonic()
        for step in steps:
            postgres.execute_text(connection, step.text)
            if step.is_lock:
                # The tables are locked: no other lock is waited for, and none of the steps may end because it takes long.
                postgres.execute(connection, "set local lock_timeout = 0")
                begun = time.monotonic()
                was = proof.sums(connection, before)
        _refuse_difference(was, proof.sums(connection, after))
        _record(connection, say)
        return tuple(was), time.monotonic() - begun

    return locks.in_transaction(connection, work, locks.DDL, say=say)
