"""The steps of an erasure, each in batches that can be interrupted: a rerun takes only rows that still have personal data."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import audit, events, postgres
from chatschema.audit import about
from chatschema.audit.about import About
from chatschema.postgres import Connection
from chatschema.privacy.erase import holds, rule
from chatschema.privacy.subject import Subject

BATCH = 500
# The pause is twice as long as the batch took, which leaves two thirds of the time to the application.
_PACE = 2.0
Ids = Sequence[Any]

_MESSAGES = sql.SQL("""
    select m.id from {table} as m
    where {is_meant} and (
        m.content_encrypted is not null or m.content_nonce is not null or m.edit_history <> '[]' or not m.is_deleted
    )
    order by m.id
""")
# Through the parent, so that its triggers run; between the first and the last id, so that only their months are in the plan.
_ERASE_MESSAGES = sql.SQL("""
    update {table} as m
    set content_encrypted = null, content_nonce = null, edit_history = '[]', is_deleted = true,
        deleted_at = coalesce(m.deleted_at, clock_timestamp()), updated_at = clock_timestamp()
    where m.id = any ({ids}) and m.id between {first} and {last}
""")
_STATUSES = sql.SQL("""
    select s.message_id, s.user_id from {table} as s
    where {is_meant} and (s.reactions <> '{{}}' or s.reacted_at is not null or s.error_code is not null)
    order by s.message_id, s.user_id
""")
_ERASE_STATUSES = sql.SQL("""
    update {table} as s set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = clock_timestamp()
    from unnest({ids}::uuid[], {users}::uuid[]) as t (message_id, user_id)
    where s.message_id = t.message_id and s.user_id = t.user_id and s.message_id between {first} and {last}
""")
_ERASE_AUDIT = """
    update public.audit_logs set pii_salt = null, ip_address = null, user_agent = null, details = null
    where id = any (%(ids)s) and pii_salt is not null
"""
_FILES = sql.SQL("""
    select a.id from public.attachments as a
    where {is_meant} and (
        a.message_id is not null or a.state <> 'deleted' or a.file_name_encrypted is not null or a.mime_type is not null
    )
    order by a.id
""")
# The row stays until the collector has removed the stored bytes, as only the row says where they are.
_ERASE_FILES = """
    with forgotten as (delete from chatschema.released_attachments where attachment_id = any (%(ids)s))
    update public.attachments set message_id = null, state = 'deleted', file_name_encrypted = null, mime_type = null
    where id = any (%(ids)s)
"""


def messages(
    connection: Connection, subject: Subject, table: sql.Composable, changed: sql.Composable, spared: Collection[UUID] = ()
) -> Iterator[int]:
    """Erase the subject's messages of the rows in `table`, but for those spared; yield the number of each batch."""
    query = _MESSAGES.format(table=table, is_meant=rule.messages(subject))
    found = [row[0] for row in postgres.fetch_all(connection, query) if row[0] not in spared]

    def work(ids: Ids) -> int:
        count = erase_messages(connection, changed, ids)
        _record(connection, subject, "message", ids[0], ids[-1], count)
        return count

    yield from _batches(connection, subject, found, work)


def erase_messages(connection: Connection, changed: sql.Composable, ids: Ids) -> int:
    """Make tombstones of these messages, in the order of their ids, through `changed`; within the caller's transaction."""
    values = {"table": changed, "ids": sql.Literal(list(ids)), "first": sql.Literal(ids[0]), "last": sql.Literal(ids[-1])}
    count = postgres.execute(connection, _ERASE_MESSAGES.format(**values)).rowcount
    events.record_rows(connection, "message.erased", "messages", ids, table=changed)
    return count


def statuses(connection: Connection, subject: Subject, table: sql.Composable, changed: sql.Composable) -> Iterator[int]:
    """Erase reactions and errors of delivery that are the subject's, of the rows in `table`; yield the number of each batch."""
    found = postgres.fetch_all(connection, _STATUSES.format(table=table, is_meant=rule.statuses(subject)))

    def work(pairs: Ids) -> int:
        ids, users = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        values = {"table": changed, "ids": sql.Literal(ids), "users": sql.Literal(users)}
        query = _ERASE_STATUSES.format(**values, first=sql.Literal(ids[0]), last=sql.Literal(ids[-1]))
        count = postgres.execute(connection, query).rowcount
        events.record_rows(connection, "reaction.erased", "message_statuses", ids, table=changed, key="message_id")
        _record(connection, subject, "message_status", ids[0], ids[-1], count)
        return count

    yield from _batches(connection, subject, found, work)


def trail(connection: Connection, subject: Subject, meant: About) -> Iterator[int]:
    """Erase the personal part of the entries that are meant; yield the number of each batch."""

    def work(ids: Ids) -> int:
        return postgres.execute(connection, _ERASE_AUDIT, {"ids": list(ids)}).rowcount

    yield from _batches(connection, subject, about.entries(connection, meant), work)


def files(connection: Connection, subject: Subject) -> Iterator[int]:
    """Take the subject's files off their messages and mark them as deleted, for the collector; yield the number of each batch."""
    found = [row[0] for row in postgres.fetch_all(connection, _FILES.format(is_meant=rule.files(subject)))]

    def work(ids: Ids) -> int:
        count = postgres.execute(connection, _ERASE_FILES, {"ids": list(ids)}).rowcount
        events.record_rows(connection, "attachment.erased", "attachments", ids)
        _record(connection, subject, "attachment", ids[0], ids[-1], count)
        return count

    yield from _batches(connection, subject, found, work)


def left(connection: Connection, subject: Subject, parent: str, table: sql.Composable) -> int:
    """Return how many rows of a month an erasure would still take."""
    query, is_meant = (_MESSAGES, rule.messages) if parent == "messages" else (_STATUSES, rule.statuses)
    counted = sql.SQL("select count(*) from ({}) as t").format(query.format(table=table, is_meant=is_meant(subject)))
    count: int = postgres.fetch_one(connection, counted)[0]
    return count


def _record(connection: Connection, subject: Subject, kind: str, first: UUID, last: UUID, rows: int) -> None:
    # Not a row of the trail about each message; `user_id` is the key by which a person's were found before.
    of = {"user_id" if subject.kind == "user" else f"{subject.kind}_id": subject.id}
    audit.record(connection, "privacy.erase_batch", kind, str(first), **of, last=str(last), rows=rows)


def _batches(connection: Connection, subject: Subject, ids: Ids, work: Callable[[Ids], int]) -> Iterator[int]:
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        begun = time.monotonic()
        yield holds.batch(connection, subject, partial(work, some))
        if start + BATCH < len(ids):
            time.sleep((time.monotonic() - begun) * _PACE)
