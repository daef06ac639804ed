"""Values about a month: its existing or dropped tables, and its record in the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

PartitionState = Literal["attached", "detach pending", "detached", "archived", "dropped"]


@dataclass(frozen=True, slots=True)
class Partition:
    """A month's table, existing or dropped: `rows` estimated, None where unknown; `bytes` with indexes; bounds as in Month.

    Of a dropped month the state is `archived` if its archive has its rows, otherwise `dropped`.
    """

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
    """The ledger's record of a month that was or is being retired, was archived or was restored.

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

    @property
    def has_archive_since_detach(self) -> bool:
        """Whether an archive was written after the detach and has the current rows; before it, sessions could still write."""
        if self.archived_at is None or self.detached_at is None:
            return False
        return self.archived_at >= self.detached_at and self.archive_is_current


@dataclass(frozen=True, slots=True)
class Runway:
    """How far ahead the months of a partitioned table reach without a gap."""

    parent: str
    months: int
    until: datetime | None
    days: float
