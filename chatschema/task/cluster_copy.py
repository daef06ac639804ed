"""The copy of a distributed database's structure: one database on one node of Citus, with one shard of each table."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import LiteralString

from psycopg import sql

from chatschema import postgres
from chatschema.cluster.migrate import guarded
from chatschema.cluster.migrate.guarded import Guarded
from chatschema.cluster.obstacles import Obstacle
from chatschema.postgres import Connection
from chatschema.values import Settings

_NODE = "select nodename, nodeport from pg_catalog.pg_dist_node where groupid = 0 and noderole = 'primary'"
# Months follow their table.
_TABLES = """
    select format('%I.%I', n.nspname, c.relname), (
        select a.attname from pg_catalog.pg_attribute as a
        where a.attrelid = d.logicalrelid and a.attnum = (regexp_match(d.partkey, ':varattno ([0-9]+)'))[1]::int
    )
    from pg_catalog.pg_dist_partition as d
    join pg_catalog.pg_class as c on c.oid = d.logicalrelid and not c.relispartition
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where d.partmethod = 'h' or d.repmodel = 't'
    order by d.partmethod = 'h', 1
"""
# The settings of a migration there; a trial resets its session to those of the database.
_SETTINGS: tuple[LiteralString, ...] = (
    "citus.multi_shard_modify_mode = 'sequential'",
    "citus.enable_local_reference_table_foreign_keys = off",
    "client_min_messages = warning",
)
_TRIGGERS: LiteralString = "citus.enable_unsafe_triggers = on"


def prepare(source: Connection, made: Settings) -> Callable[[Connection], None]:
    """Make an empty database a cluster of one node; return the function that distributes its tables before they have keys.

    Raises ServerError, also where the role may not create the extension.
    """
    host, port = postgres.fetch_one(source, _NODE)
    with closing(postgres.connect(made)) as into:
        postgres.execute(into, "set client_min_messages = error")
        postgres.execute(into, "create extension citus")
        postgres.fetch_one(into, "select citus_set_coordinator_host(%s, %s)", (host, port))
        postgres.fetch_one(into, "select citus_set_node_property(%s, %s, 'shouldhaveshards', true)", (host, port))
        for setting in _SETTINGS:
            text = sql.SQL("alter database {} set {}").format(sql.Identifier(into.info.dbname), sql.SQL(setting))
            postgres.execute(into, text)
    tables = postgres.fetch_all(source, _TABLES)

    def distribute(into: Connection) -> None:
        for setting in (*_SETTINGS, _TRIGGERS):
            postgres.execute(into, sql.SQL("set {}").format(sql.SQL(setting)))
        first = None
        for name, column in tables:
            if column is None:
                postgres.fetch_one(into, "select create_reference_table(%s)", (name,))
            elif first is None:
                first = name
                how = "select create_distributed_table(%s, %s, shard_count => 1, colocate_with => 'none')"
                postgres.fetch_one(into, how, (name, column))
            else:
                postgres.fetch_one(into, "select create_distributed_table(%s, %s, colocate_with => %s)", (name, column, first))

    return distribute


class Watch:
    """Compares what the distributed database rests on before and after each file of a trial; appends changes to `found`."""

    def __init__(self, connection: Connection, found: list[Obstacle]) -> None:
        self._connection, self._found = connection, found
        self._last: Guarded = guarded.read(connection)

    def look(self, id: str) -> None:
        """Look what the file changed of it."""
        now = guarded.read(self._connection)
        self._found += [replace(one, object=f"{id}: {one.object}") for one in guarded.changes(self._last, now)]
        self._last = now
