"""Dropping what chatschema made in a database, where the database itself must stay."""

from psycopg import sql

from chatschema import locks, postgres
from chatschema.database.catalog import quiet
from chatschema.models import TABLES
from chatschema.postgres import Connection

# In the order in which nothing of ours depends on them any more.
_DROP_REST = """
    select format('drop table %s', c.oid::regclass) from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('chatschema') and c.relkind = 'r' and c.relname = any (%(ledger)s)
    union all
    select format('drop function %s', p.oid::regprocedure) from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace('chatschema')
"""
_LEDGER = ("seeded_rows", "seeds", "protection", "migrations", "_yoyo_migration", "_yoyo_log", "_yoyo_version", "yoyo_lock")


def drop_objects(connection: Connection) -> None:
    """Drop what chatschema made in this database, in one transaction, and nothing else.

    Raises ServerError when an object of somebody else depends on it, or lies in one of its schemas.
    """
    tables = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)

    def work() -> None:
        with postgres.transaction(connection):
            locks.limit_lock_wait(connection, locks.DDL)
            postgres.execute(connection, sql.SQL("drop table if exists {}").format(tables))
            rest = postgres.fetch_all(connection, _DROP_REST.replace("%s", "%%s"), {"ledger": list(_LEDGER)})
            for (statement,) in sorted(rest, key=lambda row: "seeds" in row[0]):
                postgres.execute_text(connection, statement)
            # No cascade: with it a view, a default or a column of somebody else would go without a word.
            postgres.execute(connection, "drop schema if exists chat_partitions, chatschema")

    with quiet(connection):
        locks.with_lock_retries(connection, work, locks.DDL)
