"""The users and conversations of a bulk seed, and who is in which."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from chatschema.seed.bulk import bins
from chatschema.seed.bulk.numbers import Floats, Ids, Ints, Numbers, by_rank, in_order, millis
from chatschema.seed.bulk.plan import Size

# Everybody is there, and every conversation has begun, before the first message.
BEFORE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class People:
    """The users, and the conversations with their members.

    The users and the members of a conversation are in the order of their ids. The members of conversation `c` are
    `members[first[c]:first[c + 1]]`, which are numbers of users; a direct conversation has two, the first two below `direct`.
    """

    users: Ids
    joined: Ints
    conversations: Ids
    begun: Ints
    direct: int
    first: Ints
    members: Ints
    weights: Ints
    # Where the shape says how many messages conversations have: how many those before each one have, and at last all of them.
    messages: Ints | None

    def sizes(self, conversations: Ints) -> Ints:
        """Return how many members each of the conversations has."""
        return self.first[conversations + 1] - self.first[conversations]

    def choose(self, ranks: Floats) -> Ints:
        """Return a conversation for each number from 0 and below 1: a few of them have most of the messages, as Zipf found."""
        return by_rank(ranks, self.weights)


def people(size: Size) -> People:
    """Return the users and conversations of a seed."""
    joined, users = _ids(Numbers(size, "users"), size.users, millis(size.start - BEFORE), BEFORE // 2)
    numbers = Numbers(size, "conversations")
    begun, conversations = _ids(numbers, size.conversations, millis(size.start - BEFORE // 2), BEFORE // 2 - timedelta(minutes=1))
    direct = min(-(-size.conversations * size.shape.direct // 100), math.comb(size.users, 2))
    counts = np.full(size.conversations, 2)
    largest = min(size.shape.largest_group, size.users)
    if size.shape.groups:
        largest = min(len(size.shape.groups), size.users)
        counts[direct:] = _counts_of_groups(size, numbers, size.conversations - direct, largest)
    else:
        counts[direct:] = 3 + numbers.below(largest - 2, size.conversations - direct)
    first = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    members: Ints = np.empty(int(first[-1]), np.int64)
    members[: 2 * direct] = np.column_stack(_pairs(size, direct)).ravel()
    members[2 * direct :] = _groups(size, numbers, counts[direct:], largest)
    # Any conversation may be the largest, not the first.
    weights: Ints = 1_000_000_000 // (np.arange(size.conversations) + 10)
    shuffled = np.argsort(numbers.uniform(size.conversations), kind="stable")
    messages = _messages(size, shuffled) if size.shape.sizes else None
    return People(users, joined, conversations, begun, direct, first, members, weights[shuffled], messages)


def _counts_of_groups(size: Size, numbers: Numbers, count: int, largest: int) -> Ints:
    """Return how many members each of the groups has."""
    ranks = (np.arange(count) + 0.5) / max(count, 1)
    counts = np.minimum(1 + by_rank(ranks, np.array(size.shape.groups, np.int64)), largest)
    return counts[np.argsort(numbers.uniform(count), kind="stable")]


def _messages(size: Size, shuffled: Ints) -> Ints:
    """Return how many messages the conversations before each one have, and at last all of them."""
    counts = np.array(bins.quantiles(size.shape.sizes, size.conversations), np.int64)
    if not counts.any():
        # So few conversations that even the largest would have none.
        counts[-1] = 1
    passed = np.concatenate(([0], np.cumsum(counts[shuffled])))
    return np.floor(passed / int(passed[-1]) * size.messages).astype(np.int64)


def _ids(numbers: Numbers, count: int, begin: int, length: timedelta) -> tuple[Ints, Ids]:
    """Return moments of a period, and ids of them, both in the order of the ids."""
    moments = begin + numbers.below(length // timedelta(milliseconds=1), count)
    ids = numbers.ids(moments)
    order = in_order(ids)
    return moments[order], ids[order]


def _pairs(size: Size, count: int) -> tuple[Ints, Ints]:
    """Return `count` different pairs of users, the smaller number first."""
    total = math.comb(size.users, 2)
    # A step without a common divisor meets every pair once before it meets one again.
    step = max(int(total * 0.6180339887), 1)
    while math.gcd(step, total) != 1:
        step += 1
    # Products of Python's numbers: those of numpy would overflow.
    places = np.array([(number * step + size.rng) % total for number in range(count)], np.int64)
    high = np.floor((1 + np.sqrt(1 + 8 * places.astype(np.float64))) / 2).astype(np.int64)
    high[high * (high - 1) // 2 > places] -= 1
    high[high * (high + 1) // 2 <= places] += 1
    return places - high * (high - 1) // 2, high


def _groups(size: Size, numbers: Numbers, counts: Ints, width: int) -> Ints:
    """Return the members of groups, `width` at most, all different in each, in order."""
    steps = 1 + numbers.below(size.users // width, width * len(counts)).reshape(len(counts), width)
    begin = numbers.below(size.users, len(counts))
    # With eight members, eight steps of an eighth at most: nobody is met twice.
    chosen = (begin[:, None] + np.cumsum(steps, axis=1)) % size.users
    chosen[np.arange(width)[None, :] >= counts[:, None]] = size.users
    chosen.sort(axis=1)
    return chosen[chosen < size.users]
