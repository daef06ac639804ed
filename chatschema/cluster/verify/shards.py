"""Shards compared with the tables of the coordinator: each has the same triggers, checks, keys, rights and policies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatschema import postgres
from chatschema.cluster.nodes import Place
from chatschema.cluster.verify import ddl
from chatschema.cluster.verify.ddl import Thing
from chatschema.cluster.verify.finding import OWN, SHARDS, Finding
from chatschema.postgres import Connection

# The shards of one conversation: equal bounds, and for a copied table its only shard.
_PARTNERS = """
    select format('%I.%I', n.nspname, c.relname), s.shardid, p.colocationid, s.shardminvalue
    from pg_catalog.pg_dist_shard as s
    join pg_catalog.pg_dist_partition as p using (logicalrelid)
    join pg_catalog.pg_class as c on c.oid = s.logicalrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
"""
_SHOWN = 5


@dataclass(slots=True)
class _Of:
    """What one node has: for each thing the shards that have it; shard 0 is the table itself."""

    tables: Mapping[str, set[int]]
    things: dict[Thing, set[int]] = field(default_factory=dict)
    numbered: set[Thing] = field(default_factory=set)

    def is_numbered(self, one: Thing) -> bool:
        """Return whether the number of the shard ends the name of a thing, as on the other shards of this node."""
        return one in self.numbered if one in self.things and self.things[one] - {0} else one.kind != "check"


def findings(connection: Connection, documents: Mapping[Place, Any]) -> Iterator[Finding]:
    """Yield what shards and tables of the nodes lack, have beside, or have otherwise than the coordinator's table."""
    partners = _Partners(connection)
    coordinator = next(place for place in documents if place.group == 0)
    expected = [one for one, shards in _read(documents[coordinator]).things.items() if 0 in shards]
    for place, document in documents.items():
        for table, shard in document["lost"]:
            yield Finding(
                "cluster.shard-lost",
                place.name,
                table,
                f"its shard {shard} is not there",
                place.name,
                ("restore the node from its standby or its backup: the rows of the shard are gone",),
            )
        yield from _of_node(place, _read(document), expected, partners)


def count(documents: Mapping[Place, Any]) -> int:
    """Return how many shards were compared; the table itself is none."""
    return sum(len([shard for shard in shards if shard]) for one in documents.values() for shards in one["tables"].values())


def _of_node(place: Place, here: _Of, expected: Sequence[Thing], partners: "_Partners") -> Iterator[Finding]:
    known = set(expected)
    beside = {one: shards for one, shards in here.things.items() if one not in known}
    for one in expected:
        lacking = here.tables.get(one.table, set()) - here.things.get(one, set())
        if not lacking:
            continue
        twin = next((other for other in beside if _is_same(one, other) and beside[other] & lacking), None)
        if twin:
            yield _finding(here, place, one, beside[twin] & lacking, f"is {twin.definition}", partners, instead=twin)
            lacking -= beside.pop(twin)
        if lacking:
            yield _finding(here, place, one, lacking, "is missing", partners)
    for one, shards in beside.items():
        if shards - ({0} if place.group == 0 else set()):
            yield _finding(here, place, one, shards, "is not on the coordinator's table", partners, is_extra=True)


def _is_same(one: Thing, other: Thing) -> bool:
    """Return whether two things cannot be on one table together: equal names, or a table's only one of its kind."""
    return one.table == other.table and one.kind == other.kind and one.kind != "grant" and one.name == other.name


def _finding(
    here: _Of,
    place: Place,
    one: Thing,
    shards: set[int],
    reason: str,
    partners: "_Partners",
    *,
    instead: Thing | None = None,
    is_extra: bool = False,
) -> Finding:
    gone = one if is_extra else instead
    steps: list[tuple[Thing, str]] = [(gone, statement) for statement in ddl.drop(gone)] if gone else []
    steps += [(one, statement) for statement in ([] if is_extra else ddl.create(one))]
    real = sorted(shards - {0})
    do = [OWN, *([SHARDS] if real else [])]
    if 0 in shards:
        do += [statement for _, statement in steps]
    for shard in real:
        beside = partners.of(shard)
        do += [ddl.on_shard(of, text, shard, beside, is_numbered=here.is_numbered(of)) for of, text in steps]
    where = f"shard{'s' if real[1:] else ''} {', '.join(map(str, real[:_SHOWN]))}" if real else "the table"
    more = f" and {len(real) - _SHOWN} more" if len(real) > _SHOWN else ""
    return Finding("cluster.shard-differs", place.name, one.table, f"{one.words} {reason}: {where}{more}", place.name, tuple(do))


def _read(document: Any) -> _Of:
    found = _Of({table: set(shards) for table, shards in document["tables"].items()})
    for table, kind, name, definition, on, is_numbered in document["things"]:
        one = Thing(table, kind, name, definition)
        if is_numbered:
            found.numbered.add(one)
        found.things.setdefault(one, set()).update(found.tables[table] if on is None else on)
    return found


class _Partners:
    """The shards that hold the same conversations, read when the first one is asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []

    def of(self, shard: int) -> dict[str, int]:
        """Return the shards beside this one, by table."""
        self._rows = self._rows or postgres.fetch_all(self._connection, _PARTNERS)
        place = next(((colocation, bound) for _, number, colocation, bound in self._rows if number == shard), None)
        return {table: number for table, number, colocation, bound in self._rows if bound is None or (colocation, bound) == place}
