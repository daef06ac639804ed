"""Erasing a person, a conversation or a message: holds first, then batch after batch, the archives, its own row, and the search."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import sql

from chatschema import audit, postgres
from chatschema.audit import about, archive_erase
from chatschema.audit.about import About
from chatschema.audit.keys import PrivateKey
from chatschema.errors import ChatschemaError
from chatschema.partition import retired_months
from chatschema.partition.archive import erase as archives
from chatschema.partition.grid import SCHEMA
from chatschema.postgres import Connection, Say, door, locks
from chatschema.privacy.erase import holds, requests, rule, search, steps, subjects, witness
from chatschema.privacy.erase.holds import Held
from chatschema.privacy.erase.receipt import Receipt
from chatschema.privacy.erase.values import Values
from chatschema.privacy.erase.witness import Witness
from chatschema.privacy.subject import Subject
from chatschema.task import erased_files, reach
from chatschema.task.reach import Table
from chatschema.values import Settings

_PARENTS = ("messages", "message_statuses")
# By kind of subject, what the trail calls the end of an erasure.
_ACTIONS = {"user": "privacy.erase", "conversation": "privacy.erase_conversation", "message": "privacy.erase_message"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an erasure would change: rows by kind, and the holds that prevent it."""

    subject_type: str
    subject_id: str
    name: str
    rows: dict[str, int]
    holds: list[int]


@dataclass(frozen=True, slots=True)
class _Work:
    """What the steps of one erasure share."""

    connection: Connection
    subject: Subject
    tables: list[Table]
    witnesses: list[Witness]
    values: Values
    meant: About
    receipt: Receipt
    say: Say


def expected(connection: Connection, subject: Subject) -> Expected:
    """Return what erasing this subject would change; reads only. Raises ChatschemaError for a message that is nowhere."""
    door.refuse(connection, "privacy erase")
    reach.require(connection, subject)
    tables = reach.tables(connection, subject)
    subject = reach.located(connection, subject, tables)
    values = subjects.values(connection, subject, [])
    rows = subjects.counts(connection, subject, {parent: reach.through(tables, parent) for parent in _PARENTS})
    meant = subjects.about(subject, values, reach.through(tables, "messages"))
    rows["audit_entries"] = len(about.entries(connection, meant))
    return Expected(subject.kind, str(subject.id), values.name, rows, holds.on(connection, subject))


def erase(
    connection: Connection, settings: Settings, subject: Subject, *, key: PrivateKey | None = None, lock_wait_s: float, say: Say
) -> Receipt:
    """Erase a subject; return the receipt, signed where a key is given. A run that was interrupted is finished by the next one.

    Raises Held, with nothing changed but the request, if a hold covers it, and also if one is placed while it runs: then what was
    erased so far stays erased. Raises Busy, ChatschemaError.
    """
    requests.refuse_missing(connection)
    door.refuse(connection, "privacy erase")
    with locks.migration_lock(connection, wait_s=lock_wait_s, say=say):
        try:
            return _erase(connection, settings, subject, key, lock_wait_s, say)
        except Held as held:
            requests.wait(connection, subject, held.holds)
            raise


def _erase(
    connection: Connection, settings: Settings, subject: Subject, key: PrivateKey | None, lock_wait_s: float, say: Say
) -> Receipt:
    tables = reach.tables(connection, subject)
    subject = reach.located(connection, subject, tables)
    found = holds.on(connection, subject)
    if found:
        raise Held(subject, found)
    number, is_resumed = requests.start(connection, subject)
    witnesses = _witnesses(connection, subject, tables)
    values = subjects.values(connection, subject, witnesses)
    meant = subjects.about(subject, values, reach.through(tables, "messages"))
    work = _Work(connection, subject, tables, witnesses, values, meant, Receipt(subject.kind, subject.id, datetime.now(UTC)), say)
    subjects.begin(connection, subject, witnesses)
    touched = _rows(work, is_resumed=is_resumed)
    _archives(work)
    _audit_files(work, lock_wait_s)
    _forget(work, touched)
    say("searching every column for what is left")
    _finish(work, settings, number, key)
    # The earlier versions of what was erased last.
    for table in [sql.Identifier("public", subjects.TABLES[subject.kind][-1]), *(one.table for one in witnesses)]:
        _vacuum(connection, table)
    return work.receipt


def _witnesses(connection: Connection, subject: Subject, tables: list[Table]) -> list[Witness]:
    if subject.kind == "user":
        # Their name and address are searched for.
        return []
    return witness.read(connection, subject, [(one.table, one.changed) for one in tables if one.month.parent == "messages"])


