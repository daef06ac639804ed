"""The state of the months in the database: attached, detached, held, dropped. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from chatschema import hold, postgres, sqlfile
from chatschema.errors import BUSY_SQLSTATES, ServerError
from chatschema.partition import grid, retired_months
from chatschema.partition.grid import GROUP
from chatschema.partition.values import Partition, PartitionState, RetiredMonth
from chatschema.postgres import Connection
from chatschema.values import Month

# The server reports internal_error for a table that was dropped while its check was printed; and undefined_table.
_GONE = {"XX000", "42P01"}


def server_now(connection: Connection) -> datetime:
    """Return the time of the server's clock, which dates the ids."""
    now: datetime = postgres.fetch_one(connection, "select clock_timestamp()")[0]
    return now


def parents(connection: Connection) -> list[str]:
    """Return which tables of the group exist, messages first."""
    tables = [parent.table for parent in GROUP]
    rows = postgres.fetch_all(
        connection,
        """
        select c.relname from pg_catalog.pg_class as c
        where c.oid = any (select to_regclass('public.' || t) from unnest(%s::text[]) as t) and c.relkind = 'p'
        """,
        (tables,),
    )
    found = {row[0] for row in rows}
    return [table for table in tables if table in found]


def months(connection: Connection) -> list[Month]:
    """Return the attached monthly partitions of the group, those pending detach included, oldest first a table."""
    return [month for month, _ in _attached(connection, parents(connection))]


def _attached(connection: Connection, tables: Sequence[str]) -> list[tuple[Month, bool]]:
    if not tables:
        return []
    rows = postgres.fetch_all(connection, sqlfile.text_of("partitions/list.sql"), {"tables": list(tables)})
    return [
        # In UTC, whatever time zone the session has: a month is computed with.
        (Month(table, name, lower.astimezone(UTC), upper.astimezone(UTC)), is_pending)
        for table, name, is_pending, lower, upper in rows
        if lower is not None and upper is not None
    ]


def pending(connection: Connection) -> list[Month]:
    """Return the months whose detach was interrupted: they are unavailable until it is finalized."""
    return [month for month, is_pending in _attached(connection, parents(connection)) if is_pending]


def detached(connection: Connection) -> list[Month]:
    """Return the existing tables of months that are not attached, oldest first; none before the first migration."""
    return _detached(connection) if parents(connection) else []


def _detached(connection: Connection) -> list[Month]:
    try:
        rows = postgres.fetch_all(connection, sqlfile.text_of("partitions/list_detached.sql"))
    except ServerError as error:
        if error.sqlstate not in BUSY_SQLSTATES | _GONE:
            raise
        # Another session drops one, or has locked it: fall back to chatschema's own names.
        return _detached_by_name(connection)
    return [
        Month(table, name, lower.astimezone(UTC), upper.astimezone(UTC))
        for table, name, lower, upper in rows
        if lower is not None and upper is not None
    ]


def _detached_by_name(connection: Connection) -> list[Month]:
    query = """
        select (regexp_match(relname, '^(messages|message_statuses)_y([0-9]{4})m([0-9]{2})$')) from pg_catalog.pg_class
        where relnamespace = to_regnamespace('chat_partitions') and relkind = 'r' and not relispartition
    """
    found = [row[0] for row in postgres.fetch_all(connection, query) if row[0]]
    months = [grid.month(table, datetime(int(year), int(month), 1, tzinfo=UTC)) for table, year, month in found]
    return sorted(months, key=grid.by_age)


def away(connection: Connection) -> list[Month]:
    """Return the tables whose rows are not attached: detached months, and the rows of dropped months kept under a hold."""
    kept = [grid.kept(grid.month(parent.table, month)) for month in retired_months.read(connection) for parent in GROUP]
    query = "select relname from pg_catalog.pg_class where relnamespace = to_regnamespace('chat_partitions') and relname = any (%s)"
    there = {row[0] for row in postgres.fetch_all(connection, query, ([month.name for month in kept],))}
    return [*detached(connection), *(month for month in kept if month.name in there)]


def dropped(connection: Connection) -> list[Month]:
    """Return the months that the ledger records as dropped, whatever exists in their place now."""
    records = retired_months.read(connection).values()
    return [grid.month(parent.table, record.month) for record in records if record.state == "dropped" for parent in GROUP]


def survey(connection: Connection, records: Mapping[datetime, RetiredMonth], *, measured: bool = True) -> list[Partition]:
    """Return every month table that exists, or that the ledger records as dropped; oldest first, messages before statuses.

    With `measured`, rows, bytes and indexes too; they are None for a table that another session has locked.
    """
    tables = parents(connection)
    found: list[tuple[Month, PartitionState]] = [
        (month, "detach pending" if is_pending else "attached") for month, is_pending in _attached(connection, tables)
    ]
    found += [(month, "detached") for month in (_detached(connection) if tables else [])]
    there = {(month.parent, month.lower) for month, _ in found}
    gone: list[tuple[Month, PartitionState]] = [
        (grid.month(parent.table, record.month), "archived" if record.archive and record.archive_is_current else "dropped")
        for record in records.values()
        if record.state == "dropped"
        for parent in GROUP
        if (parent.table, record.month) not in there
    ]
    sizes = _measure(connection, [month.name for month, _ in found]) if measured else {}
    sizes |= {month.name: (_archived_rows(records[month.lower], month.parent), 0, 0) for month, _ in gone}
    messages = [month for month, _ in found if month.parent == GROUP[0].table]
    messages += _kept(connection, records.values())
    held = hold.held(connection, messages)
    return [
        Partition(
            month.parent,
            month.name,
            month.lower,
            month.upper,
            state,
            *sizes.get(month.name, (None, None, None)),
            month.lower in held,
        )
        for month, state in sorted([*found, *gone], key=lambda pair: grid.by_age(pair[0]))
    ]


def _kept(connection: Connection, records: Iterable[RetiredMonth]) -> list[Month]:
    """Return the tables with the held messages of dropped months."""
    months = [grid.month(GROUP[0].table, record.month) for record in records if record.held_messages]
    return [month for month in map(grid.kept, months) if postgres.has_table(connection, f"{grid.SCHEMA}.{month.name}")]


def _archived_rows(record: RetiredMonth, parent: str) -> int | None:
    return record.messages if parent == GROUP[0].table else record.statuses


Sizes = dict[str, tuple[int | None, int | None, int | None]]


def _measure(connection: Connection, names: Sequence[str]) -> Sizes:
    """Return rows, bytes and indexes by name; one by one if reading all at once meets a lock."""
    query = sqlfile.text_of("partitions/measure.sql")

    def ask(names: Iterable[str]) -> Sizes:
        return {
            name: (rows, size, indexes)
            for name, rows, size, indexes in postgres.fetch_all(connection, query, {"names": list(names)})
        }

    try:
        return ask(names)
    except ServerError as error:
        if error.sqlstate not in BUSY_SQLSTATES:
            raise
    result: Sizes = {}
    postgres.execute(connection, "set lock_timeout = '50ms'")
    for name in names:
        try:
            result |= ask([name])
        except ServerError as error:
            if error.sqlstate not in BUSY_SQLSTATES:
                raise
    postgres.execute(connection, "set lock_timeout = '1s'")
    return result
