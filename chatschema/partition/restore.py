"""Restoring a month: from its detached table, or from its archive, which is checked; attach.py attaches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

from psycopg import sql

from chatschema import audit, postgres, sqlfile
from chatschema.errors import ChatschemaError, ServerError, UsageError
from chatschema.partition import attach, carve, catalog, create, drop, fitting, grid, losses, mapping, relink, retired_months
from chatschema.partition.archive import content, manifest, source
from chatschema.partition.archive.manifest import Table
from chatschema.partition.archive.source import Source
from chatschema.partition.create import statement
from chatschema.partition.fitting import Lost
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.mapping import Rule
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say, door
from chatschema.values import Month

# Of a check, and of a null where there may be none.
_VIOLATIONS = {"23514", "23502"}
# An archive has the time of the clock of the machine that wrote it.
_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Restored:
    """The restored rows and their source; `erased` rows changed by later erasures; attachments that were linked again.

    `attachments_gone`: their row or file was removed since the month was dropped. `attachments_left`: they have no message,
    because it was erased, or belong to another one now. `lost`: values of columns that --map dropped, by table.column.
    """

    month: str
    source: Literal["table", "archive", "kept rows"]
    messages: int
    statuses: int
    erased: int
    attachments: int
    attachments_gone: list[UUID]
    attachments_left: int
    lost: dict[str, int]
    keep_until: datetime


def restore(
    connection: Connection,
    lower: datetime,
    folder: Path | None,
    archives: Path,
    *,
    keep_until: datetime,
    force: bool = False,
    rules: Sequence[Rule] = (),
    say: Say,
) -> Restored:
    """Restore the month that begins at `lower`, and keep it from being retired until `keep_until`.

    An existing detached table is attached again. Otherwise the month is loaded from `folder`, or from the archive in the ledger;
    with `force` also from one that may contain other rows than were dropped, or rows of users who never took part in their
    conversation. Without an archive, only the rows that were kept under a hold are restored. No row is visible before it has been
    compared with the manifest and later erasures have been applied; the next run finishes an interrupted one. `rules` map columns
    that differ from the current ones. The caller holds the migration lock. Raises ArchiveRefused, UsageError, Held or Busy.
    """
    if rules:
        door.refuse(connection, "partition restore --map")
    months = [grid.month(parent.table, lower) for parent in GROUP]
    attached = {(m.parent, m.lower) for m in catalog.months(connection)}
    there = {(m.parent, m.lower) for m in catalog.detached(connection)}
    record = retired_months.read(connection).get(lower)
    missing = [month for month in months if (month.parent, lower) not in attached | there]
    there_now = [month for month in months if month not in missing]
    losses.refuse_half(connection, lower, there_now, record)
    if len(missing) == 1 or (not missing and record is not None and record.state == "dropped"):
        raise ChatschemaError(
            f"other tables have the names of {lower:%Y-%m}: they are not the ones that were retired",
            "see: chatschema partition list; then drop or rename them",
            code="restore.names-taken",
        )
    chosen, lost = None, Lost()
    if missing:
        chosen = source.choose(connection, lower, folder, archives, record, force=force, say=say)
    _check_rules(connection, months, chosen, rules, is_loading=bool(missing), say=say)
    if missing:
        _build(connection, months, chosen, keep_until, rules, lost, say)
    to_attach = [month for month in months if (month.parent, lower) not in attached]
    if not to_attach and not postgres.fetch_one(connection, create.statement("count_released.sql", months[0]))[0]:
        text = f"{lower:%Y-%m} is attached; there is nothing to restore"
        raise ChatschemaError(text, "see: chatschema partition list", code="restore.attached")
    if not missing:
        _refit(connection, to_attach, rules, lost, say)
    since = _since(chosen, record, is_loading=bool(missing))
    # Rows that never left this database were checked when they were stored.
    trusted = force or not (missing or (record and record.dropped_at))
    erased = attach.bring_in(connection, to_attach, since, keep_until, rules, lost, say, trusted=trusted) if to_attach else 0
    relinked, collected = relink.relink(connection, months[0])
    left: int = postgres.fetch_one(connection, statement("count_released.sql", months[0]))[0]
    rows = [content.count(connection, month.name) for month in months]
    origin: Literal["table", "archive", "kept rows"] = "archive" if chosen else "kept rows" if missing else "table"
    return Restored(f"{lower:%Y-%m}", origin, rows[0], rows[1], erased, relinked, collected, left, lost.values, keep_until)


def _since(chosen: Source | None, record: RetiredMonth | None, *, is_loading: bool) -> datetime | None:
    """Return when the rows were detached, or their archive was written; None if nobody knows."""
    if chosen:
        return chosen.described.created_at - _CLOCKS_DIFFER
    # Until it is attached again, a month that an interrupted run has loaded still has the time at which it was dropped.
    return None if is_loading or record is None or record.dropped_at else record.detached_at


def _check_rules(
    connection: Connection, months: Sequence[Month], chosen: Source | None, rules: Sequence[Rule], *, is_loading: bool, say: Say
) -> None:
    """Raise UsageError for a rule that names no column; only warn if an earlier run has loaded the month."""
    if not rules:
        return
    columns = fitting.sources(connection, months)
    for table in chosen.described.tables if chosen else ():
        columns[table.table] = [*columns.get(table.table, ()), *table.columns]
    for rule in mapping.unused(rules, columns, connection):
        if is_loading:
            hint = "manifest.json in the folder of the archive lists its columns"
            raise UsageError(f"--map {rule.text} names no column", hint, code="restore.map-unknown")
        say(f"warning: --map {rule.text} names no current column of the month")


def _build(
    connection: Connection,
    months: Sequence[Month],
    chosen: Source | None,
    keep_until: datetime,
    rules: Sequence[Rule],
    lost: Lost,
    say: Say,
) -> None:
    """Create the detached tables of a month from its archive, or empty ones for kept rows, in one transaction: all or none."""
    if chosen:
        manifest.verify(chosen.described, chosen.folder)
        say(f"loading {chosen.folder}")
    try:
        with postgres.transaction(connection):
            carve.refuse_lossy(connection, months[0].lower, rules)
            content.pin(connection)
            for month in months:
                for file in ("create_table.sql", "add_bounds_check.sql"):
                    postgres.execute(connection, statement(file, month))
                if door.is_distributed(connection):
                    values = {**create.names(month), "parent_name": sql.Literal(f"public.{month.parent}")}
                    postgres.execute(connection, sqlfile.fill("partitions/distributed/distribute.sql", **values))
                if chosen:
                    _load(connection, month, chosen, rules, lost)
            # The grace period does not count from an earlier detach, and an interrupted restore is not retired too early.
            retired_months.write(
                connection, months[0].lower, state="detached", detached_at=retired_months.NOW, keep_until=keep_until
            )
            mapped = {"map": [rule.text for rule in rules], "lost": lost.values} if rules else {}
            audit.record(connection, "partition.load", "partition", f"{months[0].lower:%Y-%m}", **_origin(chosen), **mapped)
    except ServerError as error:
        if error.sqlstate in _VIOLATIONS and chosen:
            _explain(connection, months, chosen, rules)
        raise


def _explain(connection: Connection, months: Sequence[Month], chosen: Source, rules: Sequence[Rule]) -> None:
    """Raise ArchiveRefused with the check, or the column, that rows of the archive do not fit, and their number."""
    for month in months:
        with postgres.transaction(connection):
            content.pin(connection)
            archived, what = _table(chosen, month), str(chosen.folder)
            plan = mapping.fit(connection, month.parent, what, archived.columns, rules)
            copy = fitting.load_as_it_was(connection, chosen.folder, archived)
            fitting.refuse_violations(connection, copy, month, plan, what=what)


def _refit(connection: Connection, months: Sequence[Month], rules: Sequence[Rule], lost: Lost, say: Say) -> None:
    """Give detached tables of an earlier schema the current columns, where that needs the rules; all or none."""
    plans = {
        month: mapping.fit(connection, month.parent, month.name, content.columns(connection, month.name), rules) for month in months
    }
    if all(plan.is_same for plan in plans.values()):
        return
    drop.free_foreign_keys(connection, months, say)
    with postgres.transaction(connection):
        carve.refuse_lossy(connection, months[0].lower, rules)
        content.pin(connection)
        for month, plan in plans.items():
            if not plan.is_same:
                fitting.refit(connection, month, plan, lost)
        details = {"map": [rule.text for rule in rules], "lost": lost.values}
        audit.record(connection, "partition.refit", "partition", f"{months[0].lower:%Y-%m}", **details)


def _origin(chosen: Source | None) -> dict[str, object]:
    """Return the details of a load for the audit trail: the archive, its origin, and how it differs from the recorded one."""
    if chosen is None:
        return {"source": "kept rows"}
    described = chosen.described
    return {
        "source": "archive", "folder": str(chosen.folder.resolve()), "manifest_sha256": chosen.sha256,
        "database": described.database, "cluster": described.cluster, "written_at": described.created_at,
        "rows": {table.table: table.rows for table in described.tables}, "accepted": chosen.doubts,
    }  # fmt: skip


def _load(connection: Connection, month: Month, chosen: Source, rules: Sequence[Rule], lost: Lost) -> None:
    archived, folder = _table(chosen, month), chosen.folder
    plan = mapping.fit(connection, month.parent, str(folder), archived.columns, rules)
    table = sql.Identifier(SCHEMA, month.name)
    if plan.is_same:
        content.load(connection, table, archived.columns, manifest.pieces(folder / archived.file.name))
        found = content.checksum(connection, table, archived.columns)
        manifest.compare(str(folder / archived.file.name), found, archived)
    else:
        # First with its old columns: only these can be compared with the manifest.
        copy = fitting.load_as_it_was(connection, folder, archived)
        fitting.insert(connection, copy, month, plan, lost, what=str(folder))
    postgres.execute(connection, sql.SQL("analyze {}").format(table))


def _table(chosen: Source, month: Month) -> Table:
    archived = chosen.described.table(month.parent)
    if archived is None:
        text = f"{chosen.folder} has no {month.parent}"
        raise manifest.ArchiveRefused(text, "restore the folder from a backup", code="archive.incomplete")
    return archived
