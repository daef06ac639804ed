"""manifest.json of an export: what is in it, with checksums, and what is not, with the reason."""

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chatschema import units

NAME = "manifest.json"
FORMAT = "chatschema-privacy-export/1"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the export; `rows` is None for the page."""

    name: str
    what: str
    rows: int | None
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Omission:
    """Something about the person that is not in the export, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """An export: of whom, in which scope, as of when, from where, with which files, and what was left out."""

    subject: UUID
    username: str
    scope: str
    snapshot_at: datetime
    database: str
    server_version: str
    schema_version: str
    tool: str
    files: tuple[File, ...]
    left_out: tuple[Omission, ...]
    format: str = FORMAT


def text(manifest: Manifest) -> str:
    """Return the manifest as a JSON document."""
    return json.dumps(dataclasses.asdict(manifest), default=_plain, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> str:
    return units.iso(value) if isinstance(value, datetime) else str(value)
