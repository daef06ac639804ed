"""Random numbers, moments and ids as numpy arrays. Each unit of work has numbers of its own, whoever computes it, and when."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import numpy as np

from chatschema.seed.bulk import plan
from chatschema.seed.bulk.plan import Size
from chatschema.seed.bulk.shape import as_document

# Arrays of whole numbers, of numbers from 0 and below 1, of truths, and of ids. numpy is an extra, whose types may be missing.
Ints: TypeAlias = Any
Floats: TypeAlias = Any
Flags: TypeAlias = Any
Ids: TypeAlias = Any
# A UUID as two numbers, as its bytes are ordered.
UUID = np.dtype([("high", ">u8"), ("low", ">u8")])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The server counts microseconds from the year 2000.
_SERVER_EPOCH_MS = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


class Numbers:
    """The random numbers of one unit: a month's slice, or a table.

    Made of raw 64-bit numbers only, because numpy may change the way in which it makes others of them.
    """

    def __init__(self, size: Size, *unit: object) -> None:
        counts = (size.messages, size.users, size.conversations, size.months)
        name = repr((plan.VERSION, size.rng, size.until.isoformat(), counts, as_document(size.shape), unit))
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        self._bits = np.random.PCG64(int.from_bytes(digest, "big"))

    def raw(self, count: int) -> Ints:
        """Return `count` numbers of 64 random bits."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def uniform(self, count: int) -> Floats:
        """Return `count` numbers from 0, and below 1."""
        return (self.raw(count) >> np.uint64(11)) * 2.0**-53

    def below(self, limit: int | Ints, count: int) -> Ints:
        """Return `count` whole numbers from 0, and below `limit`."""
        return np.floor(self.uniform(count) * limit).astype(np.int64)

    def delays(self, mean_ms: float, count: int) -> Ints:
        """Return `count` waiting times in milliseconds, most of them short."""
        return np.floor(-np.log1p(-self.uniform(count)) * mean_ms).astype(np.int64)

    def ids(self, moments: Ints) -> Ids:
        """Return a UUIDv7 for each moment."""
        result: Ids = np.empty(len(moments), UUID)
        random = self.raw(len(moments))
        result["high"] = (moments.astype(np.uint64) << np.uint64(16)) | np.uint64(0x7000) | (random >> np.uint64(52))
        result["low"] = (self.raw(len(moments)) >> np.uint64(2)) | np.uint64(2 << 62)
        return result


def millis(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970, as ids have them."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def server_times(moments: Ints) -> Ints:
    """Return moments as the server stores them."""
    return (moments - _SERVER_EPOCH_MS) * 1000


def texts(ids: Ids) -> list[str]:
    """Return UUIDs as text."""
    digits = ids.tobytes().hex()
    whole = [digits[i : i + 32] for i in range(0, len(digits), 32)]
    return [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in whole]


def iso(moments: Ints) -> list[str]:
    """Return moments as text that the server reads, in UTC."""
    return [f"{text}+00" for text in np.datetime_as_string(moments.astype("datetime64[ms]"))]


def in_order(ids: Ids) -> Any:
    """Return the order of ids as the server sorts them."""
    return np.lexsort((ids["low"], ids["high"]))


def by_rank(ranks: Floats, weights: Ints) -> Ints:
    """Return for each number from 0 and below 1 an index, by whole weights."""
    sums = np.cumsum(weights)
    return np.searchsorted(sums, np.floor(ranks * int(sums[-1])).astype(np.int64), side="right").astype(np.int64)
