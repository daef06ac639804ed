"""A month into files: written beside, read back into the server, compared, and only then given its name."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from psycopg import sql

from chatschema import __version__, audit, postgres
from chatschema.models import Month
from chatschema.partition import content, ledger, losses, manifest, parquet
from chatschema.partition.grid import SCHEMA
from chatschema.partition.manifest import ArchiveRefused, File, Manifest, Table
from chatschema.postgres import Connection, Say

_ORDER = {"messages": ("id",), "message_statuses": ("message_id", "user_id")}


def folder_of(archives: Path, lower: datetime) -> Path:
    """Return the folder of a month's archive."""
    return archives / f"{lower:%Y-%m}"


def archive(
    connection: Connection, sql_dir: Path, group: Sequence[Month], archives: Path, *, with_parquet: bool, say: Say
) -> Manifest:
    """Write the tables of one month to files, read them back, compare, and record the archive.

    Both tables are read in one snapshot. An archive of the month that is there already is replaced at the end, in one
    step a folder. The caller holds the migration lock. Raises ArchiveRefused when the files do not hold what the database
    does, or cannot be written; an earlier archive is then still there.
    """
    lower = group[0].lower
    target = folder_of(archives, lower)
    record = ledger.read(connection).get(lower)
    if record is not None and record.state == "dropped":
        raise ArchiveRefused(
            f"{lower:%Y-%m} was dropped: what has its name now is not what was archived", "see: chatschema partition list"
        )
    losses.refuse_half(connection, sql_dir, lower, group, record)
    sha256 = record.archive_sha256 if record else None
    recover(target, sha256)
    aside = _aside(target, sha256, cluster(connection), connection.info.dbname)
    try:
        if aside is not None:
            say(f"{target} was written in another cluster, or under another name of the database; it is kept as {aside}")
        return _archive(connection, sql_dir, group, target, aside, with_parquet=with_parquet, say=say)
    except OSError as error:
        raise ArchiveRefused(
            f"{lower:%Y-%m} was not archived: {error.filename or target}: {error.strerror or error}",
            "is there room, and may this user write there?",
        ) from None


def _archive(
    connection: Connection,
    sql_dir: Path,
    group: Sequence[Month],
    target: Path,
    aside: Path | None,
    *,
    with_parquet: bool,
    say: Say,
) -> Manifest:
    lower = group[0].lower
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    # What people wrote to whom is nobody else's on this host.
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)
    try:
        written = _write(connection, sql_dir, group, partial, with_parquet=with_parquet)
        sha256 = manifest.write(written, partial)
        say(f"reading {partial} back")
        read_back(connection, sql_dir, partial, written)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    # Between here and the end the ledger trusts no archive: a run that is cut off archives once more.
    ledger.write(connection, lower, archive_is_current=False)
    put(partial, target, aside)
    rows = {table.table: table.rows for table in written.tables}
    with postgres.transaction(connection):
        ledger.write(
            connection, lower, archived_at=ledger.NOW, archive=str(target.resolve()), archive_sha256=sha256,
            archive_is_current=True, messages=rows.get("messages"), statuses=rows.get("message_statuses"),
        )  # fmt: skip
        audit.record(
            connection, "partition.archive", "partition", f"{lower:%Y-%m}", folder=str(target.resolve()), rows=rows,
            manifest_sha256=sha256,
        )  # fmt: skip
    return written


def cluster(connection: Connection) -> str:
    """Return what tells this server from every other: two of them may have a database of one name."""
    return str(postgres.fetch_one(connection, "select system_identifier from pg_control_system()")[0])


def _aside(target: Path, sha256: str | None, cluster: str, database: str) -> Path | None:
    """Return the name to keep the archive under that is there, where it was written under another name or in another cluster.

    The ledger came along with a rename, a dump or an upgrade, so that an archive it records is this database's; but a copy
    has the same ledger, so what may be the original's is not removed. Raises ArchiveRefused for one that is not recorded.
    """
    if not (target / manifest.NAME).exists():
        return None
    try:
        there, found = manifest.load(target)
    except ArchiveRefused as error:
        raise ArchiveRefused(f"{target} cannot be replaced: {error.message}", f"move it away: mv {target} {target}.old") from None
    if (there.cluster, there.database) == (cluster, database):
        return None
    if found == sha256:
        kept = _name_aside(target, found)
        # Of one manifest one is enough.
        return None if kept.exists() else kept
    whose = f"database {there.database}" + ("" if there.database != database else " on another server")
    raise ArchiveRefused(
        f"{target} is the archive of {whose}, and not the one that is recorded here",
        f"give each database its own folder: --dir DIR; is it this database's own? move it away: mv {target} {target}.old",
    )


