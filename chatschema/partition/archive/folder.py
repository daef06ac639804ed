"""The folder of the archives, tried before a month is detached: what cannot be written must not be half out."""

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
    """Return which months this run would archive and cannot, each with its error; they are to stay as they are.

    Where a month is archived by this run, the folder is made and written to; where only by a later one, it is looked at,
    and what is wrong is said. A month that is half out goes on in any case.
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
            say(f"warning: the months in their days of grace cannot be archived after them: {policy.archive_dir}: {problem}")
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
    hint = "let this user write there, or name another folder: --dir DIR, or archive_dir in chatschema.toml"
    return ArchiveRefused(f"{step.month:%Y-%m} was not {verb}: archives cannot be written to {archives}: {problem}", hint)


def _write(archives: Path) -> str | None:
    """Make the folder and write a file in it; return what is wrong."""
    if archives.exists() and not archives.is_dir():
        return "it is not a folder"
    probe = archives / f".chatschema-{os.getpid()}"
    try:
        archives.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"chatschema tries whether it may write here\n")
    except OSError as error:
        return error.strerror or str(error)
    finally:
        # A folder that is none has no file in it.
        if archives.is_dir():
            probe.unlink(missing_ok=True)
    return None


def _look(archives: Path) -> str | None:
    """Return what is wrong with the folder, or with the one that it would be made in; makes nothing."""
    there = next(folder for folder in (archives.absolute(), *archives.absolute().parents) if folder.exists())
    if not there.is_dir():
        return f"{there} is not a folder"
    return None if os.access(there, os.W_OK | os.X_OK) else f"this user may not write to {there}"
