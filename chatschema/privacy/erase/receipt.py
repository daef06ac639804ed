"""The receipt of an erasure: what was done, its SHA-256, and the signature by which others can check it without the database."""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from chatschema import __version__, durable
from chatschema.audit import anchor
from chatschema.audit.keys import NotGenuine, PrivateKey, PublicKey
from chatschema.errors import ChatschemaError, UsageError
from chatschema.privacy.erase.search import Left

# The first line of what is signed, so that the signature cannot stand for an anchor.
_ORIGIN = "chatschema/receipt/1"
# What SQL does not reach, and how long it stays there.
BEYOND = {
    "rows before their change": "until VACUUM, which ran here, may remove them: a long transaction delays that",
    "write-ahead log": "until it is recycled or leaves its archive",
    "replicas": "until they have replayed the changes",
    "backups": "until they expire by your rules; a restored one needs this erasure again",
    "server log and pg_stat_statements": "until they are rotated or reset",
    "stored files of attachments": "until the collector has removed them",
}


@dataclass(slots=True)
class Receipt:
    """What an erasure did: rows by kind, archives by month, what could not be reached, and what a search still found.

    `similar` are places with a word that others may have as well, such as a title; `note` is the signed note, empty without a key.
    """

    subject_type: str
    subject_id: UUID
    started_at: datetime
    rows: dict[str, int] = field(default_factory=dict)
    archives: dict[str, int] = field(default_factory=dict)
    unreached: dict[str, str] = field(default_factory=dict)
    searched_for: int = 0
    left: list[Left] = field(default_factory=list)
    similar: list[Left] = field(default_factory=list)
    beyond: dict[str, str] = field(default_factory=lambda: dict(BEYOND))
    tool: str = f"chatschema {__version__}"
    finished_at: datetime | None = None
    sha256: str = ""
    note: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether everything within reach is erased."""
        return not self.left and not self.unreached

    def seal(self, key: PrivateKey | None) -> dict[str, Any]:
        """Set the hash, and the note that `key` signs; return the receipt as a document of JSON."""
        self.sha256 = _digest(_plain(dataclasses.asdict(self)))
        if key:
            self.note = anchor.signed(_text(self.sha256), key)
        return _plain(dataclasses.asdict(self))


def refuse_existing(path: Path) -> None:
    """Raise UsageError if the file exists, or its folder does not: before the erasure, as there is no second receipt of it."""
    if path.exists() or not path.parent.is_dir():
        what = f"{path} exists" if path.exists() else f"the folder {path.parent} does not exist"
        raise UsageError(f"{what}; nothing was erased", "name a new file: --receipt FILE", code="privacy.receipt-exists")


def write(path: Path, receipt: Receipt) -> None:
    """Write the receipt to a new file, readable by nobody else, and flush it to disk. Raises ChatschemaError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(_plain(dataclasses.asdict(receipt)), indent=2, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        durable.sync_folder(path.parent)
    except OSError as error:
        text = f"the erasure is complete, but {path} could not be written: {error.strerror or error}"
        raise ChatschemaError(
            text, "print the receipt: chatschema privacy list --json", code="privacy.receipt-not-written"
        ) from None


@dataclass(frozen=True, slots=True)
class Checked:
    """A receipt that is as it was written; `signed_by` is None if no signature was checked."""

    receipt: dict[str, Any]
    signed_by: str | None


def check(path: Path, key: PublicKey | None) -> Checked:
    """Return the receipt in a file, once its hash fits, and its signature where `key` is given. Raises NotGenuine, OSError."""
    try:
        document = json.loads(path.read_text("utf-8", errors="replace"))
        recorded, note = str(document["sha256"]), str(document["note"])
        is_receipt = "subject_id" in document
    except (ValueError, KeyError, TypeError):
        is_receipt = False
    if not is_receipt:
        hint = "a receipt is written by: chatschema privacy erase USER --receipt FILE"
        raise NotGenuine(f"{path} is no receipt of an erasure", hint, code="privacy.receipt-syntax")
    if _digest(document) != recorded:
        raise NotGenuine(f"{path} was changed: it does not have the hash that is in it", code="privacy.receipt-changed")
    if key is None:
        return Checked(document, None)
    if not note:
        hint = "an erasure with --key KEY signs its receipt"
        raise NotGenuine(f"{path} is not signed", hint, code="privacy.receipt-unsigned")
    if anchor.checked(note, key) != _text(recorded):
        raise NotGenuine(f"{path}: its signature is about another receipt", code="privacy.receipt-changed")
    return Checked(document, key.name)


def _text(sha256: str) -> str:
    return f"{_ORIGIN}\n{sha256}\n"


def _digest(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a receipt without its hash and its note."""
    content = {name: value for name, value in document.items() if name not in ("sha256", "note")}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(document, default=_text_of))
    return plain


def _text_of(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
