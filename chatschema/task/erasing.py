"""Erasing a person: holds first, then batch after batch, the archives, the account, and the search for what is left."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import __version__, audit, postgres
from chatschema.audit import archive_erase
from chatschema.errors import ChatschemaError
from chatschema.partition import catalog, retired_months
from chatschema.partition.archive import erase as archives
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, Say, locks
from chatschema.privacy.erase import account, holds, requests, search, steps
from chatschema.privacy.erase.account import Account
from chatschema.privacy.erase.holds import Held
from chatschema.privacy.erase.search import Left
from chatschema.values import Settings

# What SQL does not reach, and how long it stays there.
BEYOND = {
    "rows before their change": "until VACUUM, which ran here, may remove them: a long transaction delays that",
    "write-ahead log": "until it is recycled or leaves its archive",
    "replicas": "until they have replayed the changes",
    "backups": "until they expire by your rules; a restored one needs this erasure again",
    "server log and pg_stat_statements": "until they are rotated or reset",
    "stored files of attachments": "until the collector has removed them",
}


@dataclass(slots=True)
class Receipt:
    """What an erasure did: rows by kind, archives by month, what could not be reached, and what a search still found."""

    subject_type: str
    subject_id: UUID
    started_at: datetime
    rows: dict[str, int] = field(default_factory=dict)
    archives: dict[str, int] = field(default_factory=dict)
    unreached: dict[str, str] = field(default_factory=dict)
    searched_for: int = 0
    left: list[Left] = field(default_factory=list)
    beyond: dict[str, str] = field(default_factory=lambda: dict(BEYOND))
    tool: str = f"chatschema {__version__}"
    finished_at: datetime | None = None
    sha256: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether everything within reach is erased."""
        return not self.left and not self.unreached


@dataclass(frozen=True, slots=True)
class Expected:
    """What an erasure would change: rows by kind, and the holds that prevent it."""

    subject_id: UUID
    username: str
    rows: dict[str, int]
    holds: list[int]


def expected(connection: Connection, subject: UUID) -> Expected:
    """Return what erasing this user would change; reads only."""
    person = {"subject": subject}
    queries = {
        "messages": "select count(*) from public.messages where sender_id = %(subject)s and not is_deleted",
        "reactions": "select count(*) from public.message_statuses where user_id = %(subject)s and reactions <> '{}'",
        "attachments": "select count(*) from public.attachments where uploader_id = %(subject)s and state <> 'deleted'",
        "sessions": "select count(*) from public.auth_sessions where user_id = %(subject)s",
        "public_keys": "select count(*) from public.user_public_keys where user_id = %(subject)s",
        "audit_entries": "select count(*) from public.audit_logs where user_id = %(subject)s and pii_salt is not null",
    }
    rows = {name: postgres.fetch_one(connection, query, person)[0] for name, query in queries.items()}
    return Expected(subject, account.read(connection, subject).username, rows, holds.on(connection, subject))


def erase(connection: Connection, settings: Settings, subject: UUID, *, lock_wait_s: float, say: Say) -> Receipt:
    """Erase a user; return the receipt. A run that was interrupted is finished by the next one.

    Raises Held, with nothing changed but the request, if a hold covers the person, and also if one is placed while it runs: then
    what was erased so far stays erased. Raises Busy, ChatschemaError.
    """
    requests.refuse_missing(connection)
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        try:
            return _erase(connection, settings, subject, lock_wait_s, say)
        except Held as held:
            requests.wait(connection, "user", subject, held.holds)
            raise


def _erase(connection: Connection, settings: Settings, subject: UUID, lock_wait_s: float, say: Say) -> Receipt:
    found = holds.on(connection, subject)
    if found:
        raise Held(found)
    number = requests.start(connection, "user", subject)
    receipt = Receipt("user", subject, datetime.now(UTC))
    person = account.read(connection, subject)
    steps.begin(connection, subject)
    touched = _rows(connection, subject, person, receipt, say)
    _archives(connection, subject, receipt, say)
    _audit_files(connection, subject, person, receipt, lock_wait_s)
    _forget(connection, touched, say)
    say("searching every column for what is left")
    _finish(connection, settings, subject, person, number, receipt)
    # The earlier version of the account.
    _vacuum(connection, sql.Identifier("public", "users"))
    return receipt


