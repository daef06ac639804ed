"""The tables [retention] and [audit] of chatschema.toml: how long everything is kept that has no other setting. Values only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chatschema.config import partition
from chatschema.errors import UsageError
from chatschema.values import Retention, Span

_SPANS = ("keys", "files", "released_attachments", "archives", "exports", "snapshots", "grace")
_AUDIT = ("keep", "archive_dir")
_FOLDERS = ("export_dirs", "snapshot_dirs")
# The kinds of files on disk, and the key that names their folders.
_NEEDS = {"exports": "export_dirs", "snapshots": "snapshot_dirs"}


def parse(table: Mapping[str, Any], audit: Mapping[str, Any], folder: Path, file: str) -> Retention:
    """Return what both tables set; what they leave out is kept for ever. Paths are relative to `folder`. Raises UsageError."""
    for key, value in table.items():
        is_folders = key in _FOLDERS and isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        if not is_folders and not (key in _SPANS and isinstance(value, str)):
            known = f"{', '.join(_SPANS)} (a length of time such as 90d), {', '.join(_FOLDERS)} (a list of folders)"
            text = f"{file}: [retention] {key} = {value!r} is not a valid setting"
            raise UsageError(text, f"the settings are {known}", code="config.unknown")
    for key, folders in _NEEDS.items():
        if key in table and not table.get(folders):
            hint = f'add {folders} = ["{key}"], relative to the folder of {file}'
            raise UsageError(f"{file}: [retention] {key} names no folder", hint, code="config.unknown")
    values: dict[str, Any] = {
        key: _positive(value, f"{file}: [retention] {key} =") for key, value in table.items() if key in _SPANS
    }
    values |= {key: tuple((folder / one).absolute() for one in table[key]) for key in _FOLDERS if key in table}
    return Retention(**values, **_audit(audit, folder, file))


def _audit(table: Mapping[str, Any], folder: Path, file: str) -> dict[str, Any]:
    for key, value in table.items():
        if key not in _AUDIT or not isinstance(value, str) or not value:
            text = f"{file}: [audit] {key} = {value!r} is not a valid setting"
            hint = "the settings are keep (a length of time such as 7y) and archive_dir (a folder)"
            raise UsageError(text, hint, code="config.unknown")
    found: dict[str, Any] = {}
    if "keep" in table:
        found["audit"] = _positive(table["keep"], f"{file}: [audit] keep =")
    if "archive_dir" in table:
        found["audit_dir"] = (folder / table["archive_dir"]).absolute()
    return found


def _positive(text: str, where: str) -> Span:
    """Return a length of time. Raises UsageError for none at all: a typing error must not remove everything."""
    found = partition.span(text, where)
    if found == Span():
        raise UsageError(f"{where} {text!r} keeps nothing", "the shortest time is 1d", code="config.span")
    return found
