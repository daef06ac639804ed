"""`make bench-pool`: how long a test waits for a database of its own: 400 tests on 2 workers of pytest-xdist, on 18 and on 15.

The pool of chatschema.pytest beside `createdb --template`, and pytest-postgresql where that is installed. The tests take 100 ms; in
the end they do nothing, and outrun the pool. The server is in memory, with fsync off. Each line has the load of the machine.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.cli import clean_environment, run_cli
from tests.support.database import create
from tests.support.servers import PgServer, private, programs

QUERY = "select count(*) from public.users"
HEAD = """\
import json, os, subprocess, time
import psycopg, pytest

def note(**times):
    with open(f"times.{{os.getpid()}}", "a") as file:
        print(json.dumps(times), file=file)

@pytest.fixture(autouse=True)
def work():
    yield
    time.sleep({work})
"""
POOL = """
@pytest.mark.parametrize("number", range({tests}))
def test_url(request, number):
    request.getfixturevalue("chatschema_run")  # the server and the template, once a worker
    began = time.perf_counter()
    url = request.getfixturevalue("chat_database")
    had = time.perf_counter()
    with psycopg.connect(url) as connection:
        connection.execute("{query}")
        note(database=had - began, connected=time.perf_counter() - began)
"""
OPENED = """
@pytest.mark.parametrize("number", range({tests}))
def test_connection(chat_connection_timed, number):
    pass

@pytest.fixture
def chat_connection_timed(began, chat_connection):
    chat_connection.execute("{query}")
    note(connected=time.perf_counter() - began)

@pytest.fixture
def began(chatschema_run):
    return time.perf_counter()
"""
CREATEDB = """
@pytest.mark.parametrize("number", range({tests}))
def test_createdb(number):
    name, began = f"own_{{os.getpid()}}_{{number}}", time.perf_counter()
    subprocess.run(["{bin}/createdb", "--template", "{template}", "--maintenance-db", "{admin}", name], check=True)
    had = time.perf_counter()
    with psycopg.connect("{base}" + name) as connection:
        connection.execute("{query}")
        note(database=had - began, connected=time.perf_counter() - began)
    subprocess.run(["{bin}/dropdb", "--maintenance-db", "{admin}", name], check=True)
"""
OTHER = """
from pytest_postgresql import factories

def migrate(**parts):
    with psycopg.connect(**parts) as connection:
        connection.execute(open("{dump}").read())

noproc = factories.postgresql_noproc(host="127.0.0.1", port={port}, user="postgres", load=[migrate])
fresh = factories.postgresql("noproc")

@pytest.fixture
def began():
    return time.perf_counter()

@pytest.mark.parametrize("number", range({tests}))
def test_fresh(noproc, began, fresh, number):
    fresh.execute("{query}")
    note(connected=time.perf_counter() - began)
"""


def main() -> None:
    """Print a table for each server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", type=int, default=400, help="tests of each form")
    options = parser.parse_args()
    for kind in ("embedded", "system"):
        with private(programs(kind), kind, in_memory=True) as server, tempfile.TemporaryDirectory() as folder:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}: {options.tests} tests, 2 workers; milliseconds\n")
            print(f"{'':<54}{'p50':>8}{'p99':>8}{'longest':>9}{'tests/s':>9}{'load':>7}", flush=True)
            measure(server, Path(folder), options.tests, programs(kind))


def measure(server: PgServer, folder: Path, tests: int, bin: Path) -> None:
    """Print the lines of one server."""
    run("chatschema, tests of 100 ms", server, folder, POOL, tests, 0.1)
    run("chatschema, chat_connection", server, folder, OPENED, tests, 0.1)
    for database in create(server, "bench_template"):
        done = run_cli("migrate", "--url", database.url, cwd=folder)
        if done.code:
            sys.exit(done.err)
        known = {"bin": bin, "template": database.name, "admin": server.url("postgres"), "base": server.url("")}
        run("createdb --template", server, folder, CREATEDB, tests, 0.1, **known)
        dump = folder / "dump.sql"
        if importlib.util.find_spec("pytest_postgresql") is None:
            print("pytest-postgresql is not installed, and not measured")
        else:
            dumping = [str(bin / "pg_dump"), "--no-owner", "--inserts", "--file", str(dump), "-d", database.url]
            subprocess.run(dumping, check=True)
            dump.write_text("\n".join(line for line in dump.read_text().splitlines() if not line.startswith("\\")))
            run("pytest-postgresql", server, folder, OTHER, tests, 0.1, dump=dump, port=server.port)
    run("chatschema, tests of 0 ms", server, folder, POOL, tests, 0)


def run(title: str, server: PgServer, folder: Path, text: str, tests: int, work: float, **known: object) -> None:
    """Run one form of test, and print how long they waited."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        head = HEAD.format(work=work)
        (Path(own) / "test_own.py").write_text(head + text.format(tests=tests, query=QUERY, **known))
        (Path(own) / "pytest.ini").write_text("[pytest]\n")
        words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "chatschema.pytest", "-p", "no:cacheprovider"]
        words += ["--chatschema-server", server.url("postgres")]
        # pytest-postgresql may be in a folder of its own.
        environ = clean_environment({"PYTHONPATH": os.pathsep.join(sys.path)})
        done = subprocess.run(words, cwd=own, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        noted = [json.loads(line) for path in Path(own).glob("times.*") for line in path.read_text().splitlines()]
    took = float(done.stdout.rsplit(" in ", 1)[1].split("s")[0])
    for key, words_of in (("database", "the database alone"), ("connected", "with the first connection")):
        times = sorted(one[key] * 1000 for one in noted if key in one)
        if times:
            p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
            load = os.getloadavg()[0]
            line = f"{p50:>8.1f}{p99:>8.1f}{times[-1]:>9.1f}{len(times) / took:>9.1f}{load:>7.1f}"
            print(f"{title + ', ' + words_of:<54}{line}", flush=True)


if __name__ == "__main__":
    main()
