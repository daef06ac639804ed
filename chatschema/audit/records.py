"""Seals and epochs, and the text of each that is hashed; docs/reference/audit-format.md is the rule."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from chatschema.audit import tree

FORMAT = "chatschema-audit-1"


@dataclass(frozen=True, slots=True)
class Epoch:
    """A cluster in which the trail was written, from the entry `first_id` and the seal `first_seal` on.

    An entry of the epoch before with an id above `carried_id`, or a transaction id from `carried_txid` on, is in `first_seal`.
    """

    number: int
    log_id: UUID
    system_identifier: str
    timeline: int
    first_id: int
    first_seal: int
    carried_id: int
    carried_txid: int
    reason: str
    started_at: datetime

    def text(self) -> bytes:
        """Return the text whose digest is in the records of its seals."""
        lines = [
            ("format", FORMAT), ("log", self.log_id), ("epoch", self.number), ("system-identifier", self.system_identifier),
            ("timeline", self.timeline), ("first-id", self.first_id), ("first-seal", self.first_seal),
            ("carried-id", self.carried_id), ("carried-txid", self.carried_txid), ("reason", self.reason),
            ("time", time(self.started_at)),
        ]  # fmt: skip
        return _lines(lines)

    def digest(self) -> bytes:
        """Return the SHA-256 of its text."""
        return sha256(self.text()).digest()


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal: its entries are those of an epoch with a transaction id from `low` to below `high`.

    `record_hash` is what the database has; record() is what it has to be the hash of.
    """

    number: int
    epoch: int
    low: int
    high: int
    row_count: int
    first_id: int
    last_id: int
    root: bytes
    locator_digest: bytes
    previous: bytes
    sealed_at: datetime
    record_hash: bytes = b""
    archive: str | None = None
    archive_sha256: bytes | None = None
    removed_at: datetime | None = None
    locator_is_intact: bool = True

    def record(self, epoch_digest: bytes) -> bytes:
        """Return the text of the seal: one `key value` a line."""
        lines = [
            ("format", FORMAT), ("number", self.number), ("epoch", self.epoch), ("low", self.low), ("high", self.high),
            ("rows", self.row_count), ("first-id", self.first_id), ("last-id", self.last_id), ("root", self.root.hex()),
            ("locator", self.locator_digest.hex()), ("previous", self.previous.hex()), ("epoch-digest", epoch_digest.hex()),
            ("time", time(self.sealed_at)),
        ]  # fmt: skip
        return _lines(lines)

    def hash(self, epoch_digest: bytes) -> bytes:
        """Return the hash of its record, a leaf of the tree over all seals."""
        return tree.leaf_hash(self.record(epoch_digest))


def _lines(lines: list[tuple[str, object]]) -> bytes:
    return "".join(f"{key} {value}\n" for key, value in lines).encode()


def time(moment: datetime) -> str:
    """Return a time as records have it, in UTC with microseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def parse(record: bytes) -> dict[str, str]:
    """Return the values of a record by their keys. Raises ValueError for other text."""
    lines = record.decode().split("\n")
    if lines.pop() or any(" " not in line for line in lines):
        raise ValueError("not a record")
    found = dict(line.split(" ", 1) for line in lines)
    if found.get("format") != FORMAT:
        raise ValueError("not a record of a known format")
    return found
