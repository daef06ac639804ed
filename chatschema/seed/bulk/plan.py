"""What a bulk seed consists of: its months, how many messages each has, in which slices they are computed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from chatschema.errors import UsageError
from chatschema.seed.bulk.shape import Profile, Shape

# Raise it when the same arguments give other rows: a seed that an older version began is not continued.
VERSION = 1
# Rows of messages that are computed at once. It bounds the memory, and another number gives other rows.
SLICE = 50_000
# The last messages, so that they are delivered before the end.
QUIET = timedelta(hours=1)
LARGEST = 1_000_000_000
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Size:
    """The arguments of a bulk seed: the same ones give the same rows."""

    messages: int
    users: int
    conversations: int
    months: int
    until: date
    rng: int
    profile: str
    shape: Shape

    @property
    def end(self) -> datetime:
        """The moment before which everything happens: the first of the day `until`, in UTC."""
        return datetime(self.until.year, self.until.month, self.until.day, tzinfo=UTC)

    @property
    def start(self) -> datetime:
        """The first instant of the first month."""
        return month_of(self.end - MILLISECOND, before=self.months - 1)


@dataclass(frozen=True, slots=True)
class Part:
    """The messages of a month: `count` of them, from `lower` to `upper`, computed in `slices`; `before` are in earlier months."""

    lower: datetime
    upper: datetime
    weights: tuple[int, ...]
    count: int
    before: int

    @property
    def name(self) -> str:
        """The month as text, 2026-03."""
        return f"{self.lower:%Y-%m}"

    @property
    def slices(self) -> list[int]:
        """How many messages each slice has."""
        number = -(-self.count // SLICE)
        return [self.count * (i + 1) // number - self.count * i // number for i in range(number)]


def month_of(moment: datetime, *, before: int = 0) -> datetime:
    """Return the first instant of the month `before` months before that of `moment`, in UTC."""
    index = moment.year * 12 + moment.month - 1 - before
    if index < 1971 * 12:
        raise UsageError(
            f"{before + 1} months before {moment:%Y-%m-%d} begin before 1971", "use fewer --months", code="seed.bulk-size"
        )
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


def size(messages: int, users: int | None, conversations: int | None, months: int, until: date, rng: int, profile: Profile) -> Size:
    """Return the size of a seed; what is None is computed from the number of messages. Raises UsageError."""
    chosen = Size(
        messages,
        users if users is not None else min(max(messages // 500, 25), 50_000),
        conversations if conversations is not None else min(max(messages // 200, 20), 500_000),
        months,
        until,
        rng,
        profile.name,
        profile.shape,
    )
    for name, value, lowest, highest in (
        ("--messages", chosen.messages, 1, LARGEST), ("--users", chosen.users, 8, 10_000_000),
        ("--conversations", chosen.conversations, 1, 10_000_000), ("--months", chosen.months, 1, 600),
    ):  # fmt: skip
        if not lowest <= value <= highest:
            text = f"{name} {value} is out of range"
            raise UsageError(text, f"use a number from {lowest} to {highest}", code="seed.bulk-size")
    # Refused by month_of() where it would begin too early.
    _ = chosen.start
    return chosen


def parts(size: Size) -> list[Part]:
    """Return the months of a seed, oldest first; their counts add up to its messages, by the days and hours that they have."""
    last = size.end - QUIET
    bounds = []
    lower = size.start
    while lower < size.end:
        upper = month_of(lower + timedelta(days=32))
        bounds.append((lower, upper, _weights(size.shape, lower, min(upper, last))))
        lower = upper
    counts = shares(size.messages, [sum(weights) for _, _, weights in bounds])
    before = accumulate(counts, initial=0)
    return [Part(*bound, count, earlier) for bound, count, earlier in zip(bounds, counts, before, strict=False)]


def _weights(shape: Shape, lower: datetime, upper: datetime) -> tuple[int, ...]:
    """Return how much is written in each hour from `lower`."""
    hours = max((upper - lower) // timedelta(hours=1), 0)
    return tuple(shape.days[(lower + timedelta(hours=hour)).weekday()] * shape.hours[hour % 24] for hour in range(hours))


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Return `total` split in whole numbers by `weights`."""
    whole, done, result = sum(weights), 0, []
    passed = 0
    for weight in weights:
        passed += weight
        result.append(total * passed // whole - done)
        done += result[-1]
    return result
