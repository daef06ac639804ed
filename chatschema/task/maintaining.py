"""All maintenance of the months that is due, for cron: one part after the other; a failed part does not stop the next."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from chatschema import postgres, sessions
from chatschema.audit import ledger, seal
from chatschema.errors import ChatschemaError
from chatschema.migration.batch.record import Batch
from chatschema.partition import detach, erasures, event_months, losses, purge, retire, upkeep
from chatschema.partition.purge import Purged
from chatschema.partition.retire import Done
from chatschema.postgres import Connection, Say, locks
from chatschema.postgres.replicas import Replicas
from chatschema.task import batching, months, retaining
from chatschema.task.retaining import Removed
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Month, Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A seal of the audit trail, and how many entries it has."""

    number: int
    entries: int


@dataclass(frozen=True, slots=True)
class Maintained:
    """The results of a run, part by part; the errors of the failed parts; and findings about missing tables and archives.

    `erased` are rows that a released hold had kept, `sessions` sessions that ended, both batch by batch; `events` are months of
    events that were dropped; `retention` is what the other rules of retention removed; `sealed` are new seals of the audit trail;
    `frozen` and `analyzed` are names of tables; `unseen` are folders of archives that do not exist on this host.
    """

    created: tuple[Month, ...]
    finished: tuple[Month, ...]
    erased: tuple[int, ...]
    purged: tuple[Purged, ...]
    sessions: tuple[int, ...]
    events: tuple[Month, ...]
    retention: tuple[Removed, ...]
    sealed: tuple[Sealed, ...]
    retired: tuple[Done, ...]
    frozen: tuple[str, ...]
    analyzed: tuple[str, ...]
    batches: tuple[Batch, ...]
    failed: tuple[ChatschemaError, ...]
    findings: tuple[str, ...]
    unseen: tuple[str, ...]


def maintain(
    connection: Connection, settings: Settings, *, replicas: Replicas | None = None, lock_wait_s: float = LOCK_WAIT_S, say: Say
) -> Maintained:
    """Do all that is due, in this order, and return the results.

    Create months, finish detaches, erase, purge, retire by the policy, drop old events, remove ended sessions and what else has
    a period, seal
    the audit trail, freeze, analyze, run batches.

    Raises ChatschemaError only if no part can continue: the tables are missing, or the connection is lost.
    """
    months.require_tables(connection)
    failed: list[ChatschemaError] = []

    def part(name: str, action: Callable[[], Iterable[T]]) -> list[T]:
        """Carry out one part and return its results; its failure does not stop the others."""
        done: list[T] = []
        try:
            for one in action():
                done.append(one)  # noqa: PERF402  # results from before a failure count
        except ChatschemaError as error:
            if connection.closed:
                raise
            say(f"warning: {name}: {error.message}")
            failed.append(error)
        return done

    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        # First the months: without one the application cannot store messages.
        created = part("created", lambda: months.ensure(connection, settings, say=say))
        finished = part("finished", lambda: detach.finish_pending(connection, say=say))
    # No migration lock: if two runs overlap, each row is removed once. Before retirement: purged rows must not be archived.
    before = len(failed)
    erased = part("erased", lambda: erasures.apply(connection))
    purged = part("purged", lambda: purge.purge(connection, say=say))
    retired: list[Done] = []
    if len(failed) == before:
        with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
            retired = part("retired", lambda: retire.retire(connection, settings.policy, replicas=replicas, say=say))
    # What else chatschema.toml ends.
    state = retaining.Run(connection, settings, retaining.now(connection), lock_wait_s, say=say)
    removed = part("retention", lambda: retaining.rest(state, failed))
    forgotten = part("events", lambda: _expire_events(connection, settings, lock_wait_s, say))
    ended = part("sessions", lambda: sessions.remove_ended(connection, settings.sessions_kept))
    # After what removes data, as that adds entries; an entry of a transaction that is still open is left to the next run.
    sealed = part("sealed", lambda: _seal(connection, lock_wait_s, say))
    frozen = part("frozen", lambda: upkeep.freeze_closed(connection))
    analyzed = part("analyzed", lambda: upkeep.analyze_parents(connection))
    # Last, as it may take hours; a run that overlaps skips the batches that this one runs.
    batches = part("batches", lambda: batching.run(connection, settings, lock_wait_s=lock_wait_s, say=say))
    looked = losses.findings(connection, settings.policy.archive_dir)
    return Maintained(
        created=tuple(created),
        finished=tuple(finished),
        erased=tuple(erased),
        purged=tuple(purged),
        sessions=tuple(ended),
        events=tuple(forgotten),
        retention=tuple(removed),
        sealed=tuple(sealed),
        retired=tuple(retired),
        frozen=tuple(frozen),
        analyzed=tuple(analyzed),
        batches=tuple(batches),
        failed=tuple(failed),
        findings=tuple(looked.findings),
        unseen=tuple(looked.unseen),
    )


def _expire_events(connection: Connection, settings: Settings, lock_wait_s: float, say: Say) -> Iterator[Month]:
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        yield from event_months.expire(connection, settings.events_kept, say=say)


def _seal(connection: Connection, lock_wait_s: float, say: Say) -> Iterator[Sealed]:
    """Seal the audit trail; a database that cannot be sealed, as it has another encoding than UTF-8, is left as it is."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return
    try:
        ledger.require(connection)
    except ChatschemaError as error:
        say(f"warning: the audit trail was not sealed: {error.message}")
        return
    for one in seal.seal(connection, wait_s=lock_wait_s, say=say):
        yield Sealed(one.number, one.row_count)
