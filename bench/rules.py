"""`make bench-rules`: the price of the rules about participants, marks and statuses, against a database without them.

Two databases on a private server, one migrated up to the migration before these rules. Both sessions stay open and take turns;
single rows by prepared statements (the extended protocol), each committed with fsync off; many rows by COPY, rolled back. Printed
are the medians of the time that the server's processes were on a processor, which a busy machine changes least, and their ratio.
With --small the numbers are those of a test, and the ratios mean nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.sides import in_turn
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.servers import private, programs

BEFORE = "20261204000305"
SEND = "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, %s) returning id"
ATTACH = """insert into public.attachments (conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)
    values (%s, %s, gen_random_uuid()::text, 1, sha256('x'), 'a')"""
REPORT = """insert into public.message_statuses (message_id, user_id, conversation_id, status) values (%s, %s, %s, 'read')
    on conflict (message_id, user_id) do update set status = excluded.status, updated_at = now()"""
MARK = "update public.conversation_participants set last_read_message_id = %s where conversation_id = %s and user_id = %s"
LEAVE = "update public.conversation_participants set left_at = %s where conversation_id = %s and user_id = %s"
_PEOPLE = """
    insert into public.users (username) select 'user-' || i from generate_series(1, 200) as i;
    insert into public.conversations (title) select 'talk-' || i from generate_series(1, {conversations}) as i;
    insert into public.conversation_participants (conversation_id, user_id)
        select c.id, u.id from public.conversations as c join public.users as u
            on hashtext(u.username || c.title) % 20 = 0 or u.username in ('user-1', 'user-2');
    analyze;
"""


@dataclass(frozen=True)
class Side:
    """A database, its open session, and a member, a reader and a conversation of it."""

    database: Database
    connection: "psycopg.Connection[Any]"
    member: Any
    reader: Any
    conversation: Any

    def on_processor(self, work: Callable[[], object]) -> float:
        """Return the seconds that the server's process of this session was on a processor."""
        counter = Path(f"/proc/{self.connection.info.backend_pid}/schedstat")
        started = int(counter.read_text().split()[0])
        work()
        return (int(counter.read_text().split()[0]) - started) / 1e9


def main() -> None:
    """Print a table for each of the two servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    options = parser.parse_args()
    conversations, single, many, turns = (10, 2, 100, 1) if options.small else (2_000, 30, 5_000, 25)
    for kind in ("embedded",) if options.small else ("system", "embedded"):
        with private(programs(kind), kind, config="shared_buffers = '512MB'\nmax_wal_size = '4GB'\nautovacuum = off") as server:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}; without the rules, with them; medians of {turns} turns\n", flush=True)
            with ExitStack() as stack:
                sides = [stack.enter_context(_side(server, name, conversations)) for name in ("before", "after")]
                measure(sides, single, many, turns)


def _side(server: Any, name: str, conversations: int) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def opened() -> Iterator[Side]:
        for database in create(server, name):
            with tempfile.TemporaryDirectory() as folder:
                arguments = ("--to", BEFORE) if name == "before" else ()
                result = run_cli("migrate", *arguments, "--url", database.url, cwd=Path(folder))
                if result.code:
                    sys.exit(result.err)
            database.run(_PEOPLE.format(conversations=conversations))
            member, reader = (database.one("select id from public.users where username = %s", f"user-{n}") for n in (1, 2))
            conversation = database.one("select id from public.conversations order by id offset 5 limit 1")
            with psycopg.connect(database.url, autocommit=True, prepare_threshold=0) as connection:
                yield Side(database, connection, member, reader, conversation)

    return opened()


def measure(sides: Sequence[Side], single: int, many: int, turns: int) -> None:
    """Print a line for each kind of statement."""
    works: list[tuple[str, Callable[[Side], float], int, int]] = [
        ("send a message", partial(repeated, one=send, count=single), single, turns),
        ("store an attachment", partial(repeated, one=attach, count=single), single, turns),
        ("report a status, new", partial(reports, count=single, again=False), single, turns),
        ("report a status, unchanged", partial(reports, count=single, again=True), single, turns),
        ("raise last_read_message_id", partial(repeated, one=mark, count=single), single, turns),
        ("leave", leave, 1, turns),
        (f"COPY of {many} messages", partial(copied, count=many), many, max(turns // 8, 1)),
        (f"COPY of {many} statuses", partial(copied_statuses, count=many), many, max(turns // 8, 1)),
    ]
    for title, work, rows, repeat in works:
        for side in sides:
            work(side)
            side.database.run("vacuum analyze")
        before, after = in_turn([partial(work, side) for side in sides], repeat)
        print(f"{title:<34}{before / rows * 1e6:9.1f} us{after / rows * 1e6:9.1f} us{after / before:8.2f}", flush=True)


def repeated(side: Side, one: Callable[[Side], object], count: int) -> float:
    """Return the seconds of that many statements."""
    return side.on_processor(lambda: [one(side) for _ in range(count)])


def send(side: Side) -> Any:
    """Send a message."""
    return side.connection.execute(SEND, (side.conversation, side.member, b"x" * 120)).fetchall()[0][0]


def attach(side: Side) -> None:
    """Store an attachment."""
    side.connection.execute(ATTACH, (side.conversation, side.member))


def mark(side: Side) -> None:
    """Raise the mark of the member."""
    message = side.connection.execute("select chatschema.uuid7()").fetchall()[0][0]
    side.connection.execute(MARK, (message, side.conversation, side.member))


def reports(side: Side, count: int, *, again: bool) -> float:
    """Return the seconds of reports on new messages, or of their repetition."""
    messages = [send(side) for _ in range(count)]

    def work() -> None:
        for message in messages:
            side.connection.execute(REPORT, (message, side.reader, side.conversation))

    if again:
        work()
    return side.on_processor(work)


def leave(side: Side) -> float:
    """Return the seconds of leaving; coming back is not timed."""
    key = (side.conversation, side.reader)
    took = side.on_processor(lambda: side.connection.execute(LEAVE, ("now", *key)))
    side.connection.execute(LEAVE, (None, *key))
    return took


def copied(side: Side, count: int) -> float:
    """Return the seconds of a COPY of messages of one sender in many conversations, which is rolled back."""
    found = side.connection.execute(
        "select conversation_id from public.conversation_participants where user_id = %s", (side.member,)
    )
    places = [row[0] for row in found.fetchall()]
    rows = [(places[n % len(places)], side.member, b"x") for n in range(count)]
    return _copied(side, "public.messages (conversation_id, sender_id, content_encrypted)", rows)


def copied_statuses(side: Side, count: int) -> float:
    """Return the seconds of a COPY of statuses of one message a row, which is rolled back with the messages."""
    query = """insert into public.messages (conversation_id, sender_id, content_encrypted)
        select %s, %s, 'x' from generate_series(1, %s) returning id"""
    messages = side.connection.execute(query, (side.conversation, side.member, count)).fetchall()
    rows = [(message, side.reader, side.conversation) for (message,) in messages]
    took = _copied(side, "public.message_statuses (message_id, user_id, conversation_id)", rows)
    side.connection.execute("truncate public.messages, public.message_statuses")
    return took


def _copied(side: Side, target: str, rows: Sequence[tuple[Any, ...]]) -> float:
    side.connection.execute("begin")

    def work() -> None:
        with side.connection.cursor() as cursor, cursor.copy(f"copy {target} from stdin".encode()) as stream:
            for row in rows:
                stream.write_row(row)

    took = side.on_processor(work)
    side.connection.execute("rollback")
    return took


if __name__ == "__main__":
    main()
