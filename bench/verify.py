"""`make bench-verify`: the time of verify with 24, 126 and 500 months and with 2,000 migrations, beside status --check and migrate.

The column of partitions is the query by which status --check compares each partition, of which there are two a month, with its
parent. Whole processes, medians of runs that took turns on one private server. The migrations are one-line files. With --small the
sizes are those of a test, and the times mean nothing.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from chatschema import postgres
from chatschema.structure import partitions
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.months import make_months
from tests.support.servers import private, programs

AIM_S = 3.0


@dataclass(frozen=True)
class Sizes:
    """The amounts to measure, and the number of repetitions."""

    months: tuple[int, ...]
    files: int
    repeat: int


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    sizes = Sizes((2,), 20, 1) if parser.parse_args().small else Sizes((24, 126, 500), 2000, 5)
    for kind in ("embedded",) if sizes.repeat == 1 else ("system", "embedded"):
        with private(programs(kind), kind) as server, tempfile.TemporaryDirectory() as folder:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n", flush=True)
            print(f"{'':<34}{'verify':>10}{'status --check':>18}{'its partitions':>18}{'migrate from empty':>22}", flush=True)
            for count in sizes.months:
                for database in create(server, f"months_{count}"):
                    migrate_s = _timed(database, Path(folder), "migrate")
                    make_months(database, count - 6)
                    _line(f"{count} months", database, Path(folder), sizes.repeat, migrate_s)
            for database in create(server, "files"):
                own = _files(Path(folder), sizes.files)
                migrate_s = _timed(database, Path(folder), "migrate", *own)
                _line(f"{sizes.files} migrations", database, Path(folder), sizes.repeat, migrate_s, *own)
    print(f"\naim: verify with 24 months under {AIM_S:.0f} s")


def _line(title: str, database: Database, folder: Path, repeat: int, migrate_s: float, *options: str) -> None:
    times: dict[str, list[float]] = {"verify": [], "status": []}
    for _ in range(repeat):
        times["verify"].append(_timed(database, folder, "verify", *options))
        times["status"].append(_timed(database, folder, "status", "--check", *options))
    verify_s, status_s = (statistics.median(values) for values in times.values())
    looked_s = statistics.median(_looked(database) for _ in range(repeat))
    print(f"{title:<34}{verify_s:>8.2f} s{status_s:>16.2f} s{looked_s:>16.3f} s{migrate_s:>20.2f} s", flush=True)


def _looked(database: Database) -> float:
    with closing(postgres.connect(Settings(database.url, "bench", None, ROOT / "sql", ROOT / "seeds", Path()))) as connection:
        started = time.perf_counter()
        if found := partitions.read(connection):
            sys.exit(f"the partitions differ: {found[0]}")
        return time.perf_counter() - started


def _timed(database: Database, folder: Path, *command: str) -> float:
    started = time.perf_counter()
    done = run_cli(*command, "--url", database.url, cwd=folder, timeout=900)
    # The columns of its files have no tag, which status --check reports.
    if done.code and not (done.code == 3 and command[0] == "status" and "has no tag" in done.out):
        sys.exit(f"{' '.join(command)} failed: {done.out}{done.err}")
    return time.perf_counter() - started


def _files(folder: Path, count: int) -> tuple[str, ...]:
    """Write so many migrations after the shipped ones, a table and changes of it in turn; return the option that names them."""
    shutil.copytree(ROOT / "sql", folder / "sql")
    for number in range(count):
        table = f"public.note_{number // 10}"
        text = f"create table {table} (i int);\n" if number % 10 == 0 else f"alter table {table} add column n{number} text;\n"
        name = f"{20990101000000 + number}_add_note_{number}"
        (folder / "sql" / "migrations" / f"{name}.sql").write_text(f"-- note: one of many.\n{text}")
    return ("--sql-dir", str(folder / "sql"))


if __name__ == "__main__":
    main()
