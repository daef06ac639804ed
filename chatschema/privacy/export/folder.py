"""The folder of an export: readable by its user alone, complete or absent, also after a kill."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chatschema import durable
from chatschema.errors import Busy, ChatschemaError, UsageError


@contextmanager
def new(folder: Path, say: Callable[[str], None]) -> Iterator[Path]:
    """Yield a folder to write to, which gets the name `folder` at the end, and is removed on any error.

    Raises UsageError when the folder exists, Busy while another run writes it, ChatschemaError when files cannot be written.
    """
    if folder.exists():
        raise UsageError(f"{folder} already exists", "name a new folder: --out DIR", code="privacy.folder-exists")
    partial = folder.with_name(folder.name + ".partial")
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with _alone(partial, say):
            yield partial
            durable.sync_folder(partial)
            partial.rename(folder)
            durable.sync_folder(folder.parent)
    except OSError as error:
        raise ChatschemaError(
            f"the export was not written: {error.filename or folder}: {error.strerror or error}",
            "check the free space, and that you may write to the folder",
            code="privacy.not-written",
        ) from None


@contextmanager
def _alone(partial: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock on the folder, which ends with the process; remove what a killed run left."""
    is_left = partial.exists()
    partial.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(partial, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text, hint = f"another export is writing {partial}", "wait for it, or name another folder: --out DIR"
            raise Busy(text, hint, code="privacy.folder-busy") from None
        if is_left:
            say(f"removing {partial}, which an interrupted export left")
            _empty(partial)
        partial.chmod(0o700)
        try:
            yield
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def write(path: Path, pieces: Iterable[bytes]) -> tuple[int, int, str]:
    """Write `pieces` to a new file of mode 600 and flush it to disk; return how many there were, the bytes, and their SHA-256."""
    digest, size, count = hashlib.sha256(), 0, 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb", buffering=1 << 20) as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count, size, digest.hexdigest()
