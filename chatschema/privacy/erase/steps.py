"""The steps of an erasure, each in batches that can be interrupted: a rerun takes only rows that still have personal data."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from psycopg import sql

from chatschema import audit, postgres
from chatschema.postgres import Connection
from chatschema.privacy.erase import holds

BATCH = 1000
# The pause is as long as the batch took, which leaves half of the time to the application.
_PACE = 1.0
Ids = Sequence[Any]

_MESSAGES = sql.SQL("""
    select m.id from {table} as m
    where m.sender_id = {subject} and (
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
    select s.message_id from {table} as s
    where s.user_id = {subject} and (s.reactions <> '{{}}' or s.reacted_at is not null or s.error_code is not null)
    order by s.message_id
""")
_ERASE_STATUSES = sql.SQL("""
    update {table} as s set reactions = '{{}}', reacted_at = null, error_code = null, updated_at = clock_timestamp()
    where s.message_id = any ({ids}) and s.message_id between {first} and {last} and s.user_id = {subject}
""")
_AUDIT = """
    select a.id from public.audit_logs as a
    where a.pii_salt is not null and a.action <> 'audit.erase' and not starts_with(a.action, 'privacy.')
        and (a.user_id = %(subject)s or a.resource_id = %(subject)s::text or a.details::text ~* any (%(patterns)s::text[]))
    order by a.id
"""
_ERASE_AUDIT = """
    update public.audit_logs set pii_salt = null, ip_address = null, user_agent = null, details = null
    where id = any (%(ids)s) and pii_salt is not null
"""
_FILES = """
    select a.id from public.attachments as a
    where a.uploader_id = %(subject)s and (
        a.message_id is not null or a.state <> 'deleted' or a.file_name_encrypted is not null or a.mime_type is not null
    )
    order by a.id
"""
# The row stays until the collector has removed the stored bytes, as only the row says where they are.
_ERASE_FILES = """
    with forgotten as (delete from chatschema.released_attachments where attachment_id = any (%(ids)s))
    update public.attachments set message_id = null, state = 'deleted', file_name_encrypted = null, mime_type = null
    where id = any (%(ids)s)
"""
_UNWRAP = """
    update public.conversation_participants set encrypted_key = null, key_nonce = null, public_key_id = null
    where user_id = %(subject)s and (encrypted_key is not null or key_nonce is not null or public_key_id is not null)
"""
_KEYS = "delete from public.user_public_keys where user_id = %(subject)s"
_SESSIONS = "delete from public.auth_sessions where user_id = %(subject)s"


def begin(connection: Connection, subject: UUID) -> None:
    """End the account: no sign-in, no session, and a month that is restored meanwhile is restored without the person's data."""

    def work() -> None:
        query = "update public.users set account_state = 'deactivated' where id = %s and account_state in ('active', 'suspended')"
        postgres.execute(connection, query, (subject,))
        record = """
            insert into chatschema.erasures (subject_type, subject_id) select 'user', %(subject)s
            where not exists (select from chatschema.erasures where subject_type = 'user' and subject_id = %(subject)s)
        """
        postgres.execute(connection, record, {"subject": subject})

    holds.batch(connection, subject, work)


def messages(connection: Connection, subject: UUID, table: sql.Composable, changed: sql.Composable) -> Iterator[int]:
    """Erase the messages that the person sent, of the rows in `table`, through `changed`; yield the number of each batch."""
    yield from _by_ids(connection, subject, "message", _MESSAGES, _ERASE_MESSAGES, table, changed)


def statuses(connection: Connection, subject: UUID, table: sql.Composable, changed: sql.Composable) -> Iterator[int]:
    """Erase the person's reactions and errors of delivery, of the rows in `table`; yield the number of each batch."""
    yield from _by_ids(connection, subject, "message_status", _STATUSES, _ERASE_STATUSES, table, changed)


def _by_ids(
    connection: Connection,
    subject: UUID,
    kind: str,
    select: sql.SQL,
    erase: sql.SQL,
    table: sql.Composable,
    changed: sql.Composable,
) -> Iterator[int]:
    person = sql.Literal(subject)
    found = [row[0] for row in postgres.fetch_all(connection, select.format(table=table, subject=person))]

    def work(ids: Ids) -> int:
        values = {"table": changed, "subject": person, "first": sql.Literal(ids[0]), "last": sql.Literal(ids[-1])}
        count = postgres.execute(connection, erase.format(ids=sql.Literal(list(ids)), **values)).rowcount
        audit.record(connection, "privacy.erase_batch", kind, str(ids[0]), user_id=subject, last=str(ids[-1]), rows=count)
        return count

    yield from _batches(connection, subject, found, work)


def trail(connection: Connection, subject: UUID, patterns: list[str]) -> Iterator[int]:
    """Erase the personal part of entries by or about the person, or with a text that fits one of the regular expressions."""
    found = postgres.fetch_all(connection, _AUDIT, {"subject": subject, "patterns": patterns})

    def work(ids: Ids) -> int:
        return postgres.execute(connection, _ERASE_AUDIT, {"ids": list(ids)}).rowcount

    yield from _batches(connection, subject, [row[0] for row in found], work)


def files(connection: Connection, subject: UUID) -> Iterator[int]:
    """Take the person's files off their messages and mark them as deleted, for the collector."""
    found = postgres.fetch_all(connection, _FILES, {"subject": subject})

    def work(ids: Ids) -> int:
        count = postgres.execute(connection, _ERASE_FILES, {"ids": list(ids)}).rowcount
        audit.record(connection, "privacy.erase_batch", "attachment", str(ids[0]), user_id=subject, last=str(ids[-1]), rows=count)
        return count

    yield from _batches(connection, subject, [row[0] for row in found], work)


def secrets(connection: Connection, subject: UUID) -> dict[str, int]:
    """Remove the person's wrapped conversation keys, public keys and sessions; return how many of each."""

    def work() -> dict[str, int]:
        queries = {"wrapped_keys": _UNWRAP, "public_keys": _KEYS, "sessions": _SESSIONS}
        counts = {name: postgres.execute(connection, query, {"subject": subject}).rowcount for name, query in queries.items()}
        if any(counts.values()):
            audit.record(connection, "privacy.erase_batch", "user", str(subject), **counts)
        return counts

    return holds.batch(connection, subject, work)


def _batches(connection: Connection, subject: UUID, ids: Ids, work: Callable[[Ids], int]) -> Iterator[int]:
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        begun = time.monotonic()
        yield holds.batch(connection, subject, partial(work, some))
        if start + BATCH < len(ids):
            time.sleep((time.monotonic() - begun) * _PACE)
