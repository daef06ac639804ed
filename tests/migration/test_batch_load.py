"""Batches under the application's traffic: nobody's statement fails, each row is done once, and clients hardly notice.

CHATSCHEMA_TEST_FULL=1 (make test-batches) takes 1,000,000 messages of 24 months, kills the run five times and holds a row for 30 s,
else 20,000 messages of 3 months, one kill and 2 s.
"""

import os
import time
from pathlib import Path

from tests.support.batches import DONE_ONCE, done, started, touches, wait_for, write_both
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.load import Load, prepare, running
from tests.support.months import make_months
from tests.support.pace import long

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
ROWS, MONTHS, KILLS, HELD_S, IDLE_S = (1_000_000, 24, 5, 30.0, 30.0) if IS_FULL else (20_000, 3, 1, 2.0, 4.0)
RATE = 80
# How many times as long as idle the 99th percentile may be; a short run on a busy machine says little.
MOST = 1.3 if IS_FULL else 5.0
_FILL = """
    set session_replication_role = replica;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
    select chatschema.uuid7(at), l.conversation_id, l.user_id, decode(repeat('5a', 120), 'hex'), at
    from (
        select i, date_trunc('month', now(), 'UTC') - interval '1 hour' - i * interval '{days} days' / {count} as at
        from generate_series(0, {count} - 1) as i
    ) as t
    join public.load as l on l.n = 1 + i % 50;
"""


def percentile(load: Load, windows: list[tuple[float, float]]) -> float:
    """Return the 99th percentile of the latencies between pairs of moments, in milliseconds."""
    found = sorted(latency for at, latency in load.transactions if any(start <= at <= end for start, end in windows))
    assert len(found) > 100, len(found)
    return found[int(len(found) * 0.99)] * 1000


@long
def test_clients_hardly_notice(cli: Cli, migrated: Database, sql_dir: Path, tmp_path: Path) -> None:
    make_months(migrated, MONTHS)
    prepare(migrated, {})
    migrated.run(_FILL.format(count=ROWS, days=30 * (MONTHS - 1) - 3))
    migrated.run("vacuum analyze")
    write_both(sql_dir)
    own = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", "--to", "20990101000000", *own).code == 0
    (tmp_path / "load").mkdir()
    with running(migrated, tmp_path / "load", rate=RATE) as clients:
        time.sleep(1)
        idle = time.time()
        time.sleep(IDLE_S)
        begun = time.time()
        windows = []
        for number in range(1, KILLS + 1):
            with started("migrate", *own, cwd=sql_dir) as process:
                wait_for(migrated, done(migrated) + 1)
                since = time.time()
                wait_for(migrated, ROWS * number // (KILLS + 2))
                windows.append((since, time.time()))
                process.kill()
                process.communicate()
            # It reads the whole table: what clients meet meanwhile says nothing about batches.
            assert migrated.one("select sum(touched) from public.messages") == done(migrated)
        since = time.time()
        held = _run_beside_a_held_row(migrated, sql_dir, own)
        ended = time.time()
        windows.append((since, ended))
        time.sleep(1)
    before, beside = percentile(clients, [(idle, begun)]), percentile(clients, windows)
    print(
        f"{ROWS} rows in {ended - begun:.1f} s, {KILLS} kills; clients: p99 {beside:.1f} ms, idle {before:.1f} ms;"
        f" longest {clients.longest(begun, ended) * 1000:.0f} ms, idle {clients.longest(idle, begun) * 1000:.0f} ms; {held}"
    )
    assert clients.failed == 0
    assert touches(migrated)[-1] == (1,)
    before_end = "id <= (select end_key::uuid from chatschema.batches)"
    assert migrated.all(f"select distinct touched from public.messages where {before_end}") == DONE_ONCE
    assert beside < before * MOST


def _run_beside_a_held_row(database: Database, sql_dir: Path, own: tuple[str, ...]) -> str:
    """Run to the end while a row is held for a time, and return in words how far the rest had come."""
    with database.connect() as holder:
        holder.execute("begin")
        holder.execute("select from public.messages where touched = 0 order by id offset 500 limit 1 for update")
        began = time.monotonic()
        with started("migrate", *own, cwd=sql_dir) as process:
            time.sleep(HELD_S)
            rows = done(database)
            holder.execute("rollback")
            _, err = process.communicate(timeout=600)
            assert process.returncode == 0, err
        print(err)
    return f"{rows} rows were done when the row was let go after {HELD_S:.0f} s; the last run took {time.monotonic() - began:.1f} s"
