"""The messages of a slice and what belongs to them: when they are written, by whom, in answer to what, what becomes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from chatschema.seed.bulk import bins, pool
from chatschema.seed.bulk.numbers import Flags, Floats, Ids, Ints, Numbers, by_rank, in_order, millis
from chatschema.seed.bulk.people import People
from chatschema.seed.bulk.plan import QUIET, Part, Size
from chatschema.seed.bulk.shape import Shape

_HOUR = 3_600_000
KINDS = ("text", "image", "file", "audio")
REACTIONS = ("👍", "❤️", "😂", "🎉", "👀")
# A burst is a conversation that is awake for a while.
_IN_A_BURST, _BURST_MS = 8, 240_000


@dataclass(frozen=True, slots=True)
class Talk:
    """The messages of a slice, in the order of their ids. Moments are milliseconds since 1970, and users and others are numbers."""

    ids: Ids
    said: Ints
    conversation: Ints
    sender: Ints
    sender_place: Ints
    is_system: Flags
    is_edited: Flags
    is_deleted: Flags
    changed: Ints
    kind: Ints
    text: Ints
    reply: Ints  # the place of the message that this one answers; -1 for none

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self.said)


@dataclass(frozen=True, slots=True)
class Receipts:
    """What readers received of a slice: a row for each message and each member of its conversation except the sender."""

    message: Ints
    user: Ints
    delivered: Ints
    read: Ints
    is_read: Flags
    reaction: Ints  # a place in REACTIONS; -1 for none

    def __len__(self) -> int:
        """Return the number of statuses."""
        return len(self.message)


def talk(size: Size, everybody: People, part: Part, slice: int) -> Talk:
    """Return the messages of a slice of a month."""
    numbers, count = Numbers(size, "messages", part.name, slice), part.slices[slice]
    shape = size.shape
    begun, burst, awake = _bursts(size, numbers, everybody, part, slice)
    said = _moments(numbers, part, slice, begun[burst])
    conversation = awake[burst]
    ids = numbers.ids(said)
    order = in_order(ids)
    ids, said, conversation = ids[order], said[order], conversation[order]
    place = np.floor(numbers.uniform(count) * everybody.sizes(conversation)).astype(np.int64)
    chance = numbers.below(1000, count)
    is_system = (chance < shape.system) & (conversation >= everybody.direct)
    changed = said + 60_000 * (1 + numbers.below(50, count))
    # What would change after the end is not changed.
    may_change = ~is_system & (changed < millis(size.end))
    is_edited = may_change & (chance >= shape.system) & (chance < shape.system + shape.edited)
    others = chance - shape.system - shape.edited
    is_deleted = may_change & (others >= 0) & (others < shape.deleted)
    has_file = ~is_edited & ~is_deleted & ~is_system & (numbers.below(1000, count) < shape.files)
    kind = np.where(has_file, 1 + numbers.below(len(KINDS) - 1, count), 0)
    text = numbers.below(pool.TEXTS, count)
    reply = _replies(numbers, conversation, is_system, shape)
    sender = everybody.members[everybody.first[conversation] + place]
    return Talk(ids, said, conversation, sender, place, is_system, is_edited, is_deleted, changed, kind, text, reply)


def _bursts(size: Size, numbers: Numbers, everybody: People, part: Part, slice: int) -> tuple[Floats, Ints, Ints]:
    """Return when each burst of a slice begins, as a share of it; the burst of each message; the conversation of each burst."""
    if everybody.messages is not None:
        burst, awake = _dealt(size, everybody.messages, part, slice)
        return numbers.uniform(len(awake)), burst, awake
    count = part.slices[slice]
    bursts = max(count // _IN_A_BURST, 1)
    begun = numbers.uniform(bursts)
    awake = everybody.choose(numbers.uniform(bursts))
    return begun, numbers.below(bursts, count), awake


def _dealt(size: Size, messages: Ints, part: Part, slice: int) -> tuple[Ints, Ints]:
    """Return the burst of each message, and the conversation of each, where it is known how many messages each one has.

    All messages of the seed have a number, conversation by conversation. Packs of eight of these are dealt to the places of
    the seed, which follow each other in time, with a step that brings neighbours far apart.
    """
    first = part.before + sum(part.slices[:slice])
    places: Ints = np.arange(first, first + part.slices[slice])
    packs = size.messages // _IN_A_BURST
    step = max(int(packs * 0.6180339887), 1)
    while math.gcd(step, max(packs, 1)) != 1:
        step += 1
    pack: Ints = places // _IN_A_BURST
    # The last places, fewer than a pack, stay as they are.
    dealt = np.where(pack < packs, (pack * step + size.rng % max(packs, 1)) % max(packs, 1), pack)
    conversation: Ints = np.searchsorted(messages, dealt * _IN_A_BURST + places % _IN_A_BURST, side="right") - 1
    begins = np.concatenate(([True], (pack[1:] != pack[:-1]) | (conversation[1:] != conversation[:-1])))
    return np.cumsum(begins) - 1, conversation[begins]


def _moments(numbers: Numbers, part: Part, slice: int, begun: Floats) -> Ints:
    """Return the moments of messages within their slice of the month; `begun`: when the burst of each one begins."""
    slices = len(part.slices)
    lower, upper = (_moment(part, np.array([share / slices]))[0] for share in (slice, slice + 1))
    said = _moment(part, (slice + begun) / slices) + numbers.delays(_BURST_MS, len(begun))
    # The next slice begins where this one ends: what is later is put back into it.
    late = said >= upper
    said[late] = upper - 1 - (said[late] - upper) % max(upper - lower, 1)
    return said


def _moment(part: Part, shares: Floats) -> Ints:
    """Return the moments at which these shares of a month's messages have been written."""
    weights = np.array(part.weights, np.int64)
    sums = np.concatenate(([0], np.cumsum(weights)))
    reached = np.minimum(shares, 1 - 2.0**-40) * int(sums[-1])
    hour = by_rank(reached / int(sums[-1]), weights)
    within = (reached - sums[hour]) / weights[hour]
    return millis(part.lower) + hour * _HOUR + np.minimum(np.floor(within * _HOUR).astype(np.int64), _HOUR - 1)


