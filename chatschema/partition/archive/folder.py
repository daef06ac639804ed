"""Testing the folder of the archives before a month is detached: a month that cannot be archived must stay attached."""

import os
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from chatschema import postgres, units
from chatschema.errors import ChatschemaError
from chatschema.partition import grid
from chatschema.partition.archive.manifest import ArchiveRefused
from chatschema.partition.grid import GROUP
from chatschema.partition.retire_plan import Step
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say
from chatschema.values import Policy

_SIZE = """
    select coalesce(sum(pg_table_size(c.oid)), 0)::bigint from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('chat_partitions') and c.relname = any (%s)
"""


def try_it(
    connection: Connection, records: dict[datetime, RetiredMonth], steps: Sequence[Step], policy: Policy, *, say: Say
) -> dict[datetime, ChatschemaError]:
    """Return which months this run should archive and cannot, each with its error; the caller does not change them.

    If this run archives a month, the folder is created and written to; if only a later run does, the folder is checked
    without a change, and a problem is a warning. The detach of a half detached month continues in any case.
    """
    if not policy.archive:
        return {}
    is_at_once = not policy.grace.months and not policy.grace.days
    half_out = {month for month, record in records.items() if record.state == "detaching"}
    due = [
        step
        for step in steps
        if step.action == "archive" or (step.action == "detach" and is_at_once and step.month not in half_out)
    ]
    if not due:
        if any(step.action in ("detach", "wait") for step in steps) and (problem := _look(policy.archive_dir)):
            say(f"warning: months cannot be archived when their grace period ends: {policy.archive_dir}: {problem}")
        return {}
    if problem := _write(policy.archive_dir):
        return {step.month: _error(step, policy.archive_dir, problem) for step in due}
    names = [grid.month(parent.table, step.month).name for step in due for parent in GROUP]
    size, free = postgres.fetch_one(connection, _SIZE, (names,))[0], shutil.disk_usage(policy.archive_dir).free
    if free < size:
        say(f"warning: {policy.archive_dir} has {units.size(free)} free, the tables to archive have {units.size(size)}")
    return {}


def _error(step: Step, archives: Path, problem: str) -> ArchiveRefused:
    verb = "archived" if step.action == "archive" else "detached"
    hint = "give this user the right to write there, or name another folder: --dir DIR, or archive_dir in chatschema.toml"
    text = f"{step.month:%Y-%m} was not {verb}: archives cannot be written to {archives}: {problem}"
    return ArchiveRefused(text, hint, code="archive.not-writable")


def _write(archives: Path) -> str | None:
    """Create the folder and write a file in it; return the problem, if any."""
    if archives.exists() and not archives.is_dir():
        return "it is not a folder"
    probe = archives / f".chatschema-{os.getpid()}"
    try:
        archives.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"chatschema tests whether it can write here\n")
    except OSError as error:
        return error.strerror or str(error)
    finally:
        # If it is not a folder, there is no file to remove.
        if archives.is_dir():
            probe.unlink(missing_ok=True)
    return None


def _look(archives: Path) -> str | None:
    """Return the problem with the folder, or with the one in which it would be created; creates nothing."""
    there = next(folder for folder in (archives.absolute(), *archives.absolute().parents) if folder.exists())
    if not there.is_dir():
        return f"{there} is not a folder"
    return None if os.access(there, os.W_OK | os.X_OK) else f"this user may not write to {there}"
