"""A finding about a node, and the statements that repair it there or on the coordinator."""

from dataclasses import dataclass

# Before statements on a worker: Citus would pass them on, and refuses to change a shard by hand.
OWN = "set citus.enable_ddl_propagation = off"
SHARDS = "set citus.enable_manual_changes_to_shards = on"


@dataclass(frozen=True, slots=True)
class Finding:
    """`node` is where it was found, `on` where the statements `do` are run, each HOST:PORT."""

    code: str
    node: str
    object: str
    reason: str
    on: str
    do: tuple[str, ...]