def _name_aside(target: Path, sha256: str) -> Path:
    return target.with_name(f"{target.name}.{sha256[:12]}")


def _write(connection: Connection, sql_dir: Path, group: Sequence[Month], folder: Path, *, with_parquet: bool) -> Manifest:
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        content.pin(connection)
        version, encoding = postgres.fetch_one(
            connection, "select current_setting('server_version'), current_setting('server_encoding')"
        )
        tables = [_write_table(connection, sql_dir, month, folder) for month in group]
    if with_parquet:
        tables = [replace(table, parquet=parquet.convert(folder, table)) for table in tables]
    first = group[0]
    return Manifest(
        month=f"{first.lower:%Y-%m}",
        lower=first.lower,
        upper=first.upper,
        database=connection.info.dbname,
        cluster=cluster(connection),
        server_version=version,
        encoding=encoding,
        tool=f"chatschema {__version__}",
        created_at=datetime.now(UTC),
        tables=tables,
    )


def _write_table(connection: Connection, sql_dir: Path, month: Month, folder: Path) -> Table:
    table, columns = sql.Identifier(SCHEMA, month.name), content.columns(connection, month.name)
    rows, checksum = content.checksum(connection, sql_dir, table, columns)
    pieces = content.export(connection, sql_dir, table, columns, _ORDER[month.parent])
    return Table(month.parent, columns, rows, checksum, compress(pieces, folder / f"{month.parent}.csv.zst"))


def compress(pieces: Iterable[bytes], path: Path) -> File:
    """Write `pieces` as zstd to disk for good; return size and SHA-256 of the file. Raises OSError."""
    import zstandard

    digest, size = hashlib.sha256(), 0
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    with path.open("wb") as file:

        def put(block: bytes) -> None:
            nonlocal size
            file.write(block)
            digest.update(block)
            size += len(block)

        for piece in pieces:
            put(compressor.compress(piece))
        put(compressor.flush())
        file.flush()
        os.fsync(file.fileno())
    return File(path.name, size, digest.hexdigest())


def read_back(connection: Connection, sql_dir: Path, folder: Path, described: Manifest) -> None:
    """Load the archive into temporary tables and compare; raises ArchiveRefused. Leaves nothing in the database."""
    manifest.verify(described, folder)
    for table in described.tables:
        with postgres.transaction(connection):
            content.pin(connection)
            pieces = manifest.pieces(folder / table.file.name)
            copy = content.load_apart(connection, sql_dir, "archive_read_back", table.columns, pieces)
            found = content.checksum(connection, sql_dir, copy, table.columns)
        compare(f"{folder / table.file.name}", found, table)


def compare(what: str, found: tuple[int, str], described: Table) -> None:
    """Raise ArchiveRefused unless rows and checksum are those of the manifest."""
    if found[0] != described.rows:
        raise ArchiveRefused(
            f"{what} has {found[0]} rows, the archive's manifest says {described.rows}",
            "archive it again: chatschema partition archive",
        )
    if found[1] != described.checksum:
        raise ArchiveRefused(
            f"{what} has other values than the archive's manifest says", "archive it again: chatschema partition archive"
        )


def recover(target: Path, sha256: str | None) -> None:
    """Give an archive its name back that a run took from it, and that was killed before the new one had it.

    `sha256` is that of the recorded manifest.
    """
    kept = [target.with_name(target.name + ".previous"), *([_name_aside(target, sha256)] if sha256 else [])]
    # Where that is not possible, whoever reads the archive says so.
    with suppress(OSError):
        for folder in kept:
            if not target.exists() and folder.exists():
                folder.rename(target)


def put(partial: Path, target: Path, aside: Path | None = None) -> None:
    """Give the new archive its name; the one before it is removed when that is done, or is kept as `aside`."""
    previous = target.with_name(target.name + ".previous")
    shutil.rmtree(previous, ignore_errors=True)
    # A drop may follow: the names of the files have to survive the power, not only what is in them.
    _sync(partial)
    if target.exists():
        target.rename(aside or previous)
    partial.rename(target)
    _sync(target.parent)
    _sync(target.parent.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
