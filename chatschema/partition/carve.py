"""Rows under a hold, kept in tables of their own when the rest of their month is dropped."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from chatschema import audit, hold, postgres, sqlfile
from chatschema.errors import ChatschemaError
from chatschema.partition import grid, mapping, retired_months
from chatschema.partition.archive import content
from chatschema.partition.create import statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.mapping import Rule
from chatschema.postgres import Connection, door, locks
from chatschema.values import Month, Policy

_KEYS = {"messages": ("id",), "message_statuses": ("message_id", "user_id")}


class Held(ChatschemaError):
    """A message of the month is under a hold, so the month, or a column of it, is not removed."""

    code = "hold.keeps-month"


def keep_held(connection: Connection, group: Sequence[Month], policy: Policy) -> dict[str, int]:
    """Copy the held rows to their own tables; return how many of each table. Raises Held where the policy does not allow it."""
    messages = next((month for month in group if month.parent == GROUP[0].table), None)
    if messages is None:
        return {}
    kept_before = grid.kept(messages)
    # An interrupted restore leaves the kept rows beside the month that they were not yet added to.
    is_kept = postgres.has_table(connection, f"{SCHEMA}.{kept_before.name}") and hold.has_held(connection, kept_before)
    if not is_kept and not hold.has_held(connection, messages):
        drop_kept(connection, group)
        return {}
    if policy.holds == "block":
        raise Held(
            f"{messages.name} has messages under a hold; nothing was dropped",
            'see: chatschema hold list; to keep only the held rows: --holds carve, or holds = "carve" in chatschema.toml',
            code="hold.keeps-month",
        )
    kept = sql.Identifier(SCHEMA, grid.kept(messages).name)
    for month in group:
        held, partition = sql.Identifier(SCHEMA, grid.kept(month).name), sql.Identifier(SCHEMA, month.name)
        # An existing table comes from an interrupted restore: the rows are added to it.
        postgres.execute(connection, sql.SQL("create table if not exists {} (like {} including all)").format(held, partition))
        file = "keep_held_messages.sql" if month is messages else "keep_held_statuses.sql"
        values = {"held": held, "partition": partition, "is_held": hold.is_held(connection), "messages": _local(connection, kept)}
        postgres.execute(connection, sqlfile.fill(f"partitions/{file}", **values))
    left = sql.SQL("select count(*) from {} as m where {} and not exists (select from {} as k where k.id = m.id)")
    partition = sql.Identifier(SCHEMA, messages.name)
    if postgres.fetch_one(connection, left.format(partition, hold.is_held(connection), _local(connection, kept)))[0]:
        raise ChatschemaError(
            f"not every held message of {messages.name} was kept; nothing was dropped",
            "this is a bug in chatschema; please report it",
            code="hold.rows-missing",
        )
    return {month.parent: content.count(connection, grid.kept(month).name) for month in group}


def _local(connection: Connection, kept: sql.Identifier) -> sql.Composable:
    """Return kept rows as a statement reads them: Citus joins those of the coordinator with a month only as a subquery."""
    return sql.SQL("(select * from {})").format(kept) if door.is_distributed(connection) else kept


def refuse_lossy(connection: Connection, lower: datetime, rules: Sequence[Rule]) -> None:
    """Raise Held where a rule would drop a column of rows under a hold; no hold can be placed until the transaction ends.

    Reads the existing tables of the month, and the tables with its kept rows.
    """
    if not any(rule.kind == "drop" for rule in rules):
        return
    hold.freeze(connection)
    months = [grid.month(parent.table, lower) for parent in GROUP]
    for group in (months, [grid.kept(month) for month in months]):
        if not postgres.has_table(connection, f"{SCHEMA}.{group[0].name}") or not hold.has_held(connection, group[0]):
            continue
        for month in group:
            if lost := mapping.dropped(month.parent, content.columns(connection, month.name), rules):
                column = f"{month.parent}.{lost[0]}"
                raise Held(
                    f"{month.name} has rows under a hold, and --map {column}=drop would remove their values in that column;"
                    f" {lower:%Y-%m} was not restored",
                    f"keep the values: add a column for them in a migration, then --map {column}=ITS_NAME; or see: chatschema hold"
                    " list; and when the case is closed: chatschema hold release ID --reason TEXT",
                    code="hold.keeps-column",
                )


def drop_kept(connection: Connection, group: Sequence[Month]) -> None:
    """Drop the tables with held rows, if they exist."""
    for month in group:
        kept = grid.kept(month)
        if postgres.has_table(connection, f"{SCHEMA}.{kept.name}"):
            postgres.execute(connection, statement("drop.sql", kept))


def shared(connection: Connection, month: Month) -> int:
    """Return how many rows of a month's table are among those that were kept."""
    kept = grid.kept(month).name
    if not postgres.has_table(connection, f"{SCHEMA}.{kept}"):
        return 0
    query = sql.SQL("select count(*) from {} as p join {} as k using ({})").format(
        sql.Identifier(SCHEMA, month.name),
        _local(connection, sql.Identifier(SCHEMA, kept)),
        sql.SQL(", ").join(sql.Identifier(name) for name in _KEYS[month.parent]),
    )
    found: int = postgres.fetch_one(connection, query)[0]
    return found


def discard(connection: Connection, lower: datetime) -> bool:
    """Drop the kept rows of a dropped month once no hold covers any of them; return whether they were dropped."""
    months = [grid.month(parent.table, lower) for parent in GROUP]
    messages = grid.kept(months[0])

    def work() -> bool:
        hold.freeze(connection)
        if postgres.has_table(connection, f"{SCHEMA}.{messages.name}") and hold.has_held(connection, messages):
            return False
        drop_kept(connection, months)
        # Their attachments are released by the next run, as those of the others were.
        retired_months.write(connection, lower, held_messages=0, attachments_released=None)
        audit.record(connection, "partition.discard_held", "partition", f"{lower:%Y-%m}")
        return True

    return locks.in_transaction(connection, work, locks.MONTHS)
