"""chatschema.batches: how far each data migration has come. A batch commits its rows together with its row here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from chatschema import assets, postgres, sqlfile
from chatschema.errors import Busy, ServerError, UsageError
from chatschema.postgres import Connection

TABLE = "chatschema.batches"
BatchState = Literal["running", "paused", "done"]
_PUBLIC = """
    id, migration_id, table_name, key_column, waits, state, round, rows_done, rows_read, rows_expected, batch_count, batch_size,
    rate, started_at, changed_at, finished_at
"""
_OWN = "checksum, alias, key_type, statement, left_over, cursor_key, end_key, held"
# As in chatschema.postgres.locks: 'chat' in ASCII. The second number is this and the number of the batch.
_LOCK_CLASS, _LOCK_BASE = 0x63686174, 1000


@dataclass(frozen=True, slots=True)
class Batch:
    """A data migration in batches: its table and key, its state, and how far it has come."""

    id: int
    migration: str
    table: str
    key: str
    waits: bool
    state: BatchState
    round: int
    rows_done: int
    rows_read: int
    rows_expected: int | None
    batches: int
    batch_size: int
    rate: int | None
    started_at: datetime
    changed_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Work:
    """What the next batch needs: the statement, the key, the cursor, and the ranges that were held."""

    batch: Batch
    checksum: str
    alias: str | None
    key_type: str
    statement: str
    left: str | None
    cursor: str | None
    end: str
    held: tuple[tuple[str | None, str], ...]


def ensure(connection: Connection) -> None:
    """Create the table if there is none. The caller holds the migration lock."""
    if not postgres.has_table(connection, TABLE):
        with postgres.transaction(connection):
            postgres.execute_text(connection, sqlfile.text_of(assets.sql_dir() / "batches" / "table.sql"))


def all_of(connection: Connection) -> list[Batch]:
    """Return all of them, oldest first; empty on a database that has no such table yet."""
    if not postgres.has_table(connection, TABLE):
        return []
    return [Batch(*row) for row in postgres.fetch_all(connection, f"select {_PUBLIC} from {TABLE} order by id")]


def unfinished(connection: Connection) -> list[Batch]:
    """Return those that are running or paused, oldest first."""
    return [batch for batch in all_of(connection) if batch.state != "done"]


def of_migration(connection: Connection, migration: str) -> Batch | None:
    """Return that of a migration, None if it has none."""
    return next((batch for batch in all_of(connection) if batch.migration == migration), None)


def known(connection: Connection, id: int) -> Batch:
    """Return the one with this number. Raises UsageError if there is none."""
    for batch in all_of(connection):
        if batch.id == id:
            return batch
    raise UsageError(f"there is no batch {id}", "list them: chatschema batch list", code="batch.unknown")


def work(connection: Connection, id: int, *, locked: bool = True) -> Work | None:
    """Return what the next batch needs, its row locked until the end of the transaction; None if it was canceled by undo."""
    query = f"select {_PUBLIC}, {_OWN} from {TABLE} where id = %s" + (" for update" if locked else "")
    rows = postgres.fetch_all(connection, query, (id,))
    if not rows:
        return None
    *public, checksum, alias, key_type, statement, left, cursor, end, held = rows[0]
    return Work(Batch(*public), checksum, alias, key_type, statement, left, cursor, end, tuple((low, high) for low, high in held))


def create(connection: Connection, work: Work, detached: str | None) -> int:
    """Record a new one, and return its number. The numbers, times and counts of `work.batch` are the database's to set.

    `detached`: the statement for a month that is restored later, see header.detached().
    """
    batch = work.batch
    query = f"""
        insert into {TABLE} (migration_id, checksum, table_name, alias, key_column, key_type, statement, left_over, waits, end_key,
            rows_expected, batch_size, detached)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id
    """
    values = (
        batch.migration, work.checksum, batch.table, work.alias, batch.key, work.key_type, work.statement, work.left, batch.waits,
        work.end, batch.rows_expected, batch.batch_size, detached,
    )  # fmt: skip
    id: int = postgres.fetch_one(connection, query, values)[0]
    return id


def advance(connection: Connection, id: int, cursor: str, *, done: int, read: int, size: int) -> None:
    """Move the cursor behind the rows of a batch, and count them; in the transaction of its statement."""
    postgres.execute(
        connection,
        f"""
        update {TABLE} set cursor_key = %s, rows_done = rows_done + %s, rows_read = rows_read + %s, batch_count = batch_count + 1,
            batch_size = %s, changed_at = clock_timestamp() where id = %s
        """,
        (cursor, done, read, size, id),
    )


def set_aside(connection: Connection, id: int, low: str | None, high: str) -> None:
    """Move the cursor behind a row that another session holds, and keep its range for the end of the round."""
    query = f"update {TABLE} set cursor_key = %s, held = held || %s::jsonb, changed_at = clock_timestamp() where id = %s"
    postgres.execute(connection, query, (high, json.dumps([[low, high]]), id))


def part(connection: Connection, id: int, held: tuple[tuple[str | None, str], ...]) -> None:
    """Keep these held ranges instead: one of them was parted."""
    query = f"update {TABLE} set held = %s::jsonb, changed_at = clock_timestamp() where id = %s"
    postgres.execute(connection, query, (json.dumps([list(one) for one in held]), id))


def release(connection: Connection, id: int, held: tuple[tuple[str | None, str], ...], *, done: int) -> None:
    """Keep these held ranges only, and count the rows of the one that is done; in the transaction of its statement."""
    query = f"""
        update {TABLE} set held = %s::jsonb, rows_done = rows_done + %s, rows_read = rows_read + %s, batch_count = batch_count + 1,
            changed_at = clock_timestamp() where id = %s
    """
    postgres.execute(connection, query, (json.dumps([list(one) for one in held]), done, done, id))


def begin_round(connection: Connection, id: int, end: str) -> None:
    """Begin a further round, over the rows that are left."""
    query = f"update {TABLE} set round = round + 1, cursor_key = null, end_key = %s, changed_at = clock_timestamp() where id = %s"
    postgres.execute(connection, query, (end, id))


def finish(connection: Connection, id: int) -> None:
    """Record that all rows are done; in the transaction that records the migration as applied."""
    query = f"update {TABLE} set state = 'done', changed_at = clock_timestamp(), finished_at = clock_timestamp() where id = %s"
    postgres.execute(connection, query, (id,))


def set_state(connection: Connection, id: int, state: BatchState) -> None:
    """Pause one, or let it go on; one that is done stays so."""
    query = f"update {TABLE} set state = %s, changed_at = clock_timestamp() where id = %s and state <> 'done'"
    postgres.execute(connection, query, (state, id))


def set_rate(connection: Connection, id: int, rate: int | None) -> None:
    """Set the most rows a second, None for no limit."""
    postgres.execute(connection, f"update {TABLE} set rate = %s, changed_at = clock_timestamp() where id = %s", (rate, id))


def freeze(connection: Connection, migration: str) -> None:
    """Let no batch of the migration begin until the transaction ends: its rollback is about to run."""
    if postgres.has_table(connection, TABLE):
        postgres.execute(connection, f"select from {TABLE} where migration_id = %s for update", (migration,))


def cancel(connection: Connection, migration: str) -> None:
    """Remove the record of an undone migration; whoever runs its batches stops."""
    if postgres.has_table(connection, TABLE):
        postgres.execute(connection, f"delete from {TABLE} where migration_id = %s", (migration,))


@contextmanager
def running(connection: Connection, batch: Batch) -> Iterator[None]:
    """Let no other session run this one meanwhile. Raises Busy, naming it.

    After a client is killed, its server process keeps the lock for up to a second.
    """
    lock = (_LOCK_CLASS, _LOCK_BASE + batch.id)
    wait = "select pg_try_advisory_lock(%s, %s) or (pg_sleep(0.5) is not null and pg_try_advisory_lock(%s, %s))"
    if not any(postgres.fetch_one(connection, wait, lock * 2)[0] for _ in range(4)):
        query = """
            select pid from pg_catalog.pg_locks where locktype = 'advisory' and classid = %s and objid = %s and granted
                and database = (select oid from pg_catalog.pg_database where datname = current_database())
        """
        rows = postgres.fetch_all(connection, query, lock)
        who = f"pid {rows[0][0]}" if rows else "another session, which has just finished"
        raise Busy(
            f"the batches of {batch.migration} are being run by {who}",
            f"let it finish, or pause it: chatschema batch pause {batch.id}",
            code="batch.busy",
        )
    try:
        yield
    finally:
        # Without a connection the lock is already free.
        with suppress(ServerError):
            postgres.execute(connection, "select pg_advisory_unlock(%s, %s)", lock)
