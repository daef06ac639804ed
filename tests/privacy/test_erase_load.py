"""An erasure under the application's traffic, killed on the way: it ends clean, others' rows stay, and clients hardly notice.

CHATSCHEMA_TEST_FULL=1 (make test-privacy) erases 1,000,000 messages of 24 months and kills the run five times, else 4,000 of 3 months
and one kill.
"""

import os
import time
from pathlib import Path

from tests.migration.test_batch_load import percentile
from tests.support.batches import started, wait_until
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.load import prepare, running
from tests.support.months import make_months
from tests.support.pace import long

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
ROWS, MONTHS, KILLS, IDLE_S = (1_000_000, 24, 5, 30.0) if IS_FULL else (4_000, 3, 1, 3.0)
RATE = 80
# How many times as long as idle the 99th percentile may be; a short run on a busy machine says little.
MOST = 1.5 if IS_FULL else 8.0
# Every fourth message is of somebody who stays.
_FILL = """
    insert into public.users (username, email) values ('leaving', 'leaving@example.com');
    set session_replication_role = replica;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
    select chatschema.uuid7(at), l.conversation_id, case when i % 4 = 0 then l.user_id else u.id end, decode(repeat('5a', 120), 'hex'), at
    from (
        select i, date_trunc('month', now(), 'UTC') - interval '1 hour' - i * interval '{days} days' / {count} as at
        from generate_series(0, {count} - 1) as i
    ) as t
    join public.load as l on l.n = 1 + i % 50
    join public.users as u on u.username = 'leaving';
"""
# From the trail: a count of the messages would read all of them, and clients would meet that.
_DONE = "select coalesce(sum((details ->> 'rows')::bigint), 0) from public.audit_logs where action = 'privacy.erase_batch'"
_LEFT = "select count(*) from public.messages where sender_id = '{}' and content_encrypted is not null"


@long
def test_clients_hardly_notice_and_every_kill_is_survived(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    make_months(migrated, MONTHS)
    prepare(migrated, {})
    migrated.run(_FILL.format(count=ROWS * 4 // 3, days=30 * (MONTHS - 1) - 3))
    migrated.run("vacuum analyze")
    person = migrated.one("select id from public.users where username = 'leaving'")
    left = _LEFT.format(person)
    before = int(migrated.one(left))
    others = (
        f"select md5(string_agg(m::text, '|' order by id)) from public.messages as m where sender_id <> '{person}'"
        f" and id < '{migrated.one('select id from public.messages where sender_id <> %s order by id desc limit 1', person)}'"
    )
    found = migrated.one(others)
    command = ("privacy", "erase", "leaving", "--yes", "--url", migrated.url)
    assert cli("audit", "seal", "--url", migrated.url).code == 0
    (tmp_path / "load").mkdir()
    with running(migrated, tmp_path / "load", rate=RATE) as clients:
        time.sleep(1)
        idle = time.time()
        time.sleep(IDLE_S)
        begun = time.time()
        windows = []
        for number in range(1, KILLS + 1):
            with started(*command, cwd=tmp_path) as process:
                goal = before * number // (KILLS + 2)
                wait_until(lambda goal=goal: migrated.one(_DONE) >= goal, f"{goal} erased", 600, every_s=0.2)  # type: ignore[misc]
                process.kill()
                process.communicate()
        since = time.time()
        result = cli(*command, timeout=1200)
        windows.append((begun, time.time()))
        assert result.code == 0, result.out + result.err
        ended = time.time()
        time.sleep(1)
    assert clients.failed == 0
    ratio = percentile(clients, windows) / percentile(clients, [(idle, begun)])
    print(
        f"{before} messages, {KILLS} kills: {ended - begun:.0f} s, the last run {ended - since:.0f} s; p99 of clients {ratio:.2f} times idle"
    )
    assert migrated.one(left) == 0
    assert migrated.one(others) == found
    assert migrated.one("select count(*) from chatschema.privacy_requests where state = 'done'") == 1
    assert "nothing is left" in result.out
    verified = cli("audit", "verify", "--url", migrated.url, timeout=1200)
    assert verified.code == 0, verified.out
    # Last, as a busy machine says little about it.
    assert ratio <= MOST
