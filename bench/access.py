"""`make bench-access`: the price of the row policies.

The same statements by a login of the application and by the owner, to whom no policy applies. 24 months, 500,000 messages: one
conversation of 100,000, 2,000 others of 200; a user in 10 of them and one in all. Both sessions stay open on one database and take
turns, each statement in a transaction with its context; printed is the ratio of the medians. The plan is forced to be custom or
generic, and read back from pg_prepared_statements. With --small the sizes are those of a test, and the ratios mean nothing.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from tests.support.access import crowd
from tests.support.database import Database, create
from tests.support.servers import private, programs

SEND = "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, %s) returning id, created_at"
UPSERT = (
    "insert into public.message_statuses (message_id, user_id, status) values (%s, %s, 'read')"
    " on conflict (message_id, user_id) do update set status = excluded.status, updated_at = now()"
)
LIST = (
    "select c.id, c.type, c.title, p.role, p.last_read_message_id from public.conversations as c"
    " join public.conversation_participants as p on p.conversation_id = c.id where p.user_id = %s and p.left_at is null"
)


@dataclass(frozen=True)
class Case:
    """A statement with its values; whether the whole transaction is timed, and whether it names its conversation in the context."""

    title: str
    user: str
    query: str
    values: tuple[Any, ...]
    plan: str
    aim: float
    is_whole: bool = False
    conversation: str | None = None


def main() -> None:
    """Print a table for each of the two servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    options = parser.parse_args()
    months, large, ordinary, turns = (2, 500, 20, 5) if options.small else (24, 100_000, 2_000, 300)
    for kind in ("embedded",) if options.small else ("system", "embedded"):
        with private(programs(kind), kind, config="shared_buffers = '1GB'\nmax_wal_size = '4GB'") as server:
            for database in create(server, "priced"):
                with tempfile.TemporaryDirectory() as folder:
                    crowd.prepare(database, crowd.Size(months, large, ordinary), "chat", Path(folder))
                measure(database, turns)


def measure(database: Database, turns: int) -> None:
    """Print a line a case."""
    major, minor = divmod(database.server.version, 10000)
    print(f"\nPostgreSQL {major}.{minor}; medians of {turns} turns\n")
    print(f"{'':<62}{'plan':<9}{'owner':>9}{'app':>10}{'ratio':>8}{'aim':>7}", flush=True)
    as_app = crowd.url_of(database, "chat")
    for case in cases(database):
        with session(database.url, case) as owner, session(as_app, case) as app:
            times: dict[Any, list[float]] = {owner: [], app: []}
            for turn in range(turns + 10):
                for one in (owner, app) if turn % 2 else (app, owner):
                    times[one].append(timed(one, case, database))
            check_plans(app, case)
        plain, guarded = (statistics.median(times[one][10:]) * 1000 for one in (owner, app))
        ratio = guarded / plain
        print(f"{case.title:<62}{case.plan:<9}{plain:6.2f} ms{guarded:7.2f} ms{ratio:8.2f}{case.aim:7.1f}", flush=True)


def cases(database: Database) -> Iterator[Case]:
    """Yield what the application does most, for both users and both kinds of plan."""
    person = crowd.people(database)
    large, small = (crowd.conversation(database, n) for n in (0, 7))
    for user, count in (("few", "10"), ("many", "2,000")):
        for conversation, size in ((small, "200"), (large, "100,000")):
            middle = database.one(
                f"select id from public.messages where conversation_id = '{conversation}' order by id offset 100 limit 1"
            )
            words = f"conversation of {size}, user in {count}"
            for plan, newest, keyset in (("custom", 1.3, 1.3), ("generic", 2.5, 3.5)):
                page = Case(f"newest page, {words}", person[user], crowd.NEWEST, (conversation,), plan, newest)
                yield page
                yield Case(f"keyset page, {words}", person[user], crowd.KEYSET, (conversation, middle), plan, keyset)
            yield replace(page, title=f"  transaction, named, {words}", aim=1.4, is_whole=True, conversation=conversation)
        yield Case(
            f"conversation list, user in {count}", person[user], LIST, (person[user],), "generic", 1.5 if user == "few" else 6
        )
        yield Case(f"send, user in {count}", person[user], SEND, (small, person[user], b"x" * 120), "generic", 1.5)
        newest = database.one(f"select id from public.messages where conversation_id = '{small}' order by id desc limit 1")
        aim = 3 if database.server.version >= 180000 else 4.5
        yield Case(f"status upsert, user in {count}", person[user], UPSERT, (newest, person[user]), "generic", aim)


@contextmanager
def session(url: str, case: Case) -> Iterator["psycopg.Connection[Any]"]:
    """Yield a session whose statements are prepared at once, with the plan of the case."""
    with closing(psycopg.connect(url, autocommit=True, prepare_threshold=0)) as connection:
        connection.execute(f"set plan_cache_mode = force_{case.plan}_plan".encode(), prepare=False)
        yield connection


def timed(connection: "psycopg.Connection[Any]", case: Case, database: Database) -> float:
    """Return the seconds of the statement, or of its transaction with the context."""
    began = time.perf_counter()
    # Committed: at a rollback psycopg forgets what it has prepared.
    with connection.transaction():
        connection.execute("select set_config('app.user_id', %s, true)", (case.user,))
        # The owner's transaction names it as well: a round trip is not the policies' price.
        if case.conversation:
            connection.execute("select set_config('app.conversation_id', %s, true)", (case.conversation,))
        started = time.perf_counter()
        cursor = connection.execute(case.query.encode(), case.values)
        rows = cursor.fetchall() if cursor.description else []
        took = time.perf_counter() - started
    if case.query != UPSERT and not rows:
        sys.exit(f"{case.title}: no row in {database.name}")
    return time.perf_counter() - began if case.is_whole else took


def check_plans(connection: "psycopg.Connection[Any]", case: Case) -> None:
    """End where the server did not plan the statement as the case says."""
    found = connection.execute(
        "select generic_plans, custom_plans from pg_prepared_statements where statement ~ '(from|into) public'", prepare=False
    ).fetchone()
    if found is None or found[0 if case.plan == "custom" else 1]:
        sys.exit(f"{case.title}: planned as {found}, not {case.plan}")


if __name__ == "__main__":
    main()
