"""Choosing the archive to restore a month from: one that may contain other rows than were dropped needs --force."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.partition import grid
from chatschema.partition.archive import disk, manifest
from chatschema.partition.archive.manifest import ArchiveRefused, Manifest
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say


@dataclass(frozen=True, slots=True)
class Source:
    """The archive to load: its folder, its manifest with SHA-256, and why its rows may differ from the dropped ones."""

    folder: Path
    described: Manifest
    sha256: str
    doubts: list[str] = field(default_factory=list)


def choose(
    connection: Connection,
    lower: datetime,
    folder: Path | None,
    archives: Path,
    record: RetiredMonth | None,
    *,
    force: bool,
    say: Say,
) -> Source | None:
    """Return the archive to restore the month that begins at `lower` from; None where only its rows under a hold are left.

    `folder` is the one that the user names, otherwise the recorded one is used; `archives` is the policy's folder. Raises
    ArchiveRefused where the archive cannot be read, is of another month, or may contain other rows than were dropped and
    `force` does not accept that; ChatschemaError where none is known.
    """
    chosen = folder or (Path(record.archive) if record and record.archive else None)
    if chosen is None:
        _refuse_unnamed(lower, archives, record)
        if _is_kept(connection, lower):
            return None
        hint = "if it was archived elsewhere, name the folder: --dir DIR"
        raise ChatschemaError(_nothing(lower, record), hint, code="restore.no-archive")
    disk.recover(chosen, record.archive_sha256 if record else None)
    found, sha256 = manifest.load(chosen)
    if (found.lower, found.upper) != (lower, grid.next_month(lower)):
        text = f"{chosen} is the archive of {found.month}, not of {lower:%Y-%m}"
        raise ArchiveRefused(text, "name another folder: --dir DIR", code="restore.wrong-month")
    doubts = _doubts(found, sha256, record)
    if doubts and not force:
        raise ArchiveRefused(
            f"{chosen} may contain other rows than were dropped with {lower:%Y-%m}: {'; '.join(doubts)}",
            f"to load it anyway: chatschema partition restore {lower:%Y-%m} --force; to load another one: --dir DIR",
            code="restore.other-rows",
        )
    if not _is_recorded(record, sha256):
        doubts += _strangeness(connection, found)
    for doubt in doubts:
        say(f"warning: {chosen}: {doubt}")
    return Source(chosen, found, sha256, doubts)


def _is_recorded(record: RetiredMonth | None, sha256: str) -> bool:
    return record is not None and record.archive_sha256 == sha256


def _doubts(found: Manifest, sha256: str, record: RetiredMonth | None) -> list[str]:
    """Return why the archive may contain other rows than were dropped; empty where no archive is recorded."""
    if record is None or record.archive is None:
        return []
    written = f"it was written on {_when(found.created_at)} with {_rows(found)}"
    if not _is_recorded(record, sha256):
        return [f"its manifest is not the recorded one, which is in {record.archive}; {written}"]
    if record.state != "dropped":
        return [f"{written}; later the tables were lost, and chatschema did not drop them"]
    if record.archive_is_current:
        return []
    removed = f"{record.messages} messages and {record.statuses} statuses"
    return [f"{written}; {removed} were dropped on {_when(record.dropped_at)}, which differ or were not compared"]


def _strangeness(connection: Connection, found: Manifest) -> list[str]:
    """Return a doubt where the archive is of another database or cluster; only called for one that is not recorded."""
    if (found.cluster, found.database) == (manifest.cluster(connection), connection.info.dbname):
        return []
    return [f"it is the archive of database {found.database} in cluster {found.cluster}, and is not recorded here"]


def _refuse_unnamed(lower: datetime, archives: Path, record: RetiredMonth | None) -> None:
    """Raise where no archive is recorded, but the policy's folder has one."""
    folder = disk.folder_of(archives, lower)
    if (folder / manifest.NAME).exists():
        found, _ = manifest.load(folder)
        raise ArchiveRefused(
            f"{_nothing(lower, record)}; {folder} has one of database {found.database}, written on {_when(found.created_at)} "
            f"with {_rows(found)}",
            f"to load that one: chatschema partition restore {lower:%Y-%m} --dir {archives}",
            code="restore.unrecorded",
        )


def _nothing(lower: datetime, record: RetiredMonth | None) -> str:
    if record is not None and record.state == "dropped":
        return f"{lower:%Y-%m} was dropped on {_when(record.dropped_at)}, and no archive of it is recorded"
    return f"{lower:%Y-%m} has neither a table nor a recorded archive"


def _is_kept(connection: Connection, lower: datetime) -> bool:
    kept = [grid.kept(grid.month(parent.table, lower)) for parent in GROUP]
    return any(postgres.has_table(connection, f"{SCHEMA}.{month.name}") for month in kept)


def _rows(found: Manifest) -> str:
    words = {"messages": "messages", "message_statuses": "statuses"}
    return " and ".join(f"{table.rows} {words.get(table.table, table.table)}" for table in found.tables)


def _when(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "an unknown date"
