"""chatschema maintain: all maintenance that is due, in one command for cron; partition maintain is the same command."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import list as listing
from chatschema.cli.partition import purge
from chatschema.errors import ExitCode
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.task.maintaining import Maintained


def maintain(
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = waits.REPLICA_WAIT_S,
    url: options.Url = None,
) -> None:
    """Run all maintenance that is due, for cron.

    Creates months, finishes detaches, carries out deferred erasures, purges messages, retires months by the policy, drops old
    events, removes sessions that ended and what else has a period in chatschema.toml, seals the audit trail, freezes and
    analyzes, and runs the batches of data migrations. Exit 3 if a table or an archive of a retired month is missing, or if the
    trail was sealed in another cluster.
    """
    from chatschema.task import maintaining

    with (
        session.connected(session.settings(url)) as (live, connection),
        session.replicas(live, connection, replica, replica_wait) as replicas,
    ):
        done = maintaining.maintain(connection, live, replicas=replicas, lock_wait_s=lock_wait, say=console.note)
    listing.note_unseen(done.unseen)
    if json:
        parts = {field.name: getattr(done, field.name) for field in dataclasses.fields(done) if field.name != "unseen"}
        console.as_json({**parts, "failed": [error.message for error in done.failed]})
    else:
        for line in _lines(done):
            console.answer(line)
        for finding in done.findings:
            console.answer(f"look at: {finding}")
    if done.failed:
        # Busy is safe to retry, so it must not hide another failure.
        raise next((error for error in done.failed if error.exit_code != ExitCode.BUSY), done.failed[0])
    if done.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _lines(done: Maintained) -> list[str]:
    erased, ended = sum(done.erased), sum(done.sessions)
    return [
        *(f"finished the detach of {month.name}" for month in done.finished),
        *(f"created {month.name}" for month in done.created),
        *([f"erased {erased} rows that a released hold had kept"] if erased else []),
        *(f"purged {purge.messages_of(one)}" for one in done.purged),
        *(f"{step.month:%Y-%m} {step.result}" for step in done.retired),
        *(f"dropped {month.name}" for month in done.events),
        *([f"removed {ended} sessions that ended"] if ended else []),
        *(f"removed {one.count} {one.what}" for one in done.retention),
        *(f"sealed {one.entries} audit entries as seal {one.number}" for one in done.sealed),
        *(f"froze {name}" for name in done.frozen),
        f"analyzed {', '.join(done.analyzed)}",
        *(f"finished batch {one.id} of {one.migration}: {one.rows_done} rows" for one in done.batches),
    ]