def _rows(connection: Connection, subject: UUID, person: Account, receipt: Receipt, say: Say) -> list[sql.Identifier]:
    """Erase the rows of all tables, and return the tables that may have been changed."""
    touched = [sql.Identifier("public", table) for table in ("audit_logs", "attachments", "conversation_participants")]
    touched += [sql.Identifier("public", table) for table in ("user_public_keys", "auth_sessions", "users")]
    attached, away = catalog.months(connection), catalog.away(connection)
    for month, is_attached in [*((one, True) for one in attached), *((one, False) for one in away)]:
        table = sql.Identifier(SCHEMA, month.name)
        parent = sql.Identifier("public", month.parent)
        step = steps.messages if month.parent == "messages" else steps.statuses
        done = sum(step(connection, subject, table, parent if is_attached else table))
        kind = "messages" if month.parent == "messages" else "reactions"
        receipt.rows[kind] = receipt.rows.get(kind, 0) + done
        if done:
            say(f"{month.name}: {done} {kind}")
            touched.append(table)
    receipt.rows["audit_entries"] = sum(steps.trail(connection, subject, search.patterns(person.decisive)))
    receipt.rows["attachments"] = sum(steps.files(connection, subject))
    receipt.rows |= steps.secrets(connection, subject)
    return touched


def _archives(connection: Connection, subject: UUID, receipt: Receipt, say: Say) -> None:
    for record in retired_months.read(connection).values():
        if record.archive is None:
            continue
        month = f"{record.month:%Y-%m}"
        try:
            receipt.archives[month] = archives.erase(connection, record, subject, say=say)
        except (ChatschemaError, OSError) as error:
            receipt.unreached[f"archive of {month}"] = error.message if isinstance(error, ChatschemaError) else str(error)


def _audit_files(connection: Connection, subject: UUID, person: Account, receipt: Receipt, lock_wait_s: float) -> None:
    """Erase the person from the files of archived seals."""
    with locks.seal_lock(connection, wait_s=lock_wait_s):
        for seal in archive_erase.files(connection):
            try:
                count = archive_erase.erase(connection, seal, subject, person.decisive)
                receipt.rows["archived_audit_entries"] = receipt.rows.get("archived_audit_entries", 0) + count
            except (ChatschemaError, OSError) as error:
                words = error.message if isinstance(error, ChatschemaError) else f"{seal.archive}: {error.strerror or error}"
                receipt.unreached[f"file of seal {seal.number}"] = words


def _forget(connection: Connection, touched: list[sql.Identifier], say: Say) -> None:
    """Remove the old versions of the changed rows where nobody needs them, and their samples in the statistics."""
    for table in touched:
        say(f"vacuum {table.as_string(connection)}")
        _vacuum(connection, table)
    for parent in ("messages", "message_statuses"):
        only = sql.SQL("only ") if connection.info.server_version >= 180000 else sql.SQL("")
        postgres.execute(connection, sql.SQL("analyze {}{}").format(only, sql.Identifier("public", parent)))


def _vacuum(connection: Connection, table: sql.Identifier) -> None:
    query = sql.SQL("vacuum (analyze) {}").format(table)
    locks.with_lock_retries(connection, lambda: postgres.execute(connection, query), locks.DDL)


def _finish(connection: Connection, settings: Settings, subject: UUID, person: Account, number: int, receipt: Receipt) -> None:
    """Erase the account, search, and record the receipt: all in one transaction, so that a killed run still knows the name."""

    def work() -> None:
        reserved = settings.processing.reserve_names
        account.erase(connection, subject, reserved_months=reserved.months, reserved_days=int(reserved.days))
        postgres.execute(connection, "analyze public.users")
        receipt.searched_for = len(person.decisive)
        receipt.left = [*search.rows(connection, person.decisive), *search.statistics(connection, person.decisive)]
        receipt.finished_at = datetime.now(UTC)
        document = json.loads(json.dumps(dataclasses.asdict(receipt), default=_plain))
        receipt.sha256 = document["sha256"] = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        requests.finish(connection, number, document)
        audit.record(connection, "privacy.erase", "user", str(subject), receipt_sha256=receipt.sha256, left=len(receipt.left))

    holds.batch(connection, subject, work)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
