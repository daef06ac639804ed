"""The ledger: the record of applied migrations in the database."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from chatschema import __version__, ownership, postgres, sqlfile
from chatschema.migration.batch import record as batches
from chatschema.migration.batch.record import Batch
from chatschema.postgres import Connection


@dataclass(frozen=True, slots=True)
class Entry:
    """A migration in the ledger. `checksum` is None when stock yoyo applied it.

    `is_running`: a statement outside of a transaction was started and not recorded as finished; `is_undoing`: the same for a
    rollback. `batch`: the batches of a migration that is running because these are not finished.
    """

    id: str
    checksum: str | None
    applied_at: datetime | None
    is_running: bool
    is_undoing: bool
    batch: Batch | None = None


def exists(connection: Connection) -> bool:
    """Return whether the database has a ledger; needs no privilege."""
    return postgres.has_table(connection, "chatschema.migrations")


def ensure(connection: Connection) -> None:
    """Create the ledger if there is none. The caller holds the migration lock.

    Raises ChatschemaError when the schema chatschema belongs to another program.
    """
    if not exists(connection):
        ownership.refuse_foreign(connection)
        with postgres.transaction(connection):
            create(connection)


def create(connection: Connection) -> None:
    """Create the ledger if there is none, in the caller's transaction; what else the schema has is the caller's to judge."""
    if not exists(connection):
        postgres.execute(connection, "set local client_min_messages = warning")
        postgres.execute_text(connection, sqlfile.text_of("ledger.sql"))


def entries(connection: Connection) -> list[Entry]:
    """Return the applied migrations in the order in which they were applied, then the interrupted ones.

    One whose batches are not finished stands where it was started: later ones may be applied.
    """
    if not exists(connection):
        return []
    rows = postgres.fetch_all(
        connection,
        """
        select coalesce(y.migration_id, m.migration_id), m.checksum, y.applied_at_utc, y.migration_id is null,
            coalesce(y.migration_id is not null and m.state = 'running', false), coalesce(m.applied_order, 0)
        from chatschema._yoyo_migration as y
        full join chatschema.migrations as m on m.migration_id = y.migration_id
        order by y.migration_id is null, m.applied_order nulls first, y.applied_at_utc, y.migration_id
        """,
    )
    found = {one.migration: one for one in batches.unfinished(connection)} if any(row[3] for row in rows) else {}
    if found:
        rows.sort(key=lambda row: (row[3] and row[0] not in found, row[5]))
    return [
        Entry(id, checksum, at and at.replace(tzinfo=UTC), is_running, is_undoing, found.get(id) if is_running else None)
        for id, checksum, at, is_running, is_undoing, _ in rows
    ]


def has_begun(connection: Connection, id: str) -> bool:
    """Return whether a statement outside of a transaction was started and not recorded as finished, also of a rollback."""
    query = "select exists (select from chatschema.migrations where migration_id = %s and state = 'running')"
    return bool(postgres.fetch_one(connection, query, (id,))[0])


def is_unfinished(connection: Connection, id: str) -> bool:
    """Return whether a migration was started, and neither recorded as finished nor applied before."""
    is_applied = "exists (select from chatschema._yoyo_migration where migration_id = %(id)s)"
    query = (
        f"select exists (select from chatschema.migrations where migration_id = %(id)s and state = 'running') and not {is_applied}"
    )
    return bool(postgres.fetch_one(connection, query, {"id": id})[0])


def begun_with(connection: Connection, id: str) -> str | None:
    """Return the checksum of the file whose work was started and not recorded as finished; None if there is none."""
    query = "select checksum from chatschema.migrations where migration_id = %s and state = 'running'"
    rows = postgres.fetch_all(connection, query, (id,))
    return rows[0][0] if rows else None


def start(connection: Connection, id: str, checksum: str) -> None:
    """Record that a statement outside of a transaction is about to run; the record of an applied migration is kept."""
    postgres.execute(
        connection,
        """
        insert into chatschema.migrations (migration_id, checksum, state, tool_version) values (%s, %s, 'running', %s)
        on conflict (migration_id) do update set state = 'running'
        """,
        (id, checksum, __version__),
    )


def withdraw(connection: Connection, id: str) -> None:
    """Remove the record that a statement was started: it was refused and left nothing behind."""
    is_applied = "exists (select from chatschema._yoyo_migration as y where y.migration_id = m.migration_id)"
    query = f"delete from chatschema.migrations as m where migration_id = %s and not {is_applied}"
    postgres.execute(connection, query, (id,))
    postgres.execute(connection, "update chatschema.migrations set state = 'applied' where migration_id = %s", (id,))


def record(connection: Connection, id: str, checksum: str, duration_ms: float) -> None:
    """Record that a migration is applied; in the same transaction as yoyo's mark."""
    postgres.execute(
        connection,
        """
        insert into chatschema.migrations (migration_id, checksum, state, duration_ms, tool_version)
        values (%s, %s, 'applied', %s, %s)
        on conflict (migration_id) do update set
            checksum = excluded.checksum, state = excluded.state, duration_ms = excluded.duration_ms,
            tool_version = excluded.tool_version, applied_at = clock_timestamp()
        """,
        (id, checksum, duration_ms, __version__),
    )


def accept(connection: Connection, id: str, new_id: str, checksum: str) -> None:
    """Record the file `new_id` with this checksum as what was applied as `id`; the order stays as it was."""
    values = {"id": id, "new": new_id, "checksum": checksum, "hash": hashlib.sha256(new_id.encode()).hexdigest()}
    postgres.execute(
        connection,
        "update chatschema.migrations set migration_id = %(new)s, checksum = %(checksum)s where migration_id = %(id)s",
        values,
    )
    # yoyo knows a migration by the hash of its name.
    postgres.execute(
        connection,
        "update chatschema._yoyo_migration set migration_id = %(new)s, migration_hash = %(hash)s where migration_id = %(id)s",
        values,
    )


def forget(connection: Connection, id: str) -> None:
    """Remove an undone migration from the ledger; in the same transaction as yoyo's unmark.

    Seeds whose table was dropped are removed too: they must run again when the table is created again.
    """
    postgres.execute(connection, "delete from chatschema.migrations where migration_id = %s", (id,))
    postgres.execute(
        connection,
        """
        delete from chatschema.seeds where name in (
            select seed from (select distinct seed, table_name from chatschema.seeded_rows) as r
            where to_regclass('public.' || quote_ident(table_name)) is null
        )
        """,
    )
