"""The files S_ID.sql beside the migrations: what they stand for, and whether a database may use one."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.migration.files import SQUASHED, MigrationFile
from chatschema.migration.values import MigrationStatus
from chatschema.postgres import Say
from chatschema.sqlfile import SqlFile

_STANDS_FOR = re.compile(r"\d+ migrations?, (?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Squash(MigrationFile):
    """A file that stands for migrations: they are recorded as applied once it has run."""

    replaced: tuple[MigrationFile, ...] = ()

    @property
    def originals(self) -> tuple[MigrationFile, ...]:
        """The migrations that it stands for."""
        return self.replaced


def name(id: str) -> str:
    """Return the name of the file that stands for all migrations up to `id`, without its end."""
    return f"{SQUASHED}{id}"


def header(id: str, originals: Sequence[MigrationFile], majors: Sequence[int], body: str) -> str:
    """Return the header of a file with this body, which was proved on servers of these versions."""
    count = "1 migration" if len(originals) == 1 else f"{len(originals)} migrations"
    return (
        f"-- squash: all migrations up to {id}, as one file that only empty databases run.\n"
        "-- Why: a new database needs one file instead of all of them. Written by chatschema squash, and not to be edited.\n"
        f"-- stands-for: {count}, {digest(originals, body)}\n"
        f"-- postgresql: {', '.join(map(str, majors))}\n"
    )


def digest(originals: Sequence[MigrationFile], body: str) -> str:
    """Return the digest by which a file knows the migrations that it stands for, and its own text."""
    parts = [*(f"{one.id} {one.apply.checksum}" for one in originals), body.strip()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def shortened(
    pending: list[MigrationFile], files: Sequence[MigrationFile], statuses: Sequence[MigrationStatus], major: int, *, say: Say
) -> list[MigrationFile]:
    """Return what is pending with the largest usable squash in the place of the migrations that it stands for.

    Only a database on which nothing was ever applied uses one, and only on a server of a version on which it was proved.
    """
    if not pending or any(status.state not in ("pending", "waiting") for status in statuses):
        return pending
    for path in sorted(files[0].apply.path.parent.glob(f"{SQUASHED}*.sql"), reverse=True):
        originals = [file for file in files if file.id <= path.stem.removeprefix(SQUASHED)]
        if not originals or [file.id for file in pending[: len(originals)]] != [file.id for file in originals]:
            continue
        if reason := _obstacle(path, originals, major):
            say(f"{path.name} is not used: {reason}")
            continue
        return [Squash(path.stem, SqlFile(path), None, tuple(originals)), *pending[len(originals) :]]
    return pending


def _obstacle(path: Path, originals: Sequence[MigrationFile], major: int) -> str | None:
    file = SqlFile(path)
    stands_for, majors = _STANDS_FOR.fullmatch(file.header("stands-for") or ""), file.header("postgresql") or ""
    again = f"write it again: chatschema squash --to {path.stem.removeprefix(SQUASHED)}"
    if stands_for is None or stands_for["digest"] != digest(originals, body(file.text)):
        return f"it is not what was proved, or a migration was changed or added since; {again}"
    if str(major) not in re.split(r"[,\s]+", majors):
        return f"it was proved on PostgreSQL {majors}, and this is {major}"
    return None


def body(text: str) -> str:
    """Return the text after the header."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return "\n".join(lines[first:])


def write(folder: Path, id: str, text: str) -> Path:
    """Write the file, at once: whoever reads the folder sees the earlier one or this one. Raises ChatschemaError."""
    path = folder / f"{name(id)}.sql"
    part = folder / f".{path.name}.part"
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise ChatschemaError(
            f"{path} cannot be written: {error.strerror}", "check the folder and the disk", code="squash.file"
        ) from None
    return path
