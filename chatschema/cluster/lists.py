"""The lists of conversations by user, compared with the conversations themselves, and repaired."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, LiteralString
from uuid import UUID

from psycopg import sql

from chatschema import postgres, sqlfile
from chatschema.cluster.distribute import checks
from chatschema.postgres import Connection

USERS = 1000
_NEXT_USERS: LiteralString = """
    select max(w.id::text)::uuid, count(*) from (select u.id from public.users as u where u.id > %s order by u.id limit %s) as w
"""
_FIRST = UUID(int=0)
# No relay changes a list meanwhile.
_LOCK = "select pg_advisory_xact_lock(1667785076, 5)"
# A change that the relay has not taken yet; and a month, which may concern any row.
_WAITING: LiteralString = "select c.conversation_id, c.user_id from chatschema.list_changes as c where c.conversation_id = any (%s)"
_WAITING_MONTH = "select exists (select from chatschema.list_months)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a list that is not what the conversation says, and that no change which waits for the relay explains."""

    user_id: UUID
    conversation_id: UUID
    state: Literal["missing", "extra", "stale"]


def compare(connection: Connection, users: int = USERS) -> Iterator[Difference]:
    """Yield the differences of all lists, by ranges of so many users; changes nothing.

    Rows that wait for the relay are none: a difference is looked at again while no relay runs. Raises ServerError, and
    ChatschemaError where the database is not distributed.
    """
    for found in _ranges(connection, users, is_repaired=False):
        yield from found


def repair(connection: Connection, users: int = USERS) -> Iterator[int]:
    """Make the lists what the conversations say; yield for each range of users how many rows differed and were repaired.

    A range is a transaction. Raises ServerError, and ChatschemaError where the database is not distributed.
    """
    for found in _ranges(connection, users, is_repaired=True):
        yield len(found)


def _ranges(connection: Connection, users: int, *, is_repaired: bool) -> Iterator[list[Difference]]:
    checks.refuse_plain(connection)
    low, is_last = _FIRST, False
    while not is_last:
        high, count = postgres.fetch_one(connection, _NEXT_USERS, (low, users))
        # The last range has no end: it has the lists of users who do not exist, too.
        is_last = count < users
        bounds = sql.SQL("t.user_id > {}").format(low)
        if not is_last:
            bounds += sql.SQL(" and t.user_id <= {}").format(high)
        if suspects := _differences(connection, bounds):
            yield _settled(connection, suspects, is_repaired=is_repaired)
        low = high or low


def _settled(connection: Connection, suspects: Sequence[Difference], *, is_repaired: bool) -> list[Difference]:
    """Return the suspects that still differ while no relay runs, and that do not wait for one; renew their rows if asked to."""
    with postgres.transaction(connection):
        postgres.execute(connection, _LOCK)
        wanted = {(one.user_id, one.conversation_id) for one in suspects}
        users = sql.SQL("t.user_id = any ({})").format(sorted({one.user_id for one in suspects}))
        found = [one for one in _differences(connection, users) if (one.user_id, one.conversation_id) in wanted]
        conversations = [one.conversation_id for one in found]
        # Read after the conversations: a change that they show has its row here, or the lists have it.
        waiting = set(postgres.fetch_all(connection, _WAITING, (conversations,)))
        if postgres.fetch_one(connection, _WAITING_MONTH)[0]:
            found = [one for one in found if one.state != "stale"]
        found = [one for one in found if not waiting & {(one.conversation_id, None), (one.conversation_id, one.user_id)}]
        if is_repaired and found:
            pairs = [one.conversation_id for one in found], [one.user_id for one in found]
            postgres.execute(connection, "select chatschema.renew_lists('{}', %s, %s)", pairs)
    return found


def _differences(connection: Connection, users: sql.Composable) -> list[Difference]:
    rows = postgres.fetch_all(connection, sqlfile.fill("cluster/lists/differences.sql", users=users))
    return [Difference(*row) for row in rows]
