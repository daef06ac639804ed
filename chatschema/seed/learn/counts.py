"""What is counted in a database for a profile, and with how much noise. The sum of all epsilons is 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import log, sqrt
from secrets import randbelow
from uuid import UUID

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection
from chatschema.seed.bulk import bins
from chatschema.seed.bulk.shape import LARGEST_GROUP
from chatschema.seed.learn import noise

# A conversation counts as so many messages and statuses at most, whatever it has.
MOST = 8
# So many conversations are read, taken by chance if there are more.
SAMPLE = 10_000
MONTHS = 120
_FARTHEST = 256
# The share of a conversation is a number of so many.
_OF = 1_000_003
_RIPE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Question:
    """A histogram: its ranges, the most by which one unit changes all of them together, and its part of epsilon in hundredths."""

    ranges: int
    sensitivity: int
    epsilon: int

    @property
    def scale(self) -> float:
        """The mean size of the noise of one range."""
        return noise.scale(self.sensitivity, Fraction(self.epsilon, 100))


QUESTIONS = {
    "conversations": Question(1, 1, 4),
    "users": Question(1, 1, 4),
    # Direct conversations, and groups by their members.
    "members": Question(1 + LARGEST_GROUP, 1, 13),
    "sizes": Question(len(bins.LOWER), 1, 35),
    # In thousandths.
    "hours": Question(24, 1000 * MOST, 10),
    "days": Question(7, 1000 * MOST, 6),
    "months": Question(MONTHS, 1000, 4),
    # system, deleted, edited, a file, plain: of direct conversations, then of groups.
    "kinds": Question(10, MOST, 6),
    # No reply, then by distance.
    "replies": Question(len(bins.LOWER), MOST, 8),
    "lengths": Question(len(bins.LOWER), MOST, 6),
    # Not read, read, read with a reaction; in thousandths.
    "statuses": Question(3, 1000 * MOST, 4),
}
EPSILON = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """The histograms of a database, with noise: nothing else of it is kept."""

    values: Mapping[str, tuple[int, ...]]

    def of(self, name: str, *, above: float = 0) -> tuple[int, ...] | None:
        """Return a histogram without ranges of `above` times its noise or less; None where it is hardly more than noise."""
        question, values = QUESTIONS[name], self.values[name]
        kept = tuple(value if value > above * question.scale else 0 for value in values)
        # With the numbers below zero: of noise alone, those above it add up to something.
        return kept if min(sum(kept), sum(values)) >= 10 * question.scale * sqrt(question.ranges) else None


def certain(name: str) -> float:
    """Return how many times the noise a range must have so that, in nine of ten histograms, no range is mere noise."""
    return log(5 * QUESTIONS[name].ranges)


def count(connection: Connection, now: datetime) -> Counts:
    """Return the histograms of the database in the caller's transaction; nothing of it is in them without noise."""
    users, conversations = postgres.fetch_one(
        connection, "select (select count(*) from public.users), (select count(*) from public.conversations)"
    )
    values = {"users": _with_noise("users", {0: users}), "conversations": _with_noise("conversations", {0: conversations})}
    # Which are read depends on the noisy number only.
    share = min(Fraction(SAMPLE, max(values["conversations"][0], 1)), Fraction(1))
    exact: dict[str, dict[int, int]] = {}
    for query in _queries(now, share):
        for name, place, number in postgres.fetch_all(connection, query):
            exact.setdefault(name, {})[place] = number
    return Counts(values | {name: _with_noise(name, exact.get(name, {})) for name in QUESTIONS if name not in values})


def _with_noise(name: str, exact: Mapping[int, int]) -> tuple[int, ...]:
    question = QUESTIONS[name]
    epsilon = Fraction(question.epsilon, 100)
    return tuple(noise.noisy(exact.get(place, 0), question.sensitivity, epsilon) for place in range(question.ranges))


def _queries(now: datetime, share: Fraction) -> list[sql.Composed]:
    millis = int((now - _RIPE).timestamp() * 1000)
    values: dict[str, sql.Composable] = {
        "salt": sql.Literal(randbelow(1 << 62)),
        "share": sql.Literal(int(share * _OF) - 1),
        "most": sql.Literal(MOST),
        "largest_group": sql.Literal(LARGEST_GROUP),
        "months": sql.Literal(MONTHS),
        "now": sql.Literal(now.replace(tzinfo=None).isoformat()),
        "ripe": sql.Literal(str(UUID(int=millis << 80))),
        "farthest": sql.Literal(_FARTHEST),
        "ranges": sql.Literal(list(bins.LOWER)),
    }
    return [sqlfile.fill(f"profile/{name}.sql", **values) for name in ("written", "recent")]
