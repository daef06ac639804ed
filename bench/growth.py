"""`make bench-growth`: a chat of 1, 3 and 10 million messages: how long it takes to load, its size, and what its users wait for.

For each size `chatschema seed --messages` into a migrated database of one private server with fsync on, each conversation as large
as before. Then what an application asks most, prepared, as the owner, by 300 members drawn at random, each in one of their
conversations: medians and the slowest twentieth. Flat times mean that no statement reads more because others wrote more. With
--small the sizes are those of a test, and the times mean nothing.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.support import peak
from tests.support.cli import clean_environment, run_cli
from tests.support.database import Database, create
from tests.support.servers import private, programs

UNTIL = "2026-11-01"
MEMBERS = """
    select p.conversation_id, p.user_id, p.last_read_message_id, n.id as newest, h.id as older
    from (
        select * from public.conversation_participants where left_at is null order by md5(user_id::text || conversation_id) limit {}
    ) as p
    cross join lateral (
        select m.id from public.messages as m where m.conversation_id = p.conversation_id order by m.id desc limit 1
    ) as n
    cross join lateral (
        select (array_agg(o.id order by o.id))[1] as id
        from (select m.id from public.messages as m where m.conversation_id = p.conversation_id order by m.id desc limit 200) as o
    ) as h
"""
STATEMENTS = {
    "newest page": "select * from public.messages where conversation_id = %(conversation)s order by id desc limit 50",
    "keyset page": (
        "select * from public.messages where conversation_id = %(conversation)s and id < %(older)s order by id desc limit 50"
    ),
    "chatschema.page()": "select * from chatschema.page(%(conversation)s)",
    "unread, up to 100": (
        "select count(*) from (select from public.messages where conversation_id = %(conversation)s and id > %(read)s"
        " limit 100) as m"
    ),
    "status upsert": (
        "insert into public.message_statuses (message_id, user_id, status) values (%(newest)s, %(user)s, 'read')"
        " on conflict (message_id, user_id) do update set status = excluded.status, updated_at = now()"
    ),
}


def main() -> None:
    """Print a line a size, and the times of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    parser.add_argument("--server", choices=("embedded", "system"), default="embedded")
    options = parser.parse_args()
    sizes, members = (("1000", "3000"), 20) if options.small else (("1m", "3m", "10m"), 300)
    config = "fsync = on\nshared_buffers = '1GB'\nmax_wal_size = '4GB'"
    with private(programs(options.server), "growth", config=config) as server, tempfile.TemporaryDirectory() as folder:
        major, minor = divmod(server.version, 10000)
        print(
            f"\nPostgreSQL {major}.{minor}\n\n{'messages':<20}{'statuses':>12}{'loaded in':>12}{'peak memory':>13}{'size':>12}",
            flush=True,
        )
        times = dict[str, dict[str, tuple[float, float]]]()
        for size in sizes:
            for database in create(server, f"growth_{size}"):
                _load(database, Path(folder), size)
                times[size] = _times(database, members)
    print(f"\n{'median, slowest 5 %':<20}{''.join(f'{size:>20}' for size in sizes)}{'ratio':>8}")
    for title in STATEMENTS:
        numbers = [times[size][title] for size in sizes]
        cells = "".join(f"{median:>9.2f}, {slow:>6.2f} ms" for median, slow in numbers)
        print(f"{title:<20}{cells}{numbers[-1][0] / numbers[0][0]:>8.2f}", flush=True)


def _load(database: Database, folder: Path, size: str) -> None:
    if run_cli("migrate", "--url", database.url, cwd=folder).code:
        sys.exit("migrate failed")
    seed = ("seed", "--messages", size, "--until", UNTIL, "--url", database.url)
    started = time.perf_counter()
    memory = peak.memory([sys.executable, "-m", "chatschema", *seed], env=clean_environment(), cwd=folder)
    taken = time.perf_counter() - started
    messages, statuses = (database.one(f"select count(*) from public.{table}") for table in ("messages", "message_statuses"))
    whole = database.one("select pg_database_size(current_database())")
    print(f"{messages:<20,}{statuses:>12,}{taken:>10.1f} s{memory / 1e6:>10.0f} MB{whole / 1e6:>9,.0f} MB", flush=True)


def _times(database: Database, members: int) -> dict[str, tuple[float, float]]:
    """Return the median and the slowest twentieth of each statement, in milliseconds."""
    with closing(psycopg.connect(database.url, autocommit=True, prepare_threshold=0)) as connection:
        drawn = connection.execute(MEMBERS.format(members).encode()).fetchall()
        values = [
            {"conversation": row[0], "user": row[1], "read": row[2] or row[4], "newest": row[3], "older": row[4]} for row in drawn
        ]
        return {title: _statement(connection, query, values) for title, query in STATEMENTS.items()}


def _statement(connection: "psycopg.Connection[Any]", query: str, values: list[dict[str, Any]]) -> tuple[float, float]:
    times = []
    # The first round fills the caches, as those of a busy chat are.
    for value in values * 2:
        started = time.perf_counter()
        cursor = connection.execute(query.encode(), value)
        if cursor.description:
            cursor.fetchall()
        times.append((time.perf_counter() - started) * 1000)
    warm = sorted(times[len(values) :])
    return statistics.median(warm), warm[int(len(warm) * 0.95)]


if __name__ == "__main__":
    main()
