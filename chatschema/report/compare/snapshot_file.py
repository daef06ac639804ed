"""A snapshot as a JSON file: whole or not there, and for its owner's eyes only, as queries say much of their application."""

import dataclasses
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from chatschema.errors import ChatschemaError, UsageError
from chatschema.report.compare.snapshot import Index, Origin, Snapshot, Statement, Table
from chatschema.report.result import Gap

FORMAT = 1
KIND = "chatschema statistics"
_WRITE = "write one: chatschema report snapshot FILE"

Row = TypeVar("Row")
_KINDS: tuple[type[Any], ...] = (Origin, Statement, Index, Table, Gap)
_TYPES: dict[type[Any], dict[str, Any]] = {kind: get_type_hints(kind) for kind in _KINDS}
# What an earlier chatschema did not write has a default.
_OPTIONAL = {
    kind: {field.name for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING} for kind in _KINDS
}


def refuse(path: Path, *, force: bool) -> None:
    """Raise UsageError for a path that is not to be written: what is there and is no file, or a file without `force`."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a file", "name a file: chatschema report snapshot before.json")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already", "take another name, or overwrite it: --force")


def write(snapshot: Snapshot, path: Path, *, force: bool = False) -> int:
    """Write the snapshot, readable by its owner only; return its bytes.

    It is written beside `path` and moved there when it is whole. Raises UsageError as refuse(), ChatschemaError when it
    cannot be written; nothing is left behind then, and a former file is as it was.
    """
    refuse(path, force=force)
    content = json.dumps(_document(snapshot), default=_plain, indent=1, ensure_ascii=False).encode() + b"\n"
    target = path.resolve()
    try:
        number, name = tempfile.mkstemp(prefix=".chatschema-", dir=target.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).rename(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ChatschemaError(
            f"{path} cannot be written: {error.strerror or error}", "nothing was left behind; check its folder, or take another"
        ) from None
    return len(content)


def _document(snapshot: Snapshot) -> dict[str, Any]:
    return {"kind": KIND, "format": FORMAT, **dataclasses.asdict(snapshot)}


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{value!r} has no place in a snapshot")


def read(path: Path) -> Snapshot:
    """Return the snapshot in the file. Raises UsageError for a file that is none, or not whole, or of another format."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", _WRITE) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is not a snapshot, or not a whole one: it is not JSON", _WRITE) from None
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise UsageError(f"{path} is not a snapshot", _WRITE)
    if document.get("format") != FORMAT:
        raise UsageError(
            f"{path} is a snapshot of format {document.get('format')}; this chatschema reads format {FORMAT}",
            "compare it with the chatschema that wrote it, or write one anew: chatschema report snapshot FILE",
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
        raise UsageError(f"{path} is a damaged snapshot: {error}", _WRITE) from None


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
        # A list's members are not looked at: nothing is done with them but to print them.
        if not isinstance(value, list if wanted == list[str] else wanted):
            raise TypeError(f"{name} is {value!r}")
        values[name] = value
    return kind(**values)
