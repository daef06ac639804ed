"""Finding the sessions that block a statement, in the server's lock table."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from chatschema import postgres
from chatschema.postgres import Connection

T = TypeVar("T")
_OLD_S = 1.0


@dataclass(frozen=True, slots=True)
class Session:
    """A session or a prepared transaction that holds locks; a field is None if this role may not read it.

    `seconds`: how long its transaction has been open. `gid`: the name of a prepared transaction.
    """

    pid: int | None
    gid: str | None
    application: str
    user: str | None
    state: str | None
    seconds: int | None
    is_autovacuum: bool
    is_wraparound: bool

    def __str__(self) -> str:
        """Return a description of the session."""
        age = "" if self.seconds is None else f"open for {self.seconds} s"
        if self.gid is not None:
            return f"prepared transaction {self._quoted_gid} ({', '.join(filter(None, (f'of {self.user}', age)))})"
        if self.is_autovacuum:
            return f"autovacuum ({', '.join(filter(None, (f'pid {self.pid}', age)))})"
        who = [self.application or "no application name", f"user {self.user}" if self.user else "", self.state or "", age]
        hidden = "" if self.state else "; grant pg_read_all_stats to this role to see more"
        return f"pid {self.pid} ({', '.join(filter(None, who))}{hidden})"

    @property
    def how_to_end(self) -> str:
        """Return the command that ends the block, or what to wait for."""
        if self.gid is not None:
            return f"end it: commit prepared {self._quoted_gid}; or: rollback prepared {self._quoted_gid}"
        if self.is_wraparound:
            return "let it finish, because it prevents transaction ID wraparound"
        if self.is_autovacuum:
            return f"let it finish; or cancel it as a superuser (it will start again later): select pg_cancel_backend({self.pid})"
        if self.state == "active":
            return f"let it finish, or cancel it: select pg_cancel_backend({self.pid})"
        if self.state is None:
            return f"ask {self.user or 'its user'} to end it; or: select pg_terminate_backend({self.pid})"
        return f"end it: select pg_terminate_backend({self.pid})"

    @property
    def _quoted_gid(self) -> str:
        return "'" + str(self.gid).replace("'", "''") + "'"


class Ages:
    """Which of the transactions that are checked repeatedly are old: open for longer than a second.

    One whose age this role may not read counts as old a second after it was first seen.
    """

    def __init__(self) -> None:
        """Start the clock."""
        self._begun, self._seen = time.monotonic(), dict[str, float]()

    def old(self, found: Sequence[tuple[str, T, Session]]) -> tuple[list[tuple[T, Session]], bool]:
        """Return the old ones of `found`, by their virtualtransaction; and whether no other of them may turn out to be old."""
        now = time.monotonic()
        hidden = {name: self._seen.setdefault(name, now) for name, _, session in found if session.seconds is None}
        old = [(what, session) for name, what, session in found if now - hidden.get(name, 0) >= _OLD_S]
        return old, not any(seen - self._begun < _OLD_S and now - seen < _OLD_S for seen in hidden.values())


# The columns of a Session, from a row of pg_stat_activity `a` or of pg_prepared_xacts `p`.
SESSION = """
    a.pid, p.gid, coalesce(nullif(a.application_name, ''), a.backend_type, ''), coalesce(a.usename, p.owner)::text, a.state,
    extract(epoch from clock_timestamp() - coalesce(a.xact_start, p.prepared))::integer,
    -- Other roles can see the progress of an autovacuum worker, and that it has no user.
    coalesce(a.backend_type = 'autovacuum worker', a.usesysid is null and (
        exists (select from pg_catalog.pg_stat_progress_vacuum as v where v.pid = a.pid)
        or exists (select from pg_catalog.pg_stat_progress_analyze as v where v.pid = a.pid))),
    coalesce(a.backend_type = 'autovacuum worker' and strpos(a.query, '(to prevent wraparound)') > 0, false)
