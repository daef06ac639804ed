"""A report of the audit trail for an auditor: who did what in a period, in one snapshot. Reads only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from chatschema import postgres
from chatschema.audit.entry import COLUMNS, Entry
from chatschema.postgres import Connection

# How many users, addresses and severe rows are named; the report counts the others.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Table:
    """A part of the report: its title, its columns, the rows that are shown, and how many there are in all."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What the trail says about a period: [since, until) of created_at, the time that the writer gave."""

    database: str
    server: str
    role: str
    taken_at: datetime
    since: datetime
    until: datetime
    rows: int
    users: int
    first_id: int | None
    last_id: int | None
    tables: list[Table]
    severe: list[Entry]
    severe_total: int


Section = Callable[[Connection, datetime, datetime], Table | None]
# What other parts of the trail add, such as its seals; a section that has nothing to say returns None.
SECTIONS: list[Section] = []

_IN_PERIOD: LiteralString = "from public.audit_logs as a where a.created_at >= %(since)s and a.created_at < %(until)s"
_ABOUT: LiteralString = f"""
    select count(*), count(distinct a.user_id), min(a.id), max(a.id), count(*) filter (where a.severity in ('error', 'critical'))
    {_IN_PERIOD}
"""
_SPAN: LiteralString = "min(a.created_at), max(a.created_at)"
_TIMES = ("first (UTC)", "last (UTC)")
# Each: its name, its title, its columns, and its groups, the largest first.
_GROUPED: tuple[tuple[str, str, tuple[str, ...], LiteralString], ...] = (
    (
        "actions",
        "What was done",
        ("action", "rows", "users", *_TIMES),
        f"select a.action, count(*), count(distinct a.user_id), {_SPAN} {_IN_PERIOD} group by 1",
    ),
    (
        "users",
        "Who did it",
        ("user", "rows", "actions", "addresses", *_TIMES),
        f"""
        select a.user_id, count(*), count(distinct a.action), count(distinct host(a.ip_address)), {_SPAN} {_IN_PERIOD}
            and a.user_id is not null group by 1
        """,
    ),
    (
        "unnamed",
        "Done by nobody who is named",
        ("action", "database role", "rows", *_TIMES),
        f"select a.action, a.recorded_by, count(*), {_SPAN} {_IN_PERIOD} and a.user_id is null group by 1, 2",
    ),
    (
        "roles",
        "Which logins of the database wrote the rows",
        ("database role", "rows", "actions", *_TIMES),
        f"select a.recorded_by, count(*), count(distinct a.action), {_SPAN} {_IN_PERIOD} group by 1",
    ),
    (
        "addresses",
        "From where",
        ("address", "rows", "users", *_TIMES),
        f"""
        select host(a.ip_address), count(*), count(distinct a.user_id), {_SPAN} {_IN_PERIOD}
            and a.ip_address is not null group by 1
        """,
    ),
)
_LATE: LiteralString = f"""
    select a.id, a.action, a.created_at, a.recorded_at, a.recorded_by {_IN_PERIOD}
    and a.created_at not between a.recorded_at - interval '1 hour' and a.recorded_at + interval '1 minute'
"""
_LATE_NOTE = (
    "The writer chooses the time of an action, the server the time of its row. An import writes old times; so would a forgery."
)


def report(connection: Connection, since: datetime, until: datetime) -> Report:
    """Return the report of a period; the memory that it takes does not depend on the number of rows."""
    period = {"since": since, "until": until}
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        rows, users, first, last, severe_total = postgres.fetch_one(connection, _ABOUT, period)
        tables = [
            _grouped(connection, period, name, title, columns, query, columns.index("rows") + 1)
            for name, title, columns, query in _GROUPED
        ]
        columns = ("id", "action", "done (UTC)", "recorded (UTC)", "database role")
        tables.append(_grouped(connection, period, "times", "Recorded at another time than done", columns, _LATE, 1, _LATE_NOTE))
        tables += [table for section in SECTIONS if (table := section(connection, since, until))]
        query: LiteralString = f"""
            select {COLUMNS} {_IN_PERIOD} and a.severity in ('error', 'critical')
            order by a.created_at desc, a.id desc limit {SHOWN}
        """
        severe = [Entry(*row) for row in postgres.fetch_all(connection, query, period)]
        role, now = postgres.fetch_one(connection, "select current_user::text, clock_timestamp()")
    info = connection.info
    version = info.parameter_status("server_version") or ""
    return Report(info.dbname, version, role, now, since, until, rows, users, first, last, tables, severe, severe_total)


def _grouped(
    connection: Connection,
    period: dict[str, datetime],
    name: str,
    title: str,
    columns: Sequence[str],
    query: LiteralString,
    by: int,
    note: str = "",
) -> Table:
    """Return the groups with most rows, and how many groups there are; `by` is the column that orders them, from 1."""
    limited: LiteralString = f"with all_of_them as ({query}) select count(*) over (), t.* from all_of_them as t"
    rows = postgres.fetch_all(connection, f"{limited} order by {by + 1} desc, 2 limit {SHOWN}", period)
    return Table(name, title, tuple(columns), [tuple(row[1:]) for row in rows], rows[0][0] if rows else 0, note)
