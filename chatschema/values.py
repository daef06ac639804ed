"""The values that several nouns share; a noun's own live with the noun."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

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
    """A length of time in calendar months and days."""

    months: int = 0
    days: float = 0


# How long a session is kept after its end, unless chatschema.toml has another time.
SESSIONS_KEPT = Span(days=30)
# How long a month of events is kept after its end, unless chatschema.toml has another time.
EVENTS_KEPT = Span(days=30)


@dataclass(frozen=True, slots=True)
class Policy:
    """How long months are kept, and how they are retired.

    `ahead`: months created beyond the current one. `keep`: how long a month stays attached, None for ever. `grace`: wait
    after the detach. `archive`: whether only archived months are dropped, and into which folder. `holds`: whether
    a hold keeps its whole month, or only its own rows.
    """

    ahead: int = 6
    keep: Span | None = None
    grace: Span = Span(days=7)
    archive: bool = True
    archive_dir: Path = Path("archives")
    holds: Literal["block", "carve"] = "block"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a statement waits for a lock, how often it is tried, and the longest pause between two tries.

    The timeout is below deadlock_timeout (1 s): in a deadlock with the application's transactions, chatschema's statement gives
    up first. No try begins after `ends_at`, by time.monotonic(), which is the moment `until` in words.
    """

    timeout_s: float = 0.8
    attempts: int = 8
    longest_pause_s: float = 4.0
    ends_at: float | None = None
    until: str = ""
    of_months: bool = False


@dataclass(frozen=True, slots=True)
class Batching:
    """The limits of data migrations in batches.

    `target_ms`: how long a batch takes. `pause`: the pause after it, as a multiple of its time. `lag_mb`: how far a replica may
    be behind. `wal_mb`: how much WAL the server may write a second. 0 is no limit.
    """

    target_ms: float = 100
    pause: float = 1.0
    lag_mb: float = 16
    wal_mb: float = 32


@dataclass(frozen=True, slots=True)
class Planning:
    """The rules for plans: whether `migrate` applies only a plan that was reviewed, and where the copy for a plan is made.

    `scratch` is a URL, or one of embedded, same and none; None for the embedded server if it is installed.
    `allow_newer`: whether it runs on a database that a newer release migrated; `out_of_order`: whether it applies late files.
    """

    require_plan: bool = False
    scratch: str | None = field(default=None, repr=False)
    allow_newer: bool = False
    out_of_order: bool = False


@dataclass(frozen=True, slots=True)
class Suppression:
    """A known finding: its id, in which * stands for any part; the reason; and the last day on which it is left out."""

    finding: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Ignore:
    """A difference that verify ignores: its kind and object, in which * stands for any part, and the reason."""

    object: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reporting:
    """The configuration of reports: thresholds by report and name, and the known findings."""

    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True, slots=True)
class Processing:
    """What the record of processing needs besides the columns: who is responsible, and who else receives data (Art. 30 GDPR).

    `reserve_names`: how long nobody may take the name of an erased user.
    """

    controller: str = ""
    contact: str = ""
    officer: str = ""
    subjects: str = "users of the chat application"
    recipients: tuple[str, ...] = ()
    transfers: str = ""
    measures: tuple[str, ...] = ()
    reserve_names: Span = Span(months=24)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what has no other setting is kept; None for ever.

    `keys`: public keys after they were used or expired. `files`: stored files after they lost their message, and rows of files
    after their bytes were removed. `released_attachments`: which message a file of a dropped month had. `archives`: archives of
    dropped months after the end of the month. `audit`: entries of the trail after they were sealed; `audit_dir` is where seals
    that are due are archived first. `exports`, `snapshots`: folders and files on disk, in the folders named. `grace`: for how
    long something may be due before `retention check` fails.
    """

    keys: Span | None = None
    files: Span | None = None
    released_attachments: Span | None = None
    archives: Span | None = None
    exports: Span | None = None
    export_dirs: tuple[Path, ...] = ()
    snapshots: Span | None = None
    snapshot_dirs: tuple[Path, ...] = ()
    audit: Span | None = None
    audit_dir: Path | None = None
    grace: Span = Span(days=2)


@dataclass(frozen=True, slots=True)
class Due:
    """What a rule of retention would remove: how many; how many a hold keeps; how many wait for another step, `waits_for`.

    `oldest_at` is the moment from which the period of the oldest counts.
    """

    count: int = 0
    oldest_at: datetime | None = None
    held: int = 0
    waiting: int = 0
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a command: the server, and the folders.

    `conninfo` is libpq's connection string; `source` names the place where it was found, for people;
    `embedded` is the folder of the embedded server, None if a server is configured;
    `sessions_kept`: how long a session is kept after its end; `events_kept`: how long a month of events after its end;
    `replicas` are the connection strings of the standbys; chatschema waits for their long queries; `variables` are the values of
    variables in migrations.
    """

    conninfo: str = field(repr=False)
    source: str
    embedded: Path | None
    sql_dir: Path
    seeds_dir: Path
    state_dir: Path
    is_production: bool = False
    policy: Policy = field(default_factory=Policy)
    locks: Patience = field(default_factory=Patience)
    reporting: Reporting = field(default_factory=Reporting)
    batching: Batching = field(default_factory=Batching)
    ignored: tuple[Ignore, ...] = ()
    planning: Planning = field(default_factory=Planning)
    sessions_kept: Span = SESSIONS_KEPT
    events_kept: Span = EVENTS_KEPT
    retention: Retention = field(default_factory=Retention)
    processing: Processing = field(default_factory=Processing)
    replicas: tuple[str, ...] = field(default=(), repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    """The server and database behind a connection."""

    version: str
    database: str
    role: str
    host: str
    is_standby: bool


@dataclass(frozen=True, slots=True)
class Month:
    """A monthly partition: bounds in UTC, the upper one exclusive."""

    parent: str
    name: str
    lower: datetime
    upper: datetime


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration or a seeder that was applied or undone, and how long it took."""

    id: str
    title: str
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Started:
    """A migration whose batches run on, and the number under which `chatschema batch` knows it."""

    id: str
    title: str
    batch: int