def _rows(work: _Work, *, is_resumed: bool) -> list[sql.Identifier]:
    """Erase the rows of all tables, and return the tables that may have been changed, by this run or the interrupted one."""
    connection, subject, receipt = work.connection, work.subject, work.receipt
    spared = {id for one in work.witnesses for id in one.ids}
    touched = [sql.Identifier("public", table) for table in subjects.TABLES[subject.kind]]
    for one in work.tables:
        if one.month.parent == "messages":
            kind, batches = "messages", steps.messages(connection, subject, one.table, one.changed, spared)
        else:
            kind, batches = "reactions", steps.statuses(connection, subject, one.table, one.changed)
        done = sum(batches)
        receipt.rows[kind] = receipt.rows.get(kind, 0) + done
        if done:
            work.say(f"{one.month.name}: {done} {kind}")
        if done or is_resumed:
            touched.append(one.table)
    receipt.rows["audit_entries"] = sum(steps.trail(connection, subject, work.meant))
    receipt.rows["attachments"] = sum(steps.files(connection, subject))
    receipt.rows |= subjects.secrets(connection, subject)
    return touched


def _archives(work: _Work) -> None:
    meant = {"messages": rule.messages(work.subject), "message_statuses": rule.statuses(work.subject)}
    for record in retired_months.read(work.connection).values():
        if not reach.is_of(work.subject, record):
            continue
        month = f"{record.month:%Y-%m}"
        try:
            work.receipt.archives[month] = archives.erase(work.connection, record, meant, say=work.say)
        except (ChatschemaError, OSError) as error:
            work.receipt.unreached[f"archive of {month}"] = error.message if isinstance(error, ChatschemaError) else str(error)


def _audit_files(work: _Work, lock_wait_s: float) -> None:
    """Erase the subject from the files of archived seals."""
    rows = work.receipt.rows
    with locks.seal_lock(work.connection, wait_s=lock_wait_s):
        for seal in archive_erase.files(work.connection):
            try:
                count = archive_erase.erase(work.connection, seal, work.meant)
                rows["archived_audit_entries"] = rows.get("archived_audit_entries", 0) + count
            except (ChatschemaError, OSError) as error:
                words = error.message if isinstance(error, ChatschemaError) else f"{seal.archive}: {error.strerror or error}"
                work.receipt.unreached[f"file of seal {seal.number}"] = words


def _forget(work: _Work, touched: list[sql.Identifier]) -> None:
    """Remove the old versions of the changed rows where nobody needs them, and their samples in the statistics."""
    for table in touched:
        work.say(f"vacuum {table.as_string(work.connection)}")
        _vacuum(work.connection, table)
    if not work.witnesses:
        _analyze_parents(work.connection)


def _analyze_parents(connection: Connection) -> None:
    only = sql.SQL("only ") if connection.info.server_version >= 180000 else sql.SQL("")
    for parent in _PARENTS:
        postgres.execute(connection, sql.SQL("analyze {}{}").format(only, sql.Identifier("public", parent)))


def _vacuum(connection: Connection, table: sql.Composable) -> None:
    query = sql.SQL("vacuum (analyze) {}").format(table)
    locks.with_lock_retries(connection, lambda: postgres.execute(connection, query), locks.DDL)


def _finish(work: _Work, settings: Settings, number: int, key: PrivateKey | None) -> None:
    """Erase the last rows, search, and record the receipt: all in one transaction, so that a killed run still has the values."""
    connection, subject, receipt = work.connection, work.subject, work.receipt

    def done() -> None:
        last = subjects.erase(connection, subject, work.witnesses, settings.processing)
        receipt.rows["messages"] = receipt.rows.get("messages", 0) + last
        own = sql.Identifier("public", subjects.TABLES[subject.kind][-1])
        for table in [own, *(one.table for one in work.witnesses)]:
            postgres.execute(connection, sql.SQL("analyze {}").format(table))
        if work.witnesses:
            _analyze_parents(connection)
        receipt.searched_for = work.values.count
        on_disk = erased_files.left(connection, settings, subject, work.values.words)
        receipt.left = [*_residue(work), *_found(work, work.values.words), *on_disk]
        receipt.similar = _found(work, work.values.shared, ())
        receipt.finished_at = datetime.now(UTC)
        requests.finish(connection, number, receipt.seal(key))
        subjects.record_event(connection, subject, "erased")
        audit.record(
            connection, _ACTIONS[subject.kind], subject.kind, str(subject.id), receipt_sha256=receipt.sha256, left=len(receipt.left)
        )

    holds.batch(connection, subject, done)


def _found(work: _Work, words: Sequence[str], raw: Sequence[bytes] | None = None) -> list[search.Left]:
    raw = work.values.bytes if raw is None else raw
    return [*search.rows(work.connection, words, raw), *search.statistics(work.connection, words, raw)]


def _residue(work: _Work) -> Iterator[search.Left]:
    """Yield the tables with rows that came while the erasure ran, for example a new message, or an entry about it."""
    for one in work.tables:
        if count := steps.left(work.connection, work.subject, one.month.parent, one.table):
            yield search.Left(f"{SCHEMA}.{one.month.name}", count)
    if entries := about.entries(work.connection, work.meant):
        yield search.Left("public.audit_logs", len(entries))
