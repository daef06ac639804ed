"""Erasing a subject from an archive: it is loaded, changed, written beside, read back, and put in place of the old one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from psycopg import sql

from chatschema import audit, postgres, sqlfile
from chatschema.partition import retired_months
from chatschema.partition.archive import content, disk, manifest, parquet, write
from chatschema.partition.archive.manifest import Manifest, Table
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say

# By table, the condition for its rows: of messages as m, of message_statuses as s.
Meant = Mapping[str, sql.Composable]
_FILES = {"messages": "erase_archived_messages.sql", "message_statuses": "erase_archived_statuses.sql"}


def erase(connection: Connection, record: RetiredMonth, meant: Meant, *, say: Say) -> int:
    """Erase the rows that are meant from the archive of a month; return how many were changed.

    Without such a row the files stay as they are. The caller holds the migration lock. Raises ArchiveRefused where the archive
    cannot be read, is not the recorded one, or differs from what was written; it is kept then.
    """
    target = Path(record.archive or "")
    partial = target.with_name(target.name + ".partial")
    _finish_put(target, partial, record.archive_sha256)
    described = manifest.read(target, record.archive_sha256)
    manifest.verify(described, target)
    # It has what is erased, and is not needed: the archive in its place is the recorded one, and whole.
    disk.discard(target.with_name(target.name + ".previous"))
    partial.mkdir(mode=0o700)
    is_recorded = False
    try:
        tables, changed = _rewrite(connection, described, target, partial, meant)
        if changed:
            written = replace(described, tables=tables)
            sha256 = manifest.write(written, partial)
            say(f"reading {partial} back")
            write.read_back(connection, partial, written)
            _record(connection, record, target, sha256, changed)
            is_recorded = True
            disk.put(partial, target)
        return changed
    finally:
        if not is_recorded:
            disk.discard(partial)


def _finish_put(target: Path, partial: Path, recorded: str | None) -> None:
    """Put a new archive in its place that a killed run had recorded, and remove what else such a run left."""
    if (partial / manifest.NAME).exists() and manifest.load(partial)[1] == recorded:
        disk.put(partial, target)
    disk.discard(partial)
    disk.recover(target, recorded)


def _rewrite(connection: Connection, described: Manifest, source: Path, partial: Path, meant: Meant) -> tuple[list[Table], int]:
    tables, changed = [], 0
    for table in described.tables:
        with postgres.transaction(connection):
            content.pin(connection)
            pieces = manifest.pieces(source / table.file.name)
            copy = content.load_apart(connection, "archive_erased", table.columns, pieces)
            query = sqlfile.fill(f"partitions/{_FILES[table.table]}", table=copy, is_meant=meant[table.table])
            changed += postgres.execute(connection, query).rowcount
            written = write.write_table(connection, table.table, copy, table.columns, partial)
        tables.append(replace(written, parquet=parquet.convert(partial, written)) if table.parquet else written)
    return tables, changed


def _record(connection: Connection, record: RetiredMonth, target: Path, sha256: str, changed: int) -> None:
    """Record the new archive before it takes the place of the old one: after a kill, the next run knows which one counts."""
    with postgres.transaction(connection):
        retired_months.write(
            connection, record.month, archived_at=record.archived_at, archive=record.archive, archive_sha256=sha256
        )
        audit.record(
            connection, "partition.erase_archive", "partition", f"{record.month:%Y-%m}", folder=str(target), rows=changed,
            manifest_sha256=sha256,
        )  # fmt: skip
