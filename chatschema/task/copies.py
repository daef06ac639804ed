"""Whether a database is a copy that may be changed: not the real one, not used by others, with the same migrations applied."""

import secrets
from collections.abc import Sequence

from chatschema import postgres
from chatschema.errors import ChatschemaError, UsageError
from chatschema.postgres import Connection

# Two integers name an advisory lock: this class, and a number of one run.
_LOCK_CLASS = 0x63687268
_HELD_HERE = """
    select exists (
        select from pg_catalog.pg_locks where locktype = 'advisory' and classid = %s and objid = %s and objsubid = 2
            and database = (select oid from pg_catalog.pg_database where datname = current_database())
    )
"""
# Others see neither the kind of a session nor its program without pg_read_all_stats; autovacuum has no role.
_OTHERS = """
    select count(*), string_agg(distinct coalesce(nullif(application_name, ''), 'a program') || ' of ' || usename, ', ')
    from pg_catalog.pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and usename is not null
        and coalesce(backend_type, 'client backend') in ('client backend', 'walsender')
"""


def refuse(connection: Connection, copy: Connection) -> None:
    """Raise UsageError if `copy` is the database of `connection`, and ChatschemaError if others use it."""
    _refuse_same(connection, copy)
    count, who = postgres.fetch_one(copy, _OTHERS)
    if count:
        sessions = "another session uses" if count == 1 else f"{count} other sessions use"
        raise ChatschemaError(
            f"{sessions} the copy {copy.info.dbname}: {who}; a rehearsal migrates it",
            "name a restored copy that nobody uses, or end these sessions",
            code="rehearse.in-use",
        )


def refuse_other_history(copy: Connection, pending: Sequence[str], there: Sequence[str]) -> None:
    """Raise ChatschemaError unless the migrations that are pending here are those that are pending in the copy, `there`."""
    if list(pending) == list(there):
        return
    first = next(id for id in [*pending, *there] if (id in pending) != (id in there))
    state = "applied in the copy, and pending here" if first in pending else "pending in the copy, and applied here"
    raise ChatschemaError(
        f"the copy {copy.info.dbname} has another history: {first} is {state}",
        "restore it from a backup of this database",
        code="rehearse.history",
    )


def _refuse_same(connection: Connection, copy: Connection) -> None:
    """Take a lock that a session of the same database sees: names, addresses and numbers may be alike in a copy."""
    number = secrets.randbits(31)
    postgres.execute(connection, "select pg_advisory_lock(%s, %s)", (_LOCK_CLASS, number))
    try:
        is_same = postgres.fetch_one(copy, _HELD_HERE, (_LOCK_CLASS, number))[0]
    finally:
        postgres.execute(connection, "select pg_advisory_unlock(%s, %s)", (_LOCK_CLASS, number))
    if is_same:
        raise UsageError(
            f"--copy names the database itself, {connection.info.dbname}; a rehearsal migrates the copy",
            "name a restored copy",
            code="rehearse.same",
        )
