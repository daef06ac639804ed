"""Retiring months, one step of a month at a time, and the SQL of each step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chatschema.errors import Busy, ChatschemaError, ExitCode
from chatschema.partition import carve, catalog, detach, drop, grid, purge, release, retire_plan, retired_months
from chatschema.partition.archive import disk, folder, write
from chatschema.partition.create import statement
from chatschema.partition.grid import GROUP
from chatschema.partition.retire_plan import Step
from chatschema.postgres import Connection, Say, door
from chatschema.postgres.replicas import ReplicaBusy, Replicas
from chatschema.values import Month, Policy

# The statements and locks of a step, for plan and --dry-run.
_FILES = {"detach": ("detach_concurrently.sql",), "drop": ("lock_for_drop.sql", "drop.sql")}
_DISTRIBUTED_FILES = {**_FILES, "detach": ("detach.sql",)}
LOCKS = {
    "detach": "SHARE UPDATE EXCLUSIVE on the table: reads and writes continue; waits for older transactions",
    "archive": "ACCESS SHARE on the detached month, in one snapshot",
    "drop": "ACCESS EXCLUSIVE on the detached month, SHARE on chatschema.holds; before that, briefly, on users and conversations",
    "release": "row locks on attachments, a thousand at a time",
    "discard held": "ACCESS EXCLUSIVE on the kept rows, SHARE on chatschema.holds",
}
_DISTRIBUTED_LOCKS = {
    "detach": "ACCESS EXCLUSIVE on the tables of conversations on the coordinator: others wait while each shard is detached",
    "drop": "ACCESS EXCLUSIVE on the detached month, SHARE on chatschema.holds; at its end on the tables of conversations on the "
    "coordinator: others wait while each shard is dropped",
}


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was carried out, and its result as text."""

    month: datetime
    action: str
    result: str


def steps(connection: Connection, policy: Policy, at: datetime | None = None) -> list[Step]:
    """Return the next step of every month that is due, now or `at` another moment, in progress or kept; reads only."""
    records = retired_months.read(connection)
    survey = catalog.survey(connection, records, measured=False)
    return retire_plan.plan(at or catalog.server_now(connection), survey, records, policy)


def statements(connection: Connection, step: Step) -> list[str]:
    """Return the DDL of a step as text, statuses first."""
    months = [grid.month(parent.table, step.month) for parent in reversed(GROUP)]
    files = _DISTRIBUTED_FILES if door.is_distributed(connection) else _FILES
    return [
        " ".join(line for line in statement(file, month).as_string(connection).splitlines() if not line.startswith("--"))
        for file in files.get(step.action, ())
        for month in months
    ]


def locks_of(connection: Connection, step: Step) -> str:
    """Return which locks a step takes, for people; nothing for a step without any."""
    own = _DISTRIBUTED_LOCKS if door.is_distributed(connection) else {}
    return own.get(step.action) or LOCKS.get(step.action, "")


def retire(connection: Connection, policy: Policy, *, replicas: Replicas | None = None, say: Say) -> Iterator[Done]:
    """Carry out every step that is due, oldest month first, until none is left; yield each once it is committed.

    Begins with steps that an earlier run left unfinished. The caller holds the migration lock. A month that fails does not
    stop the others, except that no other is detached after a failed detach: the same session would block it.
    The worst error is raised at the end: HalfOut, another one, Busy. Raises ChatschemaError.
    """
    done: list[str] = []
    stalled = unfinished = _finish(connection, say)
    failed = _try_folder(connection, policy, say)
    archived_now: set[datetime] = set()
    while step := _next(connection, policy, failed):
        try:
            if purged := _purged_again(connection, step, policy, archived_now):
                yield purged
                continue
            _make_way(connection, step, stalled, replicas, say)
            yield carry_out(connection, step, policy, say=say)
            done.append(f"{step.month:%Y-%m} {step.action}")
            if step.action == "archive":
                archived_now.add(step.month)
        except ChatschemaError as error:
            if connection.closed:
                raise
            failed[step.month] = error
            if isinstance(error, ReplicaBusy) or step.action == "detach":
                stalled = stalled or error
                if not isinstance(error, Busy | detach.HalfOut):
                    say(error.message)
            elif not isinstance(error, _PassedOver):
                say(f"skipped {step.month:%Y-%m}: {error.message}")
    if unfinished or failed:
        raise _worst(unfinished, failed, done)


def _try_folder(connection: Connection, policy: Policy, say: Say) -> dict[datetime, ChatschemaError]:
    """Return the months that this run cannot archive, and report why; they stay attached."""
    failed = folder.try_it(connection, retired_months.read(connection), steps(connection, policy), policy, say=say)
    for month, refused in failed.items():
        say(f"skipped {month:%Y-%m}: {refused.message}")
    return failed


def _purged_again(connection: Connection, step: Step, policy: Policy, archived: set[datetime]) -> Done | None:
    """Purge messages that have expired since the month was archived, before it is dropped; return the step if any were."""
    if step.action != "drop" or not policy.archive or step.month in archived:
        return None
    # Once a run: if the archive took hours, messages that expired meanwhile stay in it, and a purge after a restore removes them.
    archived.add(step.month)
    purged = _purge_detached(connection, members(connection, step.month))
    return Done(step.month, "purge", f"{purged}; its archive will be written again") if purged else None


