"""Detaching a month: statuses first, concurrently; both tables or none, also when an earlier run was interrupted."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from chatschema import audit, events, postgres, sqlfile
from chatschema.errors import LOCK_SQLSTATES, Busy, ChatschemaError, ServerError
from chatschema.partition import attach, catalog, grid, retired_months
from chatschema.partition.create import statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, Say, blockers, door, locks
from chatschema.values import Month

_STALL_S = 30.0
# Between the two tables of a month, while inserts of its statuses fail.
_MOMENT_S = 1.0
_POLL_S = 0.1
_BRIEF = locks.Patience(0.15, 8, 0.48)
# Not supported: a default partition exists, another detach is pending, or the server is a distributed one.
_NO_CONCURRENTLY = {"55000", "0A000"}


class HalfOut(ChatschemaError):
    """One table of a month is detached, or pending, and the other is not: inserts of that month's statuses fail."""

    code = "partition.half-detached"


def finish_pending(connection: Connection, *, say: Say) -> list[Month]:
    """Finalize every interrupted detach; return the months. Raises HalfOut when an old transaction does not end."""
    pending = catalog.pending(connection)
    for month in pending:
        say(f"finishing the detach of {month.name}, which was interrupted")
        _finalize(connection, month, say)
    return pending


def detach(connection: Connection, group: Sequence[Month], *, say: Say, wait_s: float | None = None) -> None:
    """Detach the tables of one month, statuses first, and record it; tables that are detached already stay so.

    Waits `wait_s` seconds for old transactions, half a minute by default. The caller holds the migration lock and has
    finished pending detaches. Whatever ends it early, an interrupt included, both tables are attached when it raises: Busy,
    which names the blocker, or ChatschemaError. HalfOut where a table could be neither detached nor attached again.
    """
    month = group[0].lower
    for table in group:
        if not postgres.has_table(connection, f"{SCHEMA}.{table.name}"):
            schema_hint = f"move it: alter table ... set schema {SCHEMA}"
            text = f"{table.name} is not in schema {SCHEMA}; nothing was detached"
            raise ChatschemaError(text, schema_hint, code="partition.wrong-schema")
    left = _attached(connection, group)
    is_whole = len(left) == len(group)
    with _whole_at_the_end(connection, group, say):
        if left:
            if not postgres.fetch_one(connection, "select pg_has_role('pg_read_all_stats', 'usage')")[0]:
                say("this role cannot see other sessions' snapshots, and a detach may wait for them: grant pg_read_all_stats to it")
            # Inserts fail while only the statuses are detached, so a detach that an earlier run left half done does not wait.
            longest_s = (_STALL_S if wait_s is None else wait_s) if is_whole else _MOMENT_S
            wait_for_old_transactions(connection, group, say, longest_s)
        if door.is_distributed(connection):
            _detach_together(connection, group, left, say)
            return
        retired_months.write(connection, month, state="detaching")
        for table in left:
            if is_whole and table is not left[0]:
                wait_for_old_transactions(connection, group, say, _MOMENT_S)
            _detach(connection, table, say, locks.MONTHS if is_whole and table is left[0] else _BRIEF)
    with postgres.transaction(connection):
        _record(connection, group)


def _record(connection: Connection, group: Sequence[Month]) -> None:
    month = group[0].lower
    retired_months.write(connection, month, state="detached", detached_at=retired_months.NOW, keep_until=None)
    audit.record(connection, "partition.detach", "partition", f"{month:%Y-%m}", tables=[table.name for table in group])
    events.record_month(connection, "month.retired", grid.ids(month))


def _detach_together(connection: Connection, group: Sequence[Month], left: Sequence[Month], say: Say) -> None:
    """Detach and record in one transaction, behind the door of a distributed database, which cannot detach concurrently."""

    def work() -> None:
        for table in left:
            postgres.execute(connection, statement("detach.sql", table))
        _record(connection, group)

    locks.in_transaction(connection, work, locks.MONTHS, say=say)


def put_back(connection: Connection, group: Sequence[Month], why: ChatschemaError, *, say: Say) -> None:
    """Attach the detached table of a half detached month again, because of `why`; leave a whole month unchanged.

    Raises HalfOut, whose hint is the next command, when that cannot be done either.
    """
    month, left = group[0].lower, _attached(connection, group)
    out = [table for table in group if table not in left]
    if out and left:
        say(f"attaching {', '.join(table.name for table in out)} again: {why.message}")
        try:
            attach.put_back(connection, out, say)
        except ChatschemaError as error:
            if connection.closed:
                raise
            text = f"{why.message}; it cannot be attached again either: {error.message}"
            raise _half_out(group, left, text, why.hint) from None
    elif left:
        retired_months.end_detaching(connection, month)


