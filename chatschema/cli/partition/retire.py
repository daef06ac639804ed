"""chatschema partition retire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments, plan
from chatschema.errors import UsageError
from chatschema.task import waits

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.values import Policy, Settings


def retire(
    older_than: options.OlderThan = None,
    grace: options.Grace = None,
    holds: options.Holds = None,
    archive: options.Archive = None,
    directory: options.ArchiveDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the steps with SQL and locks; change nothing.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    lock_wait: options.LockWait = waits.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = waits.REPLICA_WAIT_S,
    url: options.Url = None,
) -> None:
    """Retire old months: detach, archive, drop.

    A month is detached, kept for the grace period, archived, and dropped. Each run carries out the steps that are due.
    """
    from chatschema.partition import retire as steps
    from chatschema.postgres import locks
    from chatschema.task import months

    settings = session.settings(url)
    policy = arguments.policy(
        settings.policy, older_than=older_than, grace=grace, holds=holds, archive=archive, archive_dir=directory
    )
    if policy.keep is None:
        raise UsageError(
            "no retention policy is set",
            'set one: --older-than 24mo, or keep = "24mo" under [partition] in chatschema.toml',
            code="partition.no-policy",
        )
    if dry_run:
        _dry_run(settings, policy, json=json)
        return
    with session.connected(settings) as (live, connection):
        months.require_tables(connection)
        _confirm(connection, policy, yes=yes)
        with (
            locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
            session.replicas(live, connection, replica, replica_wait) as replicas,
        ):
            done = []
            for step in steps.retire(connection, policy, replicas=replicas, say=console.note):
                done.append(step)
                if not json:
                    console.answer(f"{step.month:%Y-%m} {step.result}")
        left = steps.steps(connection, policy)
    if json:
        console.as_json({"done": done, "left": left})
        return
    for next_step in left:
        verb = {"keep": "is kept", "wait": "waits"}.get(next_step.action, f"still to {next_step.action}")
        console.answer(f"{next_step.month:%Y-%m} {verb}: {next_step.reason}")
    if not done and not left:
        console.answer("nothing to do: no month is old enough")


def _dry_run(settings: Settings, policy: Policy, *, json: bool) -> None:
    from chatschema.partition import retire as steps
    from chatschema.task import months

    with session.connected(settings, writes=False) as (_, connection):
        months.require_tables(connection)
        described = plan.describe(connection, steps.steps(connection, policy))
    if json:
        console.as_json({"steps": described})
        return
    plan.print_steps(described)
    if not described:
        console.answer("nothing to do: no month is old enough")


def _confirm(connection: Connection, policy: Policy, *, yes: bool) -> None:
    """Ask before anything is dropped; maintain follows the policy in chatschema.toml and does not ask."""
    from chatschema.partition import retire as steps

    months = [f"{s.month:%Y-%m}" for s in steps.steps(connection, policy) if s.action in ("archive", "drop", "discard held")]
    if not policy.grace.months and not policy.grace.days:
        months += [f"{s.month:%Y-%m}" for s in steps.steps(connection, policy) if s.action == "detach"]
    if months:
        console.confirm_name(f"this drops the tables of {', '.join(months)}", connection.info.dbname, yes=yes)
