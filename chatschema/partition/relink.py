"""Linking attachments to the messages of a restored month again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import audit, hold, postgres, sqlfile
from chatschema.partition import create, grid
from chatschema.postgres import Connection, door, listed, locks
from chatschema.values import Month


def relink(connection: Connection, month: Month) -> tuple[int, list[UUID]]:
    """Link attachments to their message again, in batches; return how many, and those whose row or file no longer exists."""
    relinked, collected = 0, list[UUID]()
    after = str(UUID(int=grid.uuid7_floor(month.lower).int - 1))
    while True:
        values = {**create.names(month), "after": sql.Literal(after), "is_held": hold.is_held(connection)}
        batch = sqlfile.fill("partitions/relink_attachments.sql", **values)

        def work(batch: sql.Composed = batch, values: dict[str, sql.Composable] = values) -> tuple[Any, ...]:
            row = _batch(connection, values) if door.is_distributed(connection) else postgres.fetch_one(connection, batch)
            if row[2]:
                # This batch deletes its record, so the audit trail must have it even if the run is killed.
                audit.record(connection, "partition.attachments_gone", "partition", f"{month.lower:%Y-%m}", attachments=row[2])
            return row

        last, found, gone = locks.in_transaction(connection, work, locks.DDL)
        relinked += found
        collected += gone
        if last is None:
            return relinked, collected
        after = str(last)


def _batch(connection: Connection, values: Mapping[str, sql.Composable]) -> tuple[UUID | None, int, list[UUID]]:
    """Link a batch; return the last message, how many were linked, and the attachments that no longer exist.

    For a distributed database. Within the caller's transaction. None and nothing where no record is left.
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
