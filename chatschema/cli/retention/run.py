"""chatschema retention run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.retention import printing
from chatschema.errors import ExitCode, UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.task.retaining import Planned, Ran

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600}


def run(
    limit: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Begin no batch after this time: 30s, 10m, 2h.")
    ] = None,
    pace: Annotated[
        float, typer.Option("--pace", metavar="X", min=0, help="Pause between batches, as a multiple of batch time.")
    ] = 1.0,
    yes: options.Yes = False,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = waits.REPLICA_WAIT_S,
    url: options.Url = None,
) -> None:
    """Remove what is due by each rule, in batches. Safe to interrupt: the next run continues.

    What a hold covers stays. Exit 3 if the time was over, or rows were in use, before all was removed that was due at the start.
    """
    from chatschema.task import months, retaining

    ends_at = time.monotonic() + _seconds(limit) if limit else None
    with session.connected(session.settings(url)) as (live, connection):
        months.require_tables(connection)
        before = retaining.plan(connection, live)
        _confirm(before, connection.info.dbname, yes=yes)
        with session.replicas(live, connection, replica, replica_wait) as replicas:
            state = retaining.Run(
                connection, live, retaining.now(connection), lock_wait, pace, replicas, ends_at, console.note
            )  # fmt: skip
            done = retaining.run(state)
    if json:
        console.as_json(
            {
                "removed": done.removed,
                "left": done.left,
                "is_over": done.is_over,
                "failed": [error.message for error in done.failed],
            }
        )
    else:
        _print(done)
    if done.failed:
        # Busy is safe to retry, so it must not hide another failure.
        raise next((error for error in done.failed if error.exit_code != ExitCode.BUSY), done.failed[0])
    if not done.is_done:
        raise typer.Exit(ExitCode.FINDINGS)


def _seconds(text: str) -> float:
    quantity = units.quantity(text, _SECONDS)
    if quantity is None:
        raise UsageError(f"--for {text} is not a length of time", "write it as 30s, 10m or 2h", code="retention.time-syntax")
    return quantity[0] * quantity[1]


def _confirm(found: Sequence[Planned], database: str, *, yes: bool) -> None:
    """Ask before anything is removed; maintain follows chatschema.toml and does not ask."""
    if due := [f"{one.due} {one.what}" for one in found if one.due]:
        console.confirm_name(f"this removes for good: {'; '.join(due)}", database, yes=yes, look="chatschema retention plan")


def _print(done: Ran) -> None:
    for one in done.removed:
        console.answer(f"removed {one.count} {one.what}")
    left = [one for one in done.left if one.due or one.held or one.waiting]
    if left:
        console.answer("left:" if done.removed else "nothing was removed; left:")
        printing.print_rules(left)
    elif not done.removed:
        console.answer("nothing to do: nothing is due")
    if not done.is_done:
        why = "the time was over" if done.is_over else "some of it was in use"
        console.answer(f"{sum(one.due for one in left)} were due when this run began and are left, as {why}: run it again")
