"""The rules of retention: what each removes, where its period is set, what is due, and how it is removed."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import sql

from chatschema import attachments, postgres, sessions, units
from chatschema.audit import archive
from chatschema.partition import carve, due, erasures, purge, retire, retired_months
from chatschema.partition.archive import expire
from chatschema.partition.retire_plan import before
from chatschema.postgres import Connection, Say, locks
from chatschema.postgres.replicas import Replicas
from chatschema.retention import files, rows, trail
from chatschema.retention.rows import Rows
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Due, Settings, Span


@dataclass(frozen=True, slots=True)
class Run:
    """What a rule needs: the moment at which everything is judged, how long to wait for other runs, and when the time is over.

    `pace` is the pause after a batch, as a multiple of its time.
    """

    connection: Connection
    settings: Settings
    at: datetime
    lock_wait_s: float = LOCK_WAIT_S
    pace: float = rows.PACE
    replicas: Replicas | None = None
    ends_at: float | None = None
    say: Say = field(default=lambda _: None)

    def is_over(self) -> bool:
        """Return whether the time is over."""
        return self.ends_at is not None and time.monotonic() >= self.ends_at


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: its name, what it removes, how long that is kept (None for ever), where that is set, and an example of the setting.

    `remove` yields the number of each batch; None for what only another program can remove.
    """

    name: str
    what: str
    keep: str | None
    setting: str
    due: Callable[[Run], Due]
    remove: Callable[[Run], Iterator[int]] | None = None
    is_of_maintain: bool = False


def rules(settings: Settings) -> list[Rule]:
    """Return all rules, in the order in which they are carried out: the trail last, as the others add to it."""
    return [*_messages(settings), *_rows(settings), *_files(settings), _audit(settings)]


def _text(span: Span | None) -> str | None:
    return None if span is None else units.span(span)


def _messages(settings: Settings) -> list[Rule]:
    return [
        Rule(
            "after_holds", "rows that a released hold had kept", "until the release", "chatschema hold release",
            _after_holds, _remove_after_holds, is_of_maintain=True,
        ),
        Rule(
            "retention_days", "messages past the period of their conversation", "by conversation", "conversations.retention_days",
            lambda run: due.of_conversations(run.connection, run.at),
            lambda run: _purge(run, purge.conversations(run.connection)), is_of_maintain=True,
        ),
        Rule(
            "expires_at", "messages that expire by themselves", "by message", "messages.expires_at",
            lambda run: due.expired(run.connection, run.at), lambda run: _purge(run, [purge.EXPIRED]), is_of_maintain=True,
        ),
        Rule(
            "months", "messages of old months", _text(settings.policy.keep), 'keep = "24mo" under [partition]',
            lambda run: due.of_months(run.connection, run.settings.policy, run.at), _retire, is_of_maintain=True,
        ),
    ]  # fmt: skip


def _after_holds(run: Run) -> Due:
    query = "select exists (select from chatschema.holds where released_at > %s)"
    found = due.after_holds(run.connection, run.settings.policy)
    # A release since that moment: until then all of it was held.
    is_new = postgres.fetch_one(run.connection, query, (run.at,))[0]
    return Due(held=found.count + found.held) if is_new else found


def _remove_after_holds(run: Run) -> Iterator[int]:
    """Carry out deferred erasures, and drop the kept rows of dropped months: also where no month is retired by a policy."""
    yield from erasures.apply(run.connection)
    months = [step.month for step in retire.steps(run.connection, run.settings.policy) if step.action == "discard held"]
    if not months:
        return
    with locks.migration_lock(run.connection, wait_s=run.lock_wait_s, say=run.say):
        for month in months:
            record = retired_months.read(run.connection).get(month)
            if record and record.held_messages and carve.discard(run.connection, month):
                yield record.held_messages
            if run.is_over():
                return


def _purge(run: Run, due: list[purge.Scope]) -> Iterator[int]:
    for one in purge.purge(run.connection, due, pace=run.pace, is_over=run.is_over, say=run.say):
        yield one.messages


def _retire(run: Run) -> Iterator[int]:
    """Carry out the steps of months that are due; what counts is a month that is dropped."""
    with locks.migration_lock(run.connection, wait_s=run.lock_wait_s, say=run.say):
        for done in retire.retire(run.connection, run.settings.policy, replicas=run.replicas, say=run.say):
            run.say(f"{done.month:%Y-%m} {done.result}")
            record = retired_months.read(run.connection).get(done.month)
            if record and done.action == "drop":
                yield (record.messages or 0) - (record.held_messages or 0)
            if run.is_over():
                return


