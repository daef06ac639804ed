"""`make bench`, second part: retiring a month, compared with a DELETE of an equal month, while clients work.

Four clients send messages, read pages and mark messages as read; "longest wait" is the slowest of their
transactions while the command ran, and every failed one is counted. Sizes are of one private server with fsync on.
With --small, a few rows and short pauses: a test runs that; its numbers mean nothing.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.load import prepare, running
from tests.support.servers import private, programs

SMALL = "--small" in sys.argv
MESSAGES = 2000 if SMALL else int(os.environ.get("BENCH_MESSAGES", "1000000"))
LEAVING, DELETED = "2024-01", "2024-02"
RETIRE = ("partition", "retire", "--older-than", "2y", "--grace", "0d", "--no-archive", "--yes")


@dataclass(frozen=True)
class Phase:
    """A command's name and cost: start and end (seconds since 1970), WAL and freed disk in bytes."""

    name: str
    start: float
    end: float
    wal: int
    freed: int


def main() -> None:
    """Print the table of waits and the comparison with DELETE."""
    with private(programs("embedded"), "bench") as server, tempfile.TemporaryDirectory() as name:
        with server.connect("postgres") as admin:
            for setting in (
                f"fsync = {'off' if SMALL else 'on'}",
                "max_wal_size = '4GB'",
                "shared_buffers = '512MB'",
                "autovacuum = off",
            ):
                admin.execute(f"alter system set {setting}".encode())
            admin.execute("select pg_reload_conf()")
        for database in create(server, "months"):
            folder = Path(name)
            cli(database, folder, "migrate")
            measure(database, folder)


def measure(database: Database, folder: Path) -> None:
    """Fill two months of a migrated database, and print the cost of retiring one and of deleting the other."""
    for month in (LEAVING, DELETED):
        make_month(database, month)
    prepare(database, {LEAVING: MESSAGES, DELETED: MESSAGES})
    print(f"\na month of {MESSAGES} messages and {2 * MESSAGES} statuses, and another one like it, with four clients at work:\n")
    compare(work(database, folder))


def make_month(database: Database, month: str) -> None:
    """Create only one old month, not all since then."""
    from datetime import UTC, datetime

    from chatschema import postgres
    from chatschema.partition import create, grid
    from chatschema.values import Settings

    settings = Settings(database.url, "bench", None, ROOT / "sql", ROOT / "seeds", Path())
    lower = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    with postgres.connect(settings) as connection:
        list(create.ensure(connection, [grid.month(p.table, lower) for p in grid.GROUP], say=print))


def work(database: Database, folder: Path) -> list[Phase]:
    """Run the commands, then the DELETE, under load; print the waits of the clients; return the cost of each."""
    phases: list[Phase] = []
    (folder / "chatschema.toml").write_text("[partition]\nahead = 18\n")

    def phase(name: str, action: Callable[[], object]) -> None:
        with measured(database, name) as result:
            action()
        phases.append(result[0])
        time.sleep(0.1 if SMALL else 1)

    with running(database, folder, rate=50 if SMALL else 400) as load:
        time.sleep(0.3 if SMALL else 1)
        phase("nothing, for 10 s", lambda: time.sleep(0.3 if SMALL else 10))
        phase("ensure, 12 months", lambda: cli(database, folder, "partition", "ensure"))
        phase("archive, attached", lambda: cli(database, folder, "partition", "archive", LEAVING))
        phase("retire", lambda: cli(database, folder, *keep(RETIRE)))
        phase("restore", lambda: cli(database, folder, "partition", "restore", LEAVING))
        phase("maintain", lambda: cli(database, folder, "partition", "maintain"))
        phase("DELETE", lambda: delete(database))
        phase("VACUUM after it", lambda: vacuum(database))
    print(f"{'':<22} {'took':>9} {'longest wait':>13} {'WAL':>10} {'freed':>11}")
    for one in phases:
        wait = load.longest(one.start, one.end)
        print(
            f"{one.name:<22} {one.end - one.start:7.1f} s {wait * 1000:10.0f} ms {one.wal / 1e6:7.0f} MB {one.freed / 1e6:8.0f} MB"
        )
    print(f"\n{len(load.transactions)} transactions of the clients, {load.failed} failed; aim: none, and no wait over 500 ms")
    return phases


def keep(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command with a span that covers only the month to retire."""
    from datetime import UTC, datetime

    days = (datetime.now(UTC) - datetime(2024, 2, 15, tzinfo=UTC)).days
    return tuple(f"{days}d" if part == "2y" else part for part in command)


def compare(phases: list[Phase]) -> None:
    """Print retire against DELETE + VACUUM as ratios."""
    by_name = {phase.name: phase for phase in phases}
    ours, theirs = by_name["retire"], (by_name["DELETE"], by_name["VACUUM after it"])
    seconds = sum(phase.end - phase.start for phase in theirs)
    wal, freed = sum(phase.wal for phase in theirs), sum(phase.freed for phase in theirs)
    print("\nretire (no archive), compared with DELETE + VACUUM of an equal month:")
    print(f"  time        {ours.end - ours.start:8.1f} s  against {seconds:8.1f} s   ratio {(ours.end - ours.start) / seconds:.3f}")
    print(f"  WAL         {ours.wal / 1e6:8.0f} MB against {wal / 1e6:8.0f} MB  ratio {ours.wal / wal:.3f}")
    print(f"  freed       {ours.freed / 1e6:8.0f} MB against {freed / 1e6:8.0f} MB")


@contextmanager
def measured(database: Database, name: str) -> Iterator[list[Phase]]:
    """Yield a list that contains the phase after the block."""
    result: list[Phase] = []
    start, before = time.time(), state(database)
    yield result
    end, after = time.time(), state(database)
    result.append(Phase(name, start, end, int(after[0] - before[0]), int(before[1] - after[1])))


def state(database: Database) -> tuple[float, int]:
    """Return the WAL position and the size of the month tables, in bytes."""
    row = database.one(
        "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn, (select sum(pg_total_relation_size(oid)) from pg_class"
        " where relnamespace = 'chat_partitions'::regnamespace and relkind = 'r' and relname ~ 'y2024')"
    )
    return float(row[0]), int(row[1])


def delete(database: Database) -> None:
    """Delete as a script without partitions does: statuses first, so that no trigger has to look for them."""
    month = "between chatschema.uuid7_floor('2024-02-01 00:00+00') and chatschema.uuid7_floor('2024-03-01 00:00+00')"
    database.run(f"delete from public.message_statuses where message_id {month}")
    database.run(f"delete from public.messages where id {month}")


def vacuum(database: Database) -> None:
    """Make the space reusable, and return the space at the end to the system."""
    for table in ("message_statuses", "messages"):
        database.run(f"vacuum chat_partitions.{table}_y2024m02")


def cli(database: Database, folder: Path, *arguments: str) -> None:
    """Run the command line; its failure is the bench's."""
    result = run_cli(*arguments, "--url", database.url, cwd=folder, timeout=1800)
    if result.code:
        sys.exit(f"{' '.join(arguments)} failed:\n{result.err}")


if __name__ == "__main__":
    main()
