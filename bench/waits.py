"""`make bench`: how long other sessions wait while a column or an index is added to messages, by chatschema and by other tools.

Four clients send messages, read pages and mark messages as read. The column is added while a session stays in a transaction that
has read messages; the index while nobody stays. Each tool gets a copy of the same database on one private server with fsync on.
With --small, a few rows and a short stay, to see that it runs: its numbers mean nothing.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bench.peers import dbmate_command, write_dbmate_folder
from bench.retirement import make_month
from tests.support import ROOT
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.load import prepare, running
from tests.support.servers import PgServer, private, programs

SMALL = "--small" in sys.argv
MONTHS = ("2024-01", "2024-02")
MESSAGES = 500 if SMALL else 250_000
STAY_S = 2 if SMALL else 20
CHANGES = {
    "column": "alter table public.messages add column bench_note text;\n",
    "index": "create index bench_sender_created_at on public.messages (sender_id, created_at);\n",
}
ROLLBACKS = {
    "column": "alter table public.messages drop column bench_note;\n",
    "index": "drop index public.bench_sender_created_at;\n",
}
Tool = Callable[[Database, str], None]


@dataclass(frozen=True)
class Row:
    """One change by one tool: how long it took and the longest wait of a client, in seconds, and how many clients failed."""

    took: float
    longest: float
    failed: int


def main() -> None:
    """Print a table for each of the two changes."""
    config = f"fsync = {'off' if SMALL else 'on'}\nmax_wal_size = '4GB'\nshared_buffers = '512MB'"
    with private(programs("embedded"), "bench", config=config) as server, tempfile.TemporaryDirectory() as name:
        for change in CHANGES:
            write_folders(Path(name) / change, change)
        found = tools(Path(name))
        for template in create(server, "template_of_waits"):
            fill(template)
            for change, title in (
                ("column", f"add column to messages, behind a reader who stays for {STAY_S} s"),
                ("index", "create index on messages"),
            ):
                print(f"\n{title}; {len(MONTHS)} months of {MESSAGES:,} messages:\n")
                print(f"  {'':<12} {'took':>8} {'longest wait of a client':>26} {'failed':>8}")
                for tool, run in found.items():
                    row = measure(server, template.name, change, run)
                    print(f"  {tool:<12} {row.took:6.1f} s {row.longest * 1000:23.0f} ms {row.failed:8}")


def fill(database: Database) -> None:
    """Give the template two old months with messages."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_cli("migrate", "--url", database.url, cwd=Path(folder))
        if done.code:
            sys.exit(done.err)
    for month in MONTHS:
        make_month(database, month)
    prepare(database, dict.fromkeys(MONTHS, MESSAGES))


def tools(folder: Path) -> dict[str, Tool]:
    """Return what runs a change, by the tool's name; without dbmate where npm cannot install it."""

    def psql(database: Database, change: str) -> None:
        command = [str(programs("embedded") / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-d", database.url, "-c", CHANGES[change]]
        subprocess.run(command, check=True)

    def chatschema(database: Database, change: str) -> None:
        done = run_cli("migrate", "--url", database.url, "--sql-dir", str(folder / change / "sql"), cwd=folder, timeout=600)
        if done.code:
            sys.exit(done.err)

    def yoyo(database: Database, change: str) -> None:
        url = database.url.replace("postgresql://", "postgresql+psycopg://")
        program = str(Path(sys.executable).parent / "yoyo")
        options = ["apply", "--batch", "--no-config-file", "--database", url]
        subprocess.run([program, *options, str(folder / change / "one")], check=True, capture_output=True)

    def nothing(_database: Database, _change: str) -> None:
        time.sleep(STAY_S)

    found: dict[str, Tool] = {"no change": nothing, "chatschema": chatschema, "psql": psql, "yoyo": yoyo}
    if program := dbmate_command(folder):

        def dbmate(database: Database, change: str) -> None:
            options = ["--url", f"{database.url}?sslmode=disable", "-d", str(folder / change / "dbmate"), "--no-dump-schema", "up"]
            subprocess.run([program, *options], check=True, capture_output=True)

        found["dbmate"] = dbmate
    return found


def write_folders(folder: Path, change: str) -> None:
    """Write the change as a file of chatschema, beside its own migrations, and alone for the other tools."""
    name = "20990101000000_bench_change"
    shutil.copytree(ROOT / "sql", folder / "sql")
    # The default of 8 attempts takes about 17 s, less than the reader stays.
    patience = "-- online: index\n" if change == "index" else "-- lock-attempts: 14\n"
    header = f"-- messages: a change of the benchmark.\n{patience}"
    for own, text in ((folder / "sql" / "migrations", header + CHANGES[change]), (folder / "one", CHANGES[change])):
        own.mkdir(exist_ok=True)
        (own / f"{name}.sql").write_text(text)
        (own / f"{name}.rollback.sql").write_text(ROLLBACKS[change])
    write_dbmate_folder(folder / "one", folder / "dbmate")


def measure(server: PgServer, template: str, change: str, run: Tool) -> Row:
    """Run one change on a copy of the template, under load, and behind a reader if it is the column."""
    rows = []
    for database in create(server, f"waits_{change}", template):
        with tempfile.TemporaryDirectory() as folder:
            stay = staying(database) if change == "column" else nullcontext()
            with running(database, Path(folder), rate=100) as load:
                time.sleep(0.5 if SMALL else 3)
                with stay:
                    start = time.time()
                    run(database, change)
                    end = time.time()
                time.sleep(0.5)
            rows.append(Row(end - start, load.longest(start, end), load.failed))
    return rows[0]


@contextmanager
def staying(database: Database) -> Iterator[None]:
    """Let a session read messages and stay in its transaction for a while."""
    connection = database.connect()
    connection.execute("begin")
    connection.execute("select count(*) from (select from public.messages limit 1) as m")
    leaving = threading.Timer(STAY_S, lambda: connection.execute("commit"))
    leaving.start()
    try:
        yield
    finally:
        leaving.join()
        connection.close()


if __name__ == "__main__":
    main()
