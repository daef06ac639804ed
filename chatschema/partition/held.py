"""Exporting the rows under a hold to files, for a court or whoever asked for the hold."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from psycopg import sql

from chatschema import __version__, audit, hold, postgres, sqlfile
from chatschema.errors import ChatschemaError, UsageError
from chatschema.hold import Hold
from chatschema.partition import catalog, grid, retired_months
from chatschema.partition.archive import content, disk, manifest
from chatschema.partition.archive.manifest import File
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, relation

# The table, the column that names the message, and the order of the rows.
_PARTS = (("messages", "id", "id"), ("message_statuses", "message_id", "message_id, user_id"), ("attachments", "message_id", "id"))


@dataclass(frozen=True, slots=True)
class Part:
    """The held rows of one table: how many, and the file with them."""

    table: str
    rows: int
    file: File


@dataclass(frozen=True, slots=True)
class Export:
    """The export of a hold: its tables, time and tool. `dropped_months` of its period are missing: they were dropped before."""

    hold: Hold
    conversations: list[UUID]
    database: str
    tool: str
    exported_at: datetime
    tables: list[Part]
    dropped_months: list[str]


def export(connection: Connection, id: int, folder: Path) -> Export:
    """Write messages, statuses and attachments under hold `id` to a new `folder`, in one snapshot; removes nothing.

    Attached and detached months and the rows kept of dropped ones are read. Raises ChatschemaError when the hold is not
    active, UsageError when the folder exists. The caller holds the migration lock: no month is attached or detached meanwhile.
    """
    placed = next((one for one in hold.holds(connection) if one.id == id), None)
    if placed is None:
        raise ChatschemaError(f"no active hold has the number {id}", "see: chatschema hold list --all", code="hold.not-active")
    if folder.exists():
        raise UsageError(f"{folder} already exists", "name a new folder: --dir DIR", code="hold.folder-exists")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir(mode=0o700)
        written = _write(connection, placed, partial)
        digest = manifest.write(written, partial)
        disk.put(partial, folder)
    except OSError as error:
        raise ChatschemaError(
            f"hold {id} was not exported: {error.filename or folder}: {error.strerror or error}",
            "check the free space, and that you may write to the folder",
            code="hold.not-written",
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    rows = {part.table: part.rows for part in written.tables}
    audit.record(connection, "hold.export", "hold", str(id), folder=str(folder.resolve()), rows=rows, manifest_sha256=digest)
    return written


def _write(connection: Connection, placed: Hold, folder: Path) -> Export:
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read")
        content.pin(connection)
        tables = _tables(connection)
        sources = [name for parent, name in tables if parent == GROUP[0].table]
        postgres.execute(connection, "create temporary table held_messages (id uuid primary key) on commit drop")
        for source in sources:
            values = {"messages": source, "hold": sql.Literal(placed.id)}
            postgres.execute(connection, sqlfile.fill("partitions/held_messages.sql", **values))
        query = "select conversation_id from chatschema.hold_conversations where hold_id = %s order by 1"
        conversations = [row[0] for row in postgres.fetch_all(connection, query, (placed.id,))]
        tables.append(("attachments", sql.Identifier("public", "attachments")))
        parts = [
            _write_part(connection, [name for parent, name in tables if parent == table], folder, table, key, order)
            for table, key, order in _PARTS
        ]
        return Export(
            hold=placed, conversations=conversations, database=connection.info.dbname, tool=f"chatschema {__version__}",
            exported_at=datetime.now(UTC), tables=parts, dropped_months=dropped_months(connection, placed),
        )  # fmt: skip


def _tables(connection: Connection) -> list[tuple[str, sql.Identifier]]:
    """Return the tables that may have held rows, by their parent table."""
    found = [(parent.table, sql.Identifier("public", parent.table)) for parent in GROUP]
    return [*found, *((month.parent, sql.Identifier(SCHEMA, month.name)) for month in catalog.away(connection))]


def _write_part(connection: Connection, sources: list[sql.Identifier], folder: Path, table: str, key: str, order: str) -> Part:
    columns = relation.columns(connection, f"public.{table}")
    one = sql.SQL("select {} from {} where {} in (select id from held_messages)")
    selects = [
        one.format(
            relation.listed(columns, relation.columns(connection, source.as_string(connection))), source, sql.Identifier(key)
        )
        for source in sources
    ]
    rows = sql.SQL(" union all ").join(selects)
    query = sql.SQL("copy (select * from ({}) as held order by {}) to stdout (format csv, header true, encoding 'UTF8')")
    count = 0

    def pieces() -> Iterator[bytes]:
        nonlocal count
        with postgres.translated(), connection.cursor() as cursor:
            with cursor.copy(query.format(rows, sql.SQL(order))) as copy:
                for piece in copy:
                    yield bytes(piece)
            count = cursor.rowcount

    file = disk.compress(pieces(), folder / f"{table}.csv.zst")
    return Part(table, count, file)


def dropped_months(connection: Connection, placed: Hold) -> list[str]:
    """Return the months of the hold's period that were dropped, with the folder of their archive."""
    return [
        f"{record.month:%Y-%m}" + (f" (archive{_doubt(record)}: {record.archive})" if record.archive else "")
        for record in retired_months.read(connection).values()
        if record.state == "dropped"
        and (placed.to_at is None or record.month < placed.to_at)
        and (placed.from_at is None or grid.next_month(record.month) > placed.from_at)
    ]


def _doubt(record: RetiredMonth) -> str:
    return "" if record.archive_is_current else ", which may contain other rows"
