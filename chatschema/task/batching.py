"""The batches of data migrations: running them to their end, and pausing or slowing them while they run."""

from collections.abc import Iterator

from chatschema.errors import Busy
from chatschema.migration.batch import engine, record
from chatschema.migration.batch.record import Batch
from chatschema.postgres import Connection, Say, locks
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings


def run(
    connection: Connection, settings: Settings, id: int | None = None, *, lock_wait_s: float = LOCK_WAIT_S, say: Say
) -> Iterator[Batch]:
    """Run the batches with this number, or all that `migrate` has left, to the end; yield each once its migration is applied.

    Without a number, those that are paused, run by another session, or part of a `migrate` that was interrupted are skipped: who
    stopped it, or gave it an end with --until, decides when it goes on. Raises what engine.run() raises.
    """
    chosen = [record.known(connection, id)] if id is not None else record.unfinished(connection)
    for batch in chosen:
        if batch.state == "done":
            continue
        if id is None and batch.state == "paused":
            say(f"batch {batch.id} is paused; let it go on: chatschema batch resume {batch.id}")
            continue
        if id is None and batch.waits:
            say(f"skipped: batch {batch.id} of {batch.migration}, which chatschema migrate runs")
            continue
        try:
            with record.running(connection, batch):
                yield _to_the_end(connection, settings, batch, lock_wait_s, say)
        except Busy as error:
            if id is not None or error.code != "batch.busy":
                raise
            say(f"skipped: {error.message}")


def _to_the_end(connection: Connection, settings: Settings, batch: Batch, lock_wait_s: float, say: Say) -> Batch:
    # yoyo takes a while to load.
    from chatschema.migration.batch import apply

    engine.run(connection, batch.id, settings.batching, say=say)
    with locks.change_lock(connection, wait_s=lock_wait_s, say=say):
        apply.complete(connection, batch.id)
    return record.known(connection, batch.id)


def pause(connection: Connection, id: int) -> Batch:
    """Pause after the current batch; who runs them stops. Raises UsageError for an unknown number."""
    record.known(connection, id)
    record.set_state(connection, id, "paused")
    return record.known(connection, id)


def resume(connection: Connection, id: int) -> Batch:
    """Let the batches go on with the next run. Raises UsageError for an unknown number."""
    record.known(connection, id)
    record.set_state(connection, id, "running")
    return record.known(connection, id)


def limit(connection: Connection, id: int, rows: int) -> Batch:
    """Set the most rows a second, 0 for no limit; whoever runs them obeys with the next batch. Raises UsageError."""
    record.known(connection, id)
    record.set_rate(connection, id, rows or None)
    return record.known(connection, id)
