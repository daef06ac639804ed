"""Linking attachments of a restored month again where the database is distributed: the record is apart from the rows."""

from collections.abc import Mapping
from uuid import UUID

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.postgres import Connection, listed


def batch(connection: Connection, values: Mapping[str, sql.Composable]) -> tuple[UUID | None, int, list[UUID]]:
    """Link a batch; return the last message's id, how many were linked, and the attachments that no longer exist.

    Within the caller's transaction. None and nothing where no record is left.
    """
    found = postgres.fetch_all(connection, sqlfile.fill("partitions/distributed/to_relink.sql", **values))
    if not found:
        return None, 0, []
    ids, messages = (list(column) for column in zip(*found, strict=True))
    erased = [row[0] for row in postgres.fetch_all(connection, "select distinct subject_id from chatschema.erasures")]
    values = {**values, "ids": sql.Literal(ids), "released": listed.rows(found, ["uuid", "uuid"]), "gone": sql.Literal(erased)}
    there = {row[0] for row in postgres.fetch_all(connection, sqlfile.fill("partitions/distributed/there_still.sql", **values))}
    query = sqlfile.fill("partitions/distributed/relink_attachments.sql", **values)
    linked = [row[0] for row in postgres.fetch_all(connection, query)]
    collected = sorted(set(ids) - there)
    forget = "delete from chatschema.released_attachments where attachment_id = any (%s)"
    postgres.execute(connection, forget, ([*linked, *collected],))
    return messages[-1], len(linked), collected
