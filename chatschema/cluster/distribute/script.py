"""The statements of distribute and undistribute, in order: what --dry-run prints is what runs."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import assets, postgres, sqlfile
from chatschema.cluster import places
from chatschema.cluster.places import Place
from chatschema.postgres import Connection
from chatschema.statements import Statements

_FUNCTION = re.compile(r"(?m)^create or replace function chatschema\.(\w+)\s*\(")
_OWN = re.compile(r"(?m)^create (?:policy|trigger) (\w+)[^;]*? on ([\w.]+)")
# The keys that sql/cluster/keys.sql changes.
KEYS = (
    "conversations_direct_pair_key",
    "messages_pkey",
    "messages_conversation_id_id_key",
    "message_statuses_pkey",
    "attachments_pkey",
    "attachments_message_id_key",
    "attachments_storage_key",
)
_BY_USER = "user_id"
# A hold stays on the coordinator, and its conversations do not.
_NOT_THERE = ("chatschema.hold_conversations hold_conversations_hold_id_fkey",)
# The id says which shard a row is on, so no trigger changes it there: conversations_require_pair_id refuses another one.
_OF_ONE_SERVER = ("public.conversations conversations_set_direct_id",)
# What a migration may have changed since: the way back puts it there as it is then.
_AS_NOW = ["foreign key", "trigger", "comment"]
LEFT_OUT = frozenset({*(("foreign key", name) for name in _NOT_THERE), *(("trigger", name) for name in _OF_ONE_SERVER)})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the script: what it does, in a few words, and its SQL. `locks`: the tables are locked once it has run."""

    title: str
    text: str
    locks: bool = False


def forms() -> list[str]:
    """Return the texts of the functions in their form for shards."""
    return [path.read_text("utf-8") for path in sorted((assets.sql_dir() / "cluster" / "forms").glob("*.sql"))]


def replaced() -> list[str]:
    """Return the names of the functions that have a form for shards."""
    return sorted({name for text in forms() for name in _FUNCTION.findall(text)})


def own() -> list[str]:
    """Return the triggers and policies that only a distributed database has, as "table name"."""
    texts = (_file("policies"), _file("triggers"))
    return [f"{table} {name}" for text in texts for name, table in _OWN.findall(text)]


def distribute(connection: Connection, moved: Sequence[Place], shards: int) -> Iterator[Step]:
    """Yield the steps from one server to a cluster, all for one transaction."""
    there = [place.table for place in moved if place.table not in places.OWN]
    yield Step("settings of this transaction", _file("settings"))
    yield Step("nobody reads or writes the tables until the end", lock(there), locks=True)
    yield Step("tables that a distributed database has more", _file("tables"))
    yield Step("holds and pairs that shards look up", _file("fill"))
    yield Step("the list of each user's conversations", _file("lists"))
    tables = sql.Literal(there)
    yield Step(
        "save what the way back needs",
        _saved(connection, there, ["migration", "function", "key", *_AS_NOW[:2], "policy", "comment"]),
    )
    yield Step("triggers, policies and foreign keys off", _filled(connection, "drop", tables=tables))
    yield Step("keys contain conversation_id", _file("keys"))
    for place in moved:
        yield Step(f"{place.table}: {place.words}", _distributed(place, moved, shards))
    # Without triggers nothing takes it for a TRUNCATE of the rows, and a rollback brings the local rows back.
    truncated = "".join(
        f"select truncate_local_data_after_distributing_table('{table}');\n" for table in (place.table for place in moved)
    )
    yield Step("rows that are in shards now leave the coordinator", truncated)
    for text in forms():
        yield Step(f"functions for shards: {text.partition(':')[0].removeprefix('-- ')}", text)
    yield Step("functions on every node", _file("functions"))
    yield Step("rights to the functions that are new", _file("rights"))
    yield Step("foreign keys on", _put_back(connection, ["foreign key"], _NOT_THERE))
    yield Step("triggers on", _put_back(connection, ["trigger"], _OF_ONE_SERVER))
    yield Step("triggers of a distributed database", _file("triggers"))
    yield Step("triggers of months", _file("guards"))
    yield Step("policies for shards", _file("policies"))
    yield Step("comments", _file("comments"))


def undistribute(connection: Connection, moved: Sequence[Place]) -> Iterator[Step]:
    """Yield the steps back to one server, all for one transaction."""
    there = [place.table for place in moved]
    back = [place for place in reversed(moved) if place.table not in places.OWN]
    yield Step("settings of this transaction", _file("settings"))
    yield Step("nobody reads or writes the tables until the end", lock(there), locks=True)
    yield Step("rows of the outbox", _file("drain"))
    yield Step("what reads tables that come back", _file("drop_lists"))
    here = [place.table for place in back]
    yield Step(
        "foreign keys, triggers and comments as they are now",
        _filled(connection, "refresh", but=sql.Literal([*_NOT_THERE, *_OF_ONE_SERVER])) + _saved(connection, here, _AS_NOW),
    )
    yield Step(
        "save what goes with the tables", _filled(connection, "save_beside", tables=sql.Literal(there), own=sql.Literal(own()))
    )
    yield Step("triggers, policies and foreign keys off", _filled(connection, "drop", tables=sql.Literal(there)))
    for place in back:
        yield Step(f"{place.table}: on this server", f"select undistribute_table('{place.table}');\n")
    yield Step("keys of one server", _file("keys_back"))
    kinds = ["beside", "function", "key", "foreign key", "trigger", "policy", "comment"]
    yield Step("functions, keys, foreign keys, triggers, policies and comments as before", _put_back(connection, kinds))
    yield Step("triggers of months", _file("guards"))
    yield Step("tables that a distributed database has more", _file("remove"))


def run(connection: Connection, step: Step) -> None:
    """Run the statements of a step one by one: Citus passes the text of a DDL statement on as it was sent. Raises ServerError."""
    for statement in Statements(step.text.encode()):
        postgres.execute_text(connection, statement.text)


def lock(tables: Sequence[str]) -> str:
    """Return the statement that locks the tables, in the order in which all of chatschema locks them."""
    return f"lock table {', '.join(tables)} in access exclusive mode;\n"


def _distributed(place: Place, moved: Sequence[Place], shards: int) -> str:
    if place.column is None:
        return f"select create_reference_table('{place.table}');\n"
    # Tables by user are beside each other, and all others are beside the conversations.
    first = next(one.table for one in moved if one.column and (one.column == _BY_USER) == (place.column == _BY_USER))
    how = f"shard_count => {shards}, colocate_with => 'none'" if place.table == first else f"colocate_with => '{first}'"
    return f"select create_distributed_table('{place.table}', '{place.column}', {how});\n"


def _saved(connection: Connection, tables: Sequence[str], kinds: Sequence[str]) -> str:
    values = {"tables": list(tables), "functions": replaced(), "keys": list(KEYS), "kinds": list(kinds), "own": own()}
    return _filled(connection, "save", **{name: sql.Literal(value) for name, value in values.items()})


def _put_back(connection: Connection, kinds: list[str], but: Sequence[str] = ()) -> str:
    return _filled(connection, "put_back", kinds=sql.Literal(kinds), but=sql.Literal(list(but)))


def _file(name: str) -> str:
    return sqlfile.text_of(f"cluster/{name}.sql")


def _filled(connection: Connection, name: str, **values: sql.Composable) -> str:
    return sqlfile.fill(f"cluster/{name}.sql", **values).as_string(connection)
