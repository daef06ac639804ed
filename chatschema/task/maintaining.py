"""All that is due on the months, for cron: one part after the other, and none keeps the next from being done."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from chatschema.errors import ChatschemaError
from chatschema.partition import detach, erasures, losses, purge, retire, upkeep
from chatschema.partition.purge import Purged
from chatschema.partition.retire import Done
from chatschema.postgres import Connection, Say, locks
from chatschema.postgres.replicas import Replicas
from chatschema.task import months
from chatschema.task.session import LOCK_WAIT_S
from chatschema.values import Month, Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Maintained:
    """What a run did, part by part; the errors of the parts that failed; and what is missing of retired months.

    `erased` are rows that a released hold had kept, batch by batch; `frozen` and `analyzed` are names of tables; `unseen` are
    folders of archives that cannot be looked at from this host.
    """

    created: tuple[Month, ...]
    finished: tuple[Month, ...]
    erased: tuple[int, ...]
    purged: tuple[Purged, ...]
    retired: tuple[Done, ...]
    frozen: tuple[str, ...]
    analyzed: tuple[str, ...]
    failed: tuple[ChatschemaError, ...]
    findings: tuple[str, ...]
    unseen: tuple[str, ...]


def maintain(
    connection: Connection, settings: Settings, *, replicas: Replicas | None = None, lock_wait_s: float = LOCK_WAIT_S, say: Say
) -> Maintained:
    """Create months, finish detaches, erase, purge, retire by the policy, freeze and analyze; return what was done.

    Raises ChatschemaError only where nothing can go on: the tables are missing, or the connection is lost.
    """
    months.require_tables(connection)
    failed: list[ChatschemaError] = []

    def part(name: str, action: Callable[[], Iterable[T]]) -> list[T]:
        """Do one part, and return what it did; its failure does not keep the others from being done."""
        done: list[T] = []
        try:
            for one in action():
                done.append(one)  # noqa: PERF402  # what was done before a failure counts
        except ChatschemaError as error:
            if connection.closed:
                raise
            say(f"warning: {name}: {error.message}")
            failed.append(error)
        return done

    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        # First what the application stops without.
        created = part("created", lambda: months.ensure(connection, settings, say=say))
        finished = part("finished", lambda: detach.finish_pending(connection, say=say))
    # No migration lock: if two runs overlap, each row is removed once. Before retirement: what is removed must not be archived.
    before = len(failed)
    erased = part("erased", lambda: erasures.apply(connection))
    purged = part("purged", lambda: purge.purge(connection, say=say))
    retired: list[Done] = []
    if len(failed) == before:
        with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
            retired = part("retired", lambda: retire.retire(connection, settings.policy, replicas=replicas, say=say))
    frozen = part("frozen", lambda: upkeep.freeze_closed(connection))
    analyzed = part("analyzed", lambda: upkeep.analyze_parents(connection))
    looked = losses.findings(connection, settings.policy.archive_dir)
    return Maintained(
        created=tuple(created),
        finished=tuple(finished),
        erased=tuple(erased),
        purged=tuple(purged),
        retired=tuple(retired),
        frozen=tuple(frozen),
        analyzed=tuple(analyzed),
        failed=tuple(failed),
        findings=tuple(looked.findings),
        unseen=tuple(looked.unseen),
    )
