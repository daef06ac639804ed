"""The record of a bulk seed in the schema chatschema: its arguments and its months."""

import json
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection
from chatschema.seed.bulk import plan
from chatschema.seed.bulk.plan import Part, Size
from chatschema.seed.bulk.shape import as_document, of_document


@dataclass(frozen=True, slots=True)
class Recorded:
    """A seed that was begun, by which version of the generator, and whether it is complete."""

    size: Size
    version: int
    is_finished: bool


@dataclass(frozen=True, slots=True)
class StoredMonth:
    """A month whose messages and statuses are stored, how they got there, and whether its files and entries of the trail are."""

    lower: datetime
    path: str
    messages: int
    statuses: int
    attachments: int
    is_complete: bool


def exists(connection: Connection) -> bool:
    """Return whether the database has the tables of the record."""
    return postgres.has_table(connection, "chatschema.bulk_seed")


def read(connection: Connection) -> Recorded | None:
    """Return the seed that was begun, None if there is none."""
    query = """
        select messages, users, conversations, months, until, rng, profile, shape, version, finished_at is not null
        from chatschema.bulk_seed
    """
    rows = postgres.fetch_all(connection, query) if exists(connection) else []
    if not rows:
        return None
    messages, users, conversations, months, until, rng, profile, shape, version, is_finished = rows[0]
    size = Size(messages, users, conversations, months, until, rng, profile, of_document(shape))
    return Recorded(size, version, is_finished)


def months(connection: Connection) -> list[StoredMonth]:
    """Return the months that are stored, oldest first."""
    query = """
        select month, path, messages, statuses, attachments, audit_txid is not null from chatschema.bulk_months order by month
    """
    return [StoredMonth(*row) for row in postgres.fetch_all(connection, query)]


def begin(connection: Connection, size: Size) -> None:
    """Record a seed and the current transaction, which stores its users and conversations."""
    query = """
        insert into chatschema.bulk_seed (version, messages, users, conversations, months, until, rng, profile, shape)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)
    """
    counts = (size.messages, size.users, size.conversations, size.months)
    values = (plan.VERSION, *counts, size.until, size.rng, size.profile, json.dumps(as_document(size.shape)))
    postgres.execute(connection, query, values)


def finish(connection: Connection) -> None:
    """Record that the seed is complete."""
    postgres.execute(connection, "update chatschema.bulk_seed set finished_at = clock_timestamp()")


def stored(part: Part, path: str, statuses: int) -> sql.Composed:
    """Return the statement that records a month's messages and statuses."""
    query = sql.SQL("insert into chatschema.bulk_months (month, path, messages, statuses) values ({}, {}, {}, {})")
    return query.format(*map(sql.Literal, (part.lower, path, part.count, statuses)))


def complete(connection: Connection, part: Part, attachments: int) -> None:
    """Record that the current transaction stores the files and the entries of the trail of a month."""
    query = "update chatschema.bulk_months set audit_txid = pg_current_xact_id(), attachments = %s where month = %s"
    postgres.execute(connection, query, (attachments, part.lower))


def refuse_other(recorded: Recorded, size: Size) -> None:
    """Raise where another seed was begun than the one that is asked for."""
    kept = recorded.size
    if recorded.version != plan.VERSION and not recorded.is_finished:
        raise ChatschemaError(
            "another version of chatschema began a bulk seed in this database, and this version would make other rows",
            "remove it: chatschema seed --undo",
            code="seed.bulk-other",
        )
    if kept != size:
        raise ChatschemaError(
            f"this database has another bulk seed: {in_words(kept)}",
            "remove it: chatschema seed --undo; or give its arguments to see that it is complete",
            code="seed.bulk-other",
        )


def in_words(size: Size) -> str:
    """Return the arguments of a seed, as they are given to the command."""
    return (
        f"--messages {size.messages} --users {size.users} --conversations {size.conversations} --months {size.months}"
        f" --rng {size.rng} --until {size.until} --profile {size.profile}"
    )
