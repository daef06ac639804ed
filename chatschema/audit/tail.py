"""Following the audit trail: each row once, also one that commits after rows with a higher id."""

from dataclasses import dataclass, field

from chatschema import postgres
from chatschema.audit.entry import COLUMNS, Entry
from chatschema.postgres import Connection

# What a reader has seen is what its snapshot saw; ids say nothing about that. A later snapshot sees in addition the rows of the
# transactions that were running then, and of those that began afterwards. A standby knows only the oldest of those that run.
# Rows of another cluster (after a dump and a restore) have transaction ids of their own, which may lie ahead of those of this one.
_NOW = """
    select pg_snapshot_xmin(s.now)::text, pg_snapshot_xmax(s.now)::text, array(select pg_snapshot_xip(s.now)::text),
        pg_is_in_recovery()
    from pg_current_snapshot() as s (now)
"""
_START = """
    select coalesce(max(a.id), 0), exists (select from public.audit_logs as f where f.txid >= %s::xid8) from public.audit_logs as a
"""
_NEW = """
    select a.id from public.audit_logs as a
    where (a.txid >= %(low)s::xid8 or a.txid = any (%(running)s::xid8[])) and a.txid < %(high)s::xid8
        and not (%(is_foreign)s and a.id <= %(last)s and a.txid >= %(start)s::xid8)
"""


@dataclass
class Tail:
    """Where a reader is: it has the rows of transactions before `low`, but for those that were `running`, and those in `seen`."""

    low: str
    running: list[str]
    start: str
    last: int
    is_foreign: bool
    seen: set[int] = field(default_factory=set)


def newest(connection: Connection, count: int) -> tuple[list[Entry], Tail]:
    """Return the newest rows, oldest first, and where to go on from there."""
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        high = postgres.fetch_one(connection, _NOW)[1]
        last, is_foreign = postgres.fetch_one(connection, _START, (high,))
        tail = Tail(high, [], high, last, is_foreign)
        _pass(connection, tail)
        query = f"select {COLUMNS} from public.audit_logs order by id desc limit %s"
        entries = [Entry(*row) for row in postgres.fetch_all(connection, query, (count,))]
    return entries[::-1], tail


def more(connection: Connection, tail: Tail) -> list[Entry]:
    """Return the rows that were committed since the last call, by id; changes `tail`."""
    with postgres.transaction(connection):
        postgres.execute(connection, "set transaction isolation level repeatable read, read only")
        new = sorted(_new_ids(connection, tail) - tail.seen)
        query = f"select {COLUMNS} from public.audit_logs where id = any (%s) order by id"
        entries = [Entry(*row) for row in postgres.fetch_all(connection, query, (new,))] if new else []
        _pass(connection, tail)
    return entries


def _pass(connection: Connection, tail: Tail) -> None:
    """Move to the snapshot of this transaction."""
    low, high, running, is_standby = postgres.fetch_one(connection, _NOW)
    tail.low, tail.running = (low, []) if is_standby else (high, running)
    tail.seen = _new_ids(connection, tail) if is_standby else set()


def _new_ids(connection: Connection, tail: Tail) -> set[int]:
    """Return the ids of the rows that the snapshot before did not see, or may not have seen; read from an index."""
    high = postgres.fetch_one(connection, _NOW)[1]
    place = {name: getattr(tail, name) for name in ("low", "running", "start", "last", "is_foreign")}
    return {row[0] for row in postgres.fetch_all(connection, _NEW, {**place, "high": high})}
