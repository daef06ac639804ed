"""Dropping what chatschema made in a database, where the database itself must stay."""

from psycopg import sql

from chatschema import postgres
from chatschema.database import kept
from chatschema.database.catalog import quiet
from chatschema.postgres import Connection, locks
from chatschema.values import TABLES

# They depend on the tables whose rows they return.
_DROP_ROW_FUNCTIONS = """
    select format('drop function %s', p.oid::regprocedure) from pg_catalog.pg_proc as p
    join pg_catalog.pg_type as t on t.oid = p.prorettype
    where p.pronamespace = to_regnamespace('chatschema') and t.typrelid <> 0
"""
# Others refer to them.
_LAST_TABLES = {"drop table chatschema.seeds", "drop table chatschema.holds"}
# In the order in which nothing of ours depends on them any more.
_DROP_REST = """
    -- Months that were detached, and the rows kept of dropped ones.
    select format('drop table %s', c.oid::regclass) from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('chat_partitions') and c.relkind = 'r'
        and c.relname ~ '^(messages|message_statuses)_y[0-9]{4}m[0-9]{2}(_held)?$'
    union all
    select format('drop table %s', c.oid::regclass) from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('chatschema') and c.relkind = 'r' and c.relname = any (%(tables)s)
    union all
    select format('drop function %s', p.oid::regprocedure) from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace('chatschema')
"""
_TABLES = (
    "hold_conversations", "last_hold", "deferred_erasures", "holds", "erasures", "retired_months", "released_attachments",
    "seeded_rows", "seeds", "protection", "migrations", "_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock",
    "schema_records", "kept_by_reset",
)  # fmt: skip


def drop_objects(connection: Connection) -> None:
    """Drop what chatschema made in this database, in one transaction, and nothing else.

    What went with it and is not the schema's, such as grants, waits for `kept.finish` in a table.
    Raises ServerError when an object of somebody else depends on it, or lies in one of its schemas, and ChatschemaError when
    this role could not make again what would go with it.
    """
    tables = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)

    def work() -> None:
        keep = kept.of_objects(connection)
        postgres.execute(connection, "drop view if exists chatschema.held_scopes")
        for (statement,) in postgres.fetch_all(connection, _DROP_ROW_FUNCTIONS):
            postgres.execute_text(connection, statement)
        postgres.execute(connection, sql.SQL("drop table if exists {}").format(tables))
        rest = postgres.fetch_all(connection, _DROP_REST.replace("%s", "%%s"), {"tables": list(_TABLES)})
        # Tables before the functions of their triggers, and before the tables that they refer to.
        for (statement,) in sorted(rest, key=lambda row: (row[0].startswith("drop function"), row[0] in _LAST_TABLES)):
            postgres.execute_text(connection, statement)
        # No cascade: with it a view, a default or a column of somebody else would go without a word.
        postgres.execute(connection, "drop schema if exists chat_partitions, chatschema")
        kept.remember(connection, keep)

    with quiet(connection):
        locks.in_transaction(connection, work, locks.DDL)
