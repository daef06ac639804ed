"""What an archive says of itself, and whether it is true: manifest.json beside the files it describes."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NAME = "manifest.json"
FORMAT = 1
_PIECE = 1 << 20


class ArchiveRefused(ChatschemaError):
    """An archive is not there, not whole, not as its manifest says, or not what the database has."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of an archive: bytes and SHA-256 as written to disk."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table in an archive: its columns as (name, type) in file order, rows, and the checksum of sql/partitions/content.sql."""

    table: str
    columns: list[tuple[str, str]]
    rows: int
    checksum: str
    file: File
    parquet: File | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was archived, when and by what; bounds in UTC, the upper one exclusive."""

    month: str
    lower: datetime
    upper: datetime
    database: str
    cluster: str
    server_version: str
    encoding: str
    tool: str
    created_at: datetime
    tables: list[Table]
    format: int = FORMAT

    def table(self, name: str) -> Table | None:
        """Return what the archive has of this table."""
        return next((table for table in self.tables if table.table == name), None)


def write(manifest: "DataclassInstance", folder: Path) -> str:
    """Write a manifest, of an archive or of an export, to disk for good; return its SHA-256."""
    text = json.dumps(dataclasses.asdict(manifest), default=_plain, indent=2, ensure_ascii=False) + "\n"
    with (folder / NAME).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path, sha256: str | None = None) -> Manifest:
    """Return the manifest in `folder`. Raises ArchiveRefused when there is none, or not the one with this SHA-256."""
    found, digest = load(folder)
    if sha256 is not None and digest != sha256:
        raise ArchiveRefused(f"{folder / NAME} is not the one that was written: its SHA-256 differs", "take it from a backup")
    return found


def load(folder: Path) -> tuple[Manifest, str]:
    """Return the manifest in `folder` and its SHA-256. Raises ArchiveRefused when there is none that this version reads."""
    try:
        content = (folder / NAME).read_bytes()
    except OSError as error:
        raise ArchiveRefused(
            f"{folder / NAME} cannot be read: {error.strerror}", "is this the host that wrote it? --dir names another folder"
        ) from None
    try:
        return _parse(json.loads(content)), hashlib.sha256(content).hexdigest()
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveRefused(
            f"{folder / NAME} is not a manifest that this version reads: {error!r}", "take it from a backup"
        ) from None


def _parse(content: dict[str, Any]) -> Manifest:
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']}")
    tables = [
        Table(
            **{
                **table,
                "columns": [(name, kind) for name, kind in table["columns"]],
                "file": File(**table["file"]),
                "parquet": File(**table["parquet"]) if table["parquet"] else None,
            }
        )
        for table in content["tables"]
    ]
    times = {key: datetime.fromisoformat(content[key]) for key in ("lower", "upper", "created_at")}
    return Manifest(**{**content, **times, "tables": tables})


def verify(manifest: Manifest, folder: Path) -> None:
    """Raise ArchiveRefused unless every file is there with the SHA-256 that the manifest names."""
    for table in manifest.tables:
        for file in (table.file, table.parquet):
            if file is not None:
                verify_file(folder / file.name, file)


def verify_file(path: Path, file: File) -> None:
    """Raise ArchiveRefused unless the file at `path` has the SHA-256 that its manifest names."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}", "take it from a backup") from None
    if digest.hexdigest() != file.sha256:
        raise ArchiveRefused(f"{path} is damaged: its SHA-256 is not the one in its manifest", "take it from a backup")


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the decompressed content of a .zst file. Raises ArchiveRefused when it is cut off or no zstd."""
    import zstandard

    try:
        with path.open("rb") as stream, zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=False) as reader:
            while piece := reader.read(_PIECE):
                yield piece
    except (OSError, zstandard.ZstdError) as error:
        raise ArchiveRefused(f"{path} cannot be read: {error}", "take it from a backup") from None


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def cluster(connection: Connection) -> str:
    """Return what tells this server from every other: two of them may have a database of one name."""
    return str(postgres.fetch_one(connection, "select system_identifier from pg_control_system()")[0])


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
