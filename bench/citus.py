"""`make bench-citus`: what a statement costs on a Citus cluster, against the same rows on one server of PostgreSQL 15.

14 months, one conversation of 50,000 messages and 500 of 200. The rows are made on one server and copied, then distributed over 32
shards. Both take turns, each statement in a transaction of its own over the extended protocol, once as Sequelize sends it and once
prepared; printed are the medians and their ratio. "tasks" is the Task Count of its plan: 1 asks one shard. The limits are those of
docs/how-to/scale-out.md for statements that are not prepared. Needs a cluster: CHATSCHEMA_CITUS_URL. With --small the sizes are
those of a test, and the ratios mean nothing.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.support import citus
from tests.support.access import crowd
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.servers import private, programs

# As the nodes of the cluster are configured.
SETTINGS = "shared_buffers = '64MB'\nfsync = off"
TABLES = ("users", "conversations", "conversation_participants", "messages", "message_statuses")
WARM = 10
SEND = "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, %s) returning id, created_at"
_PAGE = (
    "select m.id, m.sender_id, m.content_encrypted, m.created_at{0} from public.messages as m{1} where m.conversation_id = %s{2}"
)
_NEWEST = " and m.id >= chatschema.uuid7_floor(%s) order by m.id desc limit 50"
_UPSERT = (
    "insert into public.message_statuses (conversation_id, message_id, user_id, status, read_at) values (%s, %s, %s, 'read', %s)"
    " on conflict ({}) do update set status = excluded.status, read_at = excluded.read_at"
)
# The newest message of each conversation of a user.
LIST = """
    select c.id, c.title, p.last_read_message_id, p.is_pinned, newest.id from public.conversation_participants as p
    join public.conversations as c on c.id = p.conversation_id
    cross join lateral (
        select m.id from public.messages as m where m.conversation_id = c.id order by m.id desc limit 1
    ) as newest
    where p.user_id = %s and p.left_at is null order by p.is_pinned desc, newest.id desc limit 50
"""
# Less than a list: without the newest messages.
MEMBERSHIPS = """
    select c.id, c.title, p.last_read_message_id, p.is_pinned from public.conversation_participants as p
    join public.conversations as c on c.id = p.conversation_id where p.user_id = %s and p.left_at is null
"""
OWN_LIST = """
    select conversation_id, title, last_read_message_id, is_pinned, last_message_id, unread from chatschema.user_conversations
    where user_id = %s order by is_pinned desc, last_message_id desc nulls last limit 50
