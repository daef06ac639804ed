"""Creating months: each table is created apart, checked and attached; the tables of a month together."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.errors import ChatschemaError, ServerError
from chatschema.partition import catalog, default, grid
from chatschema.partition.grid import GROUP, SCHEMA, uuid7_floor
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Month

_CHECK_VIOLATION = "23514"
FILES = ("create_table.sql", "add_bounds_check.sql", "attach.sql", "guard.sql")


def names(month: Month) -> dict[str, sql.Composable]:
    """Return the values that the files in sql/partitions/ need: names and bounds of the month, quoted."""
    key = next(parent.key for parent in GROUP if parent.table == month.parent)
    return {
        "parent": sql.Identifier("public", month.parent),
        "partition": sql.Identifier(SCHEMA, month.name),
        "month": sql.Literal(f"{SCHEMA}.{month.name}"),
        "constraint": sql.Identifier(f"{month.name}_bounds_check"),
        "key": sql.Identifier(key),
        "lower": sql.Literal(str(uuid7_floor(month.lower))),
        "upper": sql.Literal(str(uuid7_floor(month.upper))),
        "from": sql.Literal(f"{month.lower:%Y-%m-%d %H:%M:%S+00}"),
        "to": sql.Literal(f"{month.upper:%Y-%m-%d %H:%M:%S+00}"),
    }


def statement(file: str, month: Month) -> sql.Composed:
    """Return the statement of sql/partitions/`file` for this month."""
    return sqlfile.fill(f"partitions/{file}", **names(month))


def statements(month: Month) -> list[sql.Composed]:
    """Return the DDL that creates `month`: create apart, check its bounds, attach, guard."""
    return [statement(file, month) for file in FILES]


def missing(
    connection: Connection,
    parents: Sequence[str],
    *,
    since: timedelta | datetime | None = None,
    ahead: int = grid.MONTHS_AHEAD,
) -> list[Month]:
    """Return the plan of months for these parents by the server's clock; `since` is a moment, or how long ago. Reads only.

    A month that was detached or dropped counts as existing: it is restored, not created again and empty.
    """
    now = catalog.server_now(connection)
    existing = [*catalog.months(connection), *catalog.detached(connection), *catalog.dropped(connection)]
    return grid.plan(now, existing, parents, now - since if isinstance(since, timedelta) else since, ahead)


def ensure(connection: Connection, plan: Sequence[Month], *, say: Say) -> Iterator[Month]:
    """Create the planned months, yielding each table once its month is committed; the tables of a month together.

    The caller holds the migration lock. Raises Busy when a lock cannot be acquired, ChatschemaError with the way out when a
    default partition has rows of a month.
    """
    for lower in sorted({month.lower for month in plan}):
        group = [month for month in plan if month.lower == lower]

        def work(group: Sequence[Month] = group) -> None:
            for month in group:
                for ddl in statements(month):
                    postgres.execute(connection, ddl)

        try:
            locks.in_transaction(connection, work, locks.MONTHS, say=say)
        except ServerError as error:
            now = catalog.server_now(connection)
            found = default.defaults(connection, now) if error.sqlstate == _CHECK_VIOLATION else []
            if not found:
                raise
            made = ", ".join(month.name for month in group)
            raise ChatschemaError(
                f"{made} cannot be created: a default partition has rows of that month: {', '.join(one.name for one in found)}",
                f"empty and drop it, in this order:{default.in_lines(default.commands(found, now))}",
                code="partition.default-has-rows",
            ) from None
        yield from group
