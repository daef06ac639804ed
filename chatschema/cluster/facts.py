"""The numbers that the advice rests on. None is a number that this role or this server does not have."""

from dataclasses import dataclass
from datetime import datetime

_DAYS = 30.44
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Month:
    """A month of messages and statuses: estimated rows, bytes with indexes, and how much of it is over, from 0 to 1.

    Rows are None where the tables were never analyzed and their statistics are empty.
    """

    lower: datetime
    messages: int | None
    statuses: int | None
    bytes: int
    elapsed: float = 1.0


@dataclass(frozen=True, slots=True)
class Activity:
    """The work of the server over `observed_s` seconds of statistics.

    `rows_written`: rows inserted, updated and deleted. `blocks` and `blocks_hit`: block reads, and those found in shared buffers.
    """

    observed_s: float
    rows_written: int
    blocks: int
    blocks_hit: int
    shared_buffers: int

    @property
    def rows_per_s(self) -> float:
        """Rows written a second."""
        return self.rows_written / max(self.observed_s, 1.0)

    @property
    def hit_pct(self) -> float | None:
        """The percentage of block reads found in shared buffers; None without reads."""
        return 100.0 * self.blocks_hit / self.blocks if self.blocks else None


@dataclass(frozen=True, slots=True)
class Reads:
    """The share of the work that a replica could do, from 0 to 1, and what was counted: time of statements, or rows.

    `busy` is how many statements run at once on average; None where times are not known.
    """

    share: float
    counted: str
    busy: float | None = None


@dataclass(frozen=True, slots=True)
class StatusWrites:
    """How message_statuses is written: rows a second, and rows a statement."""

    rows_per_s: float
    rows_per_statement: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """The largest conversation, by the statistics of the planner: its id, and about how many messages it has of how many."""

    id: str
    messages: int
    of: int


@dataclass(frozen=True, slots=True)
class Standby:
    """A standby: its name, and how far its replay is behind; None where this role may not see it, or nothing is known."""

    name: str
    behind_bytes: int | None
    behind_ms: float | None


@dataclass(frozen=True, slots=True)
class Unseen:
    """A number that could not be read: what, why, and what to do about it."""

    what: str
    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the advice is decided by. `keep_months`: after how long messages are retired; None for never."""

    months: tuple[Month, ...] = ()
    keep_months: float | None = None
    activity: Activity | None = None
    reads: Reads | None = None
    status_writes: StatusWrites | None = None
    largest: Conversation | None = None
    standbys: tuple[Standby, ...] | None = None
    is_distributed: bool = False
    unseen: tuple[Unseen, ...] = ()

    @property
    def messages_a_month(self) -> float | None:
        """Messages a month at today's rate."""
        return _rate([(month.messages, month.elapsed) for month in self.months])

    @property
    def statuses_a_month(self) -> float | None:
        """Statuses a month at today's rate."""
        return _rate([(month.statuses, month.elapsed) for month in self.months])

    @property
    def bytes_a_month(self) -> float | None:
        """Bytes a month at today's rate, indexes included."""
        return _rate([(month.bytes, month.elapsed) for month in self.months])

    @property
    def bytes(self) -> int:
        """Bytes of all months that are attached."""
        return sum(month.bytes for month in self.months)

    @property
    def newest_bytes(self) -> int:
        """Bytes of the running month and the month before it, which are what an application mostly reads."""
        return sum(month.bytes for month in self.months[-2:])


def a_second(a_month: float) -> float:
    """Return a rate a month as one a second."""
    return a_month / (_DAYS * _DAY_S)


def _rate(counted: list[tuple[int | None, float]]) -> float | None:
    """Return the greater of the last complete month and the running month, extended to its end once a day of it is over."""
    known = [(count, elapsed) for count, elapsed in counted[-2:] if count is not None and elapsed >= 1 / _DAYS]
    return max((count / elapsed for count, elapsed in known), default=None)
