"""Where rows of a subject may be: tables of attached and detached months, rows that a hold kept, and archives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.partition import catalog, retired_months
from chatschema.partition.grid import SCHEMA
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection
from chatschema.privacy.erase import rule
from chatschema.privacy.subject import Subject
from chatschema.values import Month

_ELSEWHERE = {"user": sql.SQL("m.conversation_id"), "conversation": sql.SQL("m.sender_id")}


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a month, and that through which its rows are changed."""

    month: Month
    table: sql.Identifier
    changed: sql.Identifier


def tables(connection: Connection, subject: Subject) -> list[Table]:
    """Return the tables of months that may have rows of the subject: attached ones, oldest first, then the others."""
    attached = [(month, sql.Identifier("public", month.parent)) for month in catalog.months(connection)]
    away = [(month, sql.Identifier(SCHEMA, month.name)) for month in catalog.away(connection)]
    return [
        Table(month, sql.Identifier(SCHEMA, month.name), changed)
        for month, changed in [*attached, *away]
        if subject.kind != "message" or month.lower <= _time(subject) < month.upper
    ]


def through(tables: Sequence[Table], parent: str) -> list[sql.Identifier]:
    """Return through which of these tables all rows of a parent are found: the parent itself, and each detached one."""
    found: list[sql.Identifier] = []
    for one in tables:
        if one.month.parent == parent and one.changed not in found:
            found.append(one.changed)
    return found


def located(connection: Connection, subject: Subject, tables: Sequence[Table]) -> Subject:
    """Return the subject with the conversations, or people, that its messages in detached tables belong to."""
    column = _ELSEWHERE.get(subject.kind)
    away = [one.table for one in tables if one.month.parent == "messages" and one.table == one.changed]
    if column is None or not away:
        return subject
    query = sql.SQL("select distinct {column} from {table} as m where {is_meant} and {column} is not null")
    found = {
        row[0]
        for table in away
        for row in postgres.fetch_all(connection, query.format(column=column, table=table, is_meant=rule.messages(subject)))
    }
    return replace(subject, elsewhere=tuple(sorted(found)))


def is_of(subject: Subject, record: RetiredMonth) -> bool:
    """Return whether the archive of a month may have rows of the subject; without an archive it has none."""
    if record.archive is None:
        return False
    return subject.kind != "message" or f"{record.month:%Y-%m}" == f"{_time(subject):%Y-%m}"


def require(connection: Connection, subject: Subject) -> None:
    """Raise ChatschemaError for a message that is in no table, unless the archive of its month may have it."""
    if subject.kind != "message" or any(is_of(subject, record) for record in retired_months.read(connection).values()):
        return
    query = sql.SQL("select exists (select from {} as m where {})")
    for one in tables(connection, subject):
        is_for_messages = one.month.parent == "messages"
        if is_for_messages and postgres.fetch_one(connection, query.format(one.table, rule.messages(subject)))[0]:
            return
    hint = "a message that was deleted together with its row has nothing left to erase"
    raise ChatschemaError(f"no message has the id {subject.id}", hint, code="privacy.no-subject")


def _time(subject: Subject) -> datetime:
    """Return the time in the id of a message; the beginning of time for an id that has none."""
    try:
        return datetime.fromtimestamp((subject.id.int >> 80) / 1000, UTC)
    except (OverflowError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
