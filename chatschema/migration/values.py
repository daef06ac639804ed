"""The state of a migration."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

MigrationState = Literal[
    "applied", "pending", "edited", "missing", "newer", "renamed", "out-of-order", "interrupted", "running", "waiting"
]


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """The state of one migration: its files compared with the ledger. `note` explains a state that is not applied or pending."""

    id: str
    title: str
    state: MigrationState
    applied_at: datetime | None
    has_rollback: bool
    note: str | None = None
