"""chatschema maintain: all that is due, in one command for cron; partition maintain is the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments, listing, upkeep
from chatschema.errors import ChatschemaError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chatschema.postgres import Connection
    from chatschema.postgres.replicas import Replicas
    from chatschema.values import Settings


def maintain(
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = session.REPLICA_WAIT_S,
    url: options.Url = None,
) -> None:
    """Do all that is due, for cron: create months, finish detaches, erase, purge, retire by the policy, freeze, analyze.

    Exit 3 when a table or an archive of a retired month is missing.
    """
    from chatschema.partition import losses

    with (
        session.connected(session.settings(url)) as (live, connection),
        session.replicas(live, connection, replica, replica_wait) as replicas,
    ):
        done, failed = _maintain(connection, live, lock_wait, replicas)
        looked = losses.findings(connection, live.policy.archive_dir)
    listing.note_unseen(looked.unseen)
    if json:
        console.as_json({**done, "failed": [error.message for error in failed], "findings": looked.findings})
    else:
        for line in _lines(done):
            console.answer(line)
        for finding in looked.findings:
            console.answer(f"look at: {finding}")
    if failed:
        # What is safe to try again is not to hide what failed.
        raise next((error for error in failed if error.exit_code != ExitCode.BUSY), failed[0])
    if looked.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _maintain(
    connection: Connection, settings: Settings, lock_wait: float, replicas: Replicas
) -> tuple[dict[str, list[Any]], list[ChatschemaError]]:
    """Do every part; return what each did, and the errors of those that failed."""
    from chatschema.partition import detach, erasures, purge, retire
    from chatschema.partition import upkeep as tables
    from chatschema.postgres import locks

    arguments.require_tables(connection)
    done: dict[str, list[Any]] = {}
    failed: list[ChatschemaError] = []

    def part(name: str, action: Callable[[], Iterable[object]]) -> bool:
        """Do one part, and return whether it was done; its failure does not keep the others from being done."""
        done[name] = []
        try:
            done[name].extend(action())
        except ChatschemaError as error:
            if connection.closed:
                raise
            console.note(f"warning: {name}: {error.message}")
            failed.append(error)
            return False
        return True

    with locks.migration_lock(connection, wait_s=lock_wait, say=console.note):
        # First what the application stops without.
        part("created", lambda: upkeep.ensure_months(connection, settings))
        part("finished", lambda: detach.finish_pending(connection, say=console.note))
    # No migration lock: if two runs overlap, each row is removed once. Before retirement: what is removed must not be archived.
    is_purged = part("erased", lambda: erasures.apply(connection))
    is_purged = part("purged", lambda: purge.purge(connection, say=console.note)) and is_purged
    done["retired"] = []
    if is_purged:
        with locks.migration_lock(connection, wait_s=lock_wait, say=console.note):
            part("retired", lambda: retire.retire(connection, settings.policy, replicas=replicas, say=console.note))
    part("frozen", lambda: tables.freeze_closed(connection))
    part("analyzed", lambda: tables.analyze_parents(connection))
    return done, failed


def _lines(done: dict[str, Any]) -> list[str]:
    erased = sum(done["erased"])
    return [
        *(f"finished the detach of {month.name}" for month in done["finished"]),
        *(f"created {month.name}" for month in done["created"]),
        *([f"erased {erased} rows that a released hold had kept"] if erased else []),
        *(f"purged {upkeep.messages_of(one)}" for one in done["purged"]),
        *(f"{step.month:%Y-%m} {step.result}" for step in done["retired"]),
        *(f"froze {name}" for name in done["frozen"]),
        f"analyzed {', '.join(done['analyzed'])}",
    ]
