"""A migration of another tool, and the names that it gets."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

# Large versions, such as 1.20.3: so many digits for each part. Together they are the 14 digits of a migration's number.
_DIGITS = (5, 3, 3, 3)


@dataclass(frozen=True, slots=True)
class StrangerFile:
    """A migration of another tool: its version as the tool stores it, its words, its texts and its file.

    `down_is_transactional` is None if the rollback is as the migration; `recorded_as` is how the tool's record names it, if not
    by its version.
    """

    version: str
    words: str
    up: str
    down: str | None
    is_transactional: bool
    source: Path
    down_is_transactional: bool | None = None
    recorded_as: str | None = None

    @property
    def key(self) -> str:
        """How the tool's record names it."""
        return self.recorded_as or self.version


@dataclass(frozen=True, slots=True)
class Past:
    """A migration that the other tool has applied: its version, when, and the tool's checksum of its file."""

    version: str
    applied_at: datetime | None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A tool: how its files are read, how its record is, and the checksum that it keeps of a file, if it does.

    `read` is None if the files are programs, which have to be run.
    """

    name: str
    read: Callable[[Path], tuple[list[StrangerFile], list[str]]] | None
    table: str
    past: Callable[[Connection], list[Past]]
    checksum: Callable[[Path], str] | None = None


def number(version: str, *, has_parts: bool) -> str:
    """Return the 14 digits for a version. Raises ChatschemaError for one that does not fit."""
    parts = re.split(r"[._]", version)
    if not has_parts and len(version) <= sum(_DIGITS) and version.isdigit():
        return version.zfill(sum(_DIGITS))
    fits = len(parts) <= len(_DIGITS) and all(
        part.isdigit() and len(part) <= digits for part, digits in zip(parts, _DIGITS, strict=False)
    )
    if not fits:
        raise ChatschemaError(
            f"the version {version} does not fit into 14 digits, {'-'.join(map(str, _DIGITS))} where it has parts",
            "rename the file and its record in the tool's own table first",
            code="strangers.version",
        )
    padded = [*parts, *["0"] * (len(_DIGITS) - len(parts))]
    return "".join(part.zfill(digits) for part, digits in zip(padded, _DIGITS, strict=True))


def slug(words: str) -> str:
    """Return the words as the second half of a migration's name."""
    found = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return found if found[:1].isalpha() and found.isascii() else f"migration_{found}".rstrip("_")
