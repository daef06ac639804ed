"""`migrate --until 06:00`: the moment after which no migration, and no other try of one, is begun."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from chatschema import postgres
from chatschema.errors import Busy, UsageError
from chatschema.postgres import Connection, Say, locks
from chatschema.values import Patience

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
# The session's own zone is UTC; the server's is what a reset of the setting would give. The next such time: today or tomorrow.
_NEXT = """
    select extract(epoch from min(t.at) - clock_timestamp())::float8, z.name
    from (select reset_val as name from pg_catalog.pg_settings where name = 'TimeZone') as z,
        lateral (select date_trunc('day', clock_timestamp() at time zone z.name) + %s::time as at) as d,
        unnest(array[d.at, d.at + interval '1 day']) as n (local), lateral (select n.local at time zone z.name as at) as t
    where t.at > clock_timestamp() group by z.name
"""
_SHOWN = 5


def check(text: str) -> str:
    """Return `text` if it is a time of the day. Raises UsageError."""
    if not _TIME.fullmatch(text):
        raise UsageError(
            f"--until {text!r} is not a time of the day", "write it as 06:00, in the server's time zone", code="usage.time"
        )
    return text


def limited(connection: Connection, until: str | None, patience: Patience, say: Say) -> Patience:
    """Return the patience that ends at the next `until` by the server's clock and time zone; unchanged without one."""
    if until is None:
        return patience
    seconds, zone = postgres.fetch_one(connection, _NEXT, (check(until),))
    minutes = round(seconds / 60)
    say(f"no migration is begun after {until} ({zone}), which is in {minutes // 60} h {minutes % 60} min")
    return replace(patience, ends_at=time.monotonic() + seconds, until=f"{until} ({zone})")


def lock_wait_s(patience: Patience, wanted: float) -> float:
    """Return how long to wait for another run: not beyond the end of `patience`."""
    return wanted if patience.ends_at is None else min(wanted, max(patience.ends_at - time.monotonic(), 0))


@contextmanager
def kept(patience: Patience, remaining: Sequence[str], noun: str) -> Iterator[None]:
    """Run the block unless it is too late; the error of a block that is, or became, too late names what remains."""
    try:
        locks.refuse_late(patience)
        yield
    except Busy as error:
        if error.code != "lock.until":
            raise
        count = f"1 {noun} remains" if len(remaining) == 1 else f"{len(remaining)} {noun}s remain"
        more = f" and {len(remaining) - _SHOWN} more" if len(remaining) > _SHOWN else ""
        text = f"{error.message}; {count}: {', '.join(remaining[:_SHOWN])}{more}"
        raise Busy(text, error.hint, code="lock.until") from None
