"""`make bench-pooling`: the numbers of docs/how-to/pooling.md, through PgBouncer in transaction mode.

How many transactions a second pools of different sizes do, with 32 clients that read pages; how long a page takes while people sign
in, with bcrypt inside and outside of the transaction; and pages a second, with one statement a page and with one a message. Each on
two servers. Other work on the machine changes all of them: look at the ratios. With --small the sizes are those of a test.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import bcrypt
import psycopg

from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.pgbouncer import pooled
from tests.support.servers import private, programs

CLIENTS, SIZES = 32, (1, 2, 5, 8, 16, 32)
PAGE = "select * from chatschema.page('{room}', null, 50)"
ONE = "select * from public.messages where id = '{id}'"
# cost 12, as the schema asks for
PASSWORD = b"derived from what the user types"
FILL = """
    insert into public.users (username) values ('alice');
    insert into public.conversations (title, created_by) select 'talk', id from public.users;
    insert into public.conversation_participants (conversation_id, user_id)
        select c.id, u.id from public.conversations as c, public.users as u;
    insert into public.messages (conversation_id, sender_id, content_encrypted)
        select c.id, u.id, decode(repeat('5a', 200), 'hex')
        from public.conversations as c, public.users as u, generate_series(1, 5000);
    analyze
"""


def main() -> None:
    """Print the numbers of both servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    small = parser.parse_args().small
    print(f"{os.cpu_count()} cores")
    for kind in ("embedded",) if small else ("system", "embedded"):
        with private(programs(kind), kind) as server, tempfile.TemporaryDirectory() as folder:
            for database in create(server, "pooling"):
                done = run_cli("migrate", "--url", database.url, cwd=Path(folder))
                if done.code:
                    raise SystemExit(done.err)
                database.run(FILL)
                print(database.one("select version()").split(" on ")[0])
                sizes(database, programs("system"), seconds=1 if small else 10, of=SIZES[2:4] if small else SIZES)
                sign_ins(database, seconds=1 if small else 10)
                statements(database, seconds=1 if small else 5)


def sizes(database: Database, bin: Path, *, seconds: int, of: tuple[int, ...]) -> None:
    """Print transactions a second by the size of the pool, and the ratio to the best."""
    done: dict[int, float] = {}
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("begin;\nselect set_config('app.user_id', '', true);\n" + _page(database) + ";\ncommit;\n")
        script.flush()
        for size in of:
            with pooled(database.url, size) as url:
                command = ["pgbench", "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-f", script.name, url]
                out = subprocess.run([str(bin / command[0]), *command[1:]], capture_output=True, text=True, check=True).stdout
            done[size] = float(next(line.split()[2] for line in out.splitlines() if line.startswith("tps")))
    best = max(done.values())
    print(f"  transactions a second by pool size, {CLIENTS} clients:")
    for size, tps in done.items():
        print(f"    {size:3}: {tps:7.0f}  {tps / best:.2f}")


def sign_ins(database: Database, *, seconds: float) -> None:
    """Print how long a page takes while sixteen people sign in through a pool of 8."""
    hashed = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(12))
    print("  a page while 16 people sign in, pool of 8 (median, slowest):")
    for title, is_inside in (("bcrypt outside of the transaction", False), ("bcrypt inside", True)):

        def sign_in(session: "psycopg.Connection[tuple[object, ...]]", is_inside: bool = is_inside) -> None:
            if not is_inside:
                bcrypt.checkpw(PASSWORD, hashed)
            with session.transaction():
                session.execute("select 1")
                if is_inside:
                    bcrypt.checkpw(PASSWORD, hashed)

        with pooled(database.url, 8) as url:
            is_over = threading.Event()
            others = [threading.Thread(target=_repeat, args=(url, sign_in, is_over)) for _ in range(16)]
            for other in others:
                other.start()
            time.sleep(0.5)
            taken = _times(url, lambda session: _read(session, database), seconds)
            is_over.set()
            for other in others:
                other.join()
        print(f"    {title:34}{statistics.median(taken):8.1f} {max(taken):8.1f} ms, {len(taken)} pages")


def statements(database: Database, *, seconds: float) -> None:
    """Print how long a page of 50 takes and holds its connection, read by one statement and by one a message."""
    ids = [str(row[0]) for row in database.all(_page(database))]
    print("  a page of 50 messages (median):")
    with pooled(database.url, 5) as url:

        def one_by_one(session: "psycopg.Connection[tuple[object, ...]]") -> None:
            with session.transaction():
                for id in ids:
                    session.execute(ONE.format(id=id).encode()).fetchall()

        one = statistics.median(_times(url, lambda session: _read(session, database), seconds))
        many = statistics.median(_times(url, one_by_one, seconds))
    print(f"    one statement {one:.1f} ms, one a message {many:.1f} ms: {many / one:.1f} times as long")


def _page(database: Database) -> str:
    return PAGE.format(room=database.one("select id from public.conversations"))


def _read(session: "psycopg.Connection[tuple[object, ...]]", database: Database) -> None:
    with session.transaction():
        session.execute(_page_of.setdefault(database.url, _page(database)).encode()).fetchall()


_page_of: dict[str, str] = {}


def _repeat(url: str, work: Callable[["psycopg.Connection[tuple[object, ...]]"], None], is_over: threading.Event) -> None:
    with closing(psycopg.connect(url, autocommit=True, prepare_threshold=None)) as session:
        while not is_over.is_set():
            work(session)


def _times(url: str, work: Callable[["psycopg.Connection[tuple[object, ...]]"], None], seconds: float) -> list[float]:
    """Return how long each run of the work took, in milliseconds."""
    taken: list[float] = []
    with closing(psycopg.connect(url, autocommit=True, prepare_threshold=None)) as session:
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(taken) < 3:
            started = time.perf_counter()
            work(session)
            taken.append((time.perf_counter() - started) * 1000)
    return taken


if __name__ == "__main__":
    main()
