"""A snapshot as a JSON file: written completely or not at all, and readable only by its owner, as queries reveal a lot."""

import dataclasses
import json
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from chatschema import units
from chatschema.durable import replace_file
from chatschema.errors import ChatschemaError, UsageError
from chatschema.report.compare.snapshot import Index, Origin, Snapshot, Statement, Table
from chatschema.report.result import Gap

FORMAT = 1
KIND = "chatschema statistics"
_WRITE = "write one: chatschema report snapshot FILE"

Row = TypeVar("Row")
_KINDS: tuple[type[Any], ...] = (Origin, Statement, Index, Table, Gap)
_TYPES: dict[type[Any], dict[str, Any]] = {kind: get_type_hints(kind) for kind in _KINDS}
# Fields that earlier versions of chatschema did not write have a default.
_OPTIONAL = {
    kind: {field.name for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING} for kind in _KINDS
}


def refuse(path: Path, *, force: bool) -> None:
    """Raise UsageError for a path that must not be written: it is not a file, or it exists and `force` is not given."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a file", "name a file: chatschema report snapshot before.json", code="snapshot.exists")
    if path.exists() and not force:
        raise UsageError(f"{path} already exists", "choose another name, or overwrite it: --force", code="snapshot.exists")


def write(snapshot: Snapshot, path: Path, *, force: bool = False) -> int:
    """Write the snapshot, readable by its owner only; return its bytes.

    It is written beside `path` and moved there when it is complete. Raises UsageError as refuse(), ChatschemaError when it
    cannot be written; then no file is left behind, and an existing file is unchanged.
    """
    refuse(path, force=force)
    content = json.dumps(_document(snapshot), default=_plain, indent=1, ensure_ascii=False).encode() + b"\n"
    try:
        replace_file(path.resolve(), content, 0o600)
    except OSError as error:
        raise ChatschemaError(
            f"{path} cannot be written: {error.strerror or error}",
            "no partial file was left behind; check its folder, or choose another one",
            code="snapshot.not-written",
        ) from None
    return len(content)


def _document(snapshot: Snapshot) -> dict[str, Any]:
    return {"kind": KIND, "format": FORMAT, **dataclasses.asdict(snapshot)}


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return units.iso(value)
    raise TypeError(f"{value!r} cannot be stored in a snapshot")


def read(path: Path) -> Snapshot:
    """Return the snapshot in the file. Raises UsageError for another file, an incomplete one, or another format."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", _WRITE, code="snapshot.unreadable") from None
    except (ValueError, RecursionError):
        raise UsageError(
            f"{path} is not a snapshot, or an incomplete one: it is not JSON", _WRITE, code="snapshot.unreadable"
        ) from None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise UsageError(f"{path} is not a snapshot", _WRITE, code="snapshot.unreadable")
    if document.get("format") != FORMAT:
        raise UsageError(
            f"{path} is a snapshot of format {document.get('format')}; this version of chatschema reads format {FORMAT}",
            "use the version that wrote it, or write a new one: chatschema report snapshot FILE",
            code="snapshot.format",
        )
    try:
        statements = document["statements"]
        return Snapshot(
            origin=_row(Origin, document["origin"]),
            statements=None if statements is None else [_row(Statement, row) for row in statements],
            indexes=[_row(Index, row) for row in document["indexes"]],
            tables=[_row(Table, row) for row in document["tables"]],
            gaps=[_row(Gap, row) for row in document["gaps"]],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is a damaged snapshot: {error}", _WRITE, code="snapshot.unreadable") from None


def _row(kind: type[Row], row: dict[str, Any]) -> Row:
    """Return the row as `kind`, each value of the type that it has there."""
    values = {}
    for name, wanted in _TYPES[kind].items():
        if name in _OPTIONAL[kind] and name not in row:
            continue
        value = row[name]
        if isinstance(value, str) and wanted in (datetime, datetime | None):
            value = datetime.fromisoformat(value)
            if value.tzinfo is None:
                raise ValueError(f"{name} has no time zone")
        # The members of a list are not checked: they are only printed.
        if not isinstance(value, list if wanted == list[str] else wanted):
            raise TypeError(f"{name} is {value!r}")
        values[name] = value
    return kind(**values)
