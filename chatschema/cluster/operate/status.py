"""The state of a distributed database: nodes, tables and where they live, what waits for relay, and shards that move."""

from dataclasses import dataclass
from datetime import datetime

from chatschema import postgres, sqlfile
from chatschema.cluster import nodes
from chatschema.cluster.distribute import checks
from chatschema.cluster.nodes import Node
from chatschema.cluster.operate import moves
from chatschema.cluster.operate.moves import Job
from chatschema.errors import ServerError
from chatschema.postgres import Connection

_WAITING = "select count(*), min(o.recorded_at) from chatschema.outbox as o"
# The outbox of a node that does not answer cannot be counted.
_LOST = "08"


@dataclass(frozen=True, slots=True)
class Table:
    """A table and where it lives; `shards` is None for a table of the coordinator, and counts one shard for all months."""

    table: str
    place: str
    shards: int | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows of shards that wait for chatschema cluster relay, and since when the oldest does."""

    rows: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The state; `waiting` is None while a node does not answer, `job` while nothing is moved."""

    nodes: tuple[Node, ...]
    tables: tuple[Table, ...]
    waiting: Waiting | None
    job: Job | None

    @property
    def silent(self) -> tuple[str, ...]:
        """The nodes that do not answer."""
        return tuple(f"{one.host}:{one.port}" for one in self.nodes if not one.is_reachable)


def read(connection: Connection) -> Cluster:
    """Return the state; reads only, also while a node is lost. Raises ChatschemaError where the database is not distributed."""
    checks.refuse_plain(connection)
    tables = tuple(Table(*row) for row in postgres.fetch_all(connection, sqlfile.text_of("cluster/where.sql")))
    return Cluster(tuple(nodes.read(connection)), tables, _waiting(connection), moves.running(connection))


def _waiting(connection: Connection) -> Waiting | None:
    try:
        return Waiting(*postgres.fetch_one(connection, _WAITING))
    except ServerError as error:
        if error.sqlstate[:2] != _LOST:
            raise
        return None
