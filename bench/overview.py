"""`make bench`, fourth part: the cost of the health overview with 1,000 partitions and 10,000 indexes.

The limit is the same queries in one psql session; the rest is Python, the connection and the text.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from chatschema import postgres
from chatschema.report import coverage, definition, run
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.cli import clean_environment, run_cli
from tests.support.database import Database, create
from tests.support.days import make_days
from tests.support.servers import PgServer, private, programs

SQL = ROOT / "sql"
RUNS = 7


def main() -> None:
    """Print seconds, memory and the limit, on both servers."""
    for kind in ("system", "embedded"):
        with private(programs(kind), kind) as server, tempfile.TemporaryDirectory() as folder:
            for database in create(server, "many"):
                fill(database, Path(folder))
                measure(server, database, Path(folder))


def fill(database: Database, folder: Path) -> None:
    """Create 500 partitions of each table, and indexes on them."""
    if run_cli("migrate", "--url", database.url, cwd=folder).code:
        sys.exit("migrate failed")
    database.run("create extension pg_stat_statements")
    make_days(database, 493)
    for table, count in (("messages", 7), ("message_statuses", 5)):
        for number in range(count):
            predicate = f"created_at > '2020-01-0{number + 1}'"
            database.run(f"create index many_{table}_{number} on public.{table} (created_at, updated_at) where {predicate}")


def measure(server: PgServer, database: Database, folder: Path) -> None:
    """Print the numbers of one server."""
    counts = database.one(
        "select count(*) filter (where relispartition and relkind = 'r'), count(*) filter (where relkind in ('i', 'I'))"
        " from pg_class"
    )
    # The first report on so many relations fills the server's caches.
    times, memory = zip(*(whole(database, folder) for _ in range(RUNS + 1)), strict=True)
    limit = bare(server, database, folder)
    major, minor = divmod(server.version, 10000)
    print(f"\nPostgreSQL {major}.{minor}: {counts[0]} partitions, {counts[1]} indexes")
    took = statistics.median(times[1:])
    print(f"chatschema report   {took:.2f} s, first {times[0]:.2f} s, {max(memory) / 1024:.0f} MB   aim: under 2 s, 200 MB")
    print(f"the queries in psql {limit:.2f} s   chatschema takes {took / limit:.1f} times that")


def whole(database: Database, folder: Path) -> tuple[float, int]:
    """Return seconds and kilobytes of one whole process."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "chatschema", "report", "--url", database.url],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("the report failed")
    return time.perf_counter() - started, usage.ru_maxrss


def bare(server: PgServer, database: Database, folder: Path) -> float:
    """Return the median seconds of the overview's queries as one psql script."""
    settings = Settings(database.url, "bench", None, SQL, SQL, folder)
    script = folder / "queries.sql"
    with closing(postgres.connect(settings, writes=False)) as connection:
        seen = coverage.read(connection)
        queries = [
            run.compose(one, seen, {name: threshold.default for name, threshold in one.thresholds.items()}).as_string(connection)
            for one in definition.overview(SQL)
        ]
    script.write_text(
        "set search_path = pg_catalog; set jit = off; set max_parallel_workers_per_gather = 0;\n" + ";\n".join(queries) + ";\n"
    )
    psql = programs("embedded" if server.name == "embedded" else "system") / "psql"
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([psql, "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-f", script, database.url], check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    main()
