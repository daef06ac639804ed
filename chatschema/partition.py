"""Monthly partitions of messages and message_statuses, made ahead of time and in lockstep. Months are UTC."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from psycopg import sql

from chatschema import locks, postgres, sqlfile
from chatschema.models import Month, Runway
from chatschema.postgres import Connection, Say

MONTHS_AHEAD = 6
RUNWAY_DAYS = 60
SCHEMA = "chat_partitions"


@dataclass(frozen=True, slots=True)
class Parent:
    """A partitioned table and the UUIDv7 column that decides the month."""

    table: str
    key: str


# Messages first: a status can only be stored when its message can.
GROUP = (Parent("messages", "id"), Parent("message_statuses", "message_id"))


def month_of(moment: datetime) -> datetime:
    """Return the first instant of the moment's month, in UTC."""
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(month: datetime) -> datetime:
    """Return the month after `month`."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def plan(now: datetime, existing: Iterable[Month], parents: Iterable[str], since: datetime | None = None) -> list[Month]:
    """Return the months missing from the one of `since` (default: `now`) to MONTHS_AHEAD ahead; oldest first.

    Pure: the same arguments give the same plan. A month that an existing partition touches is not planned.
    """
    present = list(existing)
    month = month_of(since if since is not None and since < now else now)
    last = month_of(now)
    for _ in range(MONTHS_AHEAD):
        last = next_month(last)
    wanted = []
    while month <= last:
        wanted.append((month, next_month(month)))
        month = next_month(month)
    return [
        Month(parent, f"{parent}_y{lower.year:04}m{lower.month:02}", lower, upper)
        for lower, upper in wanted
        for parent in parents
        if not any(p.parent == parent and p.lower < upper and lower < p.upper for p in present)
    ]


def uuid7_floor(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of `moment`, as chatschema.uuid7_floor() does."""
    millis = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=millis << 80 | 7 << 76 | 2 << 62)


def server_now(connection: Connection) -> datetime:
    """Return the server's clock: the one that dates the ids."""
    now: datetime = postgres.fetch_one(connection, "select clock_timestamp()")[0]
    return now


def parents(connection: Connection) -> list[str]:
    """Return which tables of the group are there, messages first."""
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


def months(connection: Connection, sql_dir: Path) -> list[Month]:
    """Return the attached monthly partitions of the group, oldest first; reads only."""
    result = []
    for table in parents(connection):
        query = sqlfile.text_of(sql_dir / "partitions" / "list.sql")
        for name, _, lower, upper in postgres.fetch_all(connection, query, {"parent": f"public.{table}"}):
            if lower is not None and upper is not None:
                result.append(Month(table, name, lower, upper))
    return result


def runway(existing: Sequence[Month], parents: Iterable[str], now: datetime) -> list[Runway]:
    """Return how far from `now` the months of each parent reach without a gap."""
    result = []
    for parent in parents:
        own = sorted((month for month in existing if month.parent == parent), key=lambda month: month.lower)
        until = None
        for month in own:
            if month.lower <= (until or now) < month.upper:
                until = month.upper
        days = round((until - now).total_seconds() / 86400, 1) if until else 0.0
        result.append(Runway(parent, len(own), until, days))
    return result


def statements(sql_dir: Path, month: Month) -> list[sql.Composed]:
    """Return the DDL that makes `month`: create apart, check its bounds, attach."""
    key = next(parent.key for parent in GROUP if parent.table == month.parent)
    values: dict[str, sql.Composable] = {
        "parent": sql.Identifier("public", month.parent),
        "partition": sql.Identifier(SCHEMA, month.name),
        "constraint": sql.Identifier(f"{month.name}_bounds_check"),
        "key": sql.Identifier(key),
        "lower": sql.Literal(str(uuid7_floor(month.lower))),
        "upper": sql.Literal(str(uuid7_floor(month.upper))),
        "from": sql.Literal(f"{month.lower:%Y-%m-%d %H:%M:%S+00}"),
        "to": sql.Literal(f"{month.upper:%Y-%m-%d %H:%M:%S+00}"),
    }
    return [
        sqlfile.fill(sql_dir / "partitions" / file, **values) for file in ("create_table.sql", "add_bounds_check.sql", "attach.sql")
    ]


def ensure(connection: Connection, sql_dir: Path, plan: Sequence[Month], *, say: Say) -> Iterator[Month]:
    """Make the planned months, yielding each table once its month is committed; the tables of a month together.

    The caller holds the migration lock. Raises ServerError (busy) when a lock does not come.
    """
    for lower in sorted({month.lower for month in plan}):
        group = [month for month in plan if month.lower == lower]

        def work(group: Sequence[Month] = group) -> None:
            with postgres.transaction(connection):
                locks.limit_lock_wait(connection, locks.MONTHS)
                for month in group:
                    for statement in statements(sql_dir, month):
                        postgres.execute(connection, statement)

        locks.with_lock_retries(connection, work, locks.MONTHS, say=say)
        yield from group
