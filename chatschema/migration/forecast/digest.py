"""The hash of a plan: of the files, and of what their statements lock, rewrite and read; not of sizes and times. Pure."""

import hashlib
import json
from collections.abc import Sequence

from chatschema.migration.forecast.values import Forecast

_LENGTH = 32


def part(forecast: Forecast) -> str:
    """Return the hash of one file and of what its statements do; partitions count as their table."""
    statements = [
        [
            sorted({(lock.relation, lock.mode) for lock in one.locks}),
            sorted(one.rewrites) if one.rewrites is not None else None,
            sorted(one.scans) if one.scans is not None else None,
        ]
        for one in forecast.statements
    ]
    return _hash([forecast.id, forecast.checksum, statements])


def bare(id: str, checksum: str) -> str:
    """Return the hash of one file in the plan of a database that has no table yet: nobody waits for its locks."""
    return _hash([id, checksum])


def whole(parts: Sequence[tuple[str, str]]) -> str:
    """Return the hash of a plan from its ids and the hashes of its files, in their order."""
    return _hash([list(one) for one in parts])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_LENGTH]
