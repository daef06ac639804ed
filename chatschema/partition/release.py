"""Releasing the attachments of a dropped month, so that the file collector removes their files."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from chatschema import audit, postgres, sqlfile
from chatschema.partition import grid, retired_months
from chatschema.partition.create import names, statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, door, locks


def _release_distributed(connection: Connection, select: sql.Composed) -> int:
    """Release a batch of attachments that `select` finds on all shards; return how many were still there."""
    found = postgres.fetch_all(connection, select)
    if not found:
        return 0
    conversations, ids, messages = (list(column) for column in zip(*found, strict=True))
    values = {"conversations": sql.Literal(conversations), "ids": sql.Literal(ids), "messages": sql.Literal(messages)}
    postgres.execute(connection, sqlfile.fill("partitions/distributed/remember_released.sql", **values))
    postgres.execute(connection, sqlfile.fill("partitions/distributed/release_attachments.sql", **values))
    return len(found)


@dataclass(frozen=True, slots=True)
class Released:
    """References to a dropped month: attachments that were released, and replies that keep the id they answer."""

    attachments: int
    replies: int


def release(connection: Connection, lower: datetime) -> Released:
    """Release the attachments of a dropped month in batches, and count the replies to it; finishes an interrupted run."""
    month = grid.month(GROUP[0].table, lower)
    held = grid.kept(month).name
    kept: sql.Composable = sql.SQL("(select null::uuid as id where false)")
    if postgres.has_table(connection, f"{SCHEMA}.{held}"):
        kept = sql.Identifier(SCHEMA, held)
        if door.is_distributed(connection):
            # Citus joins a table of the coordinator with a distributed one only as a subquery.
            kept = sql.SQL("(select id from {})").format(kept)
    file = "distributed/attachments_to_release" if door.is_distributed(connection) else "release_attachments"
    batch = sqlfile.fill(f"partitions/{file}.sql", **{**names(month), "kept": kept})
    count = 0

    def work() -> int:
        audit.as_batch(connection)
        is_there = door.is_distributed(connection)
        released = _release_distributed(connection, batch) if is_there else postgres.execute(connection, batch).rowcount
        if released:
            audit.record(connection, "partition.release_attachments", "partition", f"{lower:%Y-%m}", attachments=released)
        return released

    while released := locks.in_transaction(connection, work, locks.DDL):
        count += released
    replies: int = postgres.fetch_one(connection, statement("count_replies.sql", month))[0]
    total = postgres.fetch_one(connection, statement("count_released.sql", month))[0]
    retired_months.write(connection, lower, attachments_released=total)
    return Released(count, replies)
