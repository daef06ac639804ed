"""manifest.json, which describes the files of an archive beside it, and the check that the files match."""

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
_FROM_BACKUP = "restore it from a backup"


class ArchiveRefused(ChatschemaError):
    """An archive is missing, incomplete, different from its manifest, or different from the database."""

    code = "archive.refused"


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
    """The archived month, its tables, and the time and tool that wrote it; bounds in UTC, the upper one exclusive."""

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
        """Return this table's entry, or None."""
        return next((table for table in self.tables if table.table == name), None)


def write(manifest: "DataclassInstance", folder: Path) -> str:
    """Write the manifest of an archive or an export and flush it to disk; return its SHA-256."""
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
        text = f"{folder / NAME} was changed after it was written: its SHA-256 differs"
        raise ArchiveRefused(text, _FROM_BACKUP, code="archive.changed")
    return found


def load(folder: Path) -> tuple[Manifest, str]:
    """Return the manifest in `folder` and its SHA-256. Raises ArchiveRefused when there is none that this version reads."""
    try:
        content = (folder / NAME).read_bytes()
    except OSError as error:
        raise ArchiveRefused(
            f"{folder / NAME} cannot be read: {error.strerror}",
            "run this on the host that wrote it, or name its folder here: --dir DIR",
            code="archive.unreadable",
        ) from None
    try:
        return _parse(json.loads(content)), hashlib.sha256(content).hexdigest()
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveRefused(
            f"{folder / NAME} is not a manifest that this version can read: {error!r}", _FROM_BACKUP, code="archive.format"
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
        raise ArchiveRefused(f"{path} cannot be read: {error.strerror}", _FROM_BACKUP, code="archive.unreadable") from None
    if digest.hexdigest() != file.sha256:
        text = f"{path} is damaged: its SHA-256 differs from the manifest"
        raise ArchiveRefused(text, _FROM_BACKUP, code="archive.damaged")


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the decompressed content of a .zst file. Raises ArchiveRefused when it is truncated or not zstd."""
    import zstandard

    try:
        with path.open("rb") as stream, zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=False) as reader:
            while piece := reader.read(_PIECE):
                yield piece
    except (OSError, zstandard.ZstdError) as error:
        raise ArchiveRefused(f"{path} cannot be read: {error}", _FROM_BACKUP, code="archive.damaged") from None


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def cluster(connection: Connection) -> str:
    """Return the identifier of this server: two servers may have a database of the same name."""
    return str(postgres.fetch_one(connection, "select system_identifier from pg_control_system()")[0])


def compare(what: str, found: tuple[int, str], described: Table) -> None:
    """Raise ArchiveRefused unless rows and checksum are those of the manifest."""
    hint = "archive it again: chatschema partition archive"
    if found[0] != described.rows:
        text = f"{what} has {found[0]} rows, but the archive's manifest lists {described.rows}"
        raise ArchiveRefused(text, hint, code="archive.checksum")
    if found[1] != described.checksum:
        raise ArchiveRefused(f"{what}: checksum differs from the manifest", hint, code="archive.checksum")
