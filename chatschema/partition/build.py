"""Months that are filled before they are attached: made bare, given their keys as sets, attached without a look at their rows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.partition import catalog, create, foreign_keys, grid
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Month

# Not among the months: a table there that is not attached counts as a detached month.
STAGE = "chatschema"
Path = Literal["created", "replaced", "inserted"]


def pair(lower: datetime) -> list[Month]:
    """Return the tables of the month that begins at `lower`, messages first."""
    return [grid.month(parent.table, lower) for parent in GROUP]


def staged(month: Month) -> sql.Identifier:
    """Return the name of a month's table while it is filled."""
    return sql.Identifier(STAGE, month.name)


def path(connection: Connection, lower: datetime) -> Path | None:
    """Return how rows get into a month: as a new one, in place of an empty one, or row by row into one that has rows.

    None for a month that is detached or was dropped: it is restored, not created again.
    """
    group = pair(lower)
    attached = [there for there in catalog.months(connection) if any(grid.overlap(month, there) for month in group)]
    if not attached:
        away = [*catalog.detached(connection), *catalog.dropped(connection)]
        return None if any(grid.overlap(month, there) for month in group for there in away) else "created"
    # Months of another name or length have been made by somebody else: they stay.
    if sorted(attached, key=grid.by_age) == group and all(is_empty(connection, month) for month in group):
        return "replaced"
    return "inserted"


def is_empty(connection: Connection, month: Month) -> bool:
    """Return whether an attached month has no row."""
    query = sql.SQL("select not exists (select from {})").format(sql.Identifier(SCHEMA, month.name))
    return bool(postgres.fetch_one(connection, query)[0])


def create_bare(connection: Connection, group: Sequence[Month]) -> None:
    """Create the tables of a month apart, without keys; leftovers of an interrupted run are dropped."""
    drop_staged(connection, group)
    for month in group:
        postgres.execute(connection, sqlfile.fill("partitions/create_bare.sql", **_names(month)))


def drop_staged(connection: Connection, group: Sequence[Month]) -> None:
    """Drop the tables of a month that were not attached, if there are any."""
    for month in group:
        if postgres.has_table(connection, f"{STAGE}.{month.name}"):
            postgres.execute(connection, sql.SQL("drop table {}").format(staged(month)))


def build(connection: Connection, group: Sequence[Month], say: Say) -> Iterator[Month]:
    """Add bounds, keys, indexes and foreign keys to filled tables; yield each when it is done."""
    for month in group:
        postgres.execute(connection, sqlfile.fill("partitions/add_bounds_check.sql", **_names(month)))
        names = {"parent": f"public.{month.parent}", "table": f"{STAGE}.{month.name}"}
        for (ddl,) in postgres.fetch_all(connection, sqlfile.text_of("partitions/build_keys.sql"), names):
            postgres.execute_text(connection, ddl)
        foreign_keys.add(connection, month, STAGE, say)
        yield month


def attach(connection: Connection, group: Sequence[Month], *, replace: bool) -> bool:
    """Attach the filled tables of a month, in the caller's transaction, which must be short.

    With `replace` the empty month in their place is dropped; False, with nothing done, if it has got a row.
    """
    if replace:
        for month in reversed(group):
            table = sql.Identifier(SCHEMA, month.name)
            postgres.execute(connection, sql.SQL("lock table {} in access exclusive mode").format(table))
            if not is_empty(connection, month):
                return False
        for month in reversed(group):
            postgres.execute(connection, sql.SQL("drop table {}").format(sql.Identifier(SCHEMA, month.name)))
    for month in group:
        move = sql.SQL("alter table {} set schema {}").format(staged(month), sql.Identifier(SCHEMA))
        postgres.execute(connection, move)
        for file in ("attach.sql", "guard.sql"):
            postgres.execute(connection, create.statement(file, month))
    return True


def in_transaction(connection: Connection, group: Sequence[Month], *, replace: bool, also: sql.Composed, say: Say) -> bool:
    """Attach the filled tables of a month together with the statement `also`; return what attach() returns."""

    def work() -> bool:
        done = attach(connection, group, replace=replace)
        if done:
            postgres.execute(connection, also)
        return done

    return locks.in_transaction(connection, work, locks.MONTHS, say=say)


def _names(month: Month) -> dict[str, sql.Composable]:
    return {**create.names(month), "partition": staged(month)}
