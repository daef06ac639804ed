"""`make bench`: the cost of migrations: a file of 50 MB, 300 files of one line, and runs with nothing to do.

Every ratio is of medians of runs that took turns on one private server with fsync on. "Net" is without the time of a
run of the same folder with nothing to do. With --small the sizes are those of a test, and the ratios mean nothing.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.peers import dbmate_command
from tests.support import ROOT, peak
from tests.support.servers import PgServer, private, programs

DATABASE = "bench"
TABLE = "create table public.note (i int, t text);\n"
LINE = "insert into public.note (i, t) values (%d, 'some text; with a sign %d');\n"
PYTHON = sys.executable


@dataclass(frozen=True)
class Sizes:
    """The amounts to measure, and the number of repetitions."""

    file_mb: float
    files: int
    repeat: int
    starts: int


def main() -> None:
    """Print one line per comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test, without dbmate")
    parser.add_argument("--server", default="embedded", choices=("embedded", "system"))
    options = parser.parse_args()
    sizes = Sizes(1, 20, 1, 1) if options.small else Sizes(50, 300, 5, 21)
    with private(programs(options.server), "bench") as server, tempfile.TemporaryDirectory() as folder:
        with server.connect("postgres") as admin:
            admin.execute("alter system set fsync = on")
            admin.execute("select pg_reload_conf()")
        major, minor = divmod(server.version, 10000)
        print(f"PostgreSQL {major}.{minor}, Python {sys.version.split()[0]}, {os.cpu_count()} cores\n", flush=True)
        dbmate = None if options.small else dbmate_command(Path(folder))
        bench = Bench(server, programs(options.server), Path(folder), sizes, dbmate)
        bench.nothing_to_do()
        bench.many_files()
        bench.large_file()
        if not dbmate:
            print("dbmate                         skipped: dbmate is not available" + (" with --small" if options.small else ""))


