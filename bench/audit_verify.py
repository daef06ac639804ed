"""`make bench-audit-verify`: what sealing and verifying an audit trail cost, on one private server of each version.

CPU is that of the server's process, in microseconds an entry: of an insert with the digest of release 0.1 and with today's, and of
sealing. Then a trail of about 500 bytes an entry that grows to 10,000,000 (--rows), with a hundred seals or more: at a hundredth,
a tenth and all of it, whole runs of `audit verify`, their peak memory, and a bare COPY of the same table, read and thrown away.
The smallest size comes first, and the disk is looked at before, so that nothing fails at the end that could have failed at the
beginning. With --small the sizes are those of a test, and the times mean nothing.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql

from chatschema import postgres
from chatschema.audit import canonical, seal
from tests.support import ROOT, peak
from tests.support.cli import clean_environment, run_cli
from tests.support.database import Database, create
from tests.support.servers import private, programs

ONE = """
    insert into public.audit_logs (user_id, action, resource_type, resource_id, ip_address, user_agent, session_id, request_id,
        details)
    values (gen_random_uuid(), 'message.edit', 'message', gen_random_uuid()::text, '10.1.2.3',
        'Mozilla/5.0 (X11; Linux x86_64) Firefox/150', gen_random_uuid(), 'req-1',
        '{"before": "abcdefghij", "after": "klmnopqrst", "reason": "none given"}')
"""
# Without the stamp, which would take most of the time. Each statement is a transaction.
MANY = sql.SQL("""
    insert into public.audit_logs (user_id, action, resource_type, resource_id, ip_address, user_agent, session_id, request_id,
        details, pii_salt, pii_digest)
    select gen_random_uuid(), 'message.edit', 'message', gen_random_uuid()::text, a.ip_address, a.user_agent, gen_random_uuid(),
        'req-' || a.i, a.details, a.pii_salt, sha256({personal})
    from (
        select i, '10.1.2.3'::inet as ip_address, 'Mozilla/5.0 (X11; Linux x86_64) Firefox/150 ' || i as user_agent,
            uuid_send(gen_random_uuid()) as pii_salt,
            jsonb_build_object('before', repeat(md5(i::text), 2), 'after', repeat(md5((-i)::text), 2), 'n', i) as details
        from generate_series(1, {rows}) as i
    ) as a
""")
# A row with its five indexes, and the seals.
BYTES_A_ROW = 900
CONFIG = "max_wal_size = '2GB'\nshared_buffers = '512MB'"


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--server", choices=("embedded", "system"), action="append", help="one of both")
    chosen = parser.parse_args()
    rows, inserts = (3000, 200) if chosen.small else (chosen.rows, 10_000)
    free, needed = shutil.disk_usage(tempfile.gettempdir()).free, rows * BYTES_A_ROW + (3 << 30) * (not chosen.small)
    if free < needed:
        sys.exit(f"{tempfile.gettempdir()} has {free / 2**30:.1f} GB free, and {needed / 2**30:.1f} GB are needed (--rows)")
    for kind in chosen.server or (("embedded",) if chosen.small else ("embedded", "system")):
        with private(programs(kind), kind, config=CONFIG) as server, tempfile.TemporaryDirectory() as folder:
            major, minor = divmod(server.version, 10000)
            print(f"\nPostgreSQL {major}.{minor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n", flush=True)
            for database in create(server, "trail"):
                _run(database, Path(folder), "migrate")
                _inserts(database, inserts)
                _grow(database, Path(folder), [rows // 100, rows // 10, rows])
    print("\naims: an insert 0.5 of before; sealing 3 % of an insert; verify 2.2 times COPY, with --quick 1.5 times")


def _run(database: Database, folder: Path, *command: str) -> None:
    done = run_cli(*command, "--url", database.url, cwd=folder, timeout=36000)
    if done.code:
        sys.exit(f"{' '.join(command)} failed: {done.err}")


def _cpu(connection: "psycopg.Connection[tuple[object, ...]]") -> float:
    """Return the CPU time of the server's process of a session, in microseconds."""
    stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") * 1e6


def _inserts(database: Database, count: int) -> None:
    migrations = ROOT / "sql" / "migrations"
    after = (migrations / "20261202000200_write_out_audit_digest.sql").read_text()
    before = (migrations / "20261202000200_write_out_audit_digest.rollback.sql").read_text()
    spent = dict[str, list[float]]()
    # In turns, so that both meet the same load.
    for title, text in (("before", before), ("after", after), ("before", before), ("after", after)):
        database.run(text)
        with closing(psycopg.connect(database.url, autocommit=True)) as connection:
            for _ in range(count // 10):
                connection.execute(ONE.encode())
            start = _cpu(connection)
            for _ in range(count):
                connection.execute(ONE.encode())
            spent.setdefault(title, []).append((_cpu(connection) - start) / count)
    old, new = (min(spent[title]) for title in ("before", "after"))
    print(f"{'insert, digest by a function':<34}{old:>10.1f} us")
    print(f"{'insert, digest written out':<34}{new:>10.1f} us{new / old if old else 0:>10.2f} of before")
    with closing(postgres.connect(database.url)) as connection:
        start = _cpu(connection)
        sealed = sum(one.row_count for one in seal.seal(connection, wait_s=5))
        cost = (_cpu(connection) - start) / sealed
    print(f"{'sealing, the server':<34}{cost:>10.1f} us{100 * cost / new if new else 0:>9.1f} % of an insert", flush=True)


def _grow(database: Database, folder: Path, sizes: list[int]) -> None:
    """Print a line a size: how long verify takes, as seconds, as a multiple of COPY, and its peak memory."""
    print(
        f"\n{'entries':<12}{'seals':>6}{'COPY':>9}{'verify':>10}{'':>7}{'memory':>9}{'--quick':>10}{'':>7}{'memory':>9}", flush=True
    )
    chunk, there = max(sizes[-1] // 100, 10), int(str(database.one("select count(*) from public.audit_logs")))
    for size in sizes:
        _fill(database, there + size, chunk)
        copied = min(_copy(database) for _ in range(2))
        total = database.one("select count(*) from public.audit_logs")
        print(f"{total:<12}{database.one('select count(*) from chatschema.audit_seals'):>6}{copied:>7.1f} s", end="", flush=True)
        for options in ((), ("--quick",)):
            command = [sys.executable, "-m", "chatschema", "audit", "verify", *options, "--url", database.url]
            started = time.perf_counter()
            memory = peak.memory(command, env=clean_environment(), cwd=folder)
            taken = time.perf_counter() - started
            print(f"{taken:>8.1f} s{taken / copied:>5.2f} x{memory / 2**20:>6.0f} MB", end="", flush=True)
        print(flush=True)


def _fill(database: Database, size: int, chunk: int) -> None:
    """Add entries until there are that many, in transactions of `chunk`, and a seal after each."""
    with closing(postgres.connect(database.url)) as connection:
        postgres.execute(connection, "set session_replication_role = replica")
        there = postgres.fetch_one(connection, "select count(*) from public.audit_logs")[0]
        while there < size:
            some = min(chunk, size - there)
            postgres.execute(connection, MANY.format(personal=canonical.PERSONAL, rows=sql.Literal(some)))
            there += some
            for _ in seal.seal(connection, wait_s=5):
                pass
        postgres.execute(connection, "vacuum analyze public.audit_logs")


def _copy(database: Database) -> float:
    started = time.perf_counter()
    with (
        closing(psycopg.connect(database.url)) as connection,
        connection.cursor() as cursor,
        cursor.copy("copy public.audit_logs to stdout (format binary)") as copy,
    ):
        for _ in copy:
            pass
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
