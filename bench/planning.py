"""`make bench`, third part: the cost of many partitions, for planning a query and for chatschema itself.

Daily partitions instead of monthly ones, half of them of each table, on a private server. Planning time is the median of
eleven EXPLAINs in a session that has planned the query before; locks are those of the planned query.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.days import make_days
from tests.support.rows import add_conversation, add_message
from tests.support.servers import PgServer, private, programs

COUNTS = (24, 120, 1000)


def main() -> None:
    """Print the tables."""
    for kind in ("system", "embedded"):
        with private(programs(kind), kind) as server, tempfile.TemporaryDirectory() as folder:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}: planning time and locks\n")
            print(f"{'partitions per table':<20}{'newest page':>22}{'keyset page':>22}{'keyset, bounded':>22}{'by id':>22}")
            for count in COUNTS:
                for database in with_days(server, count, Path(folder)):
                    cells = [f"{ms:.2f} ms, {locks} locks" for ms, locks in (plan(database, query) for query in queries(database))]
                    print(f"{count:<20}" + "".join(f"{cell:>22}" for cell in cells))
            for database in with_days(server, 500, Path(folder)):
                commands(database, Path(folder))


def with_days(server: PgServer, count: int, folder: Path) -> Iterator[Database]:
    """Yield a database with `count` partitions per table."""
    for database in create(server, f"days_{count}"):
        if run_cli("migrate", "--url", database.url, cwd=folder).code:
            sys.exit("migrate failed")
        attached = database.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass")
        make_days(database, count - attached)
        yield database


def commands(database: Database, folder: Path) -> None:
    """Print the time of chatschema's own commands, as whole processes, with a thousand partitions in total."""
    for command in (("partition", "list"), ("partition", "ensure"), ("status", "--check")):
        times = []
        for _ in range(5):
            started = time.perf_counter()
            run_cli(*command, "--url", database.url, cwd=folder)
            times.append(time.perf_counter() - started)
        print(f"{' '.join(command):<20} with 1000 partitions in total: {statistics.median(times):.2f} s   aim: under 1 s")


def queries(database: Database) -> list[str]:
    """Return the page, the next page, the next page with a floor of two months, and the look-up."""
    user, conversation = add_conversation(database)
    message = add_message(database, user, conversation)
    page = f"select * from public.messages where conversation_id = '{conversation}'"
    floor = database.one("select chatschema.uuid7_floor(date_trunc('month', now()) - interval '1 month')")
    return [
        f"{page} order by id desc limit 50",
        f"{page} and id < '{message}' order by id desc limit 50",
        f"{page} and id < '{message}' and id >= '{floor}' order by id desc limit 50",
        f"select * from public.messages where id = '{message}'",
    ]


def plan(database: Database, query: str) -> tuple[float, int]:
    """Return the median planning time in milliseconds, and the number of locked relations."""
    with database.connect() as connection:
        explained = [connection.execute(f"explain (summary, format json) {query}".encode()).fetchall() for _ in range(12)]
        times = [rows[0][0][0]["Planning Time"] for rows in explained]
        connection.execute("begin")
        connection.execute(query.encode())
        locks = "select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'relation'"
        # The lock on pg_locks itself is not the query's.
        return statistics.median(times[1:]), connection.execute(locks.encode()).fetchall()[0][0] - 1


if __name__ == "__main__":
    main()
