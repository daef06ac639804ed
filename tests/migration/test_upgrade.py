"""A database of an earlier release becomes one of this by `chatschema migrate` alone, while people talk."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database, create
from tests.support.dump import dump
from tests.support.load import prepare, running
from tests.support.migrations import IDS, applied
from tests.support.pace import long
from tests.support.released import RELEASES, load, make_months
from tests.support.rows import add_conversation, add_message, add_user
from tests.support.servers import PgServer

MESSAGES = 3000
WAIT_S = 3.0
ROUNDS = 20 if os.environ.get("CHATSCHEMA_TEST_FULL") else 1


@pytest.fixture(params=RELEASES)
def released(request: pytest.FixtureRequest, empty: Database) -> Database:
    """A database of an earlier release with two past months, and no rows."""
    load(empty, request.param)
    return empty


@pytest.mark.parametrize("number", range(ROUNDS))
def test_an_upgrade_while_people_talk_fails_nobodys_statement(
    cli: Cli, released: Database, server: PgServer, migrated_template: str, tmp_path: Path, number: int
) -> None:
    past = [f"{month:%Y-%m}" for month in make_months(released, 2)]
    prepare(released, dict.fromkeys(past, MESSAGES))
    old_rows = "select count(*) from public.{} where {} < chatschema.uuid7_floor(date_trunc('month', now(), 'UTC'))"
    (tmp_path / "load").mkdir()
    with running(released, tmp_path / "load") as clients:
        time.sleep(1)
        started = time.time()
        result = cli("migrate", "--url", released.url)
        ended = time.time()
        time.sleep(1)
    assert result.code == 0, result.err
    assert clients.failed == 0
    assert len(clients.transactions) > 100
    # pgbench tries a victim of a deadlock again, and would not count it.
    assert released.one("select deadlocks from pg_stat_database where datname = current_database()") == 0
    print(f"round {number + 1}: the longest wait of {ended - started:.1f} s: {clients.longest(started, ended) * 1000:.0f} ms")
    assert clients.longest(started, ended) < WAIT_S
    assert released.one(old_rows.format("messages", "id")) == 2 * MESSAGES
    # People report old messages as well; what was there is of the first two of them.
    reports = old_rows.format("message_statuses join public.load using (user_id)", "message_id")
    assert released.one(f"{reports} and n in (1, 2)") == 4 * MESSAGES
    assert (
        released.one("select count(*) from public.messages as m left join public.load as l using (conversation_id) where l is null")
        == 0
    )
    is_upgraded(cli, released, server, migrated_template)


def is_upgraded(cli: Cli, database: Database, server: PgServer, migrated_template: str) -> None:
    """Check that nothing tells the database from one that this release made."""
    assert applied(database) == IDS
    checked = cli("status", "--check", "--url", database.url)
    assert checked.code == 0, checked.out + checked.err
    guards = dict(
        database.all(
            "select c.relname, array_agg(t.tgname::text order by t.tgname) from pg_class as c join pg_trigger as t on t.tgrelid = c.oid"
            " where c.relispartition and c.relkind = 'r' and t.tgname ~ '^month_' group by 1"
        )
    )
    months = database.all("select relname from pg_class where relispartition and relkind = 'r'")
    assert set(guards) == {name for (name,) in months}
    assert len({tuple(names) for names in guards.values()}) == 3, guards
    database.run("drop table if exists public.load")
    for fresh in create(server, f"fresh_{database.name}", migrated_template):
        make_months(fresh, 2)
        assert dump(database) == dump(fresh)
    works(database)


def works(database: Database) -> None:
    """Send, report, answer and delete."""
    user, conversation = add_conversation(database)
    message = add_message(database, user, conversation)
    answer = add_message(database, user, conversation, "reply_to_id", message)
    report = "insert into public.message_statuses (message_id, user_id, status) values (%s, %s, %s) on conflict (message_id, user_id) do update set status = excluded.status"
    for status in ("read", "delivered"):
        database.run(report, message, user, status)
    assert database.one("select status from public.message_statuses where message_id = %s", message) == "read"
    page = database.all("select id from chatschema.page(%s, null, 50)", conversation)
    assert [row[0] for row in page] == [answer, message]
    database.run("delete from public.messages where id = %s", message)
    assert database.one("select reply_to_id from public.messages where id = %s", answer) is None
    assert database.one("select count(*) from public.message_statuses where message_id = %s", message) == 0


def test_an_active_hold_keeps_its_scope(cli: Cli, released: Database, server: PgServer, migrated_template: str) -> None:
    carol, bobby = (add_user(released, name) for name in ("carol", "bobby"))
    first, second = (released.one("insert into public.conversations default values returning id") for _ in range(2))
    joined = "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)"
    for pair in ((first, carol), (second, carol), (second, bobby)):
        released.run(joined, *pair)
    held = add_message(released, bobby, second)
    hold = released.one("insert into chatschema.holds (user_id, reason) values (%s, 'case 7') returning id", carol)
    past = released.one("insert into chatschema.holds (user_id, reason) values (%s, 'case 6') returning id", bobby)
    released.run("update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x' where id = %s", past)
    assert cli("migrate", "--url", released.url).code == 0
    scope = dict(released.all("select conversation_id, hold_id from chatschema.hold_conversations where hold_id = %s", hold))
    assert scope == {first: hold, second: hold}
    released.run("delete from public.conversation_participants where user_id = %s", carol)
    with pytest.raises(Exception, match="is under a hold"):
        released.run("delete from public.messages where id = %s", held)
    released.run("update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x' where id = %s", hold)
    released.run("delete from public.messages where id = %s", held)
    is_upgraded(cli, released, server, migrated_template)


def test_a_retention_without_measure_becomes_a_hundred_years(cli: Cli, empty: Database) -> None:
    load(empty, "0.1.0")
    empty.run(
        "insert into public.conversations (title, retention_days) values ('a', 2147483647), ('b', 36500), ('c', 30), ('d', null)"
    )
    assert cli("migrate", "--url", empty.url).code == 0
    days = dict(empty.all("select title, retention_days from public.conversations"))
    assert days == {"a": 36500, "b": 36500, "c": 30, "d": None}
    assert cli("partition", "purge", "--url", empty.url).code == 0
    with pytest.raises(Exception, match="conversations_retention_days_limit_check"):
        empty.run("update public.conversations set retention_days = 36501")


@long
def test_a_reader_who_stays_is_waited_for_without_holding_up_the_others(cli: Cli, released: Database, tmp_path: Path) -> None:
    prepare(released, {})
    stop = threading.Event()
    waits = []

    def read() -> None:
        with released.connect() as other:
            while not stop.is_set():
                began = time.monotonic()
                other.execute("select count(*) from public.messages")
                waits.append(time.monotonic() - began)
                time.sleep(0.02)

    with released.connect() as reader:
        reader.execute("begin; select count(*) from public.messages")
        others = threading.Thread(target=read)
        others.start()
        command = [sys.executable, "-m", "chatschema", "migrate", "--url", released.url]
        with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
            assert process.stderr
            tried = next((line for line in process.stderr if "attempt 1 of" in line), "")
            time.sleep(3)
            reader.execute("commit")
            rest = process.stderr.read()
        stop.set()
        others.join()
    assert tried, rest
    assert process.returncode == 0, rest
    print(f"the longest wait of another reader: {max(waits) * 1000:.0f} ms")
    assert max(waits) < WAIT_S
    assert applied(released) == IDS
