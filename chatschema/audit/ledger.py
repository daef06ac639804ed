"""The tables of seals and epochs: reading them in a snapshot, which cluster this is, and adding to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from psycopg import IsolationLevel, sql

from chatschema import postgres
from chatschema.audit.records import Epoch, Seal
from chatschema.errors import ChatschemaError, ExitCode
from chatschema.postgres import Connection

_EPOCHS = """
    select number, log_id, system_identifier, timeline, first_id, first_seal, carried_id, carried_txid::text, reason, started_at
    from chatschema.audit_epochs order by number
"""
_SEALS = """
    select number, epoch, low::text, high::text, row_count, first_id, last_id, root, locator_digest, previous, sealed_at,
        record_hash, archive, archive_sha256, removed_at, sha256(locator) = locator_digest
    from chatschema.audit_seals
"""
_PAGE = 500


class OtherCluster(ChatschemaError):
    """The newest epoch belongs to another cluster: nothing is sealed until somebody declares a new one."""

    exit_code = ExitCode.FINDINGS


@contextmanager
def snapshot(connection: Connection, *, reads: bool = True) -> Iterator[None]:
    """Run the block in one transaction with one snapshot, whatever the default of the database is. Raises ServerError."""
    level = connection.isolation_level
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with postgres.transaction(connection):
            if reads:
                postgres.execute(connection, "set transaction read only")
            yield
    finally:
        connection.isolation_level = level


def require(connection: Connection) -> None:
    """Raise ChatschemaError if the database has no table of seals, or another encoding than UTF-8."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        text = "this database has no table chatschema.audit_seals yet"
        raise ChatschemaError(text, "first: chatschema migrate", code="audit.not-migrated")
    encoding = postgres.fetch_one(connection, "select current_setting('server_encoding')")[0]
    if encoding != "UTF8":
        text = f"the database has the encoding {encoding}; digests of its audit trail cannot be checked"
        raise ChatschemaError(text, "move it to a database with the encoding UTF8", code="audit.encoding")


def cluster(connection: Connection) -> tuple[str, int]:
    """Return the system identifier of the cluster, and its timeline."""
    query = "select (select system_identifier::text from pg_control_system()), (select timeline_id from pg_control_checkpoint())"
    row = postgres.fetch_one(connection, query)
    return row[0], row[1]


def epochs(connection: Connection) -> list[Epoch]:
    """Return the epochs, oldest first."""
    rows = postgres.fetch_all(connection, _EPOCHS)
    return [replace(Epoch(*row), carried_txid=int(row[7])) for row in rows]


def seals(connection: Connection, after: int = 0) -> Iterator[Seal]:
    """Yield the seals with a higher number than `after`, oldest first, a page at a time."""
    while True:
        page = postgres.fetch_all(connection, f"{_SEALS} where number > %s order by number limit {_PAGE}", (after,))
        for row in page:
            yield _seal(row)
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def last(connection: Connection) -> Seal | None:
    """Return the newest seal."""
    row = postgres.execute(connection, f"{_SEALS} order by number desc limit 1").fetchone()
    return _seal(row) if row else None


def _seal(row: tuple[object, ...]) -> Seal:
    number, epoch, low, high, *rest = row
    return Seal(number, epoch, int(str(low)), int(str(high)), *rest)  # type: ignore[arg-type]


def locator(connection: Connection, number: int, start: int, rows: int) -> bytes:
    """Return the part of a seal's locator for `rows` entries from the position `start` on, 16 bytes each."""
    query = "select substring(locator from %s for %s) from chatschema.audit_seals where number = %s"
    return bytes(postgres.fetch_one(connection, query, (16 * start + 1, 16 * rows, number))[0])


def add_epoch(connection: Connection, epoch: Epoch) -> None:
    """Add an epoch."""
    postgres.execute(
        connection,
        """
        insert into chatschema.audit_epochs
            (number, log_id, system_identifier, timeline, first_id, first_seal, carried_id, carried_txid, reason, started_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s::text::xid8, %s, %s)
        """,
        (
            epoch.number, epoch.log_id, epoch.system_identifier, epoch.timeline, epoch.first_id, epoch.first_seal,
            epoch.carried_id, str(epoch.carried_txid), epoch.reason, epoch.started_at,
        ),
    )  # fmt: skip


def add_seal(connection: Connection, seal: Seal, locator: bytes) -> None:
    """Add a seal with its locator."""
    query = sql.SQL("""
        insert into chatschema.audit_seals (number, epoch, low, high, row_count, first_id, last_id, root, locator, locator_digest,
            previous, sealed_at, record_hash)
        values (%s, %s, %s::text::xid8, %s::text::xid8, %s, %s, %s, %s, %b, %s, %s, %s, %s)
    """)
    postgres.execute(
        connection,
        query,
        (
            seal.number, seal.epoch, str(seal.low), str(seal.high), seal.row_count, seal.first_id, seal.last_id, seal.root, locator,
            seal.locator_digest, seal.previous, seal.sealed_at, seal.record_hash,
        ),
    )  # fmt: skip


def oldest(connection: Connection, where: sql.Composable) -> datetime | None:
    """Return when the oldest entry of a condition was recorded."""
    query = sql.SQL("select min(a.recorded_at) from public.audit_logs as a where {}").format(where)
    found: datetime | None = postgres.fetch_one(connection, query)[0]
    return found
