"""What a detached month has missed: columns, checks and indexes of its parent, and the rows' part of data migrations."""

from datetime import datetime

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.errors import ChatschemaError, ServerError
from chatschema.partition import fitting, mapping
from chatschema.partition.archive import content
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, Say
from chatschema.values import Month

# A later migration has dropped a column, table, function, type or schema that the statement uses.
_IS_DROPPED = frozenset({"42703", "42P01", "42883", "42704", "3F000"})
# Those of a running migration as well: its batches may have passed the month. One that was finished before the rows were taken away
# has done them, and the application may have written values since that meet its condition.
_BATCHES = """
    select b.migration_id, b.detached from chatschema.batches as b
    where b.table_name = %s
        and coalesce(b.finished_at, 'infinity') > coalesce(%s::timestamptz, '-infinity')
    order by b.id
"""
_COLUMNS = 1


def structure(connection: Connection, month: Month) -> None:
    """Add the columns, checks and indexes that the parent has received since the table was detached. Raises ChatschemaError."""
    for _, ddl in _missing(connection, month):
        _add(connection, month, ddl)


def structure_and_rows(connection: Connection, month: Month, since: datetime | None, say: Say) -> None:
    """Add what structure() adds, and let the data migrations of the meantime do the rows, after the columns and before the checks.

    `since`: when the rows were detached, or their archive was written; None if nobody knows.
    Raises ChatschemaError where the server refuses one of them; the table stays detached, and a further run begins again.
    """
    missing = _missing(connection, month)
    for step, ddl in missing:
        if step == _COLUMNS:
            _add(connection, month, ddl)
    _do_rows(connection, month, since, say)
    for step, ddl in missing:
        if step != _COLUMNS:
            _add(connection, month, ddl)


def _missing(connection: Connection, month: Month) -> list[tuple[int, str]]:
    names = {"parent": f"public.{month.parent}", "table": f"{SCHEMA}.{month.name}"}
    return [(step, ddl) for step, ddl in postgres.fetch_all(connection, sqlfile.text_of("partitions/catch_up.sql"), names)]


def _add(connection: Connection, month: Month, ddl: str) -> None:
    try:
        postgres.execute_text(connection, ddl)
    except ServerError as error:
        plan = mapping.fit(connection, month.parent, month.name, content.columns(connection, month.name), ())
        fitting.refuse_violations(connection, sql.Identifier(SCHEMA, month.name), month, plan, what=month.name)
        raise ChatschemaError(
            f"{month.name} cannot be changed to match {month.parent}: {error.message}",
            f"make the change by hand: {ddl}",
            code="restore.catch-up",
        ) from None


def _do_rows(connection: Connection, month: Month, since: datetime | None, say: Say) -> None:
    """Run the statement of each data migration that has a condition for the rows that it has not done."""
    if not postgres.has_table(connection, "chatschema.batches"):
        return
    for migration, statement in postgres.fetch_all(connection, _BATCHES, (f"public.{month.parent}", since)):
        if statement is None:
            say(f"warning: {month.name} has rows that {migration} may not have changed: its file has no line left:")
            continue
        done = _do(connection, month, migration, statement, say)
        if done:
            say(f"{month.name}: {migration} has changed {done} rows that it had missed")


def _do(connection: Connection, month: Month, migration: str, statement: str, say: Say) -> int:
    table = sql.Identifier(SCHEMA, month.name).as_string(connection)
    try:
        # Nobody sees the table yet, so one statement does all its rows. It comes from the file of the migration.
        return postgres.execute(connection, sql.SQL(statement.replace("{table}", table, 1))).rowcount
    except ServerError as error:
        if error.sqlstate in _IS_DROPPED:
            say(f"warning: {month.name} has rows from before {migration}, which cannot change them any more: {error.message}")
            return 0
        raise ChatschemaError(
            f"{month.name} stays detached, because {migration} cannot be applied to its rows: {error.message}",
            "correct the rows of the detached table, then run the same command again",
            code="restore.batch",
        ) from None
