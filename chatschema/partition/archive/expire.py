"""Removing archives of dropped months some time after the end of the month: the last copy of their rows."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from chatschema import audit, discard, hold, postgres
from chatschema.partition import grid, retire_plan, retired_months
from chatschema.partition.archive import manifest
from chatschema.partition.archive.manifest import ArchiveRefused
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Due, Span

# Of a conversation or of a person: the rows are no longer in the database, so a hold on anything keeps the months of its period.
_IS_HELD = """
    exists (
        select from chatschema.holds as h
        where h.released_at is null and (h.to_at is null or h.to_at > %(lower)s) and (h.from_at is null or h.from_at < %(upper)s)
    )
"""
_FORGET = f"""
    update chatschema.retired_months set archive = null, archived_at = null, archive_sha256 = null, changed_at = clock_timestamp()
    where month = %(lower)s and state = 'dropped' and archive_sha256 = %(sha256)s and not {_IS_HELD}
"""


def _old(connection: Connection, keep: Span, at: datetime) -> list[RetiredMonth]:
    """Return the dropped months with an archive that ended before `keep` ago."""
    limit = retire_plan.before(at, keep)
    records = retired_months.read(connection).values()
    return [one for one in records if one.archive and one.state == "dropped" and grid.next_month(one.month) <= limit]


def due(connection: Connection, archives: Path, keep: Span, at: datetime) -> Due:
    """Return how many archives are due; one that cannot be removed from here waits. Reads only."""
    count = held = waiting = 0
    oldest, waits_for = None, ""
    for record in _old(connection, keep, at):
        if postgres.fetch_one(connection, f"select {_IS_HELD}", _period(record))[0]:
            held += 1
        elif reason := why_not(record, archives):
            waiting, waits_for = waiting + 1, waits_for or f"{record.archive}: {reason}"
        else:
            count, oldest = count + 1, oldest or grid.next_month(record.month)
    return Due(count, oldest, held, waiting, waits_for)


def _period(record: RetiredMonth) -> dict[str, object]:
    return {"lower": record.month, "upper": grid.next_month(record.month), "sha256": record.archive_sha256}


def why_not(record: RetiredMonth, archives: Path) -> str | None:
    """Return why the archive of a month cannot be removed from this host; None for one that chatschema wrote."""
    folder = Path(record.archive or "")
    if not folder.parent.is_dir():
        return "its folder is not on this host"
    try:
        if _is_begun(folder):
            return discard.why_not(archives, _aside(folder), _names(_aside(folder)))
        described, sha256 = manifest.load(folder)
        if sha256 != record.archive_sha256:
            return "its manifest is not the one that was recorded"
        return discard.why_not(archives, folder, _listed(described))
    except ArchiveRefused as error:
        return error.message
    except OSError as error:
        return error.strerror or str(error)


def _aside(folder: Path) -> Path:
    """Return the name of an archive that is being removed, which stays until that is recorded."""
    return folder.with_name(folder.name + ".removing")


def _is_begun(folder: Path) -> bool:
    return not folder.exists() and not folder.is_symlink() and _aside(folder).is_dir()


def _names(folder: Path) -> list[str]:
    """Return the files of an archive by its manifest, which is the last one; none where that is gone already."""
    return _listed(manifest.load(folder)[0]) if (folder / manifest.NAME).exists() else []


def _listed(described: manifest.Manifest) -> list[str]:
    """Return the files of an archive, the manifest last."""
    files = [file.name for table in described.tables for file in (table.file, table.parquet) if file]
    return [*files, manifest.NAME]


def remove(connection: Connection, archives: Path, keep: Span, at: datetime, *, say: Say) -> Iterator[datetime]:
    """Remove the archives that are due, oldest first, yielding each month. A run that was interrupted is finished by the next one.

    Archives under a hold stay, and so does a folder with anything that chatschema did not write. The caller holds the migration
    lock. Raises OSError where files cannot be removed.
    """
    for record in _old(connection, keep, at):
        if reason := why_not(record, archives):
            say(f"kept the archive of {record.month:%Y-%m}: {record.archive}: {reason}")
        elif locks.in_transaction(connection, lambda record=record: _remove(connection, record), locks.DDL):  # type: ignore[misc]
            _aside(Path(record.archive or "")).rmdir()
            yield record.month


def _remove(connection: Connection, record: RetiredMonth) -> bool:
    hold.freeze(connection)
    if not postgres.execute(connection, _FORGET, _period(record)).rowcount:
        return False
    folder = Path(record.archive or "")
    # Before the commit: if it is interrupted here, the archive is still recorded, and the next run finishes.
    if not _is_begun(folder):
        folder.rename(_aside(folder))
    discard.empty(_aside(folder), _names(_aside(folder)))
    audit.record(connection, "retention.remove_archive", "partition", f"{record.month:%Y-%m}", archive=record.archive)
    return True
