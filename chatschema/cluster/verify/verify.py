"""All comparisons of a distributed database in one answer; what is seen once and not again was only under way."""

import time
from dataclasses import dataclass

from chatschema import sqlfile
from chatschema.cluster import nodes
from chatschema.cluster.distribute import checks
from chatschema.cluster.verify import copies, functions, leftovers, of_lists, shards
from chatschema.cluster.verify.finding import Finding
from chatschema.postgres import Connection

# A shard that moves, or a month that is created, is over on one node before it is on another.
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared, and what differs."""

    nodes: tuple[str, ...]
    copied_tables: int
    shards: int
    functions: int
    findings: tuple[Finding, ...]


def verify(connection: Connection) -> Verified:
    """Return what differs between the nodes; reads only.

    Raises CannotConnect for a node that does not answer, and ChatschemaError where the database is not distributed.
    """
    checks.refuse_plain(connection)
    checks.refuse(list(checks.of_servers(connection)))
    found = _objects(connection)
    if found.findings:
        time.sleep(AGAIN_S)
        again = _objects(connection)
        found = Verified(
            again.nodes,
            again.copied_tables,
            again.shards,
            again.functions,
            tuple(one for one in found.findings if one in again.findings),
        )
    copied = copies.tables(connection)
    rest = [
        *copies.findings(connection, copied),
        *leftovers.findings(connection),
        *of_lists.findings(connection, found.nodes[0]),
    ]
    return Verified(found.nodes, len(copied), found.shards, found.functions, (*found.findings, *rest))


def _objects(connection: Connection) -> Verified:
    """Return the findings that come from catalogs alone."""
    answers = nodes.ask(connection, _text("metadata"))
    nodes.refuse_silent(answers)
    of_shards = nodes.documents(connection, _text("shards"))
    of_functions = nodes.documents(connection, _text("functions"))
    of_roles = nodes.documents(connection, _text("roles"))
    found = (
        *leftovers.of_metadata(answers),
        *functions.of_roles(of_roles),
        *functions.findings(of_functions),
        *shards.findings(connection, of_shards),
    )
    known = next(one for place, one in of_functions.items() if place.group == 0)
    return Verified(tuple(one.place.name for one in answers), 0, shards.count(of_shards), len(known["functions"]), found)


def _text(name: str) -> str:
    return sqlfile.text_of(f"cluster/verify/{name}.sql")