"""


@dataclass(frozen=True)
class Case:
    """A statement on one server and on the cluster, its values by turn, and how many times as long it may take there."""

    title: str
    one: str
    there: str
    values: tuple[tuple[Any, ...], ...]
    limit: float | None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    options = parser.parse_args()
    if not citus.URL:
        sys.exit("CHATSCHEMA_CITUS_URL names no Citus cluster: set it to the URL of a coordinator")
    months, large, ordinary, shards, turns = (2, 500, 20, 4, 5) if options.small else (14, 50_000, 500, 32, 300)
    with private(programs("system"), "system", config=SETTINGS) as server, citus.database() as there:
        for one in create(server, "one"):
            with tempfile.TemporaryDirectory() as folder:
                crowd.prepare(one, crowd.Size(months, large, ordinary), "chat", Path(folder))
                distribute(one, there, months, shards, Path(folder))
            measure(one, there, turns)


def distribute(one: Database, there: citus.Citus, months: int, shards: int, folder: Path) -> None:
    """Copy the rows into the database of the cluster, and distribute it."""
    since = f"{datetime.now(UTC) - timedelta(days=31 * (months + 1)):%Y-%m}"
    for command in (["migrate"], ["partition", "ensure", "--from", since]):
        _run(there, folder, *command)
    with one.connect() as source, psycopg.connect(there.url) as target:
        target.execute("set session_replication_role = replica")
        for table in TABLES:
            with (
                source.cursor().copy(f"copy (select * from public.{table}) to stdout".encode()) as rows,
                target.cursor().copy(f"copy public.{table} from stdin".encode()) as copied,
            ):
                for row in rows:
                    copied.write(row)
    _run(there, folder, "cluster", "distribute", "--shards", str(shards), "--yes")
    there.run("vacuum analyze")


def _run(there: citus.Citus, folder: Path, *command: str) -> None:
    done = run_cli(*command, "--url", there.url, cwd=folder, timeout=3600)
    if done.code:
        sys.exit(done.err)


def cases(one: Database, turns: int) -> Iterator[Case]:
    """Yield the statements. A keyset page begins anywhere in the newest month; a status is of any of the newest messages."""
    person, room = crowd.people(one), crowd.conversation(one, 0)
    bound = datetime.now(UTC) - timedelta(days=62)
    newest = [
        row[0] for row in one.all(f"select id from public.messages where conversation_id = '{room}' order by id desc limit {turns}")
    ]

    def page(columns: str = "", joined: str = "", before: str = "") -> str:
        return _PAGE.format(columns, joined, before) + _NEWEST

    yield Case("send", SEND, SEND, ((room, person["many"], b"x" * 120),), 2.5)
    yield Case("newest page, bounded to two months", page(), page(), ((room, bound),), 2.5)
    keyset = page(before=" and m.id < %s")
    yield Case("keyset page, bounded to two months", keyset, keyset, tuple((room, id, bound) for id in newest), 2.5)
    names = page(", u.username, u.display_name", " join public.users as u on u.id = m.sender_id")
    yield Case("newest page with the senders' names", names, names, ((room, bound),), 2.5)
    upserts = tuple((room, id, person["many"], datetime.now(UTC)) for id in newest[: turns // 2 + 1])
    upsert = _UPSERT.format("message_id, user_id"), _UPSERT.format("conversation_id, message_id, user_id")
    yield Case("status upsert", *upsert, upserts, 5)
    yield Case("list of a user in 10, its own table", LIST, OWN_LIST, ((person["few"],),), 5)
    yield Case("the same, against memberships alone", MEMBERSHIPS, OWN_LIST, ((person["few"],),), 5)
    yield Case("list of a user in 10, every shard", LIST, LIST, ((person["few"],),), None)
    by_id = "select m.id, m.content_encrypted from public.messages as m where m.id = %s"
    yield Case("message by its id alone", by_id, by_id, tuple((id,) for id in newest), None)


def measure(one: Database, there: citus.Citus, turns: int) -> None:
    """Print a line a case."""
    version = there.one("select extversion from pg_extension where extname = 'citus'")
    shards = there.one("select count(*) from pg_dist_shard where logicalrelid = 'public.conversations'::regclass")
    major, minor = divmod(one.server.version, 10000)
    load = os.getloadavg()[0]
    few = max(turns // 5, 1)
    print(f"\nPostgreSQL {major}.{minor}, Citus {version}, {shards} shards; load {load:.1f}")
    print(f"Medians of {turns} turns; of {few} for what has no limit\n")
    print(
        f"{'':<38}{'one server':>12}{'cluster':>10}{'ratio':>7}{'limit':>7}{'prepared':>12}{'cluster':>10}{'ratio':>7}{'tasks':>7}"
    )
    for case in cases(one, turns):
        # What asks every shard takes long.
        repeat = turns if case.limit else few
        line = f"{case.title:<38}"
        for is_prepared in (False, True):
            with one.connect() as here, psycopg.connect(there.url, autocommit=True) as over:
                ours, theirs = in_turn(here, over, case, repeat, is_prepared=is_prepared)
            line += f"{ours:9.2f} ms{theirs:7.2f} ms{theirs / ours:7.2f}"
            if not is_prepared:
                line += f"{case.limit or '-':>7}"
        print(f"{line}{tasks(there, case):>7}", flush=True)


def in_turn(here: Any, over: Any, case: Case, turns: int, *, is_prepared: bool) -> tuple[float, float]:
    """Return the medians in milliseconds; both take turns, so that a slow moment affects both."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + WARM):
        values = case.values[turn % len(case.values)]
        sides = [(here, case.one, times[0]), (over, case.there, times[1])]
        for connection, query, spent in sides if turn % 2 else reversed(sides):
            began = time.perf_counter()
            cursor = connection.execute(query.encode(), values, prepare=is_prepared)
            if cursor.description:
                cursor.fetchall()
            spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[0][WARM:]), statistics.median(times[1][WARM:])


def tasks(there: citus.Citus, case: Case) -> str:
    """Return how many shards are asked, by the plan."""
    with psycopg.connect(there.url, autocommit=True) as connection:
        plan = connection.execute(f"explain (costs off) {case.there}".encode(), case.values[0]).fetchall()
    found: list[str] = re.findall(r"Task Count: (\d+)", "\n".join(row[0] for row in plan))
    return found[-1]


if __name__ == "__main__":
    main()
