"""Sessions of users: removing those that ended some time ago."""

import time
from collections.abc import Iterator
from datetime import datetime

from psycopg import sql

from chatschema import audit, events, hold, postgres
from chatschema.postgres import Connection, locks
from chatschema.values import Due, Span

BATCH = 1000
# The pause is as long as the batch took, which leaves half of the time to the application.
_PACE = 1.0
# A token that was rotated ends when it would have expired: until then its reuse reveals theft. Deleting a session changes the one
# that replaced it. If one of both is in use, the session is left to the next run, and nobody is waited for.
_REMOVE = sql.SQL("""
    with ended as (
        select s.id from public.auth_sessions as s
        where (s.expires_at < {before} or s.revoked_at < {before})
            and not exists (select from chatschema.holds as h where h.released_at is null and h.user_id = s.user_id)
        limit {batch}
        for update skip locked
    ), followed as (
        select s.parent_id from public.auth_sessions as s where s.parent_id in (select e.id from ended as e)
    ), free as (
        select s.parent_id from public.auth_sessions as s where s.parent_id in (select e.id from ended as e) for update skip locked
    ), removed as (
        delete from public.auth_sessions as s using ended as e
        where s.id = e.id and s.id not in (select f.parent_id from followed as f except select f.parent_id from free as f)
        returning s.id
    )
    select (select count(*) from ended), (select count(*) from removed)
""")


_DUE = """
    select count(*) filter (where not d.is_held), min(d.ended_at) filter (where not d.is_held), count(*) filter (where d.is_held)
    from (
        select
            least(s.expires_at, s.revoked_at) as ended_at,
            exists (select from chatschema.holds as h where h.released_at is null and h.user_id = s.user_id) as is_held
        from public.auth_sessions as s
        where s.expires_at < %(before)s or s.revoked_at < %(before)s
    ) as d
"""


def due(connection: Connection, before: datetime) -> Due:
    """Return how many sessions ended before this moment; reads only."""
    return Due(*postgres.fetch_one(connection, _DUE, {"before": before}))


def remove_ended(connection: Connection, keep: Span, *, batch: int = BATCH) -> Iterator[int]:
    """Remove the sessions that ended at least `keep` ago, yielding the number of each batch. Safe to interrupt.

    The sessions of a user whom an active hold names are kept.
    """
    before = sql.SQL("now() - make_interval(months => {}, days => {})").format(
        sql.Literal(keep.months), sql.Literal(int(keep.days))
    )
    query = _REMOVE.format(before=before, batch=sql.Literal(batch))

    def work() -> tuple[int, int]:
        hold.freeze(connection)
        audit.as_batch(connection)
        events.as_batch(connection)
        found, removed = postgres.fetch_one(connection, query)
        if removed:
            audit.record(connection, "retention.purge", "auth_session", "ended", sessions=removed)
            events.record(connection, "retention.removed", "auth_sessions", rows=removed)
        return found, removed

    while True:
        started = time.monotonic()
        found, removed = locks.in_transaction(connection, work, locks.DDL)
        if removed:
            yield removed
        # A batch of which none could be removed would be found again and again.
        if found < batch or not removed:
            return
        time.sleep((time.monotonic() - started) * _PACE)
