"""What is said of a month: its tables, there or dropped, and what the ledger knows of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

PartitionState = Literal["attached", "detach pending", "detached", "archived", "dropped"]


@dataclass(frozen=True, slots=True)
class Partition:
    """A month's table, there or gone: `rows` estimated, None where unknown; `bytes` with indexes; bounds as in Month."""

    parent: str
    name: str
    lower: datetime
    upper: datetime
    state: PartitionState
    rows: int | None
    bytes: int | None
    indexes: int | None
    is_held: bool


@dataclass(frozen=True, slots=True)
class RetiredMonth:
    """What the ledger knows of a month that left, is leaving, was archived or was brought back.

    `archive_is_current` is False once rows may have changed after the archive was written.
    """

    month: datetime
    state: Literal["attached", "detaching", "detached", "dropped"]
    keep_until: datetime | None
    detached_at: datetime | None
    archived_at: datetime | None
    archive: str | None
    archive_sha256: str | None
    dropped_at: datetime | None
    restored_at: datetime | None
    messages: int | None
    statuses: int | None
    held_messages: int | None
    attachments_released: int | None
    archive_is_current: bool = True


@dataclass(frozen=True, slots=True)
class Runway:
    """How far ahead the months of a partitioned table reach without a gap."""

    parent: str
    months: int
    until: datetime | None
    days: float
