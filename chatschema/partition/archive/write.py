"""Archiving a month: files are written beside, read back into the server and compared, and only then get their name."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from psycopg import sql

from chatschema import __version__, audit, postgres
from chatschema.partition import losses, retired_months
from chatschema.partition.archive import content, disk, manifest, parquet
from chatschema.partition.archive.manifest import ArchiveRefused, Manifest, Table
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, Say, door
from chatschema.values import Month

_TRIES = 3
_ORDER = {"messages": ("id",), "message_statuses": ("message_id", "user_id")}


def archive(connection: Connection, group: Sequence[Month], archives: Path, *, with_parquet: bool, say: Say) -> Manifest:
    """Write the tables of one month to files, read them back, compare, and record the archive.

    Both tables are read in one snapshot. An existing archive of the month is replaced at the end, by renaming folders. The
    caller holds the migration lock. Raises ArchiveRefused when the files differ from the database, or cannot be written; an
    earlier archive is kept then.
    """
    lower = group[0].lower
    target = disk.folder_of(archives, lower)
    record = retired_months.read(connection).get(lower)
    if record is not None and record.state == "dropped":
        raise ArchiveRefused(
            f"{lower:%Y-%m} was dropped: the tables that have its name now are different tables",
            "see: chatschema partition list",
            code="archive.dropped",
        )
    losses.refuse_half(connection, lower, group, record)
    sha256 = record.archive_sha256 if record else None
    disk.recover(target, sha256)
    aside = _aside(target, sha256, manifest.cluster(connection), connection.info.dbname)
    try:
        if aside is not None:
            say(f"{target} was written by another cluster, or under another database name; it is kept as {aside}")
        return _archive(connection, group, target, aside, with_parquet=with_parquet, say=say)
    except OSError as error:
        raise ArchiveRefused(
            f"{lower:%Y-%m} was not archived: {error.filename or target}: {error.strerror or error}",
            "check the free space, and that this user may write there",
            code="archive.not-written",
        ) from None


def _archive(
    connection: Connection,
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
    # Other users of this host must not read who wrote what to whom.
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)
    try:
        written = _write_unchanged(connection, group, partial, with_parquet=with_parquet, say=say)
        sha256 = manifest.write(written, partial)
        say(f"reading {partial} back")
        read_back(connection, partial, written)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    # Until the end the ledger trusts no archive: after an interrupted run the month is archived again.
    retired_months.write(connection, lower, archive_is_current=False)
    disk.put(partial, target, aside)
    rows = {table.table: table.rows for table in written.tables}
    with postgres.transaction(connection):
        retired_months.write(
            connection, lower, archived_at=retired_months.NOW, archive=str(target.resolve()), archive_sha256=sha256,
            archive_is_current=True, messages=rows.get("messages"), statuses=rows.get("message_statuses"),
        )  # fmt: skip
        audit.record(
            connection, "partition.archive", "partition", f"{lower:%Y-%m}", folder=str(target.resolve()), rows=rows,
            manifest_sha256=sha256,
        )  # fmt: skip
    return written


def _aside(target: Path, sha256: str | None, cluster: str, database: str) -> Path | None:
    """Return the name to keep an existing archive under, if another cluster or a database of another name wrote it.

    The ledger survives a rename, a dump or an upgrade, so an archive in it belongs to this database. But a copy of the
    database has the same ledger, so an archive of the original is not removed. Raises ArchiveRefused for one that is not
    recorded.
    """
    if not (target / manifest.NAME).exists():
        return None
    try:
        there, found = manifest.load(target)
    except ArchiveRefused as error:
        text, hint = f"{target} cannot be replaced: {error.message}", f"move it away: mv {target} {target}.old"
        raise ArchiveRefused(text, hint, code="archive.folder-taken") from None
    if (there.cluster, there.database) == (cluster, database):
        return None
    if found == sha256:
        kept = disk.name_aside(target, found)
        # One copy of the same manifest is enough.
        return None if kept.exists() else kept
    whose = f"database {there.database}" + ("" if there.database != database else " on another server")
    raise ArchiveRefused(
        f"{target} is the archive of {whose}, and not the one that is recorded here",
        f"give each database its own folder: --dir DIR; if it belongs to this database, move it away: mv {target} {target}.old",
        code="archive.other-database",
    )


def _write_unchanged(connection: Connection, group: Sequence[Month], folder: Path, *, with_parquet: bool, say: Say) -> Manifest:
    """Write the files of one moment. A distributed database has no snapshot of all nodes: there, both tables are read again."""
    for _ in range(_TRIES if door.is_distributed(connection) else 1):
        written = _write(connection, group, folder, with_parquet=with_parquet)
        if not door.is_distributed(connection) or _is_unchanged(connection, group, written):
            return written
        say(f"{written.month} changed while it was read; reading it again")
    raise ArchiveRefused(
        f"{group[0].lower:%Y-%m} was not archived: it changed each time while it was read, {_TRIES} times",
        "run the same command again when its messages are edited less often, or after it is detached",
        code="archive.changing",
    )


def _is_unchanged(connection: Connection, group: Sequence[Month], written: Manifest) -> bool:
    with postgres.transaction(connection):
        content.pin(connection)
        now = [
            content.checksum(connection, sql.Identifier(SCHEMA, month.name), content.columns(connection, month.name))
            for month in group
        ]
    return now == [(table.rows, table.checksum) for table in written.tables]


def _write(connection: Connection, group: Sequence[Month], folder: Path, *, with_parquet: bool) -> Manifest:
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        content.pin(connection)
        version, encoding = postgres.fetch_one(
            connection, "select current_setting('server_version'), current_setting('server_encoding')"
        )
        tables = [
            write_table(
                connection, month.parent, sql.Identifier(SCHEMA, month.name), content.columns(connection, month.name), folder
            )
            for month in group
        ]
    if with_parquet:
        tables = [replace(table, parquet=parquet.convert(folder, table)) for table in tables]
    first = group[0]
    return Manifest(
        month=f"{first.lower:%Y-%m}",
        lower=first.lower,
        upper=first.upper,
        database=connection.info.dbname,
        cluster=manifest.cluster(connection),
        server_version=version,
        encoding=encoding,
        tool=f"chatschema {__version__}",
        created_at=datetime.now(UTC),
        tables=tables,
    )


def write_table(connection: Connection, parent: str, table: sql.Identifier, columns: content.Columns, folder: Path) -> Table:
    """Write the rows of a table to the file of its `parent` in an archive, and describe it; the caller has pinned the text form."""
    rows, checksum = content.checksum(connection, table, columns)
    pieces = content.export(connection, table, columns, _ORDER[parent])
    return Table(parent, list(columns), rows, checksum, disk.compress(pieces, folder / f"{parent}.csv.zst"))


def read_back(connection: Connection, folder: Path, described: Manifest) -> None:
    """Load the archive into temporary tables and compare; raises ArchiveRefused. Leaves nothing in the database."""
    manifest.verify(described, folder)
    for table in described.tables:
        with postgres.transaction(connection):
            content.pin(connection)
            pieces = manifest.pieces(folder / table.file.name)
            copy = content.load_apart(connection, "archive_read_back", table.columns, pieces)
            found = content.checksum(connection, copy, table.columns)
        manifest.compare(f"{folder / table.file.name}", found, table)
