"""Taking a month out: statuses first, concurrently, finishing first what an earlier run began."""

import time
from collections.abc import Sequence
from pathlib import Path

from chatschema import audit, locks, postgres, sqlfile
from chatschema.errors import LOCK_SQLSTATES, Busy, ChatschemaError, ServerError
from chatschema.models import Month
from chatschema.partition import catalog, ledger
from chatschema.partition.create import statement
from chatschema.partition.grid import GROUP, SCHEMA
from chatschema.postgres import Connection, Say

_STALL_S = 30.0
_POLL_S = 0.5
# Not supported: a default partition is there, another detach is pending, or the server is a distributed one.
_NO_CONCURRENTLY = {"55000", "0A000"}


def finish_pending(connection: Connection, sql_dir: Path, *, say: Say) -> list[Month]:
    """Finalize every detach that was cut off; return the months. Raises Busy when an old transaction does not end."""
    pending = catalog.pending(connection, sql_dir)
    for month in pending:
        say(f"finishing the detach of {month.name}, which was cut off")
        _finalize(connection, sql_dir, month, say)
    return pending


def detach(connection: Connection, sql_dir: Path, group: Sequence[Month], *, say: Say) -> None:
    """Detach the tables of one month, statuses first, and record it; what is detached already is left as it is.

    The caller holds the migration lock and has finished pending detaches. Raises Busy, naming who is in the way.
    """
    month = group[0].lower
    for table in group:
        if not postgres.has_table(connection, f"{SCHEMA}.{table.name}"):
            schema_hint = f"move it: alter table ... set schema {SCHEMA}"
            raise ChatschemaError(f"{table.name} is not in schema {SCHEMA}; nothing was detached", schema_hint)
    ledger.write(connection, month, state="detaching")
    attached = {(m.parent, m.lower) for m in catalog.months(connection, sql_dir)}
    for parent in reversed(GROUP):
        for table in group:
            if table.parent == parent.table and (table.parent, table.lower) in attached:
                wait_for_old_transactions(connection, sql_dir, table, say)
                _detach(connection, sql_dir, table, say)
    with postgres.transaction(connection):
        ledger.write(connection, month, state="detached", detached_at=ledger.NOW, keep_until=None)
        audit.record(connection, "partition.detach", "partition", f"{month:%Y-%m}", tables=[table.name for table in group])


def wait_for_old_transactions(connection: Connection, sql_dir: Path, month: Month, say: Say) -> None:
    """Return when no transaction older than a second has used the parent; raise Busy, naming it, after 30 seconds."""
    query, deadline = sqlfile.text_of(sql_dir / "partitions" / "stalling.sql"), time.monotonic() + _STALL_S
    is_said = False
    if not postgres.fetch_one(connection, "select pg_has_role('pg_read_all_stats', 'usage')")[0]:
        say("this role cannot see how long others' transactions have been open: grant pg_read_all_stats to it")
    while rows := postgres.fetch_all(connection, query, {"parent": f"public.{month.parent}"}):
        who, application, state, seconds = rows[0]
        text = f"a transaction on {month.parent} has been open for {seconds} s: pid {who}, {application} ({state})"
        if time.monotonic() > deadline:
            raise Busy(f"{month.name} stays attached: {text}", _how_to_end(who))
        if not is_said:
            say(f"waiting before {month.name} is detached: {text}")
        is_said = True
        time.sleep(_POLL_S)


def _how_to_end(who: str) -> str:
    if who.startswith("prepared "):
        return f"end it: rollback prepared '{who.removeprefix('prepared ')}'; then try again"
    return f"end it: select pg_terminate_backend({who}); then try again"


def _detach(connection: Connection, sql_dir: Path, month: Month, say: Say) -> None:
    try:
        # Its end takes SHARE ROW EXCLUSIVE on the tables that the month refers to, so it waits as briefly as all else does:
        # what then is left pending is finalized in short tries.
        with locks.limited_session(connection, locks.MONTHS):
            postgres.execute(connection, statement(sql_dir, "detach_concurrently.sql", month))
    except ServerError as error:
        if any(pending.name == month.name for pending in catalog.pending(connection, sql_dir)):
            _finalize(connection, sql_dir, month, say)
        elif error.sqlstate in _NO_CONCURRENTLY | LOCK_SQLSTATES:
            _detach_at_once(connection, sql_dir, month, say)
        else:
            raise


def _finalize(connection: Connection, sql_dir: Path, month: Month, say: Say) -> None:
    ddl = statement(sql_dir, "finalize.sql", month)
    try:
        with locks.limited_session(connection, locks.MONTHS):
            locks.with_lock_retries(connection, lambda: postgres.execute(connection, ddl), locks.MONTHS, say=say)
    except Busy as error:
        raise Busy(f"{month.name} is out of sight until its detach is finalized: {error.message}", error.hint) from None


def _detach_at_once(connection: Connection, sql_dir: Path, month: Month, say: Say) -> None:
    ddl = statement(sql_dir, "detach.sql", month)
    locks.in_transaction(connection, lambda: postgres.execute(connection, ddl), locks.MONTHS, say=say)
