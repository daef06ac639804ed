"""Dropping the objects that chatschema created in a database, if the database itself must stay."""

from collections.abc import Sequence

from psycopg import sql

from chatschema import ownership, postgres
from chatschema.database import kept
from chatschema.database.catalog import quiet
from chatschema.database.kept import Kept
from chatschema.postgres import Connection, locks
from chatschema.values import TABLES

# Functions that depend on the tables whose rows they return.
_DROP_ROW_FUNCTIONS = """
    select format('drop function %s', p.oid::regprocedure) from pg_catalog.pg_proc as p
    join pg_catalog.pg_type as t on t.oid = p.prorettype
    where p.pronamespace = to_regnamespace('chatschema') and t.typrelid <> 0
"""
# A policy may read a view that reads another of the tables.
_DROP_POLICIES = """
    select format('drop policy %%I on %%s', p.polname, p.polrelid::regclass) from pg_catalog.pg_policy as p
    where p.polrelid in (select to_regclass('public.' || t.name) from unnest(%s::text[]) as t (name))
"""
# Others refer to them.
_LAST_TABLES = {"drop table chatschema.seeds", "drop table chatschema.holds", "drop table chatschema.audit_epochs"}
# Dropped last, when no other object of chatschema depends on them.
_DROP_REST = """
    -- Months that were detached, and the rows kept of dropped ones.
    select format('drop table %s', c.oid::regclass) from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('chat_partitions') and c.relkind = 'r'
        and c.relname ~ '^(messages|message_statuses)_y[0-9]{4}m[0-9]{2}(_held)?$'
    union all
    select format('drop table %s', c.oid::regclass) from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace('chatschema') and c.relkind in ('r', 'p') and c.relname = any (%(tables)s)
    union all
    select format('drop routine %s', p.oid::regprocedure) from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace('chatschema')
"""
_TABLES = (
    "hold_conversations", "last_hold", "deferred_erasures", "holds", "erasures", "retired_months", "released_attachments",
    "applied_roles", "audit_seals", "audit_epochs", "privacy_requests", "erased_names",
    "bulk_seed", "bulk_months", "bulk_owners", "events", "event_state", *ownership.TABLES,
)  # fmt: skip


def drop_objects(connection: Connection, also: Sequence[Kept] = ()) -> None:
    """Drop the objects that chatschema created in this database, in one transaction, and no others.

    Dependent objects of the database, such as grants, are recorded in a table for `kept.finish`, and so is what `also` recreates.
    Raises ServerError if a foreign object depends on one of them, or is in one of the schemas, and ChatschemaError if this role
    could not recreate a dependent object.
    """
    tables = sql.SQL(", ").join(sql.Identifier("public", table) for table in TABLES)

    def work() -> None:
        keep = kept.of_objects(connection)
        for (statement,) in postgres.fetch_all(connection, _DROP_POLICIES, (list(TABLES),)):
            postgres.execute_text(connection, statement)
        postgres.execute(connection, "drop view if exists chatschema.held_scopes, chatschema.memberships, chatschema.people")
        for (statement,) in postgres.fetch_all(connection, _DROP_ROW_FUNCTIONS):
            postgres.execute_text(connection, statement)
        postgres.execute(connection, sql.SQL("drop table if exists {}").format(tables))
        rest = postgres.fetch_all(connection, _DROP_REST.replace("%s", "%%s"), {"tables": list(_TABLES)})
        # Tables before the functions of their triggers, and before the tables that they refer to.
        for (statement,) in sorted(rest, key=lambda row: (row[0].startswith("drop routine"), row[0] in _LAST_TABLES)):
            postgres.execute_text(connection, statement)
        # No cascade: it would silently drop a foreign view, default or column.
        postgres.execute(connection, "drop schema if exists chat_partitions, chatschema")
        kept.remember(connection, [*keep, *(one for one in also if one not in keep)])

    with quiet(connection):
        locks.in_transaction(connection, work, locks.DDL)
