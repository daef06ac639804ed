"""The servers of a cluster, and what each of them answers: asked by the coordinator, so a client need not reach the workers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatschema import postgres, sqlfile
from chatschema.errors import CannotConnect, ChatschemaError
from chatschema.postgres import Connection

_NODES = """
    select n.nodename, n.nodeport, n.groupid, n.isactive and n.hasmetadata and n.metadatasynced
    from pg_catalog.pg_dist_node as n where n.noderole = 'primary' order by n.groupid, n.nodename, n.nodeport
"""
_ASK = "select r.node_name, r.node_port, r.success, r.result from master_run_on_worker(%s, %s, %s, true) as r"
_UNREACHED = "failed to connect to "
START = "start it, then run the command again; conversations on the other nodes are served meanwhile"


@dataclass(frozen=True, slots=True)
class Place:
    """A server of the cluster; group 0 is the coordinator. `is_active`: it has the metadata, and statements are sent to it."""

    host: str
    port: int
    group: int
    is_active: bool = True

    @property
    def name(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server answered; `text` is the error if it is not `is_done`."""

    place: Place
    is_done: bool
    text: str

    @property
    def is_reached(self) -> bool:
        """Whether the coordinator could connect to the server."""
        return self.is_done or not self.text.startswith(_UNREACHED)


@dataclass(frozen=True, slots=True)
class Node:
    """The state of a server; versions, shards and bytes are None where it does not answer, and `problem` says why."""

    host: str
    port: int
    is_coordinator: bool
    is_active: bool
    is_reachable: bool
    citus: str | None
    postgres: str | None
    shards: int | None
    bytes: int | None
    problem: str | None


def places(connection: Connection) -> list[Place]:
    """Return the servers of the cluster, the coordinator first if it is in the metadata; asks no other server."""
    return [Place(*row) for row in postgres.fetch_all(connection, _NODES)]


def ask(connection: Connection, query: str, of: Sequence[Place] | None = None) -> list[Answer]:
    """Return what each server answers to a query of one value, all at once: outside of this transaction, as the same role."""
    asked = places(connection) if of is None else of
    rows = postgres.fetch_all(connection, _ASK, ([one.host for one in asked], [one.port for one in asked], [query for _ in asked]))
    by_name = {one.name: one for one in asked}
    found = [Answer(by_name[f"{host}:{port}"], is_done, text or "") for host, port, is_done, text in rows]
    return sorted(found, key=lambda one: (one.place.group, one.place.name))


def documents(connection: Connection, query: str, of: Sequence[Place] | None = None) -> dict[Place, Any]:
    """Return the JSON document of each server. Raises CannotConnect if one does not answer, ChatschemaError if one fails."""
    answers = ask(connection, query, of)
    refuse_silent(answers)
    return {one.place: json.loads(one.text) for one in answers}


def refuse_silent(answers: Sequence[Answer]) -> None:
    """Raise CannotConnect that names each server that does not answer, or ChatschemaError for the first that answers an error."""
    silent = [one.place.name for one in answers if not one.is_reached]
    if silent:
        verb = "does" if len(silent) == 1 else "do"
        raise CannotConnect(
            f"{' and '.join(silent)} {verb} not answer: connection to the remote node failed", START, code="cluster.unreachable"
        )
    failed = next((one for one in answers if not one.is_done), None)
    if failed:
        raise ChatschemaError(f"{failed.place.name} answers: {failed.text}", code="cluster.node-failed")


def read(connection: Connection) -> list[Node]:
    """Return the state of each server; reads only. One that does not answer is in the list too. Raises ServerError."""
    return [_node(one) for one in ask(connection, sqlfile.text_of("cluster/node.sql"))]


def _node(answer: Answer) -> Node:
    place = answer.place
    known = (place.host, place.port, place.group == 0, place.is_active, answer.is_reached)
    if not answer.is_done:
        return Node(*known, None, None, None, None, answer.text)
    citus, server, shards, size = json.loads(answer.text)
    return Node(*known, citus, server, shards, size, None)
