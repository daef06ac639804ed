"""Cumulative counters of a query: sums, differences, means."""

import math
from dataclasses import dataclass
from typing import Self, TypeVar

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Counters:
    """The total cost of calls of a query: times in milliseconds, blocks of the server's block size.

    `squares_ms2` is the sum of the squares of each call's time. It adds and subtracts as the others do, and the deviation
    of any range of calls follows from it. None: the server does not measure it.
    """

    calls: int
    total_ms: float
    squares_ms2: float
    rows: int
    hit: int
    read: int
    temp: int
    io_ms: float | None
    wal_bytes: int | None
    wal_records: int | None

    def __add__(self, other: Self) -> "Counters":
        """Return both together."""
        return Counters(
            self.calls + other.calls,
            self.total_ms + other.total_ms,
            self.squares_ms2 + other.squares_ms2,
            self.rows + other.rows,
            self.hit + other.hit,
            self.read + other.read,
            self.temp + other.temp,
            _sum(self.io_ms, other.io_ms),
            _sum(self.wal_bytes, other.wal_bytes),
            _sum(self.wal_records, other.wal_records),
        )

    def since(self, earlier: Self) -> "Counters":
        """Return the counts since `earlier`, which is of the same entry; see has_restarted()."""
        return Counters(
            self.calls - earlier.calls,
            max(self.total_ms - earlier.total_ms, 0.0),
            max(self.squares_ms2 - earlier.squares_ms2, 0.0),
            self.rows - earlier.rows,
            self.hit - earlier.hit,
            self.read - earlier.read,
            self.temp - earlier.temp,
            _difference(self.io_ms, earlier.io_ms),
            _difference(self.wal_bytes, earlier.wal_bytes),
            _difference(self.wal_records, earlier.wal_records),
        )

    def has_restarted(self, earlier: Self) -> bool:
        """Return whether a counter is smaller than before: then all of them were reset."""
        pairs = (
            (self.calls, earlier.calls),
            (self.rows, earlier.rows),
            (self.hit, earlier.hit),
            (self.read, earlier.read),
            (self.temp, earlier.temp),
            (self.wal_bytes, earlier.wal_bytes),
            (self.wal_records, earlier.wal_records),
        )
        return any(now is not None and then is not None and now < then for now, then in pairs)

    @property
    def blocks(self) -> int:
        """Blocks read, from shared buffers or not."""
        return self.hit + self.read

    @property
    def hit_pct(self) -> float | None:
        """Percentage of the blocks that were in shared buffers; None if none was read."""
        return 100 * self.hit / self.blocks if self.blocks else None

    @property
    def mean_ms(self) -> float | None:
        """Mean time of a call."""
        return self.each(self.total_ms)

    @property
    def stddev_ms(self) -> float | None:
        """Standard deviation of the times of all calls, not of a sample."""
        if not self.calls:
            return None
        mean = self.total_ms / self.calls
        return math.sqrt(max(self.squares_ms2 / self.calls - mean * mean, 0.0))

    def each(self, amount: float | None) -> float | None:
        """Return the amount per call; None without calls, or if it is not measured."""
        return amount / self.calls if self.calls and amount is not None else None


ZERO = Counters(0, 0.0, 0.0, 0, 0, 0, 0, None, None, None)


def squares(calls: int, total_ms: float, stddev_ms: float) -> float:
    """Return the sum of the squares of the calls' times, from the values of pg_stat_statements."""
    mean = total_ms / calls if calls else 0.0
    return calls * (stddev_ms * stddev_ms + mean * mean)


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else one + other


def _difference(later: Number | None, earlier: Number | None) -> Number | None:
    return None if later is None or earlier is None else max(later - earlier, 0)
