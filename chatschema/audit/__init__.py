"""Rows of public.audit_logs about changes that chatschema makes to data, written in the same transaction."""

import json

from chatschema import postgres
from chatschema.postgres import Connection


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