def _rows(settings: Settings) -> list[Rule]:
    kept = settings.retention
    return [
        Rule(
            "sessions", "sessions after their end", _text(settings.sessions_kept), 'keep = "30d" under [sessions]',
            lambda run: sessions.due(run.connection, before(run.at, settings.sessions_kept)),
            lambda run: sessions.remove_ended(run.connection, settings.sessions_kept), is_of_maintain=True,
        ),
        _table("keys", "public keys that were used or expired", kept.keys, 'keys = "90d" under [retention]', rows.KEYS),
        Rule(
            "files", "stored files without a message", _text(kept.files), 'files = "1d" under [retention]',
            lambda run: attachments.waiting(run.connection, kept.files or Span(), run.at),
        ),
        _table(
            "purged_files", "rows of files whose bytes were removed", kept.files, 'files = "1d" under [retention]',
            rows.PURGED_FILES,
        ),
        _table(
            "released_attachments", "records of the message of a file of a dropped month", kept.released_attachments,
            'released_attachments = "24mo" under [retention]', rows.RELEASED,
        ),
        Rule(
            "erased_names", "reserved names of erased users", "by name", "reserve_names under [privacy]",
            lambda run: rows.due(run.connection, rows.ERASED_NAMES, run.at),
            lambda run: rows.remove(run.connection, rows.ERASED_NAMES, run.at, pace=run.pace),
        ),
    ]  # fmt: skip


def _table(name: str, what: str, keep: Span | None, setting: str, of: Rows) -> Rule:
    def limit(run: Run) -> datetime:
        return before(run.at, keep or Span())

    return Rule(
        name, what, _text(keep), setting,
        lambda run: rows.due(run.connection, of, limit(run)),
        lambda run: rows.remove(run.connection, of, limit(run), pace=run.pace),
    )  # fmt: skip


def _files(settings: Settings) -> list[Rule]:
    kept = settings.retention

    def exported(run: Run) -> tuple[Iterator[files.Found], datetime]:
        return files.exports(run.connection, kept.export_dirs), before(run.at, kept.exports or Span())

    def measured(run: Run) -> tuple[Iterator[files.Found], datetime]:
        return files.snapshots(run.connection, kept.snapshot_dirs), before(run.at, kept.snapshots or Span())

    return [
        Rule(
            "archives", "archives of dropped months", _text(kept.archives), 'archives = "10y" under [retention]',
            lambda run: expire.due(run.connection, run.settings.policy.archive_dir, kept.archives or Span(), run.at), _archives,
        ),
        Rule(
            "exports", "exports of persons and of holds", _text(kept.exports),
            'exports = "30d", export_dirs = ["exports"] under [retention]',
            lambda run: files.due(run.connection, *exported(run)),
            lambda run: (1 for _ in files.remove(run.connection, *exported(run), say=run.say)),
        ),
        Rule(
            "snapshots", "statistics of reports", _text(kept.snapshots),
            'snapshots = "13mo", snapshot_dirs = ["snapshots"] under [retention]',
            lambda run: files.due(run.connection, *measured(run)),
            lambda run: (1 for _ in files.remove(run.connection, *measured(run), say=run.say)),
        ),
    ]  # fmt: skip


def _archives(run: Run) -> Iterator[int]:
    keep = run.settings.retention.archives or Span()
    with locks.migration_lock(run.connection, wait_s=run.lock_wait_s, say=run.say):
        for _ in expire.remove(run.connection, run.settings.policy.archive_dir, keep, run.at, say=run.say):
            yield 1


def _audit(settings: Settings) -> Rule:
    kept = settings.retention
    return Rule(
        "audit", "entries of the audit trail, by their seals", _text(kept.audit), 'keep = "7y" under [audit]',
        lambda run: trail.due(run.connection, before(run.at, kept.audit or Span()), archives_first=kept.audit_dir is not None),
        _trail,
    )  # fmt: skip


def _trail(run: Run) -> Iterator[int]:
    """Archive the seals that are due, where a folder is configured for that, and remove their entries."""
    kept, connection = run.settings.retention, run.connection
    limit = before(run.at, kept.audit or Span())
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return
    if kept.audit_dir is not None:
        for one in archive.archive(connection, kept.audit_dir, before=limit, wait_s=run.lock_wait_s, say=run.say):
            run.say(f"archived seal {one.seal} in {one.file}")
            if run.is_over():
                return
    yield from trail.remove(connection, limit, wait_s=run.lock_wait_s, is_over=run.is_over, say=run.say)


def now(connection: Connection) -> datetime:
    """Return the time of the server."""
    moment: datetime = postgres.fetch_one(connection, sql.SQL("select clock_timestamp()"))[0]
    return moment
