"""Rows of public.audit_logs about changes that chatschema makes to data, written in the same transaction."""

import json

from chatschema import postgres
from chatschema.postgres import Connection, local


def record(connection: Connection, action: str, resource_type: str, resource_id: str, **details: object) -> None:
    """Add a row to the trail; it is committed or rolled back with the current transaction."""
    postgres.execute(
        connection,
        """
        insert into public.audit_logs (action, resource_type, resource_id, severity, details)
        values (%s, %s, %s, 'info', %s::jsonb)
        """,
        (action, resource_type, resource_id, json.dumps(details, default=str)),
    )


def is_logged(connection: Connection, function: str) -> bool:
    """Return whether the database logs such a change itself, by a trigger that calls `function` of the schema chatschema."""
    return bool(postgres.fetch_one(connection, "select to_regproc(%s) is not null", (f"chatschema.{function}",))[0])


def is_table_logged(connection: Connection, table: str) -> bool:
    """Return whether triggers log the changes of a table, whose name is quoted and qualified."""
    query = """
        select exists (
            select from pg_catalog.pg_trigger as t join pg_catalog.pg_proc as p on p.oid = t.tgfoid
            where t.tgrelid = to_regclass(%s) and p.pronamespace = to_regnamespace('chatschema')
                and starts_with(p.proname, 'audit_')
        )
    """
    return bool(postgres.fetch_one(connection, query, (table,))[0])


def as_batch(connection: Connection) -> None:
    """Let the triggers of the trail write nothing until the current transaction ends; the caller adds one row with record().

    Only for a login that may act as the owner of the tables: for any other the triggers ignore it.
    """
    local.switch_on(connection, "chatschema.audit_batch")
