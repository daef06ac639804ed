"""The values that the core returns and `--json` prints."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

MigrationState = Literal["applied", "pending", "edited", "missing", "renamed", "out-of-order", "interrupted"]

# Parents first. The order of every listing, of seeds and, reversed, of removal.
TABLES = (
    "users",
    "auth_sessions",
    "user_public_keys",
    "conversations",
    "conversation_participants",
    "messages",
    "message_statuses",
    "attachments",
    "audit_logs",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with: which server, and where the files are.

    `conninfo` is libpq's connection string; `source` says where it was found, for people;
    `embedded` is the folder of the embedded server, None when a server was configured.
    """

    conninfo: str = field(repr=False)
    source: str
    embedded: Path | None
    sql_dir: Path
    seeds_dir: Path
    state_dir: Path
    is_production: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """The server and database behind a connection."""

    version: str
    database: str
    role: str
    host: str
    is_standby: bool


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration, applied or undone, and how long it took."""

    id: str
    title: str
    duration_ms: float


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """Where one migration stands: its files against the ledger."""

    id: str
    title: str
    state: MigrationState
    applied_at: datetime | None
    has_rollback: bool
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """A partition by month: bounds in UTC, the upper one exclusive."""

    parent: str
    name: str
    lower: datetime
    upper: datetime


@dataclass(frozen=True, slots=True)
class Runway:
    """How far ahead the months of a partitioned table reach without a gap."""

    parent: str
    months: int
    until: datetime | None
    days: float


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of a table; estimated by the planner's statistics where counting would take long."""

    table: str
    rows: int | None
    is_exact: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class SeedStatus:
    """A seeder, and what it left in the database."""

    name: str
    title: str
    seeded_at: datetime | None
    rows: int


@dataclass(frozen=True, slots=True)
class Protection:
    """Why a database is protected."""

    reason: str
    protected_at: datetime | None
    protected_by: str | None
