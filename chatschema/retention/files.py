"""Files on disk that chatschema wrote and that end some time after: exports of persons and of holds, statistics of reports.

Only in the folders that are configured, only of this database, and only what is recognized by its content.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from chatschema import audit, discard, hold, postgres
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Due

_MANIFEST = "manifest.json"
_PRIVACY = "chatschema-privacy-export/1"
_SNAPSHOT = "chatschema statistics"
# A copy of what a hold covers stays as long as the hold: of its person, of the hold itself, and of anything if it names a period.
_IS_HELD = """
    select exists (
        select from chatschema.holds as h
        where h.released_at is null
            and (h.id = %(hold)s or h.user_id = %(subject)s or h.user_id is null and h.conversation_id is null)
    )
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A folder or file: where, its files (none for a file itself), from when it is, and the hold or the person that it is about."""

    root: Path
    path: Path
    names: tuple[str, ...]
    written_at: datetime
    noun: str
    hold: int | None = None
    subject: UUID | None = None


def exports(connection: Connection, folders: Sequence[Path]) -> Iterator[Found]:
    """Yield the exports of persons and of holds of this database, by name."""
    for root, path in _children(folders):
        content = _json(path / _MANIFEST) if path.is_dir() and not path.is_symlink() else None
        if content is not None and content.get("database") == connection.info.dbname:
            yield from _recognized(_export, root, path, content)


def snapshots(connection: Connection, folders: Sequence[Path]) -> Iterator[Found]:
    """Yield the statistics of this database that `report snapshot` wrote, by name."""
    for root, path in _children(folders):
        content = _json(path) if path.is_file() and not path.is_symlink() else None
        if content is not None and content.get("kind") == _SNAPSHOT:
            yield from _recognized(_statistics, root, path, {**content, "here": connection.info.dbname})


def _children(folders: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    for root in folders:
        # A folder that nothing was written to yet.
        if root.is_dir():
            yield from ((root, path) for path in sorted(root.iterdir()))


def _json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _recognized(
    recognize: Callable[[Path, Path, dict[str, Any]], Found | None], root: Path, path: Path, content: dict[str, Any]
) -> Iterator[Found]:
    """Yield what was recognized; content of another shape is somebody else's."""
    try:
        found = recognize(root, path, content)
    except (KeyError, TypeError, ValueError, AttributeError):
        return
    # A name that leads elsewhere was not written by chatschema.
    if found is not None and found.written_at.tzinfo is not None and not any("/" in name for name in found.names):
        yield found


def _export(root: Path, path: Path, content: dict[str, Any]) -> Found | None:
    if content.get("format") == _PRIVACY:
        names = tuple(str(file["name"]) for file in content["files"])
        written_at, subject = datetime.fromisoformat(content["snapshot_at"]), UUID(content["subject"])
        return Found(root, path, (*names, _MANIFEST), written_at, "privacy_export", subject=subject)
    if str(content["tool"]).startswith("chatschema ") and "dropped_months" in content:
        names = tuple(str(part["file"]["name"]) for part in content["tables"])
        written_at, number = datetime.fromisoformat(content["exported_at"]), int(content["hold"]["id"])
        return Found(root, path, (*names, _MANIFEST), written_at, "hold_export", hold=number)
    return None


def _statistics(root: Path, path: Path, content: dict[str, Any]) -> Found | None:
    if content["origin"]["database"] != content["here"]:
        return None
    return Found(root, path, (), datetime.fromisoformat(content["origin"]["at"]), "report_snapshot")


def due(connection: Connection, found: Iterator[Found], before: datetime) -> Due:
    """Return how many of these were written before this moment; what cannot be removed waits. Reads only."""
    count = held = waiting = 0
    oldest, waits_for = None, ""
    for one in found:
        if one.written_at >= before:
            continue
        if _is_held(connection, one):
            held += 1
        elif reason := _why_not(one):
            waiting, waits_for = waiting + 1, waits_for or f"{one.path}: {reason}"
        else:
            count, oldest = count + 1, min(oldest or one.written_at, one.written_at)
    return Due(count, oldest, held, waiting, waits_for)


def _is_held(connection: Connection, one: Found) -> bool:
    if one.noun == "report_snapshot":
        return False
    return bool(postgres.fetch_one(connection, _IS_HELD, {"hold": one.hold, "subject": one.subject})[0])


def _why_not(one: Found) -> str | None:
    try:
        return discard.why_not(one.root, one.path, one.names) if one.names else None
    except OSError as error:
        return error.strerror or str(error)


def remove(connection: Connection, found: Iterator[Found], before: datetime, *, say: Say) -> Iterator[Path]:
    """Remove those that were written before this moment, yielding each. A run that was interrupted is finished by the next one.

    What a hold covers stays, and so does a folder with anything that chatschema did not write. Raises OSError.
    """
    for one in found:
        if one.written_at >= before:
            continue
        if reason := _why_not(one):
            say(f"kept {one.path}: {reason}")
        elif locks.in_transaction(connection, lambda one=one: _remove(connection, one), locks.DDL):  # type: ignore[misc]
            yield one.path


def _remove(connection: Connection, one: Found) -> bool:
    hold.freeze(connection)
    if _is_held(connection, one):
        return False
    if one.names:
        discard.empty(one.path, one.names)
        one.path.rmdir()
    else:
        discard.remove_file(one.path)
    audit.record(connection, "retention.remove_file", one.noun, one.path.name, path=str(one.path))
    return True