class Bench:
    """The comparisons, on one server."""

    def __init__(self, server: PgServer, bin: Path, folder: Path, sizes: Sizes, dbmate: str | None) -> None:
        self.server, self.bin, self.folder, self.sizes, self.dbmate = server, bin, folder, sizes, dbmate
        self.url = server.url(DATABASE)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "DB_", "DATABASE_URL"))}
        self.env = {**kept, "PYTHONPATH": str(ROOT)}

    def nothing_to_do(self) -> None:
        """Status and a migrate with nothing to do against connecting."""
        self.recreate()
        ours = [PYTHON, "-m", "chatschema"]
        self.run(*ours, "migrate", "--url", self.url)
        bare = f"import psycopg; psycopg.connect({self.url!r})"
        steps = [(*ours, name, "--url", self.url) for name in ("status", "migrate")] + [(PYTHON, "-c", bare)]
        status, migrate, connect = self.medians(steps, self.sizes.starts)
        report("status", status, "import psycopg; connect", connect, "1.7")
        report("migrate, nothing to do", migrate, "import psycopg; connect", connect, "1.7")

    def many_files(self) -> None:
        """Files of one statement against the same statements in one transaction, and with the commit that each file has."""
        statements = [f"create table public.note_{i} (id bigint primary key, t text);\n" for i in range(self.sizes.files)]
        sql_dir = self.sql_dir("many", statements)
        migrate = (PYTHON, "-m", "chatschema", "migrate", "--url", self.url, "--sql-dir", str(sql_dir))
        together = self.psql("".join(statements))
        steps = [migrate, together, tuple(word for word in together if word != "-1"), *self.dbmate_step(sql_dir, "many")]
        idle: list[float] = []
        times = self.medians(steps, self.sizes.repeat, before=self.recreate, after={0: lambda: idle.append(self.run(*migrate))})
        ours, psql, commits, *dbmate = times
        net = ours - statistics.median(idle)
        report(f"{self.sizes.files} files, net", net, "psql -1 -f of the statements", psql, "4")
        report(f"{self.sizes.files} files, net", net, "psql -f, one commit each", commits)
        for theirs in dbmate:
            report(f"{self.sizes.files} files, whole process", ours, "dbmate up", theirs)

    def large_file(self) -> None:
        """One large file against psql, and the memory that it takes."""
        text = TABLE + "".join(LINE % (i, i) for i in range(int(self.sizes.file_mb * 1_000_000 // len(LINE % (99999, 99999)))))
        size = len(text)
        sql_dir = self.sql_dir("large", [text])
        migrate = (PYTHON, "-m", "chatschema", "migrate", "--url", self.url, "--sql-dir", str(sql_dir))
        steps = [self.psql(text), *self.dbmate_step(sql_dir, "large")]
        del text
        self.recreate()
        started = time.perf_counter()
        memory = peak.memory(migrate, env=self.env, cwd=self.folder)
        ours = time.perf_counter() - started
        psql, *dbmate = self.medians(steps, 1, before=self.recreate)
        report(f"file of {size / 1e6:.0f} MB", ours, "psql -1 -f", psql, "3")
        print(f"{'its peak memory':<30} {memory / 1e6:8.0f} MB   {'size of the file':<30} {size / 1e6:8.0f} MB   "
              f"ratio {memory / size:5.2f}  aim: under 4", flush=True)  # fmt: skip
        for theirs in dbmate:
            report(f"file of {size / 1e6:.0f} MB", ours, "dbmate up", theirs)

    def sql_dir(self, name: str, texts: Sequence[str]) -> Path:
        """Write a folder with one migration per text; return it."""
        folder = self.folder / name
        (folder / "migrations").mkdir(parents=True)
        shutil.copytree(ROOT / "sql" / "partitions", folder / "partitions")
        shutil.copy(ROOT / "sql" / "ledger.sql", folder)
        for number, text in enumerate(texts):
            (folder / "migrations" / f"20240101{number:06}_add_note.sql").write_text(text)
        return folder

    def psql(self, text: str) -> tuple[str, ...]:
        """Return the command that runs a text in one transaction."""
        script = self.folder / f"{len(text)}.sql"
        script.write_text(text)
        return (str(self.bin / "psql"), "-q", "-X", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(script), "-d", self.url)

    def dbmate_step(self, sql_dir: Path, name: str) -> list[tuple[str, ...]]:
        """Return the command that runs the same migrations with dbmate, if it is installed."""
        if not self.dbmate:
            return []
        folder = self.folder / f"dbmate-{name}"
        folder.mkdir()
        for path in (sql_dir / "migrations").iterdir():
            (folder / path.name).write_text(f"-- migrate:up\n{path.read_text()}\n-- migrate:down\n")
        return [(self.dbmate, "--url", f"{self.url}?sslmode=disable", "-d", str(folder), "--no-dump-schema", "up")]

    def run(self, *command: str) -> float:
        """Run a command and return the seconds that it took; its failure is the bench's."""
        started = time.perf_counter()
        done = subprocess.run(command, env=self.env, cwd=self.folder, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
        return seconds

    def medians(
        self,
        steps: Sequence[Sequence[str]],
        repeat: int,
        *,
        before: Callable[[], None] = lambda: None,
        after: dict[int, Callable[[], None]] | None = None,
    ) -> list[float]:
        """Return the median seconds of each command; they take turns, so that a slow moment affects all."""
        times: list[list[float]] = [[] for _ in steps]
        for _ in range(repeat):
            for number, step in enumerate(steps):
                before()
                times[number].append(self.run(*step))
                (after or {}).get(number, lambda: None)()
        return [statistics.median(own) for own in times]

    def recreate(self) -> None:
        """Give the bench an empty database."""
        with self.server.connect("postgres") as admin:
            admin.execute(f"drop database if exists {DATABASE} with (force)".encode())
            admin.execute(f"create database {DATABASE}".encode())


def report(what: str, ours: float, against: str, theirs: float, aim: str = "") -> None:
    """Print one comparison."""
    verdict = f"  aim: at most {aim}" if aim else ""
    print(
        f"{what:<30} {ours * 1000:8.0f} ms   {against:<30} {theirs * 1000:8.0f} ms   ratio {ours / theirs:5.2f}{verdict}",
        flush=True,
    )


if __name__ == "__main__":
    main()
