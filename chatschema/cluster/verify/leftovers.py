"""What a move or a crash left on a node: shards that belong to no table there, prepared transactions, and older metadata."""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from chatschema import postgres, sqlfile, units
from chatschema.cluster import nodes
from chatschema.cluster.nodes import Place
from chatschema.cluster.verify.finding import OWN, SHARDS, Finding
from chatschema.postgres import Connection

# Those of a commit under way are over in milliseconds; Citus looks after its own once a minute.
OLD_S = 5.0
_CLEANED = "select c.node_group_id, c.object_name from pg_catalog.pg_dist_cleanup as c"
_PLACES = """
    select s.shardid, n.nodename || ':' || n.nodeport
    from pg_catalog.pg_dist_placement as s join pg_catalog.pg_dist_node as n using (groupid) where n.noderole = 'primary'
"""
_CITUS = re.compile(r"citus_(\d+)_\d+_\d+_\d+")


def findings(connection: Connection) -> Iterator[Finding]:
    """Yield leftovers of each node; waits 5 seconds if a transaction was prepared just now, to see whether it ends."""
    query = sqlfile.text_of("cluster/verify/leftovers.sql")
    found = nodes.documents(connection, query)
    yield from _orphans(connection, found)
    if any(age < OLD_S for one in found.values() for _, _, age in one["prepared"]):
        time.sleep(OLD_S)
        found = nodes.documents(connection, query)
    yield from _prepared(found)


def _orphans(connection: Connection, found: Mapping[Place, Any]) -> Iterator[Finding]:
    """Yield shards that no metadata knows on their node; those that Citus is about to drop itself are left out."""
    if not any(one["orphans"] for one in found.values()):
        return
    cleaned = {(group, name.removeprefix("public.")) for group, name in postgres.fetch_all(connection, _CLEANED)}
    homes: dict[int, str] = dict(postgres.fetch_all(connection, _PLACES))
    for place, one in found.items():
        for name, size in one["orphans"]:
            if (place.group, name.removeprefix("public.")) in cleaned:
                continue
            # The query asks for names that end with the number of a shard.
            home = homes.get(int(name.rstrip('"').rpartition("_")[2]))
            where = f"the shard lives on {home}" if home else "no node has this shard: look at its rows before you drop it"
            reason = f"is a shard that is not of this node, {units.size(size)}; {where}"
            yield Finding(
                "cluster.orphan", place.name, name, reason, place.name, (OWN, SHARDS, f"drop table if exists {name} cascade")
            )


def _prepared(found: Mapping[Place, Any]) -> Iterator[Finding]:
    by_group = {place.group: place for place in found}
    for place, one in found.items():
        for gid, owner, age in one["prepared"]:
            if age < OLD_S:
                continue
            reason = f"was prepared by {owner} and is not ended; it keeps its locks"
            by_citus = _CITUS.fullmatch(gid)
            origin = by_group.get(int(by_citus[1])) if by_citus else None
            if origin:
                on, do = origin.name, "select recover_prepared_transactions()"
            else:
                on, do = place.name, f"rollback prepared {sql.Literal(gid).as_string(None).strip()}"
            yield Finding("cluster.prepared", place.name, f"transaction {gid}", reason, on, (do,))


def of_metadata(answers: list[nodes.Answer]) -> Iterator[Finding]:
    """Yield nodes whose copy of the metadata is not that of the coordinator."""
    coordinator = next(one for one in answers if one.place.group == 0)
    for one in answers:
        if one.text != coordinator.text:
            place = one.place
            do = (f"select start_metadata_sync_to_node('{place.host}', {place.port})",)
            reason = "it knows shards at other places than the coordinator"
            yield Finding("cluster.metadata-differs", place.name, "metadata", reason, coordinator.place.name, do)
