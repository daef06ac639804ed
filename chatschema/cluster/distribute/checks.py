"""What keeps a cluster from taking a database, or from giving it back: each with its reason and what to type instead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatschema import postgres
from chatschema.cluster.obstacles import Obstacle
from chatschema.errors import CannotConnect, ChatschemaError
from chatschema.postgres import Connection, door

_HAS_CITUS = "select exists (select from pg_catalog.pg_extension where extname = 'citus')"
_CAN_HAVE = "select exists (select from pg_catalog.pg_available_extensions where name = 'citus')"
_NODES = """
    select n.nodename, n.nodeport, n.groupid, n.isactive and n.hasmetadata and n.metadatasynced
    from pg_catalog.pg_dist_node as n where n.noderole = 'primary' order by n.groupid, n.nodename, n.nodeport
"""
_VERSIONS = """
    select n.nodename, n.nodeport, r.success, r.result from run_command_on_all_nodes(
        'select extversion from pg_catalog.pg_extension where extname = ''citus'''
    ) as r join pg_catalog.pg_dist_node as n using (nodeid) order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A server of the cluster; group 0 is the coordinator."""

    host: str
    port: int
    group: int
    is_ready: bool


def has_citus(connection: Connection) -> bool:
    """Return whether the extension is installed in this database."""
    return bool(postgres.fetch_one(connection, _HAS_CITUS)[0])


def is_distributed(connection: Connection) -> bool:
    """Return whether chatschema distributed this database; asks no other node."""
    return postgres.has_table(connection, f"chatschema.{door.SIGN}")


def nodes(connection: Connection) -> list[Node]:
    """Return the servers of the cluster, the coordinator first if it is in the metadata."""
    return [Node(*row) for row in postgres.fetch_all(connection, _NODES)]


def refuse(found: Sequence[Obstacle]) -> None:
    """Raise ChatschemaError for the first obstacle, which names the others; CannotConnect for a worker that does not answer."""
    if not found:
        return
    first, *others = found
    kind = CannotConnect if first.code == "cluster.unreachable" else ChatschemaError
    also = "".join(f"\nalso: {one.object}: {one.reason}\n      {one.do}" for one in others)
    raise kind(f"{first.object}: {first.reason}{also}", first.do, code=first.code)


def refuse_plain(connection: Connection) -> None:
    """Raise ChatschemaError where the database is not distributed."""
    if not is_distributed(connection):
        raise ChatschemaError(
            f"database {connection.info.dbname} is not distributed by chatschema",
            "show what distributing it would do: chatschema cluster distribute --dry-run",
            code="cluster.not-distributed",
        )


def of_servers(connection: Connection) -> Iterator[Obstacle]:
    """Yield what is wrong with the servers: no extension, no worker, a coordinator that is not one of them, another version."""
    if not has_citus(connection):
        is_there = postgres.fetch_one(connection, _CAN_HAVE)[0]
        do = "create extension citus; in this database, and in one of the same name on each worker"
        reason = "it has no extension citus"
        yield Obstacle(
            "cluster.no-extension",
            f"database {connection.info.dbname}",
            reason if is_there else f"{reason}, and the server does not offer it",
            do if is_there else f"install Citus on the server, then: {do}",
        )
        return
    found = nodes(connection)
    if not any(node.group == 0 for node in found):
        yield Obstacle(
            "cluster.no-coordinator",
            "the coordinator",
            "it is not in the metadata of Citus, so users would not be copied to it",
            f"select citus_set_coordinator_host('HOST', {connection.info.port}); HOST as the workers reach it",
        )
    if not any(node.group for node in found):
        yield Obstacle("cluster.no-workers", "the cluster", "it has no worker", "select citus_add_node('HOST', PORT)")
    for node in found:
        if not node.is_ready:
            do = f"select citus_activate_node('{node.host}', {node.port})"
            yield Obstacle("cluster.worker-inactive", f"worker {node.host}:{node.port}", "it is not active or has no metadata", do)
    yield from _versions(connection)


def _versions(connection: Connection) -> Iterator[Obstacle]:
    query = "select extversion from pg_catalog.pg_extension where extname = 'citus'"
    own = postgres.fetch_one(connection, query)[0]
    for host, port, is_done, result in postgres.fetch_all(connection, _VERSIONS):
        if not is_done:
            reason = f"it does not answer: {result}"
            yield Obstacle("cluster.unreachable", f"worker {host}:{port}", reason, "start it, then run the command again")
        elif result != own:
            reason = f"it has Citus {result or '(none)'}, and the coordinator has {own}"
            do = "install the same version there, then: alter extension citus update"
            yield Obstacle("cluster.version", f"worker {host}:{port}", reason, do)
