"""A default partition that somebody added: its cost, and the commands that empty and drop it. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import sql

from chatschema import postgres
from chatschema.errors import BUSY_SQLSTATES, ServerError
from chatschema.partition import grid
from chatschema.partition.grid import GROUP
from chatschema.postgres import Connection


@dataclass(frozen=True, slots=True)
class Default:
    """A default partition of a table of the group: its quoted name, and when its oldest row is from; None without rows."""

    parent: str
    name: str
    oldest: datetime | None
    select: str


_FIND = """
    select p.relname, format('%%I.%%I', n.nspname, c.relname)
    from pg_catalog.pg_partitioned_table as t
    join pg_catalog.pg_class as p on p.oid = t.partrelid and p.relnamespace = to_regnamespace('public')
    join pg_catalog.pg_class as c on c.oid = t.partdefid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where p.relname = any (%s)
"""
_COLUMNS = """
    select array_agg(quote_ident(attname) order by attnum), bool_or(attgenerated <> '') from pg_catalog.pg_attribute
    where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and attgenerated = ''
"""


def defaults(connection: Connection, now: datetime) -> list[Default]:
    """Return the default partitions of the group, messages first."""
    order = [parent.table for parent in GROUP]
    found = sorted(postgres.fetch_all(connection, _FIND, (order,)), key=lambda row: order.index(row[0]))
    return [
        Default(parent, name, _oldest(connection, parent, name, now), _select(connection, parent, name)) for parent, name in found
    ]


def finding(found: Sequence[Default], now: datetime) -> list[str]:
    """Return one finding about the default partitions, with the commands that remove them; nothing if there are none."""
    if not found:
        return []
    names = ", ".join(f"{one.name} is a default partition of {one.parent}" for one in found)
    cost = "creating a month reads all of it, and a detach blocks all other sessions"
    return [f"{names}: {cost}; to empty and drop it, in this order:{in_lines(commands(found, now))}"]


def commands(found: Sequence[Default], now: datetime) -> list[str]:
    """Return the commands that move the rows of default partitions to months and drop them, in order, for psql or a shell.

    A table is dropped in the transaction that copies its rows, so that an error leaves both unchanged. Rows are copied even
    from one that was empty: they may have been inserted since.
    """
    made, filled = [], [one.oldest for one in found if one.oldest]
    if filled:
        oldest = min(filled)
        since = f" --from {oldest:%Y-%m}" if grid.month_of(oldest) < grid.month_of(now) else ""
        made = [f"shell: chatschema partition ensure{since}"]
    detach = " ".join(f"alter table public.{one.parent} detach partition {one.name};" for one in found)
    copy = " ".join(f"insert into public.{one.parent} {one.select} from {one.name};" for one in found)
    drop = " ".join(f"drop table {one.name};" for one in found)
    return [f"psql:  {detach}", *made, f"psql:  begin; {copy} {drop} commit;"]


def in_lines(commands: Sequence[str]) -> str:
    """Return the commands, each on an indented line of its own."""
    return "".join(f"\n  {command}" for command in commands)


def _oldest(connection: Connection, parent: str, name: str, now: datetime) -> datetime | None:
    key = next(one.key for one in GROUP if one.table == parent)
    try:
        # The server has quoted the name.
        query = sql.SQL(f"select chatschema.uuid7_time({key}) from {name} order by {key} limit 1")
        rows = postgres.fetch_all(connection, query)
    except ServerError as error:
        if error.sqlstate not in BUSY_SQLSTATES:
            raise
        # Another session has locked it: assume that it has current rows.
        return now
    return rows[0][0].astimezone(UTC) if rows else None


def _select(connection: Connection, parent: str, name: str) -> str:
    """Return the columns to copy; all of them by a star where they stand in the same order."""
    columns: Sequence[str] = postgres.fetch_one(connection, _COLUMNS, (f"public.{parent}",))[0]
    if columns == postgres.fetch_one(connection, _COLUMNS, (name,))[0]:
        return "select *"
    listed = ", ".join(columns)
    return f"({listed}) select {listed}"
