"""Dropping a month: compared, checked for holds and dropped in one transaction; then its attachments are released."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from chatschema import audit, events, hold, postgres, sqlfile
from chatschema.errors import ChatschemaError
from chatschema.partition import carve, catalog, grid, losses, retired_months
from chatschema.partition.archive import content, manifest
from chatschema.partition.archive.manifest import Manifest
from chatschema.partition.create import names, statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say, door, locks
from chatschema.values import Month, Policy


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many rows a drop removed and kept; `archive_is_current` is None where no archive is recorded."""

    messages: int
    statuses: int
    held_messages: int
    held_statuses: int
    archive_is_current: bool | None


def drop(connection: Connection, group: Sequence[Month], record: RetiredMonth, policy: Policy, *, say: Say) -> Dropped:
    """Drop the detached tables of one month; return how many rows were dropped.

    With `policy.archive` the archive's files are checked, and the rows compared with it in the transaction that drops them.
    Without it, a recorded archive is compared too, and stays recorded: as current, or as one that may have other rows.
    Holds are read in that transaction too, and none can be placed while it runs. The caller holds the migration lock.
    Raises Held, ArchiveRefused or Busy; then nothing was dropped.
    """
    losses.refuse_half(connection, group[0].lower, group, record)
    described = _checked_archive(group[0].lower, record) if policy.archive else _readable_archive(record, say)
    free_foreign_keys(connection, group, say)

    if door.is_distributed(connection):
        return _drop_distributed(connection, group, record, described, policy, say)

    def work() -> Dropped:
        ready = _prepare(connection, group, described, policy)
        return _remove(connection, group, record, ready)

    return locks.in_transaction(connection, work, locks.MONTHS, say=say)


def _drop_distributed(
    connection: Connection, group: Sequence[Month], record: RetiredMonth, described: Manifest | None, policy: Policy, say: Say
) -> Dropped:
    """Compare in one transaction, and drop in a second, short one: others wait while it runs.

    Between them only holds can change, and then both are done again: chatschema alone writes to a detached month.
    """
    while True:

        def work() -> tuple[_Ready, list[tuple[Any, ...]]]:
            ready = _prepare(connection, group, described, policy)
            return ready, hold.scopes(connection)

        ready, scopes = locks.in_transaction(connection, work, locks.DDL, say=say)

        def remove(ready: _Ready = ready, scopes: list[tuple[Any, ...]] = scopes) -> Dropped | None:
            hold.freeze(connection)
            if hold.scopes(connection) != scopes:
                return None
            return _remove(connection, group, record, ready)

        if gone := locks.in_transaction(connection, remove, locks.MONTHS, say=say):
            return gone


def _checked_archive(lower: datetime, record: RetiredMonth) -> Manifest:
    if record.archive is None:
        hint = f"first: chatschema partition archive {lower:%Y-%m}"
        raise manifest.ArchiveRefused(f"{lower:%Y-%m} has no archive", hint, code="archive.missing")
    folder = Path(record.archive)
    described = manifest.read(folder, record.archive_sha256)
    manifest.verify(described, folder)
    return described


def _readable_archive(record: RetiredMonth, say: Say) -> Manifest | None:
    """Return the manifest of the recorded archive; None where there is none, or it cannot be read on this host."""
    if record.archive is None:
        return None
    try:
        return manifest.read(Path(record.archive), record.archive_sha256)
    except manifest.ArchiveRefused as error:
        say(f"warning: the recorded archive of {record.month:%Y-%m} cannot be compared with its rows: {error.message}")
        return None


def referenced(connection: Connection, group: Sequence[Month]) -> list[str]:
    """Return the names of the tables to which foreign keys of the detached tables refer: free_foreign_keys() locks them."""
    query = """
        select distinct r.relname::text from pg_catalog.pg_constraint as c join pg_catalog.pg_class as r on r.oid = c.confrelid
        where c.contype = 'f' and c.conparentid = 0 and c.conrelid = any (select to_regclass(name) from unnest(%s::text[]) as name)
        order by 1
    """
    return [row[0] for row in postgres.fetch_all(connection, query, ([f"{SCHEMA}.{month.name}" for month in group],))]


