"""Cumulative counters of a query, and what they say of its calls: sums, differences, means."""

import math
from dataclasses import dataclass
from typing import Self, TypeVar

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Counters:
    """What calls of a query have cost in all: times in milliseconds, blocks of the server's block size.

    `squares_ms2` is the sum of the squares of each call's time. It adds and subtracts as the others do, and the deviation
    of any stretch of calls follows from it. None is what the server does not measure.
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
        """Return what was counted after `earlier`, which is of the same entry; see has_restarted()."""
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
        """Return whether some counter is smaller than it was: then all of them began anew."""
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
        """Blocks asked for, whether they were in shared buffers or not."""
        return self.hit + self.read

    @property
    def hit_pct(self) -> float | None:
        """Percent of the blocks that were in shared buffers; None where none was asked for."""
        return 100 * self.hit / self.blocks if self.blocks else None

    @property
    def mean_ms(self) -> float | None:
        """Mean time of a call."""
        return self.each(self.total_ms)

    @property
    def stddev_ms(self) -> float | None:
        """Deviation of the times of the calls, of all of them and not of a sample."""
        if not self.calls:
            return None
        mean = self.total_ms / self.calls
        return math.sqrt(max(self.squares_ms2 / self.calls - mean * mean, 0.0))

    def each(self, amount: float | None) -> float | None:
        """Return the amount a call; None without calls, or where it is not measured."""
        return amount / self.calls if self.calls and amount is not None else None


ZERO = Counters(0, 0.0, 0.0, 0, 0, 0, 0, None, None, None)


def squares(calls: int, total_ms: float, stddev_ms: float) -> float:
    """Return the sum of the squares of the calls' times, from what pg_stat_statements keeps."""
    mean = total_ms / calls if calls else 0.0
    return calls * (stddev_ms * stddev_ms + mean * mean)


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else one + other


def _difference(later: Number | None, earlier: Number | None) -> Number | None:
    return None if later is None or earlier is None else max(later - earlier, 0)
