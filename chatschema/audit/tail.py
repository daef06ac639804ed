"""Following the audit trail: each row once, also one that commits after rows with a higher id."""

from dataclasses import dataclass, field

from chatschema import postgres
from chatschema.audit.entry import COLUMNS, Entry
from chatschema.postgres import Connection

# A transaction may still add rows if it is not older than xmin of a snapshot; ids say nothing about that. Rows of another cluster
# (after a dump and a restore) have transaction ids of their own, which may lie ahead of those of this one: they are skipped.
_START = """
    select pg_snapshot_xmin(s.now)::text, pg_snapshot_xmax(s.now)::text,
        coalesce((select max(a.id) from public.audit_logs as a), 0),
        exists (select from public.audit_logs as a where a.txid >= pg_snapshot_xmax(s.now))
    from pg_current_snapshot() as s (now)
"""
_NOW = "select pg_snapshot_xmin(s.now)::text, pg_snapshot_xmax(s.now)::text from pg_current_snapshot() as s (now)"
_OPEN = """
    select a.id from public.audit_logs as a
    where a.txid >= %(low)s::xid8 and a.txid < %(high)s::xid8
        and not (%(is_foreign)s and a.id <= %(last)s and a.txid >= %(start)s::xid8)
"""


@dataclass
class Tail:
    """Where a reader is: it has read every row of transactions before `low`, and the ids in `seen` of later ones."""

    low: str
    start: str
    last: int
    is_foreign: bool
    seen: set[int] = field(default_factory=set)


def newest(connection: Connection, count: int) -> tuple[list[Entry], Tail]:
    """Return the newest rows, oldest first, and where to go on from there."""
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        low, high, last, is_foreign = postgres.fetch_one(connection, _START)
        tail = Tail(low, high, last, is_foreign)
        tail.seen = set(_open_ids(connection, tail, high))
        query = f"select {COLUMNS} from public.audit_logs order by id desc limit %s"
        entries = [Entry(*row) for row in postgres.fetch_all(connection, query, (count,))]
    return entries[::-1], tail


def more(connection: Connection, tail: Tail) -> list[Entry]:
    """Return the rows that were committed since the last call, by id; changes `tail`."""
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        low, high = postgres.fetch_one(connection, _NOW)
        found = set(_open_ids(connection, tail, high))
        new = sorted(found - tail.seen)
        query = f"select {COLUMNS} from public.audit_logs where id = any (%s) order by id"
        entries = [Entry(*row) for row in postgres.fetch_all(connection, query, (new,))] if new else []
        # Rows of transactions that had ended before this snapshot cannot come again.
        tail.low = low
        tail.seen = set(_open_ids(connection, tail, high))
    return entries


def _open_ids(connection: Connection, tail: Tail, high: str) -> list[int]:
    """Return the ids of the visible rows of transactions from `tail.low` on, read from their index."""
    values = {"low": tail.low, "high": high, "start": tail.start, "last": tail.last, "is_foreign": tail.is_foreign}
    return [row[0] for row in postgres.fetch_all(connection, _OPEN, values)]
