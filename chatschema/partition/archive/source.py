"""Which archive a month is restored from, and what is known of it: an archive that may hold other rows needs a word."""

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
    """The archive to load: its folder, its manifest with SHA-256, and why it may not hold the rows that were dropped."""

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
    """Return the archive to restore the month that begins at `lower` from; None where only rows under a hold are left of it.

    `folder` is the one the user names, else the recorded one; `archives` is where archives are by the policy. Raises
    ArchiveRefused where the archive cannot be read, is of another month, or may hold other rows than were dropped and
    `force` does not accept that; ChatschemaError where none is known.
    """
    chosen = folder or (Path(record.archive) if record and record.archive else None)
    if chosen is None:
        _refuse_unnamed(lower, archives, record)
        if _is_kept(connection, lower):
            return None
        raise ChatschemaError(_nothing(lower, record), "was it archived elsewhere? name the folder: --dir DIR")
    disk.recover(chosen, record.archive_sha256 if record else None)
    found, sha256 = manifest.load(chosen)
    if (found.lower, found.upper) != (lower, grid.next_month(lower)):
        raise ArchiveRefused(f"{chosen} is the archive of {found.month}", "name another folder: --dir DIR")
    doubts = _doubts(found, sha256, record)
    if doubts and not force:
        raise ArchiveRefused(
            f"{chosen} may hold other rows than were removed of {lower:%Y-%m}: {'; '.join(doubts)}",
            f"to load it anyway: chatschema partition restore {lower:%Y-%m} --force; to load another one: --dir DIR",
        )
    if not _is_recorded(record, sha256):
        doubts += _strangeness(connection, found)
    for doubt in doubts:
        say(f"warning: {chosen}: {doubt}")
    return Source(chosen, found, sha256, doubts)


def _is_recorded(record: RetiredMonth | None, sha256: str) -> bool:
    return record is not None and record.archive_sha256 == sha256


def _doubts(found: Manifest, sha256: str, record: RetiredMonth | None) -> list[str]:
    """Return why the archive may hold other rows than those that were dropped, for whom nothing was recorded: nothing."""
    if record is None or record.archive is None:
        return []
    written = f"it was written on {_when(found.created_at)} with {_rows(found)}"
    if not _is_recorded(record, sha256):
        return [f"its manifest is not the one that was written last, in {record.archive}; {written}"]
    if record.state != "dropped":
        return [f"{written}, and the tables were lost after that, not dropped by chatschema"]
    if record.archive_is_current:
        return []
    removed = f"{record.messages} messages and {record.statuses} statuses"
    return [f"{written}; {removed} were dropped on {_when(record.dropped_at)}, and differ or were not compared"]


def _strangeness(connection: Connection, found: Manifest) -> list[str]:
    """Return whose archive this is, where it is not recorded and not of this database by name and cluster."""
    if (found.cluster, found.database) == (manifest.cluster(connection), connection.info.dbname):
        return []
    return [f"it is the archive of database {found.database} in cluster {found.cluster}, and not recorded here"]


def _refuse_unnamed(lower: datetime, archives: Path, record: RetiredMonth | None) -> None:
    """Raise where nothing is recorded, and an archive lies where the policy puts them."""
    folder = disk.folder_of(archives, lower)
    if (folder / manifest.NAME).exists():
        found, _ = manifest.load(folder)
        raise ArchiveRefused(
            f"{_nothing(lower, record)}; {folder} holds one of database {found.database}, written on {_when(found.created_at)} "
            f"with {_rows(found)}",
            f"to load that one: chatschema partition restore {lower:%Y-%m} --dir {archives}",
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
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "an unknown day"
