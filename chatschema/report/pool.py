"""Sizes of connection pools, from the cores of the server, its slots for connections, and the logins of the application."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# With fewer, two transactions that wait for each other's connection stop the application.
_LEAST = 2
OTHERS, SLOTS = "other sessions", "all clients"


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool of one login. `entry`: the name of its database in the pooler. `size`: its connections in each pooler."""

    login: str
    group: str
    entry: str
    size: int
    connected: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Pools, and the numbers that they follow from.

    `slots`: connections that are not reserved for administrators. `kept`: those not for the pools. `useful`: how many can work at
    once. `wanted`: what the pools of all poolers take together. `is_short`: whether there are fewer slots than useful.
    """

    cores: int
    poolers: int
    slots: int
    kept: int
    useful: int
    wanted: int
    is_short: bool
    pools: tuple[Pool, ...]


def suggest(
    rows: Sequence[Mapping[str, Any]], thresholds: Mapping[str, float], *, database: str, cores: int, poolers: int
) -> Suggestion:
    """Return pools for the rows of the report on pools. One that fits no login is left out; without a login there is none.

    No pool is smaller than 2, so that many logins or poolers may want more than is useful, or than there are slots.
    """
    logins = [row for row in rows if row["member_of"]]
    slots = next(int(row["slots"]) for row in rows if row["object"] == SLOTS)
    others = next((int(row["connections"]) for row in rows if row["object"] == OTHERS), 0)
    kept = max(int(thresholds["kept"]), others)
    # "(core_count * 2) + effective_spindle_count", for one disk: wiki.postgresql.org/wiki/Number_Of_Database_Connections
    useful = int(cores * thresholds["per_core"]) + 1
    total = min(useful, max(slots - kept, 0))
    workers = [row for row in logins if _is_worker(row)]
    apps = [row for row in logins if not _is_worker(row)]
    share = round(total * thresholds["worker_pct"] / 100) if apps and workers else total if workers else 0
    pools = (*_pools(apps, total - share, poolers, database), *_pools(workers, share, poolers, f"{database}_worker"))
    wanted = poolers * sum(pool.size for pool in pools)
    return Suggestion(cores, poolers, slots, kept, useful, wanted, slots - kept < max(useful, wanted), pools)


def _is_worker(row: Mapping[str, Any]) -> bool:
    return str(row["member_of"]).endswith("worker")


def _pools(logins: Sequence[Mapping[str, Any]], total: int, poolers: int, entry: str) -> list[Pool]:
    """Divide connections evenly between logins and poolers."""
    if not logins:
        return []
    size = max(total // (len(logins) * poolers), _LEAST)
    return [
        Pool(row["object"], row["member_of"], entry, min(size, row["connection_limit"] or size), int(row["connections"]))
        for row in logins
    ]


def pgbouncer(suggestion: Suggestion, *, host: str, port: int, database: str) -> str:
    """Return the lines for pgbouncer.ini. A size belongs to a database there, and counts for each login that uses it."""
    sizes: dict[str, int] = {}
    for pool in suggestion.pools:
        sizes[pool.entry] = max(pool.size, sizes.get(pool.entry, 0))
    entries = [f"{entry} = host={host} port={port} dbname={database} pool_size={size}" for entry, size in sizes.items()]
    return "\n".join(["[databases]", *entries, "[pgbouncer]", "pool_mode = transaction", "query_wait_timeout = 5"])
