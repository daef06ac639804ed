"""Erasures that a hold deferred: recorded when a hold prevents them, carried out when it is released."""

from collections.abc import Iterator, Sequence

from psycopg import sql

from chatschema import audit, events, hold, postgres, sqlfile
from chatschema.partition import deferred
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, door, locks
from chatschema.values import Month

BATCH = 1000
_TABLE = "chatschema.deferred_erasures"


def defer(connection: Connection, months: Sequence[Month], messages: sql.Identifier) -> None:
    """Record the erasures that a hold prevents in detached tables; within the caller's transaction."""
    for month in months:
        file = "defer_messages.sql" if month.parent == GROUP[0].table else "defer_statuses.sql"
        values = {"partition": sql.Identifier(SCHEMA, month.name), "messages": messages, "is_held": hold.is_held(connection)}
        postgres.execute(connection, sqlfile.fill(f"partitions/{file}", **values))


def due(connection: Connection) -> int:
    """Return how many deferred erasures are no longer under a hold; 0 on a database that has no record of them yet."""
    if not postgres.has_table(connection, _TABLE):
        return 0
    query = sql.SQL("select count(*) from {} as d join public.messages as m on m.id = d.message_id where not {}")
    count: int = postgres.fetch_one(connection, query.format(sql.SQL(_TABLE), hold.is_held(connection)))[0]
    return count


def apply(connection: Connection, *, batch: int = BATCH) -> Iterator[int]:
    """Carry out the erasures that are no longer under a hold, yielding the number of each batch. Safe to interrupt."""
    if not postgres.has_table(connection, _TABLE):
        return
    if door.is_distributed(connection):
        messages, statuses = (sql.Identifier("public", parent.table) for parent in GROUP)

        def work() -> int:
            hold.freeze(connection)
            done = deferred.apply(connection, messages, statuses, batch)
            if done:
                events.record_rows(connection, "message.erased", "messages", done)
                audit.record(connection, "retention.erase_deferred", "message", str(done[0]), erased=len(done), last=str(done[-1]))
            return len(done)

        while count := locks.in_transaction(connection, work, locks.DDL):
            yield count
        return
    while done := locks.in_transaction(connection, lambda: _batch(connection, batch), locks.DDL):
        yield done
    postgres.execute(connection, sqlfile.fill("partitions/forget_deferred.sql"))


def apply_detached(connection: Connection, messages: sql.Identifier, statuses: sql.Identifier) -> int:
    """Carry out the due erasures in the tables of a detached month; return how many. Within the caller's transaction."""
    if not postgres.has_table(connection, _TABLE):
        return 0
    if door.is_distributed(connection):
        return len(deferred.apply(connection, messages, statuses, BATCH))
    values = {"messages": messages, "statuses": statuses, "is_held": hold.is_held(connection)}
    query = sqlfile.fill("partitions/erase_deferred_detached.sql", **values)
    return postgres.execute(connection, query).rowcount


def _batch(connection: Connection, batch: int) -> int:
    hold.freeze(connection)
    select = sqlfile.fill("partitions/deferred.sql", is_held=hold.is_held(connection), batch=sql.Literal(batch))
    rows = postgres.fetch_all(connection, select)
    if not rows:
        return 0
    columns = [list(column) for column in zip(*rows, strict=True)]
    values = dict(zip(("messages", "users", "origins", "times"), map(sql.Literal, columns), strict=True))
    values |= {"first": sql.Literal(rows[0][0]), "last": sql.Literal(rows[-1][0])}
    audit.as_batch(connection)
    events.as_batch(connection)
    postgres.execute(connection, sqlfile.fill("partitions/erase_deferred.sql", **values))
    events.record_rows(connection, "message.erased", "messages", sorted({row[0] for row in rows}))
    audit.record(connection, "retention.erase_deferred", "message", str(rows[0][0]), erased=len(rows), last=str(rows[-1][0]))
    return len(rows)
