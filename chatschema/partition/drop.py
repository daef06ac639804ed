"""The end of a month: compared, checked for holds and dropped in one transaction; then what referred to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import sql

from chatschema import audit, hold, locks, postgres, sqlfile
from chatschema.errors import ChatschemaError
from chatschema.models import Month, Policy, RetiredMonth
from chatschema.partition import archive, catalog, content, grid, ledger, manifest
from chatschema.partition.create import names, statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.partition.manifest import Manifest
from chatschema.postgres import Connection, Say


class Held(ChatschemaError):
    """A message of the month is under a hold, so the month stays."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a drop removed and what it kept, in rows."""

    messages: int
    statuses: int
    held_messages: int


def drop(
    connection: Connection, sql_dir: Path, group: Sequence[Month], record: RetiredMonth, policy: Policy, *, say: Say
) -> Dropped:
    """Drop the detached tables of one month; return what went.

    With `policy.archive` the archive's files are checked, and the rows compared with it in the transaction that drops them.
    Holds are read in that transaction too, and no new one can be placed while it runs. The caller holds the migration lock.
    Raises Held, ArchiveRefused or Busy; then nothing was dropped.
    """
    described = None
    if policy.archive:
        described = _checked_archive(group[0].lower, record)
    free_foreign_keys(connection, sql_dir, group, say)

    return locks.in_transaction(connection, lambda: _drop(connection, sql_dir, group, described, policy), locks.MONTHS, say=say)


def _checked_archive(lower: datetime, record: RetiredMonth) -> Manifest:
    if record.archive is None:
        raise manifest.ArchiveRefused(f"{lower:%Y-%m} has no archive", f"first: chatschema partition archive {lower:%Y-%m}")
    folder = Path(record.archive)
    described = manifest.read(folder, record.archive_sha256)
    manifest.verify(described, folder)
    return described


def free_foreign_keys(connection: Connection, sql_dir: Path, group: Sequence[Month], say: Say) -> None:
    """Drop the foreign keys of detached tables, each in a moment of its own: the table referred to is locked for it."""
    query = sqlfile.text_of(sql_dir / "partitions" / "foreign_keys.sql")
    for month in group:
        for (name,) in postgres.fetch_all(connection, query, {"table": f"{SCHEMA}.{month.name}"}):
            ddl = sqlfile.fill(
                sql_dir / "partitions" / "drop_foreign_key.sql", **{**names(month), "constraint": sql.Identifier(name)}
            )

            def work(ddl: sql.Composed = ddl) -> None:
                postgres.execute(connection, ddl)

            locks.in_transaction(connection, work, locks.MONTHS, say=say)


def _drop(connection: Connection, sql_dir: Path, group: Sequence[Month], described: Manifest | None, policy: Policy) -> Dropped:
    lower = group[0].lower
    hold.freeze(connection)
    for month in group:
        postgres.execute(connection, statement(sql_dir, "lock_for_drop.sql", month))
    there = {month.name for month in catalog.detached(connection, sql_dir)}
    if attached := [month.name for month in group if month.name not in there]:
        raise ChatschemaError(
            f"{', '.join(attached)} is not detached (any more); nothing was dropped", "see: chatschema partition list"
        )
    content.pin(connection)
    rows = {month.parent: _compare(connection, sql_dir, month, described) for month in group}
    kept = _keep_held(connection, sql_dir, group, policy)
    for parent in reversed(GROUP):
        for month in group:
            if month.parent == parent.table:
                postgres.execute(connection, statement(sql_dir, "drop.sql", month))
    dropped = Dropped(rows.get("messages", 0), rows.get("message_statuses", 0), kept)
    if described is None:
        # An archive that was not compared is not this month's: nobody is to rely on it.
        ledger.write(connection, lower, archived_at=None, archive=None, archive_sha256=None)
    ledger.write(
        connection, lower, state="dropped", dropped_at=ledger.NOW, attachments_released=None,
        messages=dropped.messages, statuses=dropped.statuses, held_messages=kept,
    )  # fmt: skip
    audit.record(connection, "partition.drop", "partition", f"{lower:%Y-%m}", rows=rows, held_messages=kept)
    return dropped


def _compare(connection: Connection, sql_dir: Path, month: Month, described: Manifest | None) -> int:
    """Return how many rows the table has; raise ArchiveRefused when they are not those of the archive."""
    table = sql.Identifier(SCHEMA, month.name)
    columns = content.columns(connection, month.name)
    found = content.checksum(connection, sql_dir, table, columns)
    if described is not None:
        archived = described.table(month.parent)
        if archived is None or archived.columns != columns:
            raise manifest.ArchiveRefused(
                f"the archive of {described.month} does not have the columns of {month.name}; nothing was dropped",
                f"archive it again: chatschema partition archive {described.month}",
            )
        archive.compare(month.name, found, archived)
    return found[0]


