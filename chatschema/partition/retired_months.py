"""chatschema.retired_months: a row is written before the first step of retiring a month, so that no step is lost."""

from datetime import UTC, datetime

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection

_COLUMNS = """
    month, state, keep_until, detached_at, archived_at, archive, archive_sha256, dropped_at, restored_at,
    messages, statuses, held_messages, attachments_released,
    coalesce((to_jsonb(r) ->> 'archive_is_current')::boolean, true) -- a column that a database of an earlier release lacks
"""
_UNDEFINED_COLUMN = "42703"


def read(connection: Connection) -> dict[datetime, RetiredMonth]:
    """Return the records by month, oldest first; empty on a database that has no ledger of months yet."""
    if not postgres.has_table(connection, "chatschema.retired_months"):
        return {}
    rows = postgres.fetch_all(connection, f"select {_COLUMNS} from chatschema.retired_months as r order by month")
    return {row[0].astimezone(UTC): RetiredMonth(row[0].astimezone(UTC), *row[1:]) for row in rows}


def write(connection: Connection, month: datetime, **values: object) -> None:
    """Set columns of the month's record, and create the record if there is none. A value of sql.SQL is an expression.

    Raises ChatschemaError where a database of an earlier release lacks a column.
    """
    columns = [sql.Identifier(name) for name in values]
    literals = [value if isinstance(value, sql.SQL) else sql.Literal(value) for value in values.values()]
    assignments = [sql.SQL("{} = excluded.{}").format(column, column) for column in columns]
    query = sql.SQL("""
        insert into chatschema.retired_months (month, {columns}) values ({month}, {literals})
        on conflict (month) do update set {assignments}, changed_at = clock_timestamp()
    """).format(
        columns=sql.SQL(", ").join(columns), month=sql.Literal(month),
        literals=sql.SQL(", ").join(literals), assignments=sql.SQL(", ").join(assignments),
    )  # fmt: skip
    try:
        postgres.execute(connection, query)
    except ServerError as error:
        if error.sqlstate != _UNDEFINED_COLUMN:
            raise
        raise ChatschemaError(
            f"chatschema.retired_months is of an earlier release: {error.message}; nothing was changed",
            "first: chatschema migrate",
            code="partition.not-migrated",
        ) from None


def end_detaching(connection: Connection, month: datetime) -> None:
    """Record that a detach of the month was started and given up, with both tables attached; changes no other state."""
    query = """
        update chatschema.retired_months set state = 'attached', changed_at = clock_timestamp()
        where month = %s and state = 'detaching'
    """
    postgres.execute(connection, query, (month,))


NOW = sql.SQL("clock_timestamp()")
