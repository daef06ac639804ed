"""What a distributed database rests on: no migration and no rollback may change it."""

import re
from collections.abc import Sequence

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.cluster import places
from chatschema.cluster.distribute import script
from chatschema.cluster.obstacles import Obstacle
from chatschema.postgres import Connection

BACK = "bring the database back, run it, distribute again: chatschema cluster undistribute"
# What is on one server only, by name: distribute dropped or replaced it, and the way back puts it there again.
_ABSENT = """
    select b.kind, split_part(b.object, ' ', 1), split_part(b.object, ' ', 2) from chatschema.before_cluster as b
    where b.kind in ('key', 'policy') or (b.kind || ' ' || b.object) = any (%s)
"""
_BEFORE = "select b.object from chatschema.before_cluster as b where b.kind = 'migration'"
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)

Guarded = dict[str, str]


def read(connection: Connection) -> Guarded:
    """Return the guarded objects with their definitions, as this transaction sees them; raises ServerError."""
    tables = [place.table for place in places.places({})] + ["chatschema.before_cluster"]
    query = sqlfile.fill(
        "cluster/guarded.sql",
        tables=sql.Literal(tables),
        functions=sql.Literal(script.replaced()),
        keys=sql.Literal(list(script.KEYS)),
        own=sql.Literal(script.own()),
    )
    return dict(postgres.fetch_all(connection, query))


def changes(before: Guarded, after: Guarded) -> list[Obstacle]:
    """Return what was changed, dropped or made impossible between two looks."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now or (name.startswith("foreign key ") and now is None):
            continue
        if name.startswith("foreign key "):
            reason = "it would look for the rows on the coordinator, and every insert would fail"
            do = "place its table too: -- Cluster: by conversation_id, in the header; or leave the key out"
            found.append(Obstacle("cluster.foreign-key", name, reason, do))
            continue
        verb = "created" if was is None else "dropped" if now is None else "changed"
        found.append(Obstacle("cluster.rests-on", name, f"it is {verb}, and the distributed database rests on it as it is", BACK))
    return found


def absent(connection: Connection) -> dict[str, str]:
    """Return what only one server has, its names with its kind and table; raises ServerError."""
    left_out = [f"{kind} {name}" for kind, name in script.LEFT_OUT]
    return {name: f"{kind} {table}.{name}" for kind, table, name in postgres.fetch_all(connection, _ABSENT, (left_out,))}


def mentions(name: str, text: str, known: dict[str, str], still: Guarded) -> list[Obstacle]:
    """Return the objects of one server, which are `known`, that the file `name` writes of; those that are here too are left out."""
    words = set(re.findall(r"[\w$]+", _COMMENTS.sub(" ", text)))
    here = {one.rpartition(".")[2] for one in still}
    return [
        Obstacle("cluster.rests-on", name, f"it names {known[word]}, which only one server has", BACK)
        for word in sorted(words & known.keys() - here)
    ]


def before(connection: Connection) -> Sequence[str]:
    """Return the ids of the migrations that were applied when the database was distributed; raises ServerError."""
    return [row[0] for row in postgres.fetch_all(connection, _BEFORE)]
