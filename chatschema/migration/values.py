"""What is said of a migration: where it stands, and that it was applied."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

MigrationState = Literal["applied", "pending", "edited", "missing", "renamed", "out-of-order", "interrupted"]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where one migration stands: its files against the ledger."""

    id: str
    title: str
    state: MigrationState
    applied_at: datetime | None
    has_rollback: bool
    note: str | None = None
