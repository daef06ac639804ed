"""Rows of small tables that have a period of their own: which are due, and removing them batch by batch."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql

from chatschema import audit, events, hold, postgres
from chatschema.postgres import Connection, locks
from chatschema.values import Due

BATCH = 1000
# The pause is as long as the batch took, which leaves half of the time to the application.
PACE = 1.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows `t` of a table: their key, the moment from which their period counts, which may be removed, which a hold keeps."""

    table: sql.Identifier
    key: sql.Identifier
    since: LiteralString
    may_go: LiteralString
    is_held: LiteralString
    noun: str


_FILE_IS_HELD = """exists (
    select from chatschema.holds as h
    where h.released_at is null and (
        h.user_id is null and h.conversation_id is null or h.user_id = file.uploader_id or h.conversation_id = file.conversation_id
        or exists (
            select from chatschema.hold_conversations as c where c.hold_id = h.id and c.conversation_id = file.conversation_id
        )
    )
)"""
# The newest key of a device and type stays, so that versions go on counting; so does a key for which a conversation key is wrapped.
KEYS = Rows(
    sql.Identifier("public", "user_public_keys"),
    sql.Identifier("id"),
    "least(case when t.status = 'used' then t.updated_at end, t.expires_at)",
    """
        (
            t.key_type = 'one_time_prekey' or exists (
                select from public.user_public_keys as n
                where n.user_id = t.user_id and n.device_id is not distinct from t.device_id and n.key_type = t.key_type
                    and n.key_version > t.key_version
            )
        )
        and not exists (select from public.conversation_participants as p where p.public_key_id = t.id)
    """,
    "exists (select from chatschema.holds as h where h.released_at is null and h.user_id = t.user_id)",
    "user_public_key",
)
# The bytes are gone, and so is the message: nothing needs the row.
PURGED_FILES = Rows(
    sql.Identifier("public", "attachments"), sql.Identifier("id"), "t.purged_at", "t.message_id is null",
    _FILE_IS_HELD.replace("file.", "t."), "attachment",
)  # fmt: skip
RELEASED = Rows(
    sql.Identifier("chatschema", "released_attachments"), sql.Identifier("attachment_id"), "t.released_at", "true",
    f"exists (select from public.attachments as file where file.id = t.attachment_id and {_FILE_IS_HELD})", "released_attachment",
)  # fmt: skip
# The period is written in each row.
ERASED_NAMES = Rows(
    sql.Identifier("chatschema", "erased_names"), sql.Identifier("name_hash"), "t.reserved_until", "true", "false", "erased_name"
)

_COUNT = sql.SQL("""
    select count(*) filter (where not d.is_held), min(d.since) filter (where not d.is_held), count(*) filter (where d.is_held)
    from (select {since} as since, {is_held} as is_held from {table} as t where {since} < {before} and {may_go}) as d
""")
# The rows of a page are found without a lock; each is looked at again by the statement that removes it.
_PAGE = sql.SQL("""
    select t.{key} from {table} as t
    where {since} < {before} and {may_go} and not {is_held} and ({after}::text is null or t.{key} > {after})
    order by t.{key}
    limit {batch}
""")
_REMOVE = sql.SQL("""
    with free as (
        select t.{key} as key from {table} as t
        where t.{key} = any ({keys}) and {since} < {before} and {may_go} and not {is_held}
        for update of t skip locked
    )
    delete from {table} as t using free where t.{key} = free.key
""")


def due(connection: Connection, rows: Rows, before: datetime) -> Due:
    """Return how many rows ended before this moment; reads only. None where a database of an earlier release has no such table."""
    if not _exists(connection, rows):
        return Due()
    count, oldest, held = postgres.fetch_one(connection, _COUNT.format(**_parts(rows, before)))
    return Due(count, oldest, held)


def remove(connection: Connection, rows: Rows, before: datetime, *, pace: float = PACE, batch: int = BATCH) -> Iterator[int]:
    """Remove the rows that ended before this moment, yielding the number of each batch. Safe to interrupt.

    Rows under a hold, and rows in use, are left; nobody is waited for.
    """
    if not _exists(connection, rows):
        return
    parts, after = _parts(rows, before), None
    while True:
        started = time.monotonic()
        page = _PAGE.format(**parts, after=sql.Literal(after), batch=sql.Literal(batch))
        keys = [row[0] for row in postgres.fetch_all(connection, page)]
        if not keys:
            return
        removed = locks.in_transaction(connection, _batch(connection, rows, parts, keys), locks.DDL)
        if removed:
            yield removed
        if len(keys) < batch:
            return
        after = keys[-1]
        time.sleep((time.monotonic() - started) * pace)


def _batch(connection: Connection, rows: Rows, parts: dict[str, sql.Composable], keys: list[Any]) -> Callable[[], int]:
    def work() -> int:
        hold.freeze(connection)
        audit.as_batch(connection)
        events.as_batch(connection)
        removed = postgres.execute(connection, _REMOVE.format(**parts, keys=sql.Literal(keys))).rowcount
        if removed:
            audit.record(connection, "retention.purge", rows.noun, "ended", rows=removed)
            between = (keys[0], keys[-1]) if isinstance(keys[0], UUID) else None
            name = rows.table.as_string(connection).rpartition(".")[2].strip('"')
            events.record(connection, "retention.removed", name, between=between, rows=removed)
        return removed

    return work


def _exists(connection: Connection, rows: Rows) -> bool:
    return postgres.has_table(connection, rows.table.as_string(connection))


def _parts(rows: Rows, before: datetime) -> dict[str, sql.Composable]:
    texts = {"since": rows.since, "may_go": rows.may_go, "is_held": rows.is_held}
    return {
        **{name: sql.SQL(text) for name, text in texts.items()},
        "table": rows.table, "key": rows.key, "before": sql.Literal(before),
    }  # fmt: skip
