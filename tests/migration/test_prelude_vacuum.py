"""A vacuum in the way of a migration: that of the server is evicted, one by hand is waited for, and nobody queues meanwhile."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.pace import long
from tests.support.servers import PgServer, beside

# Slow enough that a table of users is vacuumed for minutes; other tables as fast as can be, as there are few workers.
SLOW = "autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1"
EVICTED_S = 5.0


@pytest.fixture(scope="module")
def own(server: PgServer) -> Iterator[PgServer]:
    with beside(server, config="autovacuum_naptime = 1s") as running:
        yield running


def vacuumed(database: Database, table: str) -> None:
    """Change all rows and return once autovacuum works on them. It is made slow first: a fast one would leave nothing to wait for."""
    database.run(f"alter table {table} set ({SLOW})")
    database.run(f"update {table} set last_seen_at = now()")
    deadline = time.monotonic() + 120
    while not database.one("select count(*) from pg_stat_progress_vacuum where relid = %s::regclass", table):
        assert time.monotonic() < deadline, "autovacuum does not come"
        time.sleep(0.05)


@long
def test_autovacuum_is_evicted(cli: Cli, own: PgServer, sql_dir: Path) -> None:
    database = Database(own, "postgres")
    options = ("--url", database.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", *options).code == 0
    database.run("insert into public.users (username) select 'user-' || i from generate_series(1, 20000) as i")
    vacuumed(database, "public.users")
    write(sql_dir, NEXT, "alter table public.users add column note text;", "alter table public.users drop column note;")
    began = time.monotonic()
    done = cli("migrate", *options)
    took = time.monotonic() - began
    print(f"migrate beside an autovacuum of users took {took:.1f} s")
    assert done.code == 0, done.err
    assert took < EVICTED_S
    vacuumed(database, "public.users")
    began = time.monotonic()
    undone = cli("undo", "--yes", *options)
    assert undone.code == 0, undone.err
    assert time.monotonic() - began < EVICTED_S


@long
def test_a_vacuum_by_hand_is_waited_for_and_named_and_nobody_queues(cli: Cli, seeded: Database, sql_dir: Path) -> None:
    """It is not evicted. What VACUUM holds is held here by a session whose end the test decides."""
    write(sql_dir, NEXT, "-- lock-attempts: 2\nalter table public.users add column note text;")
    over, waits = threading.Event(), [0.0]

    def work() -> None:
        with seeded.connect() as other:
            while not over.wait(0.02):
                began = time.monotonic()
                other.execute("update public.users set last_seen_at = now() where username = 'nobody'")
                waits.append(time.monotonic() - began)

    with seeded.connect() as vacuum:
        vacuum.execute("set application_name = nightly; begin; lock table public.users in share update exclusive mode")
        client = threading.Thread(target=work)
        client.start()
        began = time.monotonic()
        refused = cli("migrate", "--url", seeded.url, "--sql-dir", str(sql_dir))
        took = time.monotonic() - began
        over.set()
        client.join()
        assert refused.code == 5
        assert f"blocked by pid {vacuum.info.backend_pid} (nightly, user " in refused.err
        assert "holds SHARE UPDATE EXCLUSIVE on users, and this statement needs SHARE UPDATE EXCLUSIVE" in refused.err
    assert took > 6
    print(f"a writer waited {max(waits) * 1000:.0f} ms at most")
    assert max(waits) < 0.5
