"""Bringing a month back: from the table that still is there, or from its archive; erased anew, checked, attached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import sql

from chatschema import audit, hold, locks, postgres, sqlfile
from chatschema.errors import ChatschemaError
from chatschema.models import Month, RetiredMonth
from chatschema.partition import archive, catalog, content, grid, ledger, manifest
from chatschema.partition.create import statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.manifest import Manifest, Table
from chatschema.postgres import Connection, Say

KEPT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: rows; `erased` rows changed by erasures made since; attachments that found their message again."""

    month: str
    messages: int
    statuses: int
    erased: int
    attachments: int
    keep_until: datetime


def restore(
    connection: Connection, sql_dir: Path, lower: datetime, folder: Path | None, *, keep_until: datetime, say: Say
) -> Restored:
    """Bring the month that begins at `lower` back, and keep it from being retired until `keep_until`.

    A table that is still there is attached again; else the month is loaded from `folder`, or from where the ledger says
    its archive is. Nothing is visible before it has been compared with the manifest and erased anew; a run that was cut
    off is finished by the next. The caller holds the migration lock. Raises ArchiveRefused, ChatschemaError or Busy.
    """
    months = [grid.month(parent.table, lower) for parent in GROUP]
    attached = {(m.parent, m.lower) for m in catalog.months(connection, sql_dir)}
    there = {(m.parent, m.lower) for m in catalog.detached(connection, sql_dir)}
    record = ledger.read(connection).get(lower)
    missing = [month for month in months if (month.parent, lower) not in attached | there]
    if missing:
        if len(missing) != len(months):
            raise ChatschemaError(
                f"{missing[0].name} is gone, but not the other table of its month", "see: chatschema partition list"
            )
        _build(connection, sql_dir, months, _found(lower, folder, record), say)
    to_attach = [month for month in months if (month.parent, lower) not in attached]
    if not to_attach and not (record and record.state == "dropped") and not _released(connection, months[0]):
        raise ChatschemaError(f"{lower:%Y-%m} is attached; there is nothing to bring back", "see: chatschema partition list")
    erased = _erase(connection, sql_dir, to_attach)
    _attach(connection, sql_dir, to_attach, keep_until, say)
    relinked = _relink(connection, sql_dir, months[0])
    rows = [_count(connection, month) for month in months]
    return Restored(f"{lower:%Y-%m}", rows[0], rows[1], erased, relinked, keep_until)


def _found(lower: datetime, folder: Path | None, record: RetiredMonth | None) -> Path:
    if folder is not None:
        return folder
    if record is None or record.archive is None:
        raise ChatschemaError(f"{lower:%Y-%m} has neither a table nor a recorded archive", "name the folder it is in: --dir DIR")
    return Path(record.archive)


def _build(connection: Connection, sql_dir: Path, months: Sequence[Month], folder: Path, say: Say) -> None:
    """Make the detached tables of a month from its archive, in one transaction: all of it or none."""
    record = ledger.read(connection).get(months[0].lower)
    # The ledger's digest holds for the folder that it names; another one is a copy, or somebody else's.
    sha256 = record.archive_sha256 if record and record.archive == str(folder.resolve()) else None
    described = manifest.read(folder, sha256)
    if (described.lower, described.upper) != (months[0].lower, months[0].upper):
        raise manifest.ArchiveRefused(f"{folder} is the archive of {described.month}", "name another folder: --dir DIR")
    manifest.verify(described, folder)
    say(f"loading {folder}")
    with postgres.transaction(connection):
        content.pin(connection)
        for month in months:
            _load(connection, sql_dir, month, described, folder)
        # No day of grace is counted from an earlier detach.
        ledger.write(connection, months[0].lower, state="detached", detached_at=ledger.NOW)


def _load(connection: Connection, sql_dir: Path, month: Month, described: Manifest, folder: Path) -> None:
    archived = next((table for table in described.tables if table.table == month.parent), None)
    if archived is None:
        raise manifest.ArchiveRefused(f"{folder} has no {month.parent}", "take it from a backup")
    for file in ("create_table.sql", "add_bounds_check.sql"):
        postgres.execute(connection, statement(sql_dir, file, month))
    _refuse_other_columns(content.columns(connection, month.name), archived, folder)
    table = sql.Identifier(SCHEMA, month.name)
    content.load(connection, sql_dir, table, archived.columns, manifest.pieces(folder / archived.file.name))
    archive.compare(str(folder / archived.file.name), content.checksum(connection, sql_dir, table, archived.columns), archived)
    postgres.execute(connection, sql.SQL("analyze {}").format(table))