def _next(connection: Connection, policy: Policy, failed: Mapping[datetime, ChatschemaError]) -> Step | None:
    """Return the first step that is due, of the months that have not failed."""
    due = (s for s in steps(connection, policy) if s.action not in ("wait", "keep") and s.month not in failed)
    return next(due, None)


class _PassedOver(Busy):
    """A month that was not detached, because the detach of the month before it failed."""


def _finish(connection: Connection, say: Say) -> ChatschemaError | None:
    """Finish detaches that an earlier run left pending; return the error if that fails."""
    try:
        detach.finish_pending(connection, say=say)
    except detach.HalfOut as error:
        return error
    return None


def _make_way(connection: Connection, step: Step, stalled: ChatschemaError | None, replicas: Replicas | None, say: Say) -> None:
    """Wait for queries on the replicas that would block the replay of the step; raise where it must not be tried."""
    if step.action not in ("detach", "drop"):
        return
    if stalled and (step.action == "detach" or isinstance(stalled, ReplicaBusy)):
        _pass_over(connection, step.month, stalled, say)
    if replicas:
        tables = members(connection, step.month)
        # A drop first frees the month of its foreign keys, which locks the tables they refer to.
        parents = [month.parent for month in tables] if step.action == "detach" else drop.referenced(connection, tables)
        try:
            replicas.wait(f"the {step.action} of {step.month:%Y-%m}", " ".join([*parents, *(month.name for month in tables)]))
        except ReplicaBusy as error:
            detach.put_back(connection, tables, error, say=say)
            raise


def _pass_over(connection: Connection, lower: datetime, stalled: ChatschemaError, say: Say) -> None:
    """Raise instead of detaching the month; attach a table that an earlier run detached first."""
    if any(month.lower == lower for month in catalog.pending(connection)):
        raise stalled
    detach.put_back(connection, members(connection, lower), stalled, say=say)
    raise _PassedOver(stalled.message, stalled.hint, code=stalled.code)


def _worst(unfinished: ChatschemaError | None, failed: Mapping[datetime, ChatschemaError], done: Sequence[str]) -> ChatschemaError:
    """Return the error to end with, with the other results of this run in its message. Busy never hides another error."""
    errors = [error for error in (unfinished, *failed.values()) if error is not None and not isinstance(error, _PassedOver)]
    worst = min(errors, key=lambda error: (not isinstance(error, detach.HalfOut), error.exit_code == ExitCode.BUSY))
    passed_over = [f"{month:%Y-%m}" for month, error in failed.items() if isinstance(error, _PassedOver)]
    worst.message += f"; not tried after that: {', '.join(passed_over)}" if passed_over else ""
    worst.message += f"; done in this run: {', '.join(done)}" if done else ""
    return worst


def carry_out(connection: Connection, step: Step, policy: Policy, *, say: Say) -> Done:
    """Carry out one step; return its result."""
    group = members(connection, step.month)
    if step.action == "detach":
        detach.detach(connection, group, say=say)
        result = f"detached {', '.join(month.name for month in group)}"
    elif step.action == "archive":
        purged = _purge_detached(connection, group)
        written = write.archive(connection, group, policy.archive_dir, with_parquet=False, say=say)
        where = disk.folder_of(policy.archive_dir, step.month)
        result = f"archived and verified {', '.join(f'{table.rows} {table.table}' for table in written.tables)} in {where}"
        if purged:
            result = f"{purged}, {result}"
    elif step.action == "drop":
        record = retired_months.read(connection)[step.month]
        gone = drop.drop(connection, group, record, policy, say=say)
        result = _dropped(gone)
    elif step.action == "discard held":
        is_dropped = carve.discard(connection, step.month)
        result = "dropped the rows that had been under a hold" if is_dropped else "kept its rows: a hold covers them again"
    else:
        released = release.release(connection, step.month)
        result = f"released {released.attachments} attachments; {released.replies} replies elsewhere keep the id they answer"
    return Done(step.month, step.action, result)


def _dropped(gone: drop.Dropped) -> str:
    parts = [f"dropped {gone.messages} messages, {gone.statuses} statuses"]
    if gone.held_messages:
        parts.append(f"kept {gone.held_messages} messages, {gone.held_statuses} statuses under a hold")
    if gone.archive_is_current is False:
        parts.append("but its archive may not contain all of them: rows changed after it was written, or this host cannot read it")
    return ", ".join(parts)


def _purge_detached(connection: Connection, group: Sequence[Month]) -> str:
    """Purge the messages that are due in a month before it is archived; return the result as text, empty for none."""
    tables = {month.parent: month for month in group}
    if len(tables) < len(GROUP):
        return ""
    removed, erased = purge.purge_detached(connection, tables[GROUP[0].table], tables[GROUP[1].table])
    parts = [f"purged {removed} messages that were past their retention"] if removed else []
    parts += [f"erased {erased} rows that a released hold had kept"] if erased else []
    return ", ".join(parts)


def members(connection: Connection, lower: datetime) -> list[Month]:
    """Return the existing tables of a month, attached or not, messages first."""
    there = [*catalog.months(connection), *catalog.detached(connection)]
    upper = grid.next_month(lower)
    return sorted((m for m in there if (m.lower, m.upper) == (lower, upper)), key=grid.by_age)
