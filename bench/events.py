"""`make bench-events`: what an event costs the insert of a message.

Three databases on one server: without the triggers that record messages, with them and switched off, and switched on. They take
turns; a turn is a transaction of many inserts, and what is printed is the median of the CPU time that its server process took for
one message, and the ratio to the first: other work on the machine changes that less than the time on the clock. Needs Linux. With
--small the sizes are those of a test, and the ratios mean nothing.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.events import SWITCH_ON, conversations
from tests.support.servers import private, programs

SETTINGS = "shared_buffers = '512MB'\nmax_wal_size = '4GB'\nautovacuum = off"
AIM = 1.15
SEND = "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, %s)"
CONTENT = "decode(repeat('5a', 200), 'hex')"
ONE_BY_ONE = f"""
    do $$
    declare
        room record;
    begin
        select c.id, c.created_by into room from public.conversations as c limit 1;
        for i in 1..{{size}} loop
            insert into public.messages (conversation_id, sender_id, content_encrypted)
                values (room.id, room.created_by, {CONTENT});
        end loop;
    end
    $$
"""
AT_ONCE = f"""
    insert into public.messages (conversation_id, sender_id, content_encrypted)
    select c.id, c.created_by, {CONTENT}
    from (select * from public.conversations limit 1) as c cross join generate_series(1, {{size}})
"""
CASES: tuple[tuple[str, str | None, int], ...] = (
    ("a message a transaction", None, 50),
    ("a message a statement", ONE_BY_ONE, 200),
    ("3,000 messages a statement", AT_ONCE, 3000),
)


def main() -> None:
    """Print a table for each of the two servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    options = parser.parse_args()
    for kind in ("embedded",) if options.small else ("system", "embedded"):
        with private(programs(kind), kind, config=SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
            for without in create(server, "without"):
                for command in (["migrate"], ["roles", "apply"]):
                    done = run_cli(*command, "--url", without.url, cwd=Path(folder))
                    if done.code:
                        raise SystemExit(done.err)
                conversations(without, 8)
                for off in create(server, "off", "without"):
                    for on in create(server, "switched_on", "off"):
                        for trigger in ("sent", "edited", "removed"):
                            without.run(f"drop trigger messages_record_{trigger} on public.messages")
                        on.run(SWITCH_ON)
                        measure((without, off, on), 3 if options.small else 60, is_small=options.small)


def measure(databases: tuple[Database, Database, Database], turns: int, *, is_small: bool) -> None:
    """Print a line a case."""
    major, minor = divmod(databases[0].server.version, 10000)
    print(f"\nPostgreSQL {major}.{minor}; medians of {turns} turns, CPU time a message\n")
    print(f"{'':<30}{'without':>12}{'off':>12}{'on':>12}{'off':>8}{'on':>8}{'aim':>8}", flush=True)
    for title, text, full in CASES:
        size = 10 if is_small else full
        times: list[list[float]] = [[], [], []]
        sessions = [psycopg.connect(database.url, autocommit=True) for database in databases]
        for turn in range(turns + 3):
            for side in ((0, 1, 2), (1, 2, 0), (2, 0, 1))[turn % 3]:
                times[side].append(timed(sessions[side], text, size))
        for session in sessions:
            session.close()
        without, off, on = (statistics.median(found[3:]) * 1e6 / size for found in times)
        line = f"{title:<30}{without:9.1f} us{off:9.1f} us{on:9.1f} us{off / without:8.2f}{on / without:8.2f}{AIM:8.2f}"
        print(line, flush=True)


def timed(connection: "psycopg.Connection[Any]", text: str | None, size: int) -> float:
    """Return the seconds of CPU that the server took: for one statement, or for as many transactions as the application sends."""
    (room,) = connection.execute("select array[id, created_by] from public.conversations limit 1").fetchall()[0]
    spent = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    if text is None:
        connection.execute("set role chat_app")
    began = int(spent.read_text().split()[0])
    if text is not None:
        connection.execute(text.format(size=size).encode())
    for _ in range(size if text is None else 0):
        with connection.transaction():
            connection.execute("select set_config('app.user_id', %s, true)", (str(room[1]),), prepare=False)
            connection.execute(SEND, (*room, b"Z" * 200), prepare=False)
    took = (int(spent.read_text().split()[0]) - began) / 1e9
    connection.execute("reset role")
    return took


if __name__ == "__main__":
    main()
