"""Archiving sealed entries: a file a seal, read back before it gets its name, and its SHA-256 in the row of the seal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import sql

from chatschema import audit, durable, postgres
from chatschema.audit import archive_file, canonical, ledger, rules
from chatschema.audit.records import Epoch, Seal
from chatschema.errors import ChatschemaError, ExitCode
from chatschema.postgres import Connection, Say, locks

_PERSONAL = sql.SQL("""
    case when a.pii_salt is not null then
        record_send(row(a.pii_salt, host(a.ip_address) || '/' || masklen(a.ip_address), a.user_agent, a.details::text))
    end
""")


class NotArchived(ChatschemaError):
    """A seal was not archived: its entries are not as they were sealed."""

    exit_code = ExitCode.FINDINGS


@dataclass(frozen=True, slots=True)
class Archived:
    """A seal that was written to a file."""

    seal: int
    entries: int
    file: Path
    bytes: int
    sha256: str


def archive(
    connection: Connection, folder: Path, *, before: datetime | None = None, wait_s: float, say: Say | None = None
) -> Iterator[Archived]:
    """Write each seal made before this time to a file of its own, yielding it once it is recorded. Safe to interrupt.

    Seals that have a file are skipped. Raises NotArchived for a seal whose entries were changed, and ChatschemaError where a
    file cannot be written; the files before it are kept.
    """
    ledger.require(connection)
    with locks.seal_lock(connection, wait_s=wait_s, say=say):
        epochs = ledger.epochs(connection)
        due = [seal for seal in ledger.seals(connection) if seal.archive is None and (before is None or seal.sealed_at < before)]
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for seal in due:
                yield _archive(connection, epochs, seal, folder)
        except OSError as error:
            text = f"the archive was not finished: {error.filename or folder}: {error.strerror or error}"
            raise ChatschemaError(
                text, "check the free space, and that this user may write there", code="audit.not-archived"
            ) from None


def _archive(connection: Connection, epochs: list[Epoch], seal: Seal, folder: Path) -> Archived:
    target = (folder / archive_file.name_of(seal)).absolute()
    partial = target.with_name(target.name + ".part")
    epoch = epochs[seal.epoch - 1]
    if target.exists() and archive_file.record_of(target) != seal.record(epoch.digest()).decode():
        text = f"{target} is not the file of seal {seal.number} of this trail; it was kept"
        raise NotArchived(text, "give each database its own folder: --out DIR", code="audit.archive-taken")
    try:
        with ledger.snapshot(connection):
            entries = canonical.entries(connection, rules.of_seal(epochs, seal), _PERSONAL)
            archive_file.write(partial, seal, epoch, entries)
        # From the disk: what is recorded as archived may be removed from the database.
        if wrong := archive_file.check(partial, seal):
            text = f"seal {seal.number} was not archived: {wrong}"
            raise NotArchived(text, "see: chatschema audit verify", code="audit.archive-differs")
        digest, size = archive_file.sha256_of(partial), partial.stat().st_size
        partial.rename(target)
        durable.sync_folder(folder)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    with postgres.transaction(connection):
        query = """
            update chatschema.audit_seals set archived_at = clock_timestamp(), archive = %s, archive_sha256 = %s
            where number = %s and archived_at is null
        """
        postgres.execute(connection, query, (str(target), digest, seal.number))
        audit.record(
            connection,
            "audit.archive",
            "audit_seal",
            str(seal.number),
            file=str(target),
            sha256=digest.hex(),
            entries=seal.row_count,
        )
    return Archived(seal.number, seal.row_count, target, size, digest.hex())