def free_foreign_keys(connection: Connection, group: Sequence[Month], say: Say) -> None:
    """Drop the foreign keys of detached tables, each in its own short transaction: it locks the referenced table.

    On a distributed database they stay: Citus does not find those of a detached month, and it is dropped behind the door.
    """
    if door.is_distributed(connection):
        return
    query = sqlfile.text_of("partitions/foreign_keys.sql")
    for month in group:
        for (name,) in postgres.fetch_all(connection, query, {"table": f"{SCHEMA}.{month.name}"}):
            ddl = sqlfile.fill("partitions/drop_foreign_key.sql", **{**names(month), "constraint": sql.Identifier(name)})

            def work(ddl: sql.Composed = ddl) -> None:
                postgres.execute(connection, ddl)

            locks.in_transaction(connection, work, locks.MONTHS, say=say)


@dataclass(frozen=True, slots=True)
class _Ready:
    """What was found before a drop, by table: all rows, those that were kept, and whether the archive has all."""

    rows: dict[str, int]
    kept: dict[str, int]
    removed: dict[str, int]
    is_current: bool


def _prepare(connection: Connection, group: Sequence[Month], described: Manifest | None, policy: Policy) -> _Ready:
    """Compare a month with its archive, and keep its rows under a hold; its tables stay locked until the transaction ends."""
    hold.freeze(connection)
    for month in group:
        postgres.execute(connection, statement("lock_for_drop.sql", month))
    there = {month.name for month in catalog.detached(connection)}
    if attached := [month.name for month in group if month.name not in there]:
        raise ChatschemaError(
            f"{', '.join(attached)} is not detached; nothing was dropped",
            "see: chatschema partition list",
            code="partition.not-detached",
        )
    content.pin(connection)
    rows = {month.parent: content.count(connection, month.name) for month in group}
    is_current = described is not None and _is_compared(connection, group, described, is_required=policy.archive)
    kept = carve.keep_held(connection, group, policy)
    removed = {month.parent: rows[month.parent] - carve.shared(connection, month) for month in group}
    return _Ready(rows, kept, removed, is_current)


def _remove(connection: Connection, group: Sequence[Month], record: RetiredMonth, ready: _Ready) -> Dropped:
    """Drop the tables and record it."""
    lower, kept, removed = group[0].lower, ready.kept, ready.removed
    for parent in reversed(GROUP):
        for month in group:
            if month.parent == parent.table:
                postgres.execute(connection, statement("drop.sql", month))
    # The rows that a restore brings back from the archive, or else the rows that were removed.
    listed = ready.rows if ready.is_current else removed
    retired_months.write(
        connection, lower, state="dropped", dropped_at=retired_months.NOW, attachments_released=None,
        archive_is_current=ready.is_current,
        messages=listed.get("messages", 0), statuses=listed.get("message_statuses", 0), held_messages=kept.get("messages", 0),
    )  # fmt: skip
    archived = {"archive": record.archive, "manifest_sha256": record.archive_sha256, "archive_is_current": ready.is_current}
    audit.record(
        connection, "partition.drop", "partition", f"{lower:%Y-%m}", rows=removed, held_messages=kept.get("messages", 0),
        held_statuses=kept.get("message_statuses", 0), **(archived if record.archive else {}),
    )  # fmt: skip
    events.record_month(connection, "month.dropped", grid.ids(lower))
    return Dropped(
        removed.get("messages", 0), removed.get("message_statuses", 0), kept.get("messages", 0), kept.get("message_statuses", 0),
        ready.is_current if record.archive else None,
    )  # fmt: skip


def _is_compared(connection: Connection, group: Sequence[Month], described: Manifest, *, is_required: bool) -> bool:
    """Return whether the archive has the rows of all tables; with `is_required` raise ArchiveRefused if it does not."""
    try:
        for month in group:
            _compare(connection, month, described)
    except manifest.ArchiveRefused:
        if is_required:
            raise
        return False
    return True


def _compare(connection: Connection, month: Month, described: Manifest) -> None:
    """Raise ArchiveRefused when the rows of the table are not those of the archive."""
    columns = content.columns(connection, month.name)
    archived = described.table(month.parent)
    if archived is None or archived.columns != columns:
        raise manifest.ArchiveRefused(
            f"the archive of {described.month} does not have the columns of {month.name}; nothing was dropped",
            f"archive it again: chatschema partition archive {described.month}",
            code="archive.columns",
        )
    found = content.checksum(connection, sql.Identifier(SCHEMA, month.name), columns)
    manifest.compare(month.name, found, archived)
