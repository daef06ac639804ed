"""Removing folders and files that chatschema wrote: no link is followed, and no unknown file is removed."""

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path


def why_not(root: Path, folder: Path, names: Collection[str]) -> str | None:
    """Return why a folder must not be removed; None if it lies in `root` and contains nothing but plain files of these names.

    A folder that is gone has nothing to object to. Raises OSError.
    """
    if folder.is_symlink():
        return "it is a symbolic link"
    if not folder.resolve().is_relative_to(root.resolve()):
        return f"it is not in {root}"
    return _foreign(folder, names) if folder.exists() else None


def _foreign(folder: Path, names: Collection[str]) -> str | None:
    if not folder.is_dir():
        return "it is not a folder"
    for one in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if one.name not in names:
            return f"{one.name} in it was not written by chatschema"
        if not one.is_file(follow_symlinks=False):
            return f"{one.name} in it is not a plain file"
    return None


def empty(folder: Path, names: Sequence[str]) -> None:
    """Remove the files of these names, in this order; what is gone already is skipped. Raises OSError.

    The last name should be the one by which the folder is recognized: after an interruption the next run finds it.
    """
    _unlink_all(folder, names, os.O_NOFOLLOW)


def remove_file(path: Path) -> None:
    """Remove a plain file; a link, and what is no file, stays. Raises OSError."""
    _unlink_all(path.parent, [path.name], 0)


def _unlink_all(folder: Path, names: Sequence[str], flags: int) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | flags)
    try:
        for name in names:
            _unlink(name, handle)
        os.fsync(handle)
    finally:
        os.close(handle)


def _unlink(name: str, folder: int) -> None:
    if "/" in name or name in ("", ".", ".."):
        raise OSError(f"{name!r} is not the name of a file")
    try:
        if stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
