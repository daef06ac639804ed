"""The values that the core returns and `--json` prints."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

PartitionState = Literal["attached", "detach pending", "detached", "archived", "dropped"]
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
class Span:
    """A length of time as people say it: calendar months, and days."""

    months: int = 0
    days: float = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """How long months stay, and how they leave.

    `ahead`: months made beyond the current one. `keep`: how long a month stays attached, None for ever. `grace`: days
    between detach and drop. `archive`: whether only archived months are dropped, and into which folder. `holds`: whether
    a hold keeps its whole month, or has its rows carved out.
    """

    ahead: int = 6
    keep: Span | None = None
    grace: Span = Span(days=7)
    archive: bool = True
    archive_dir: Path = Path("archives")
    holds: Literal["block", "carve"] = "block"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A finding that is known: its id, * for any part of it; why; and the last day on which it is left out."""

    finding: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Reporting:
    """What a report's findings are judged by: thresholds by report and name, and what is known."""

    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with: which server, and where the files are.

    `conninfo` is libpq's connection string; `source` says where it was found, for people;
    `embedded` is the folder of the embedded server, None when a server was configured;
    `replicas` are the connection strings of the standbys whose long queries are waited for.
    """

    conninfo: str = field(repr=False)
    source: str
    embedded: Path | None
    sql_dir: Path
    seeds_dir: Path
    state_dir: Path
    is_production: bool = False
    policy: Policy = field(default_factory=Policy)
    reporting: Reporting = field(default_factory=Reporting)
    replicas: tuple[str, ...] = field(default=(), repr=False)


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
class Hold:
    """A legal hold: which messages must not be removed; None in a scope is any."""

    id: int
    conversation_id: UUID | None
    user_id: UUID | None
    from_at: datetime | None
    to_at: datetime | None
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None
    release_reason: str | None


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
