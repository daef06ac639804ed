"""chatschema partition retire, archive and restore: months that leave, and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatschema import units
from chatschema.cli import console, options, session
from chatschema.cli.partition import arguments, listing
from chatschema.errors import ChatschemaError, UsageError

if TYPE_CHECKING:
    from chatschema.postgres import Connection
    from chatschema.values import Policy, Settings

MonthArgument = Annotated[str, typer.Argument(metavar="MONTH", help="The month, for example 2024-12.")]


def retire(
    older_than: options.OlderThan = None,
    grace: options.Grace = None,
    holds: options.Holds = None,
    archive: options.Archive = None,
    directory: options.ArchiveDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the steps with SQL and locks; change nothing.")] = False,
    yes: options.Yes = False,
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    replica: options.Replica = None,
    replica_wait: options.ReplicaWait = session.REPLICA_WAIT_S,
    url: options.Url = None,
) -> None:
    """Let old months go: detach, wait the days of grace, archive, drop. Each run does the steps that are due."""
    from chatschema.partition import retire as steps
    from chatschema.postgres import locks

    settings = session.settings(url)
    policy = arguments.policy(
        settings.policy, older_than=older_than, grace=grace, holds=holds, archive=archive, archive_dir=directory
    )
    if policy.keep is None:
        raise UsageError(
            "no policy says how long months stay",
            'name it: --older-than 24mo, or keep = "24mo" under [partition] in chatschema.toml',
        )
    if dry_run:
        _dry_run(settings, policy, json=json)
        return
    with session.connected(settings) as (live, connection):
        arguments.require_tables(connection)
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
        verb = f"{next_step.action}s" if next_step.action in ("keep", "wait") else f"left to {next_step.action}"
        console.answer(f"{next_step.month:%Y-%m} {verb}: {next_step.reason}")
    if not done and not left:
        console.answer("nothing to do: no month is old enough")


def _dry_run(settings: Settings, policy: Policy, *, json: bool) -> None:
    from chatschema.partition import retire as steps

    with session.connected(settings, writes=False) as (_, connection):
        arguments.require_tables(connection)
        described = listing.describe(connection, steps.steps(connection, policy))
    if json:
        console.as_json({"steps": described})
        return
    listing.print_steps(described)
    if not described:
        console.answer("nothing to do: no month is old enough")


def _confirm(connection: Connection, policy: Policy, *, yes: bool) -> None:
    """Ask before anything is dropped; the policy in chatschema.toml and maintain need no answer."""
    from chatschema.partition import retire as steps

    months = [f"{s.month:%Y-%m}" for s in steps.steps(connection, policy) if s.action in ("archive", "drop", "discard held")]
    if not policy.grace.months and not policy.grace.days:
        months += [f"{s.month:%Y-%m}" for s in steps.steps(connection, policy) if s.action == "detach"]
    if months:
        console.confirm_name(f"this drops the tables of {', '.join(months)}", connection.info.dbname, yes=yes)


def archive(
    month: MonthArgument,
    directory: options.ArchiveDir = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Parquet files as well, for analysts; needs chatschema[parquet].")
    ] = False,
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Write a month, attached or detached, to files; read them back and compare. Removes nothing."""
    from chatschema.partition import retire as steps
    from chatschema.partition.archive import disk
    from chatschema.partition.archive import write as files
    from chatschema.postgres import locks

    lower, settings = arguments.month(month, "MONTH"), session.settings(url)
    archives = directory.absolute() if directory else settings.policy.archive_dir
    with (
        session.connected(settings) as (_, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
        arguments.require_tables(connection)
        group = steps.members(connection, lower)
        if not group:
            raise ChatschemaError(f"there is no table of {month}", "see: chatschema partition list")
        written = files.archive(connection, group, archives, with_parquet=parquet, say=console.note)
    folder = disk.folder_of(archives, lower)
    if json:
        console.as_json({"folder": folder, "manifest": written})
        return
    for table in written.tables:
        console.answer(f"{folder / table.file.name}: {table.rows} rows, {units.size(table.file.bytes)}")
    console.answer("read back and compared: the files hold what the database does")


def restore(
    month: MonthArgument,
    directory: options.ArchiveDir = None,
    force: Annotated[
        bool, typer.Option("--force", help="Load an archive also when it may hold other rows than those that were dropped.")
    ] = False,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="RULE",
            help="Map an old column: OLD=NEW, OLD=drop, NEW=default, NEW=value:TEXT; as TABLE.COLUMN where both have it.",
        ),
    ] = None,
    keep_for: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="How long retire leaves it alone, for example 30d.")
    ] = "30d",
    json: options.Json = False,
    lock_wait: options.LockWait = session.LOCK_WAIT_S,
    url: options.Url = None,
) -> None:
    """Bring a month back: attach its detached table again, or load it from its archive. Erasures made since are applied."""
    from datetime import timedelta

    from chatschema.config import partition
    from chatschema.partition import catalog, detach, mapping
    from chatschema.partition import restore as months
    from chatschema.partition.archive import disk
    from chatschema.postgres import locks

    lower, settings = arguments.month(month, "MONTH"), session.settings(url)
    span, rules = partition.span(keep_for, "--for"), mapping.parse(maps or [])
    with (
        session.connected(settings) as (live, connection),
        locks.migration_lock(connection, wait_s=lock_wait, say=console.note),
    ):
        arguments.require_tables(connection, "deferred_erasures")
        detach.finish_pending(connection, say=console.note)
        until = catalog.server_now(connection) + timedelta(days=span.days + 31 * span.months)
        folder = disk.folder_of(directory.absolute(), lower) if directory else None
        back = months.restore(
            connection, lower, folder, live.policy.archive_dir, keep_until=until, force=force, rules=rules,
            say=console.note,
        )  # fmt: skip
    if json:
        console.as_json(back)
        return
    console.answer(f"{back.month} is back: {back.messages} messages, {back.statuses} statuses")
    if back.source == "kept rows":
        console.answer("these are the rows that were kept under a hold; the others were dropped without an archive")
    console.answer(f"retire leaves it alone until {back.keep_until:%Y-%m-%d}")
    for column, values in back.lost.items():
        console.answer(f"left out: {values} values of {column}")
    if back.erased:
        console.answer(f"erased anew: {back.erased} rows, of erasures recorded since")
    if back.attachments:
        console.answer(f"{back.attachments} attachments have their message again")
    if back.attachments_gone:
        console.answer(
            f"{len(back.attachments_gone)} attachments are gone: their row or file was removed meanwhile; --json lists them"
        )
    if back.attachments_left:
        console.answer(f"{back.attachments_left} attachments stay without their message: it was erased, or they have another one")