"""
_BLOCKING = f"""
    with recursive chain (depth, waiter, pid) as (
        select 1, %(pid)s::integer, b from unnest(pg_blocking_pids(%(pid)s)) as b
        union
        select c.depth + 1, c.pid, b from chain as c, unnest(pg_blocking_pids(c.pid)) as b where c.pid <> 0 and c.depth < 8
    ),
    locks as materialized (select * from pg_catalog.pg_locks),
    -- A lock of a prepared transaction has no process; the lock on its transaction id identifies it.
    prepared as (
        select l.virtualtransaction, p.* from pg_catalog.pg_prepared_xacts as p
        join locks as l on l.locktype = 'transactionid' and l.transactionid = p.transaction and l.pid is null
    )
    select distinct on (c.depth, c.waiter, c.pid, p.gid) c.waiter, h.virtualtransaction, h.granted, w.locktype, w.mode, h.mode,
        case when w.database = (select oid from pg_catalog.pg_database where datname = current_database())
            then w.relation::regclass::text end,
        {SESSION}
    from chain as c
    join locks as w on w.pid = c.waiter and not w.granted
    join locks as h on h.pid is not distinct from nullif(c.pid, 0)
        and (h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid)
            is not distinct from
            (w.locktype, w.database, w.relation, w.page, w.tuple, w.virtualxid, w.transactionid, w.classid, w.objid, w.objsubid)
    left join pg_catalog.pg_stat_activity as a on a.pid = c.pid
    left join prepared as p on h.pid is null and p.virtualtransaction = h.virtualtransaction
    where a.pid is not null or p.gid is not null
    order by c.depth, c.waiter, c.pid, p.gid, h.granted desc
"""


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a statement waits: the session that blocks it, the lock modes of both, and what blocks that session.

    `is_row`: it waits for the end of a transaction that has changed or locked the same row, not for a table.
    """

    by: Session
    how: str
    transaction: str
    others: int
    is_row: bool
    then: "Blocked | None"

    def __str__(self) -> str:
        """Return a description of the chain, the nearest blocker first."""
        more = f" ({self.others} more also block it)" if self.others else ""
        return f"{self.by}, which {self.how}{more}" + (f"; pid {self.by.pid} is blocked by {self.then}" if self.then else "")

    @property
    def root(self) -> "Blocked":
        """Return the end of the chain, which nothing blocks: the session to end."""
        return self.then.root if self.then else self


def blocking(connection: Connection, pid: int) -> Blocked | None:
    """Return what blocks the process `pid` of this server now, None for nothing; needs no privilege."""
    rows = postgres.fetch_all(connection, _BLOCKING, {"pid": pid})
    return _chain(rows, pid, frozenset(), "this statement")


def _chain(rows: Sequence[tuple[Any, ...]], waiter: int | None, seen: frozenset[int], who: str) -> Blocked | None:
    # The oldest transaction first; sessions whose age is hidden last. The server itself ends a deadlock.
    own = sorted((row for row in rows if row[0] == waiter and row[7] not in seen), key=lambda row: -(row[12] or 0))
    if not own:
        return None
    (_, transaction, is_granted, kind, wanted, held, relation), by = own[0][:7], Session(*own[0][7:])
    if relation is None or kind in ("transactionid", "virtualxid"):
        how = (
            f"has an open transaction, and {who} waits for its end"
            if kind in ("transactionid", "virtualxid")
            else f"holds a lock ({kind})"
        )
    elif is_granted:
        how = f"holds {_mode(held)} on {relation}, and {who} needs {_mode(wanted)}"
    else:
        how = f"waits for {_mode(held)} on {relation} ahead of {who}, and {who} needs {_mode(wanted)}"
    then = _chain(rows, by.pid, seen | {waiter or 0}, f"pid {by.pid}") if by.pid else None
    return Blocked(by, how, transaction, len(own) - 1, kind in ("transactionid", "tuple"), then)


def _mode(mode: str) -> str:
    """Return a lock mode as the manual writes it: AccessExclusiveLock is ACCESS EXCLUSIVE."""
    return "".join(f" {c}" if c.isupper() else c for c in mode.removesuffix("Lock")).strip().upper()
