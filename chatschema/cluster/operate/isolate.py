"""A shard of its own for one conversation: what it holds, how long its writers wait, and the split."""

import json
import time
import uuid
from dataclasses import dataclass

from chatschema import postgres, sqlfile, units
from chatschema.cluster import nodes
from chatschema.cluster.distribute import checks
from chatschema.cluster.nodes import Place
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, Say, locks

_SHARD = """
    select s.shardid, s.shardminvalue = s.shardmaxvalue, n.nodename, n.nodeport, n.groupid,
        (
            select count(*) from pg_catalog.pg_dist_partition as p join pg_catalog.pg_dist_partition as o using (colocationid)
            where o.logicalrelid = s.logicalrelid
        )
    from pg_catalog.pg_dist_shard as s
    join pg_catalog.pg_dist_placement as l using (shardid)
    join pg_catalog.pg_dist_node as n using (groupid)
    where s.shardid = get_shard_id_for_distribution_column('public.conversations', %s::uuid) and n.noderole = 'primary'
"""
# Measured with three nodes that shared two cores: 0.16 s a table while these were idle, 0.4 to 1.1 s while they were busy.
_TABLE_S, _BYTES_PER_S = 0.5, 10_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """The shard that a conversation is on: its node, the tables that have one like it, conversations on it, and its bytes."""

    conversation: str
    shard: int
    node: str
    tables: int
    conversations: int
    bytes: int

    @property
    def seconds(self) -> float:
        """About how long writers of all conversations of the shard wait."""
        return self.tables * _TABLE_S + self.bytes / _BYTES_PER_S

    @property
    def words(self) -> str:
        """What happens, for people."""
        others = self.conversations - 1
        also = f" and of {others} other conversation{'s' if others != 1 else ''} on its shard" if others else ""
        return (
            f"isolating conversation {self.conversation} rewrites shard {self.shard} of {self.tables} tables"
            f" ({units.size(self.bytes)}) on {self.node}; its writers{also} wait for about"
            f" {units.duration(self.seconds * 1000)}, and readers go on"
        )


@dataclass(frozen=True, slots=True)
class Isolated:
    """The shard before, the new one, and how long the split took; both are None in a dry run."""

    was: Shard
    shard: int | None
    waited_ms: float | None


def find(connection: Connection, conversation: uuid.UUID) -> Shard:
    """Return the shard of a conversation. Raises ChatschemaError for one that does not exist or is alone on its shard already."""
    checks.refuse_plain(connection)
    checks.refuse(list(checks.of_servers(connection)))
    if not postgres.fetch_all(connection, "select 1 from public.conversations where id = %s", (conversation,)):
        raise ChatschemaError(
            f"conversation {conversation} does not exist",
            "the largest one: chatschema cluster advise",
            code="cluster.no-such-conversation",
        )
    shard, is_alone, host, port, group, tables = postgres.fetch_one(connection, _SHARD, (str(conversation),))
    if is_alone:
        raise ChatschemaError(
            f"conversation {conversation} has a shard of its own already: {shard} on {host}:{port}",
            "one conversation is never split; to give its node less to do: chatschema cluster rebalance",
            code="cluster.isolated",
        )
    place = Place(host, port, group)
    query = sqlfile.text_of("cluster/shard.sql").replace(":shard", str(int(shard)))
    answers = nodes.ask(connection, query, [place])
    nodes.refuse_silent(answers)
    conversations, size = json.loads(answers[0].text)
    return Shard(str(conversation), shard, place.name, tables, conversations, size)


def isolate(connection: Connection, conversation: uuid.UUID, *, wait_s: float, say: Say) -> Isolated:
    """Give a conversation a shard of its own on the node where it is; killed at any moment, it is as before or done.

    Raises ChatschemaError as find() does, Busy while another chatschema command runs.
    """
    with locks.migration_lock(connection, wait_s=wait_s, say=say):
        was = find(connection, conversation)
        begun = time.monotonic()
        query = (
            "select isolate_tenant_to_new_shard('public.conversations', %s::uuid, 'CASCADE', shard_transfer_mode => 'block_writes')"
        )
        shard = postgres.fetch_one(connection, query, (str(conversation),))[0]
        return Isolated(was, shard, round((time.monotonic() - begun) * 1000, 1))
