"""Verifying recorded archives: each is read completely and compared with the ledger. Changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from chatschema.errors import ChatschemaError
from chatschema.partition import retired_months
from chatschema.partition.archive import disk, manifest
from chatschema.partition.archive.manifest import ArchiveRefused, Table
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say

State = Literal["ok", "missing", "damaged", "changed", "unseen"]


@dataclass(frozen=True, slots=True)
class Verified:
    """A recorded archive: its state, its problems, and the next step. `is_current`: as in the ledger."""

    month: str
    folder: Path
    state: State
    is_current: bool
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    advice: str | None = None


def verify(connection: Connection, months: Sequence[datetime], archives: Path | None, *, say: Say) -> Iterator[Verified]:
    """Yield the state of each recorded archive, oldest first; of all months, or of `months`.

    `archives` is their current folder, if they were moved. Raises ChatschemaError for a month in `months` that has no
    recorded archive.
    """
    records = retired_months.read(connection)
    for month in months:
        if month not in records or records[month].archive is None:
            text = f"no archive of {month:%Y-%m} is recorded"
            raise ChatschemaError(text, "see: chatschema partition list", code="archive.not-recorded")
    for record in records.values():
        if record.archive is not None and (not months or record.month in months):
            say(f"verifying the archive of {record.month:%Y-%m}")
            found = _verify(record, archives)
            # One that was being replaced while it was read is read again.
            again = retired_months.read(connection).get(record.month)
            yield found if again == record or again is None or again.archive is None else _verify(again, archives)


def _verify(record: RetiredMonth, archives: Path | None) -> Verified:
    folder = disk.folder_of(archives, record.month) if archives else Path(record.archive or "")
    month = f"{record.month:%Y-%m}"
    if not folder.parent.exists():
        problem = f"{folder.parent} does not exist on this host"
        advice = f"run this on the host that has it, or name its folder: chatschema partition verify-archives {month} --dir DIR"
        return Verified(month, folder, "unseen", record.archive_is_current, problems=[problem], advice=advice)
    if not (folder / manifest.NAME).exists():
        return _bad(record, folder, "missing", [f"{folder / manifest.NAME} does not exist"])
    try:
        described, sha256 = manifest.load(folder)
    except ArchiveRefused as error:
        return _bad(record, folder, "damaged", [error.message])
    if sha256 != record.archive_sha256:
        recorded = (record.archive_sha256 or "")[:16]
        problem = f"{folder / manifest.NAME} has SHA-256 {sha256[:16]}..., but {recorded}... is recorded"
        return _bad(record, folder, "changed", [problem])
    problems = []
    for table in described.tables:
        try:
            _read(folder, table)
        except ArchiveRefused as error:
            problems.append(error.message)
    if problems:
        return _bad(record, folder, "damaged", problems)
    files = [file for table in described.tables for file in (table.file, table.parquet) if file]
    return Verified(month, folder, "ok", record.archive_is_current, len(files), sum(file.bytes for file in files))


def _read(folder: Path, table: Table) -> None:
    """Raise ArchiveRefused unless the files of a table have their SHA-256, and can be decompressed to their end."""
    for file in (table.file, table.parquet):
        if file is not None:
            manifest.verify_file(folder / file.name, file)
    for _ in manifest.pieces(folder / table.file.name):
        pass


def _bad(record: RetiredMonth, folder: Path, state: State, problems: list[str]) -> Verified:
    month = f"{record.month:%Y-%m}"
    previous = folder.with_name(folder.name + ".previous")
    if previous.exists() and not folder.exists():
        advice = f"a run was killed while it replaced the archive; undo its rename: mv {previous} {folder}"
    elif record.state == "dropped":
        advice = f"its month was dropped; restore {folder} from a backup"
    else:
        advice = f"its month is in the database; archive it again: chatschema partition archive {month} --dir {folder.parent}"
    return Verified(month, folder, state, record.archive_is_current, problems=problems, advice=advice)