def _keep_held(connection: Connection, sql_dir: Path, group: Sequence[Month], policy: Policy) -> int:
    """Copy held rows out where the policy says so; return how many messages. Raises Held where it does not."""
    messages = next((month for month in group if month.parent == GROUP[0].table), None)
    if messages is None:
        return 0
    kept_before = grid.kept(messages)
    # A restore that was cut off leaves the rows that were kept beside the month that they were not yet taken into.
    is_kept = postgres.has_table(connection, f"{SCHEMA}.{kept_before.name}") and hold.has_held(connection, kept_before)
    if not is_kept and not hold.has_held(connection, messages):
        _drop_kept(connection, sql_dir, group)
        return 0
    if policy.holds == "block":
        raise Held(
            f"{messages.name} has messages under a hold; nothing was dropped",
            'see: chatschema hold list; to keep only the held rows: --holds carve, or holds = "carve" in chatschema.toml',
        )
    kept = sql.Identifier(SCHEMA, grid.kept(messages).name)
    for month in group:
        held, partition = sql.Identifier(SCHEMA, grid.kept(month).name), sql.Identifier(SCHEMA, month.name)
        # One that is there is of a month that came back and was cut off: it is added to.
        postgres.execute(connection, sql.SQL("create table if not exists {} (like {} including all)").format(held, partition))
        file = "keep_held_messages.sql" if month is messages else "keep_held_statuses.sql"
        values = {"held": held, "partition": partition, "is_held": hold.IS_HELD, "messages": kept}
        postgres.execute(connection, sqlfile.fill(sql_dir / "partitions" / file, **values))
    left = sql.SQL("select count(*) from {} as m where {} and not exists (select from {} as k where k.id = m.id)")
    partition = sql.Identifier(SCHEMA, messages.name)
    if postgres.fetch_one(connection, left.format(partition, hold.IS_HELD, kept))[0]:
        raise ChatschemaError(
            f"not every held message of {messages.name} was kept; nothing was dropped", "this is a bug in chatschema"
        )
    copied: int = postgres.fetch_one(connection, sql.SQL("select count(*) from {}").format(kept))[0]
    return copied


def _drop_kept(connection: Connection, sql_dir: Path, group: Sequence[Month]) -> None:
    """Drop the tables with held rows, where there are any."""
    for month in group:
        kept = grid.kept(month)
        if postgres.has_table(connection, f"{SCHEMA}.{kept.name}"):
            postgres.execute(connection, statement(sql_dir, "drop.sql", kept))


@dataclass(frozen=True, slots=True)
class Released:
    """What referred to a dropped month: attachments released, and replies that keep the id they answer."""

    attachments: int
    replies: int


def release(connection: Connection, sql_dir: Path, lower: datetime) -> Released:
    """Release the attachments of a dropped month in batches, and count the replies to it; finishes what was cut off."""
    month = grid.month(GROUP[0].table, lower)
    held = grid.kept(month).name
    kept: sql.Composable = sql.SQL("(select null::uuid as id where false)")
    if postgres.has_table(connection, f"{SCHEMA}.{held}"):
        kept = sql.Identifier(SCHEMA, held)
    batch = sqlfile.fill(sql_dir / "partitions" / "release_attachments.sql", **{**names(month), "kept": kept})
    count = 0
    while released := locks.in_transaction(connection, lambda: postgres.execute(connection, batch).rowcount, locks.DDL):
        count += released
    replies: int = postgres.fetch_one(connection, statement(sql_dir, "count_replies.sql", month))[0]
    total = postgres.fetch_one(connection, statement(sql_dir, "count_released.sql", month))[0]
    ledger.write(connection, lower, attachments_released=total)
    return Released(count, replies)


def discard_held(connection: Connection, sql_dir: Path, lower: datetime) -> bool:
    """Drop the rows that were kept of a dropped month once no hold names one of them; return whether that was so."""
    months = [grid.month(parent.table, lower) for parent in GROUP]
    messages = grid.kept(months[0])
    with postgres.transaction(connection):
        locks.limit_lock_wait(connection, locks.MONTHS)
        hold.freeze(connection)
        if postgres.has_table(connection, f"{SCHEMA}.{messages.name}") and hold.has_held(connection, messages):
            return False
        _drop_kept(connection, sql_dir, months)
        # Their attachments are released by the next run, as those of the others were.
        ledger.write(connection, lower, held_messages=0, attachments_released=None)
        audit.record(connection, "partition.discard_held", "partition", f"{lower:%Y-%m}")
    return True