def _refuse_other_columns(there: Sequence[tuple[str, str]], archived: Table, folder: Path) -> None:
    """Columns added since get their default; one that is gone or has another type would lose or change values."""
    now = dict(there)
    for name, kind in archived.columns:
        if now.get(name) != kind:
            what = f"is {now[name]} now" if name in now else "is gone"
            raise manifest.ArchiveRefused(
                f"{folder} has {archived.table}.{name} as {kind}, which {what}",
                "load it into a database of that time, and convert it there",
            )


def _erase(connection: Connection, sql_dir: Path, months: Sequence[Month]) -> int:
    """Apply every erasure to tables that nobody sees yet; return how many rows changed."""
    messages = sql.Identifier(SCHEMA, grid.month(GROUP[0].table, months[0].lower).name) if months else sql.SQL("")
    changed = 0
    for month in months:
        file = "erase_messages.sql" if month.parent == GROUP[0].table else "erase_statuses.sql"
        values = {"partition": sql.Identifier(SCHEMA, month.name), "is_held": hold.IS_HELD, "messages": messages}
        changed += postgres.execute(connection, sqlfile.fill(sql_dir / "partitions" / file, **values)).rowcount
    return changed


def _attach(connection: Connection, sql_dir: Path, months: Sequence[Month], keep_until: datetime, say: Say) -> None:
    """Attach tables that have all that their parents have, so that nothing is read while others wait."""
    for month in months:
        _add_foreign_keys(connection, month, say)
    lower = months[0].lower if months else None

    def work() -> None:
        with postgres.transaction(connection):
            locks.limit_lock_wait(connection, locks.MONTHS)
            for month in months:
                postgres.execute(connection, statement(sql_dir, "attach.sql", month))
                # All of the month is back, and with it what was kept of it.
                if postgres.has_table(connection, f"{SCHEMA}.{grid.held_name(month)}"):
                    held = sql.Identifier(SCHEMA, grid.held_name(month))
                    postgres.execute(connection, sql.SQL("drop table {}").format(held))
            if lower is not None:
                ledger.write(
                    connection,
                    lower,
                    state="attached",
                    restored_at=ledger.NOW,
                    keep_until=keep_until,
                    held_messages=None,
                    dropped_at=None,
                )
                audit.record(connection, "partition.restore", "partition", f"{lower:%Y-%m}", keep_until=keep_until)

    locks.with_lock_retries(connection, work, locks.MONTHS, say=say)


# The parent's foreign keys that the table lacks, and whether a run that was cut off has left one unchecked.
_MISSING_KEYS = """
    select p.conname, pg_get_constraintdef(p.oid),
        exists (select from pg_catalog.pg_constraint as c where c.conrelid = to_regclass(%(table)s) and c.conname = p.conname)
    from pg_catalog.pg_constraint as p
    where p.conrelid = to_regclass(%(parent)s) and p.contype = 'f' and p.conparentid = 0
        and not exists (
            select from pg_catalog.pg_constraint as c
            where c.conrelid = to_regclass(%(table)s) and c.contype = 'f' and c.conkey = p.conkey and c.confrelid = p.confrelid
                and c.convalidated
        )
"""


def _add_foreign_keys(connection: Connection, month: Month, say: Say) -> None:
    """Give a detached table its parent's foreign keys; each is added in a moment and checked while others write."""
    table = sql.Identifier(SCHEMA, month.name).as_string(connection)
    names = {"parent": f"public.{month.parent}", "table": f"{SCHEMA}.{month.name}"}
    for name, definition, is_unchecked in postgres.fetch_all(connection, _MISSING_KEYS, names):
        key = sql.Identifier(name).as_string(connection)

        def work(key: str = key, definition: str = definition, is_unchecked: bool = is_unchecked) -> None:
            with postgres.transaction(connection):
                locks.limit_lock_wait(connection, locks.MONTHS)
                if is_unchecked:
                    postgres.execute_text(connection, f"alter table {table} drop constraint {key}")
                postgres.execute_text(connection, f"alter table {table} add constraint {key} {definition} not valid")

        locks.with_lock_retries(connection, work, locks.MONTHS, say=say)
        postgres.execute_text(connection, f"alter table {table} validate constraint {key}")


def _relink(connection: Connection, sql_dir: Path, month: Month) -> int:
    """Give attachments their message back, in batches; return how many found it."""
    relinked: int = 0
    while True:
        taken, found = postgres.fetch_one(connection, statement(sql_dir, "relink_attachments.sql", month))
        relinked += found
        if not taken:
            return relinked


def _released(connection: Connection, month: Month) -> bool:
    query = "select exists (select from chatschema.released_attachments where message_id >= %s and message_id < %s)"
    return bool(postgres.fetch_one(connection, query, (grid.uuid7_floor(month.lower), grid.uuid7_floor(month.upper)))[0])


def _count(connection: Connection, month: Month) -> int:
    count: int = postgres.fetch_one(connection, sql.SQL("select count(*) from {}").format(sql.Identifier(SCHEMA, month.name)))[0]
    return count
