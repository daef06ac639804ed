"""Storing a bulk seed: its people in one transaction, a month in two, each in slices of fixed size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

from psycopg import sql

from chatschema import audit, postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection
from chatschema.seed.bulk import ledger
from chatschema.seed.bulk.plan import Part, Size

if TYPE_CHECKING:
    from chatschema.seed.bulk.people import People

# Called with the number of rows that were stored; raises if the seed is to stop.
Step = Callable[[int], None]
_IN_MEMORY = 4_000_000
_PIECE = 1 << 18


def people(connection: Connection, size: Size, everybody: People, step: Step) -> None:
    """Store users, keys, logins, conversations and participants, and begin the record, in one transaction."""
    from chatschema.seed.bulk import people_rows

    with postgres.transaction(connection):
        audit.as_batch(connection)
        ledger.begin(connection, size)
        for lines in people_rows.tables(size, everybody):
            schema, table = lines.table.split(".")
            _copy(connection, sql.Identifier(schema, table), lines.columns, lines.pieces, step)


def messages(
    connection: Connection,
    size: Size,
    everybody: People,
    part: Part,
    tables: Sequence[sql.Identifier],
    extras: Extras,
    step: Step,
    *,
    freeze: bool,
) -> int:
    """Store a month's messages and statuses in the caller's transaction, slice by slice; return the number of statuses.

    `tables` are those of the messages and of the statuses. The lines of files and of the trail go to `extras`.
    """
    from chatschema.seed.bulk import rows, talk

    statuses = 0
    for slice, count in enumerate(part.slices):
        said = talk.talk(size, everybody, part, slice)
        _copy_binary(connection, tables[0], rows.MESSAGES, rows.messages(size, everybody, said), freeze=freeze)
        received = talk.receipts(size, everybody, part, slice, said)
        _copy_binary(connection, tables[1], rows.STATUSES, rows.statuses(everybody, said, received), freeze=freeze)
        statuses += len(received)
        extras.add(rows.attachments(size, everybody, part, slice, said), rows.audit_logs(everybody, said))
        step(count)
    return statuses


class Extras:
    """The lines of a month's files and entries of the trail, which are stored once its messages are attached."""

    def __init__(self) -> None:
        self._files: list[IO[bytes]] = [SpooledTemporaryFile(_IN_MEMORY) for _ in range(2)]  # noqa: SIM115  # close() is below

    def add(self, attachments: str, audit_logs: str) -> None:
        """Keep the lines of a slice, on the disk if they are many."""
        for file, lines in zip(self._files, (attachments, audit_logs), strict=True):
            file.write(lines.encode())

    def store(self, connection: Connection, part: Part, step: Step) -> None:
        """Store the lines in a transaction, and record that the month is complete."""
        from chatschema.seed.bulk import rows

        with postgres.transaction(connection):
            audit.as_batch(connection)
            numbers = [
                _copy(connection, sql.Identifier("public", table), columns, _pieces(file), step)
                for table, columns, file in zip(
                    ("attachments", "audit_logs"), (rows.ATTACHMENTS, rows.AUDIT_LOGS), self._files, strict=True
                )
            ]
            ledger.complete(connection, part, numbers[0])

    def close(self) -> None:
        """Drop the lines."""
        for file in self._files:
            file.close()


def extras_of(size: Size, everybody: People, part: Part) -> Extras:
    """Compute the files and entries of the trail of a month again, whose messages are stored."""
    from chatschema.seed.bulk import rows, talk

    extras = Extras()
    for slice in range(len(part.slices)):
        said = talk.talk(size, everybody, part, slice)
        extras.add(rows.attachments(size, everybody, part, slice, said), rows.audit_logs(everybody, said))
    return extras


# The promises of the triggers that do not fire for a table that is not attached.
_BROKEN = """
    select
        (select count(*) from {messages} as m where m.created_at is distinct from chatschema.uuid7_time(m.id)),
        (select count(*) from {messages} as m where m.reply_to_id is not null and not exists (
            select from {messages} as r where r.id = m.reply_to_id and r.conversation_id = m.conversation_id
        )),
        (select count(*) from {statuses} as s left join {messages} as m on m.id = s.message_id
            where m.conversation_id is distinct from s.conversation_id
                or s.read_at < s.delivered_at or s.delivered_at < m.created_at),
        (select count(*) from {messages} as m where m.sender_id is not null and not exists (
            select from public.conversation_participants as p
            where p.conversation_id = m.conversation_id and p.user_id = m.sender_id
                and (p.left_at is null or p.left_at > m.created_at)
        )) + (select count(*) from {statuses} as s where not exists (
            select from public.conversation_participants as p where p.conversation_id = s.conversation_id and p.user_id = s.user_id
        ))
"""


def check(connection: Connection, part: Part, messages: sql.Identifier, statuses: sql.Identifier) -> None:
    """Raise where rows of a month that is not attached yet break what the triggers of an attached one would have refused."""
    query = sql.SQL(_BROKEN).format(messages=messages, statuses=statuses)
    broken = postgres.fetch_one(connection, query)
    if any(broken):
        raise ChatschemaError(
            f"the rows that were made for {part.name} are wrong: {broken[0]} times, {broken[1]} replies, {broken[2]} statuses,"
            f" {broken[3]} senders and readers;"
            " the month was not attached",
            "this is a bug; please report it",
            code="bug",
        )


def _pieces(file: IO[bytes]) -> Iterator[str]:
    file.seek(0)
    for lines in iter(lambda: file.readlines(_PIECE), []):
        yield b"".join(lines).decode()


def _copy(connection: Connection, table: sql.Identifier, columns: Sequence[str], pieces: Iterable[str], step: Step) -> int:
    query = sql.SQL("copy {} ({}) from stdin").format(table, _listed(columns))
    total = 0
    with postgres.translated(), connection.cursor() as cursor, cursor.copy(query) as stream:
        for piece in pieces:
            stream.write(piece)
            number = piece.count("\n")
            step(number)
            total += number
    return total


def _copy_binary(
    connection: Connection, table: sql.Identifier, columns: Sequence[str], pieces: Iterable[bytes], *, freeze: bool
) -> None:
    options = sql.SQL("format binary, freeze" if freeze else "format binary")
    query = sql.SQL("copy {} ({}) from stdin ({})").format(table, _listed(columns), options)
    with postgres.translated(), connection.cursor() as cursor, cursor.copy(query) as stream:
        for piece in pieces:
            view = memoryview(piece)
            for place in range(0, len(view), _PIECE):
                stream.write(view[place : place + _PIECE])


def _listed(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(column) for column in columns)
