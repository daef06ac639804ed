"""`make bench`: the time of a plan: `migrate --dry-run` of one file, with 24 and 126 months, and with 2,000 migrations.

Whole processes, in turns with pg_dump --schema-only of the same database, which is the least that a copy can take, on a private
server with fsync on. With --small the sizes are those of a test, and the ratios mean nothing.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.cli import clean_environment, run_cli
from tests.support.database import Database, create
from tests.support.months import make_months
from tests.support.servers import PgServer, private, programs

PENDING = "-- messages: a column.\nalter table public.messages add column bench text default clock_timestamp()::text;\n"
PENDING_ALONE = "-- note: a column.\nalter table public.note add column bench text;\n"


def main() -> None:
    """Print one line a database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    options = parser.parse_args()
    months, files, repeat = ((3,), 20, 1) if options.small else ((24, 126), 2000, 5)
    for kind in ("embedded",) if options.small else ("system", "embedded"):
        with private(programs(kind), kind) as server, tempfile.TemporaryDirectory() as folder:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}\n", flush=True)
            print(f"{'':<24}{'no copy':>12}{'copy':>12}{'pg_dump -s':>12}{'copy / pg_dump':>16}")
            for count in months:
                of_months(server, count, repeat, Path(folder))
            of_files(server, files, repeat, Path(folder))


def of_months(server: PgServer, count: int, repeat: int, folder: Path) -> None:
    """Measure a file that rewrites all months."""
    own = folder / f"months_{count}"
    for database in create(server, f"months_{count}"):
        run("migrate", "--url", database.url, cwd=folder)
        copy_files(own, PENDING)
        attached = database.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass")
        make_months(database, max(count - attached + 1, 1))
        measure(f"{count} months", database, own, repeat)


def copy_files(own: Path, pending: str) -> None:
    """Write the migrations and one more."""
    source = Path(__file__).parent.parent / "sql" / "migrations"
    (own / "migrations").mkdir(parents=True)
    for path in source.iterdir():
        (own / "migrations" / path.name).write_bytes(path.read_bytes())
    (own / "migrations" / "20990101000000_bench.sql").write_text(pending)


def of_files(server: PgServer, count: int, repeat: int, folder: Path) -> None:
    """Measure a folder with many files, all applied but the last."""
    own = folder / "many"
    (own / "migrations").mkdir(parents=True)
    (own / "migrations" / "20200101000000_note.sql").write_text("-- note: a table.\ncreate table public.note (i int);\n")
    for number in range(1, count):
        text = f"-- note: a column.\ncreate table public.note_{number} (i int);\n"
        (own / "migrations" / f"202001{number:08d}_note.sql").write_text(text)
    for database in create(server, "many"):
        run("migrate", "--sql-dir", str(own), "--url", database.url, cwd=folder)
        (own / "migrations" / "20990101000000_bench.sql").write_text(PENDING_ALONE)
        measure(f"{count} migrations", database, own, repeat)


def measure(title: str, database: Database, own: Path, repeat: int) -> None:
    """Print the medians of runs in turns."""
    plan = [sys.executable, "-m", "chatschema", "migrate", "--dry-run", "--json", "--sql-dir", str(own), "--url", database.url]
    dump = [str(programs("embedded") / "pg_dump"), "--schema-only", "-d", database.url]
    commands: Sequence[Sequence[str]] = ([*plan, "--scratch", "none"], [*plan, "--scratch", "same"], dump)
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(repeat):
        for place, command in enumerate(commands):
            began = time.perf_counter()
            subprocess.run(
                command, cwd=own, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
            )
            times[place].append(time.perf_counter() - began)
    bare, copied, dumped = map(statistics.median, times)
    print(f"{title:<24}{bare:>10.2f} s{copied:>10.2f} s{dumped:>10.2f} s{copied / dumped:>16.1f}", flush=True)


def run(*arguments: str, cwd: Path) -> None:
    """Run a command; end where it fails."""
    done = run_cli(*arguments, cwd=cwd, timeout=1200)
    if done.code:
        sys.exit(done.err)


if __name__ == "__main__":
    main()