def _replies(numbers: Numbers, conversation: Ints, is_system: Flags, shape: Shape) -> Ints:
    """Return for each message the place of the one it answers: one of the last in the same conversation and slice; or -1."""
    count = len(conversation)
    order = np.argsort(conversation, kind="stable")
    begins = np.flatnonzero(np.concatenate(([True], conversation[order][1:] != conversation[order][:-1])))
    nth = np.arange(count) - np.repeat(begins, np.diff(np.concatenate((begins, [count]))))
    if shape.distances:
        # One that is too far for the slice answers a nearer one.
        back = 1 + (_distances(numbers, shape.distances, count) - 1) % np.maximum(nth, 1)
    else:
        back = 1 + numbers.delays(3, count)
    answers = (numbers.below(1000, count) < shape.replies) & (back <= nth) & ~is_system[order]
    reply = np.full(count, -1)
    reply[order[answers]] = order[np.flatnonzero(answers) - back[answers]]
    return reply


def _distances(numbers: Numbers, weights: tuple[int, ...], count: int) -> Ints:
    """Return how many messages back each reply would answer."""
    lowers, uppers = np.array([bins.bounds(place + 1) for place in range(len(weights))], np.int64).T
    chosen = by_rank(numbers.uniform(count), np.array(weights, np.int64))
    return lowers[chosen] + numbers.below(uppers[chosen] - lowers[chosen], count)


def receipts(size: Size, everybody: People, part: Part, slice: int, said: Talk) -> Receipts:
    """Return the statuses of a slice's messages: delivered within seconds, read within the hour or later, some not yet."""
    numbers = Numbers(size, "statuses", part.name, slice)
    readers = np.where(said.is_system, 0, everybody.sizes(said.conversation) - 1)
    message: Ints = np.repeat(np.arange(len(said)), readers)
    nth = np.arange(len(message)) - np.repeat(np.cumsum(readers) - readers, readers)
    nth += nth >= said.sender_place[message]
    user = everybody.members[everybody.first[said.conversation[message]] + nth]
    longest = QUIET // timedelta(milliseconds=1) - 1
    delivered = said.said[message] + np.minimum(1 + numbers.delays(4_000, len(message)), longest)
    read = delivered + 1 + numbers.delays(1_800_000, len(message))
    is_read = (read < millis(size.end)) & (numbers.below(1000, len(message)) < size.shape.read)
    reacts = is_read & (numbers.below(1000, len(message)) < size.shape.reactions)
    reaction = np.where(reacts, numbers.below(len(REACTIONS), len(message)), -1)
    return Receipts(message, user, delivered, read, is_read, reaction)
