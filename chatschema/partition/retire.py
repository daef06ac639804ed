"""Carrying a retirement out, one month's step at a time, and saying in SQL what a step does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.models import Month, Partition, Policy, RetiredMonth
from chatschema.partition import archive, catalog, detach, drop, grid, ledger, purge, retirement
from chatschema.partition.create import statement
from chatschema.partition.grid import GROUP
from chatschema.partition.retirement import Step
from chatschema.postgres import Connection, Say

# What a step asks of the other sessions, for plan and --dry-run.
_FILES = {"detach": ("detach_concurrently.sql",), "drop": ("lock_for_drop.sql", "drop.sql")}
LOCKS = {
    "detach": "SHARE UPDATE EXCLUSIVE on the table: readers and writers go on; waits for older transactions",
    "archive": "ACCESS SHARE on the detached month, in one snapshot",
    "drop": "ACCESS EXCLUSIVE on the detached month, SHARE on chatschema.holds; before, for a moment, on users and conversations",
    "release": "row locks on attachments, a thousand at a time",
    "discard held": "ACCESS EXCLUSIVE on the kept rows, SHARE on chatschema.holds",
}


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was carried out, and what came of it in words."""

    month: datetime
    action: str
    result: str


def steps(connection: Connection, sql_dir: Path, policy: Policy) -> list[Step]:
    """Return the next step of every month that leaves or is kept; reads only."""
    records = ledger.read(connection)
    survey = catalog.survey(connection, sql_dir, records, measured=False)
    return retirement.plan(catalog.server_now(connection), survey, records, policy)


def statements(connection: Connection, sql_dir: Path, step: Step) -> list[str]:
    """Return the DDL of a step as text, statuses first."""
    months = [grid.month(parent.table, step.month) for parent in reversed(GROUP)]
    return [
        " ".join(line for line in statement(sql_dir, file, month).as_string(connection).splitlines() if not line.startswith("--"))
        for file in _FILES.get(step.action, ())
        for month in months
    ]


def retire(connection: Connection, sql_dir: Path, policy: Policy, *, say: Say) -> Iterator[Done]:
    """Carry out every step that is due, oldest month first, until none is left; yield each once it is committed.

    Begins with what an earlier run left unfinished. The caller holds the migration lock. A month that cannot go on does
    not keep the others: its error is raised when they are done. Raises ChatschemaError.
    """
    detach.finish_pending(connection, sql_dir, say=say)
    failed: dict[datetime, ChatschemaError] = {}
    archived_now: set[datetime] = set()
    while due := [
        step for step in steps(connection, sql_dir, policy) if step.action not in ("wait", "keep") and step.month not in failed
    ]:
        step = due[0]
        try:
            if step.action == "drop" and policy.archive and step.month not in archived_now:
                # Once a run: of an archive that took hours, what has expired since is left to the one who restores it.
                archived_now.add(step.month)
                if purged := _purge_detached(connection, sql_dir, members(connection, sql_dir, step.month)):
                    yield Done(step.month, "purge", f"{purged}; its archive is written again")
                    continue
            yield carry_out(connection, sql_dir, step, policy, say=say)
            if step.action == "archive":
                archived_now.add(step.month)
        except ChatschemaError as error:
            if connection.closed:
                raise
            say(f"{step.month:%Y-%m} stays as it is: {error.message}")
            failed[step.month] = error
    if failed:
        raise next(iter(failed.values()))


def carry_out(connection: Connection, sql_dir: Path, step: Step, policy: Policy, *, say: Say) -> Done:
    """Carry out one step; return what came of it."""
    group = members(connection, sql_dir, step.month)
    if step.action == "detach":
        detach.detach(connection, sql_dir, group, say=say)
        result = f"detached {', '.join(month.name for month in group)}"
    elif step.action == "archive":
        purged = _purge_detached(connection, sql_dir, group)
        written = archive.archive(connection, sql_dir, group, policy.archive_dir, with_parquet=False, say=say)
        folder = archive.folder_of(policy.archive_dir, step.month)
        result = f"archived {', '.join(f'{table.rows} {table.table}' for table in written.tables)} in {folder}, read back"
        if purged:
            result = f"{purged}, {result}"
    elif step.action == "drop":
        record = ledger.read(connection)[step.month]
        gone = drop.drop(connection, sql_dir, group, record, policy, say=say)
        kept = f", kept {gone.held_messages} messages under a hold" if gone.held_messages else ""
        result = f"dropped {gone.messages} messages, {gone.statuses} statuses{kept}"
    elif step.action == "discard held":
        is_dropped = drop.discard_held(connection, sql_dir, step.month)
        result = "dropped the rows that had been under a hold" if is_dropped else "keeps its rows: a hold names them again"
    else:
        released = drop.release(connection, sql_dir, step.month)
        result = f"released {released.attachments} attachments; {released.replies} replies elsewhere keep the id they answer"
    return Done(step.month, step.action, result)


def _purge_detached(connection: Connection, sql_dir: Path, group: Sequence[Month]) -> str:
    """Remove what is due from a month before it is archived; return what was done in words, nothing for nothing."""
    tables = {month.parent: month for month in group}
    if len(tables) < len(GROUP):
        return ""
    removed, erased = purge.purge_detached(connection, sql_dir, tables[GROUP[0].table], tables[GROUP[1].table])
    parts = [f"purged {removed} messages that had outstayed their retention"] if removed else []
    parts += [f"erased {erased} rows that a released hold had kept"] if erased else []
    return ", ".join(parts)


def members(connection: Connection, sql_dir: Path, lower: datetime) -> list[Month]:
    """Return the tables of a month that are there, attached or not, messages first."""
    there = [*catalog.months(connection, sql_dir), *catalog.detached(connection, sql_dir)]
    upper = grid.next_month(lower)
    return sorted((m for m in there if (m.lower, m.upper) == (lower, upper)), key=grid.by_age)


def findings(
    survey: Sequence[Partition], gaps: Sequence[Month], overlaps: Sequence[Month], records: Mapping[datetime, RetiredMonth]
) -> list[str]:
    """Return what is wrong with the months, in words: a detach cut off, gaps, overlaps, a group out of step, a lost table."""
    found = [
        f"{p.name} is pending detach: out of sight, and refusing rows; finish it: chatschema partition maintain"
        for p in survey
        if p.state == "detach pending"
    ]
    attached = {p.lower for p in survey if p.state == "attached"}
    found += [
        f"{p.name} is detached, the other table of its month is not; bring it back: chatschema partition restore {p.lower:%Y-%m}"
        for p in survey
        if p.state == "detached" and p.lower in attached
    ]
    found += [f"{gap.parent} has no partition from {gap.lower:%Y-%m-%d} to {gap.upper:%Y-%m-%d}" for gap in gaps]
    there = {p.lower for p in survey}
    found += [
        f"{month:%Y-%m} was detached, and its tables cannot be found in schema {grid.SCHEMA}"
        for month, record in records.items()
        if record.state in ("detaching", "detached") and month not in there
    ]
    found += [f"{month.name} is detached, and attached partitions cover its period" for month in overlaps]
    return found
