"""Files whose message is gone: which stored bytes are due to be removed, and that they were removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chatschema import audit, hold, postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, locks
from chatschema.values import Due as DueCount
from chatschema.values import Span

# Without a message: marked as deleted, or left over for some time. The index on unattached files serves it.
_IS_DUE = """
    a.message_id is null and a.purged_at is null and a.updated_at < case
        when a.state = 'deleted' then coalesce(%(at)s::timestamptz, 'infinity'::timestamptz)
        else coalesce(%(at)s::timestamptz, clock_timestamp()) - make_interval(months => %(months)s, days => %(days)s)
    end
"""
_DUE = f"""
    select a.id, a.storage_provider, a.storage_key, a.size_bytes, a.state, a.updated_at from public.attachments as a
    where {_IS_DUE} order by a.created_at, a.id limit %(limit)s
"""
_COUNT = f"select count(*), coalesce(sum(a.size_bytes), 0)::bigint, min(a.updated_at) from public.attachments as a where {_IS_DUE}"
_DONE = f"delete from public.attachments as a where a.id = any (%(ids)s) and {_IS_DUE} returning a.id"


@dataclass(frozen=True, slots=True)
class File:
    """A stored file that is due: where it is, its size, the state of its row, and since when."""

    id: UUID
    storage_provider: str
    storage_key: str
    size_bytes: int
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """The files that are due, oldest first, at most as many as asked for; `total` and `bytes` are of all."""

    files: tuple[File, ...]
    total: int
    bytes: int


def due(connection: Connection, unattached: Span, *, limit: int) -> Due:
    """Return files whose bytes can be removed: marked as deleted, or without a message for at least `unattached`."""
    values = _values(unattached)
    found = postgres.fetch_all(connection, _DUE, {**values, "limit": limit})
    total, size, _ = postgres.fetch_one(connection, _COUNT, values)
    return Due(tuple(File(*row) for row in found), total, size)


def _values(unattached: Span, at: datetime | None = None) -> dict[str, object]:
    """Return the parameters of the rule at this moment, or now."""
    return {"months": unattached.months, "days": int(unattached.days), "at": at}


def waiting(connection: Connection, unattached: Span, at: datetime) -> DueCount:
    """Return the files that are due at this moment: all wait for the application's collector to remove their bytes. Reads only."""
    count, _, oldest = postgres.fetch_one(connection, _COUNT, _values(unattached, at))
    return DueCount(0, oldest, 0, count, "the collector: chatschema attachments due, attachments done" if count else "")


def done(connection: Connection, ids: Sequence[UUID], unattached: Span) -> int:
    """Delete the rows of files whose bytes were removed; return how many.

    Raises ChatschemaError, with nothing changed, if one of them is not due: its row is the only pointer to its bytes.
    """
    values = {**_values(unattached), "ids": list(ids)}

    def work() -> int:
        hold.freeze(connection)
        audit.as_batch(connection)
        removed = {row[0] for row in postgres.fetch_all(connection, _DONE, values)}
        if wrong := [str(id) for id in dict.fromkeys(ids) if id not in removed]:
            text = f"{len(wrong)} of {len(set(ids))} files are not due, so nothing was changed: {', '.join(wrong[:5])}"
            hint = "list those that are: chatschema attachments due; a file of a message is due once its message is gone"
            raise ChatschemaError(text, hint, code="attachments.not-due")
        audit.record(connection, "attachment.purge", "attachment", str(ids[0]), files=len(removed))
        return len(removed)

    return locks.in_transaction(connection, work, locks.DDL)
