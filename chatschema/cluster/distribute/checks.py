"""What keeps a database from being distributed, or from coming back: each with its reason and what to type instead."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chatschema import postgres, sqlfile
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

_HAS_CITUS = "select exists (select from pg_catalog.pg_extension where extname = 'citus')"
_CAN_HAVE = "select exists (select from pg_catalog.pg_available_extensions where name = 'citus')"
_NODES = """
    select n.nodename, n.nodeport, n.groupid, n.isactive, n.hasmetadata and n.metadatasynced
    from pg_catalog.pg_dist_node as n where n.noderole = 'primary' order by n.groupid, n.nodename, n.nodeport
"""
_VERSIONS = """
    select nodename, nodeport, success, result from run_command_on_all_nodes(
        'select extversion from pg_catalog.pg_extension where extname = ''citus''', give_warning_for_connection_errors => false
    ) as r join pg_catalog.pg_dist_node as n using (nodeid)
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A server of the cluster; group 0 is the coordinator."""

    host: str
    port: int
    group: int
    is_active: bool
    has_metadata: bool


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way, and what to type instead."""

    code: str
    message: str
    hint: str


def has_citus(connection: Connection) -> bool:
    """Return whether the extension is installed in this database."""
    return bool(postgres.fetch_one(connection, _HAS_CITUS)[0])


def is_distributed(connection: Connection) -> bool:
    """Return whether chatschema distributed this database; asks no other node."""
    return postgres.has_table(connection, "chatschema.before_cluster")


def nodes(connection: Connection) -> list[Node]:
    """Return the servers of the cluster, the coordinator first if it is in the metadata."""
    return [Node(*row) for row in postgres.fetch_all(connection, _NODES)]


def refuse(obstacles: Iterable[Obstacle]) -> None:
    """Raise ChatschemaError for the first obstacle; the others are named after it."""
    found = list(obstacles)
    if not found:
        return
    others = "".join(f"\nalso: {one.message}; {one.hint}" for one in found[1:])
    raise ChatschemaError(found[0].message + others, found[0].hint, code=found[0].code)


def of_servers(connection: Connection) -> Iterator[Obstacle]:
    """Yield what is wrong with the servers: no extension, no workers, a coordinator that is not one of them, other versions."""
    if not has_citus(connection):
        is_there = postgres.fetch_one(connection, _CAN_HAVE)[0]
        hint = "create extension citus; on this database and on that of each worker" if is_there else "install Citus on the server"
        yield Obstacle("cluster.no-extension", f"database {connection.info.dbname} has no extension citus", hint)
        return
    found = nodes(connection)
    if not any(node.group == 0 for node in found):
        yield Obstacle(
            "cluster.no-coordinator",
            "the coordinator is not in the metadata of Citus: users could not be copied to it",
            f"select citus_set_coordinator_host('HOST', {connection.info.port}); with the name by which the workers reach this server",
        )
    if not any(node.group for node in found):
        yield Obstacle("cluster.no-workers", "the cluster has no worker", "add one: select citus_add_node('HOST', PORT)")
    for node in found:
        if not node.is_active or not node.has_metadata:
            yield Obstacle(
                "cluster.worker-inactive",
                f"worker {node.host}:{node.port} is not active or has no metadata",
                f"select citus_activate_node('{node.host}', {node.port})",
            )
    yield from _versions(connection)


def _versions(connection: Connection) -> Iterator[Obstacle]:
    found = postgres.fetch_all(connection, _VERSIONS)
    own = postgres.fetch_one(connection, "select extversion from pg_catalog.pg_extension where extname = 'citus'")[0]
    for host, port, is_done, result in found:
        if not is_done:
            yield Obstacle("cluster.unreachable", f"{host}:{port} does not answer: {result}", "start it, then run the command again")
        elif result != own:
            yield Obstacle(
                "cluster.version",
                f"{host}:{port} has Citus {result or '(none)'}, the coordinator has {own}",
                "install the same version there, then: alter extension citus update",
            )


def of_schema(connection: Connection, tables: Sequence[str], names: Sequence[str]) -> Iterator[Obstacle]:
    """Yield what other people's objects stand in the way: foreign keys, policies that ask a table, logical subscriptions.

    `tables` are those that move; `names` the policies that are chatschema's own, as "table policy".
    """
    query = sqlfile.fill("cluster/obstacles.sql", tables=_list(tables), policies=_list(names))
    for code, message, hint in postgres.fetch_all(connection, query):
        yield Obstacle(code, message, hint)


def _list(values: Sequence[str]):  # type: ignore[no-untyped-def]
    from psycopg import sql

    return sql.Literal(list(values))