@contextmanager
def _whole_at_the_end(connection: Connection, group: Sequence[Month], say: Say) -> Iterator[None]:
    """Leave the month whole, whatever ends the block early; the error tells its state. Raises HalfOut where that fails."""
    try:
        yield
    except HalfOut:
        raise
    except ChatschemaError as error:
        if not connection.closed:
            put_back(connection, group, error, say=say)
            is_left = "stays attached" if _attached(connection, group) else "is detached, but this was not recorded"
            error.message = f"{group[0].lower:%Y-%m} {is_left}: {error.message}"
        raise
    except KeyboardInterrupt:
        if not connection.closed:
            _put_back_interrupted(connection, group, say)
        raise


def _put_back_interrupted(connection: Connection, group: Sequence[Month], say: Say) -> None:
    """Attach a month again, a pending table too; only report a failure, because the run ends with the interrupt."""
    try:
        for table in catalog.pending(connection):
            if table in group:
                _finalize(connection, table, say)
        put_back(connection, group, ChatschemaError("this run was interrupted", code="partition.interrupted"), say=say)
    except ChatschemaError as error:
        say(f"{error.message}; {error.hint}" if error.hint else error.message)


def _attached(connection: Connection, group: Sequence[Month]) -> list[Month]:
    """Return the tables of the group that are attached, statuses first."""
    attached = {(m.parent, m.lower) for m in catalog.months(connection)}
    return [t for parent in reversed(GROUP) for t in group if t.parent == parent.table and (t.parent, t.lower) in attached]


def _half_out(group: Sequence[Month], left: Sequence[Month], why: str, hint: str | None) -> HalfOut:
    out = ", ".join(table.name for table in group if table not in left)
    text = f"{out} is detached, {left[0].name} is not, and inserts of its statuses fail: {why}"
    return HalfOut(f"{group[0].lower:%Y-%m} is half detached: {text}", _and_then(hint), code="partition.half-detached")


def _and_then(hint: str | None) -> str:
    """Return the hint of a lock timeout, with the command that continues the detach of a half detached month."""
    again = "run the same command again"
    first = (hint or "").removesuffix(again).removesuffix("; then ")
    return f"{first}; then {again}, which finishes the detach first" if first else f"{again}, which finishes the detach first"


def wait_for_old_transactions(connection: Connection, group: Sequence[Month], say: Say, longest_s: float) -> None:
    """Return when no transaction that is older than a second would delay a detach of the group.

    Raises Busy, naming one, after `longest_s` seconds.
    """
    tables = [f"public.{month.parent}" for month in group] + [f"{SCHEMA}.{month.name}" for month in group]
    query = sqlfile.fill("partitions/stalling.sql", session=sql.SQL(blockers.SESSION))
    ages, deadline, is_said = blockers.Ages(), time.monotonic() + longest_s, False
    while True:
        rows = postgres.fetch_all(connection, query, {"tables": tables})
        old, is_known = ages.old([(row[0], row[1], blockers.Session(*row[2:])) for row in rows])
        if not old and is_known:
            return
        if old:
            holds, session = old[0]
            text = f"{session} " + (
                f"holds a lock on {holds}" if holds else "has an old snapshot, and a detach may have to wait for it"
            )
            if time.monotonic() > deadline:
                raise Busy(text, f"{session.how_to_end}; then run the same command again", code="lock.old-transaction")
            if not is_said and longest_s > _MOMENT_S:
                say(f"waiting before the detach of {group[0].lower:%Y-%m}: {text}")
                is_said = True
        time.sleep(_POLL_S)


def _detach(connection: Connection, month: Month, say: Say, patience: locks.Patience) -> None:
    try:
        # Its last step takes SHARE ROW EXCLUSIVE on the tables that the month refers to, so its lock timeout is as short as
        # elsewhere: a detach that is left pending is finalized in short attempts.
        with locks.limited_session(connection, locks.MONTHS):
            postgres.execute(connection, statement("detach_concurrently.sql", month))
    except ServerError as error:
        if any(pending.name == month.name for pending in catalog.pending(connection)):
            _finalize(connection, month, say)
        elif error.sqlstate in _NO_CONCURRENTLY | LOCK_SQLSTATES:
            ddl = statement("detach.sql", month)
            locks.in_transaction(connection, lambda: postgres.execute(connection, ddl), patience, say=say)
        else:
            raise


def _finalize(connection: Connection, month: Month, say: Say) -> None:
    ddl = statement("finalize.sql", month)
    try:
        with locks.limited_session(connection, locks.MONTHS):
            locks.with_lock_retries(connection, lambda: postgres.execute(connection, ddl), locks.MONTHS, say=say)
    except Busy as error:
        text = f"{month.lower:%Y-%m} is half detached: {month.name} is unavailable until its pending detach is finalized"
        raise HalfOut(f"{text}: {error.message}", _and_then(error.hint), code="partition.half-detached") from None
