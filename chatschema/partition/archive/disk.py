"""The folder of an archive on disk: its names, recovery after a killed run, and files that survive a power failure."""

import hashlib
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from chatschema import durable
from chatschema.partition.archive.manifest import File


def folder_of(archives: Path, lower: datetime) -> Path:
    """Return the folder of a month's archive."""
    return archives / f"{lower:%Y-%m}"


def name_aside(target: Path, sha256: str) -> Path:
    """Return the name under which an archive is kept when another one replaces it."""
    return target.with_name(f"{target.name}.{sha256[:12]}")


def compress(pieces: Iterable[bytes], path: Path) -> File:
    """Write `pieces` as zstd and flush them to disk; return size and SHA-256 of the file. Raises OSError."""
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


def recover(target: Path, sha256: str | None) -> None:
    """Give an archive its name back after a run that renamed it was killed before the new one had the name.

    `sha256` is that of the recorded manifest.
    """
    kept = [target.with_name(target.name + ".previous"), *([name_aside(target, sha256)] if sha256 else [])]
    # If that is not possible, the error comes when the archive is read.
    with suppress(OSError):
        for folder in kept:
            if not target.exists() and folder.exists():
                folder.rename(target)


def put(partial: Path, target: Path, aside: Path | None = None) -> None:
    """Give the new archive its name; the previous one is removed after that, or is kept as `aside`."""
    previous = target.with_name(target.name + ".previous")
    shutil.rmtree(previous, ignore_errors=True)
    # A drop may follow: the names of the files must survive a power failure, and not only their content.
    durable.sync_folder(partial)
    if target.exists():
        target.rename(aside or previous)
    partial.rename(target)
    durable.sync_folder(target.parent)
    durable.sync_folder(target.parent.parent)
    shutil.rmtree(previous, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a folder if there is one. Raises OSError if it cannot be removed."""
    if folder.exists():
        shutil.rmtree(folder)
