"""Two databases with the same rows, one of the previous release and one of this, measured in turn."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support import released
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.load import prepare
from tests.support.servers import PgServer

OLD = "0.1.0"
_AHEAD = 7  # the current month and six ahead
# Triggers and keys are off: they would take minutes, and the rows are the same as with them.
_FILL = """
    set session_replication_role = replica;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
        select chatschema.uuid7(at), l.conversation_id, l.user_id, decode(repeat('5a', 120), 'hex'), date_trunc('milliseconds', at)
        from (select i, timestamptz '{low}' + i * interval '27 days' / {rows} as at from generate_series(0, {rows} - 1) as i) as t
        join public.load as l on l.n = 1 + i % 50;
    insert into public.message_statuses (message_id, user_id, conversation_id, status, delivered_at)
        select m.id, l.user_id, m.conversation_id, 'delivered', m.created_at
        from public.messages as m join public.load as l on l.n = 1;
    insert into public.attachments (message_id, conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)
        select id, conversation_id, sender_id, id::text, 1, sha256('x'), 'a'
        from public.messages where substr(id::text, 36) = '0';
    insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id)
        select conversation_id, sender_id, 'reply', id from public.messages where substr(id::text, 35) = '00';
"""
_HOLDS = """
    insert into public.users (username) select 'held-' || i from generate_series(1, 20) as i;
    insert into public.conversations (title)
        select 'held-' || i || '-' || j from generate_series(1, 20) as i, generate_series(1, 100) as j;
    insert into public.conversation_participants (conversation_id, user_id)
        select c.id, u.id from public.users as u
        join public.conversations as c on split_part(c.title, '-', 2) = split_part(u.username, '-', 2)
        where u.username ~ '^held-' and c.title ~ '^held-';
    insert into chatschema.holds (user_id, reason) select id, 'bench' from public.users where username ~ '^held-';
    analyze;
"""


@dataclass(frozen=True)
class Side:
    """A database, a connection that stays open, so that its plans are cached, and the month of the rows."""

    database: Database
    connection: Any
    low: datetime

    def rows(self, count: int) -> list[tuple[Any, Any]]:
        """Return id and conversation of the first messages of the month."""
        query = "select id, conversation_id from public.messages where id >= chatschema.uuid7_floor(%s) order by id limit %s"
        rows: list[tuple[Any, Any]] = self.connection.execute(query, (self.low, count)).fetchall()
        return rows

    def user(self, n: int) -> Any:
        """Return the n-th user, of 50."""
        return self.database.one("select user_id from public.load where n = %s", n)

    def range(self, count: int) -> str:
        """Return the condition for the first messages of the month, its bounds as literals."""
        rows = self.rows(count)
        return f"id >= '{rows[0][0]}' and id <= '{rows[-1][0]}'"

    def hold(self) -> None:
        """Place 20 holds on users with 100 conversations each, none of whose messages are measured."""
        self.database.run(_HOLDS)

    @contextmanager
    def undone(self) -> Iterator[Any]:
        """Yield the connection in a transaction that is rolled back, so that the next turn finds the same rows."""
        self.connection.execute("begin")
        yield self.connection
        self.connection.execute("rollback")


def pair(server: PgServer, folder: Path, months: int, rows: int) -> Iterator[tuple[Side, Side]]:
    """Yield the databases of the previous release and of this one, with these months, and rows in the last past month."""
    for old, new in zip(create(server, f"old_{months}"), create(server, f"new_{months}"), strict=True):
        past = released.load(old, OLD, past=months - _AHEAD)
        migrate(new, folder)
        released.make_months(new, months - _AHEAD)
        for database in (old, new):
            prepare(database, {})
            database.run(_FILL.format(low=past[-1], rows=rows))
            database.run("vacuum analyze")
        with old.connect() as one, new.connect() as other:
            yield Side(old, one, past[-1]), Side(new, other, past[-1])


def migrate(database: Database, folder: Path) -> None:
    """Migrate an empty database; a failure is the bench's."""
    result = run_cli("migrate", "--url", database.url, cwd=folder)
    if result.code:
        sys.exit(result.err)


def seconds(work: Callable[[], object]) -> float:
    """Return the time that it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(steps: Sequence[Callable[[], float]], repeat: int) -> list[float]:
    """Return the median result of each step; they take turns, so that a slow moment affects all."""
    turns = [[step() for step in steps] for _ in range(repeat)]
    return [statistics.median(own) for own in zip(*turns, strict=True)]


def report(what: str, times: Sequence[float], unit: str, aim: str = "") -> None:
    """Print one comparison: old and new."""
    old, new = times
    digits = 0 if max(old, new) >= 1000 else 2
    numbers = f"old {old:>9,.{digits}f} {unit:<2}  new {new:>9,.{digits}f} {unit:<2}  ratio {new / old:6.2f}"
    print(f"{what:<64} {numbers}{aim and '  aim: ' + aim}", flush=True)
