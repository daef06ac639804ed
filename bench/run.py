"""`make bench`: the cost of chatschema, as ratios to the limit and to other tools, all measured in this run.

Every line is the median of its repetitions, the two sides taken in turn, on one private server with fsync on. "Net" is
without the time of `chatschema status`: starting Python, connecting and reading the ledger.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.peers import dbmate_command, write_dbmate_folder
from tests.support import ROOT
from tests.support.servers import PgServer, private, programs

PYTHON = sys.executable
CHATSCHEMA = str(Path(PYTHON).parent / "chatschema")
DATABASE = "bench"
Step = Callable[[], None]


def main() -> None:
    """Print one line per comparison."""
    with private(programs("embedded"), "bench") as server, tempfile.TemporaryDirectory() as folder:
        with server.connect("postgres") as admin:
            admin.execute("alter system set fsync = on")
            admin.execute("select pg_reload_conf()")
        os.chdir(folder)
        bench = Bench(server, Path(folder))
        major, minor = divmod(server.version, 10000)
        print(f"PostgreSQL {major}.{minor}, Python {sys.version.split()[0]}, {os.cpu_count()} cores\n")
        bench.start_up()
        status = bench.status()
        bench.migrate(status)
        bench.reset(status)
        bench.peers()


class Bench:
    """The comparisons, on one server."""

    def __init__(self, server: PgServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.url = server.url(DATABASE)
        self.bin = programs("embedded")
        self.env = {**os.environ, "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user}

    def start_up(self) -> None:
        """--version against the import of the library that it uses."""
        ours, bare = self.medians([self.step(CHATSCHEMA, "--version"), self.step(PYTHON, "-c", "import typer")], repeat=21)
        report("--version", ours, "python -c 'import typer'", bare, aim=1.3)

    def status(self) -> float:
        """Status against connecting and selecting; return the time of status."""
        self.recreate()
        self.run(CHATSCHEMA, "migrate", "--url", self.url)
        bare = f"import psycopg; psycopg.connect({self.url!r}).execute('select 1').fetchone()"
        status = self.step(CHATSCHEMA, "status", "--url", self.url)
        ours, connect = self.medians([status, self.step(PYTHON, "-c", bare)], repeat=11)
        report("status", ours, "psycopg connect + select", connect, aim=2.5)
        return ours

    def migrate(self, status: float) -> None:
        """Migrate an empty database against psql -1 -f of the same SQL, months included."""
        self.recreate()
        # The files and the months, as one transaction without the ledger.
        plan = self.run(CHATSCHEMA, "migrate", "--dry-run", "--url", self.url)
        script = self.folder / "same.sql"
        script.write_text(plan.replace("begin;\n", "").replace("commit;\n", ""))
        psql = self.step("psql", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", DATABASE, "-f", str(script))
        ours, theirs = self.medians([self.step(CHATSCHEMA, "migrate", "--url", self.url), psql], before=self.recreate)
        report("migrate from empty, net", ours - status, "psql -1 -f of the same SQL", theirs, aim=2)

    def reset(self, status: float) -> None:
        """Reset from its template against doing the same by hand, and against its own first time."""
        self.recreate()
        command = self.step(CHATSCHEMA, "reset", "--yes", "--url", self.url)
        (first,) = self.medians([command], before=self.drop_templates, repeat=5)
        template = self.run(
            "psql", "-d", "postgres", "-Atc", "select datname from pg_database where datname ~ '^chatschema_template'"
        ).strip()

        def by_hand() -> None:
            self.run("dropdb", "--force", DATABASE)
            self.run("createdb", f"--template={template}", DATABASE)

        again, hand = self.medians([command, by_hand])
        report("reset with its template, net", again - status, "dropdb + createdb --template", hand, aim=2)
        report("reset with its template", again, "its own first run", first)

    def peers(self) -> None:
        """Run the same migrations with other tools, whole processes; they check, record and create less."""
        migrations = self.folder / "migrations"
        shutil.copytree(ROOT / "sql" / "migrations", migrations)
        yoyo_url = self.url.replace("postgresql://", "postgresql+psycopg://")
        yoyo = [str(Path(PYTHON).parent / "yoyo"), "apply", "--batch", "--no-config-file", "--database", yoyo_url, str(migrations)]
        steps = [self.step(CHATSCHEMA, "migrate", "--url", self.url), self.step(*yoyo)]
        dbmate = dbmate_command(self.folder)
        if dbmate:
            folder = write_dbmate_folder(migrations, self.folder / "dbmate-migrations")
            steps.append(self.step(dbmate, "--url", f"{self.url}?sslmode=disable", "-d", str(folder), "--no-dump-schema", "up"))
        times = self.medians(steps, before=self.recreate)
        print("\nthe same migrations with other tools, which create no months, store no checksum and (dbmate) take no lock:")
        report("migrate, whole process", times[0], "stock yoyo apply", times[1])
        if dbmate:
            report("migrate, whole process", times[0], "dbmate up", times[2])
        else:
            print("  dbmate: not measured, because npm could not install it")

    def step(self, *command: str) -> Step:
        """Return a step that runs a command."""
        return lambda: void(self.run(*command))

    def run(self, *command: str) -> str:
        """Run a command of the wheel or of this environment; its failure is the bench's."""
        program = str(self.bin / command[0]) if (self.bin / command[0]).exists() else command[0]
        done = subprocess.run([program, *command[1:]], env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
        return done.stdout

    def medians(self, steps: Sequence[Step], *, before: Step = lambda: None, repeat: int = 7) -> list[float]:
        """Return the median time of each step in seconds; they take turns, so that a slow moment affects all."""
        times: list[list[float]] = [[] for _ in steps]
        for _ in range(repeat):
            for own, step in zip(times, steps, strict=True):
                before()
                started = time.perf_counter()
                step()
                own.append(time.perf_counter() - started)
        return [statistics.median(own) for own in times]

    def recreate(self) -> None:
        """Give the bench an empty database."""
        with self.server.connect("postgres") as admin:
            admin.execute(f"drop database if exists {DATABASE} with (force)".encode())
            admin.execute(f"create database {DATABASE}".encode())

    def drop_templates(self) -> None:
        """Drop the template, so that the next reset is a first one."""
        with self.server.connect("postgres") as admin:
            for (name,) in admin.execute("select datname from pg_database where datname ~ '^chatschema_template'").fetchall():
                admin.execute(f"drop database {name} with (force)".encode())


def void(_: object) -> None:
    """Drop a result."""


def report(what: str, ours: float, against: str, theirs: float, aim: float | None = None) -> None:
    """Print one comparison."""
    verdict = "" if aim is None else f"  aim: at most {aim:g}"
    print(f"{what:<30} {ours * 1000:8.0f} ms   {against:<30} {theirs * 1000:8.0f} ms   ratio {ours / theirs:5.2f}{verdict}")


if __name__ == "__main__":
    main()
