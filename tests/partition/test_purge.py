"""Row-level retention: what a conversation asks for, no more, in small batches, around rows in use, and again and again."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents
from tests.support.pace import long

PLAIN = "(select id from public.conversations where title = 'plain')"


def cut_off_at(database: Database, moment: str) -> None:
    """Let the plain conversation keep its messages since a day before `moment`, whatever the day of the test."""
    database.run(
        "update public.conversations set retention_days = extract(day from now() - %s::timestamptz) + 1 where title = 'plain'",
        moment,
    )


def plain(database: Database) -> int:
    count: int = database.one(f"select count(*) from public.messages where conversation_id = {PLAIN}")
    return count


def test_only_what_outstayed_its_conversations_retention_goes(cli: Cli, aged: Database) -> None:
    before, total = plain(aged), aged.one("select count(*) from public.messages")
    cut_off_at(aged, "2024-02-01 00:00+00")
    dry = cli("partition", "purge", "--dry-run", "--json", "--url", aged.url).json()["would_purge"]
    assert [one["messages"] for one in dry] == [before // 2]
    assert plain(aged) == before
    result = cli("partition", "purge", "--batch", "4", "--pace", "0", "--url", aged.url)
    assert result.code == 0, result.err
    assert f"purged {before // 2} messages" in result.out
    assert plain(aged) == before // 2
    assert aged.one("select count(*) from public.messages") == total - before // 2
    assert aged.one("select count(*) from public.message_statuses as s where not exists (select from public.messages as m where m.id = s.message_id)") == 0  # fmt: skip
    assert "nothing to do" in cli("partition", "purge", "--url", aged.url).out
    batches = aged.one("select count(*) from public.audit_logs where action = 'retention.purge'")
    assert batches == -(-before // 2 // 4)


def test_expired_messages_go_and_those_without_an_end_stay(cli: Cli, aged: Database) -> None:
    aged.run("update public.messages set expires_at = now() - interval '1 minute' where substr(id::text, 36) = '7'")
    expired = aged.one("select count(*) from public.messages where expires_at < now()")
    total = aged.one("select count(*) from public.messages")
    assert cli("partition", "purge", "--url", aged.url).code == 0
    assert aged.one("select count(*) from public.messages") == total - expired


_READ = "select sum(idx_tup_fetch + seq_tup_read) from pg_stat_user_tables where relname ~ '^messages_y'"


@pytest.mark.parametrize("kind", ["expired", pytest.param("by retention", marks=long)])
def test_held_rows_are_looked_at_once_and_not_in_each_batch(cli: Cli, aged: Database, kind: str) -> None:
    """Half of what is due is held, and older than the other half."""
    aged.run(
        "set session_replication_role = replica;"
        " insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at, expires_at)"
        f" select chatschema.uuid7(at), {PLAIN}, u.id, 'x', at, at + interval '1 day' from generate_series(1, 2000) as i"
        " cross join lateral (select timestamptz '2024-01-02 00:00+00' + i * interval '10 minutes' as at) as t"
        " join public.users as u on u.username = 'bobby'"
    )
    if kind == "by retention":
        aged.run("update public.messages set expires_at = null")
        cut_off_at(aged, "2024-02-01 00:00+00")
    aged.run("vacuum analyze public.messages")
    aged.run("select pg_stat_reset()")
    held = ("--conversation", str(aged.one(PLAIN)), "--to", "2024-01-09")
    assert cli("hold", "add", *held, "--reason", "x", "--url", aged.url).code == 0
    result = cli("partition", "purge", "--batch", "10", "--pace", "0", "--json", "--url", aged.url)
    assert result.code == 0, result.err
    removed = sum(one["messages"] for one in result.json()["purged"])
    assert removed >= 980
    # A hundred batches, none of which reads again what is held.
    read = wait_for_statistics(aged)
    assert read < 90_000, read


def wait_for_statistics(database: Database) -> int:
    """Return the rows that were read, once the counters stand still."""
    last = -1
    while (now := int(database.one(_READ))) != last or now == 0:
        last = now
        time.sleep(0.2)
    return now


def test_held_rows_and_rows_in_use_stay(cli: Cli, aged: Database) -> None:
    cut_off_at(aged, "2024-02-01 00:00+00")
    assert cli("hold", "add", "--user", "alice", "--to", "2024-01-10", "--reason", "x", "--url", aged.url).code == 0
    held = aged.one(
        f"select count(*) from public.messages where conversation_id = {PLAIN} and id < chatschema.uuid7_floor('2024-01-10 00:00+00')"
    )
    with aged.connect() as client:
        client.execute("begin")
        used = client.execute(
            f"select id from public.messages where conversation_id = {PLAIN} and id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
            " order by id desc limit 1 for update".encode()
        ).fetchone()
        # A reply in use keeps what it answers.
        replies = "update public.messages set reply_to_id = (select id from public.messages where conversation_id = {0} order by id offset 11 limit 1) where id = %s"
        client.execute(replies.format(PLAIN).encode(), used)
        assert cli("partition", "purge", "--url", aged.url).code == 0
        assert used
        assert aged.one("select count(*) from public.messages where id = %s", used[0]) == 1
    january = f"select count(*) from public.messages where conversation_id = {PLAIN} and id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
    assert aged.one(january) >= held + 1
    assert cli("partition", "purge", "--url", aged.url).code == 0
    assert aged.one(january) == held


def test_a_killed_purge_is_gone_on_with(cli: Cli, aged: Database, tmp_path: Path) -> None:
    aged.run("update public.conversations set retention_days = 1")
    command = [sys.executable, "-m", "chatschema", "partition", "purge", "--batch", "5", "--pace", "2", "--url", aged.url]
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert any("purged" in line for line in process.stderr)
        process.send_signal(signal.SIGKILL)
    time.sleep(0.1)
    left = aged.one("select count(*) from public.messages")
    assert 0 < left < 600
    assert aged.one("select count(*) from public.message_statuses") == 2 * left
    assert cli("partition", "purge", "--url", aged.url).code == 0
    assert aged.one("select (select count(*) from public.messages) + (select count(*) from public.message_statuses)") == 0


def test_the_delete_touches_the_months_of_its_rows_only(aged: Database) -> None:
    """As the purge asks: the ids between the first and the last."""
    ids = [row[0] for row in aged.all("select id from public.messages where id < chatschema.uuid7_floor('2024-02-01 00:00+00') order by id limit 5")]  # fmt: skip
    with aged.connect() as connection:
        plan = connection.execute(
            f"explain delete from public.messages where id = any (array['{ids[0]}', '{ids[4]}']::uuid[]) and id >= '{ids[0]}' and id <= '{ids[4]}'".encode()
        ).fetchall()
    assert {name for row in plan for name in re.findall(r"messages_y\d+m\d+", row[0])} == {"messages_y2024m01"}


@pytest.mark.parametrize("arguments", [("--batch", "0"), ("--pace", "-1")])
def test_senseless_options_are_refused(cli: Cli, aged: Database, arguments: tuple[str, str]) -> None:
    assert cli("partition", "purge", *arguments, "--url", aged.url).code == 2
    assert {JANUARY, FEBRUARY} <= set(contents(aged)["messages"])


def test_a_retention_beyond_all_time_stops_no_purge(cli: Cli, aged: Database) -> None:
    """One row with 2147483647 days stopped every purge; now the row is refused, and one from before is taken for a century."""
    with pytest.raises(psycopg.errors.CheckViolation, match="retention_days_limit_check"):
        aged.run("update public.conversations set retention_days = 2147483647 where title <> 'plain'")
    aged.run("alter table public.conversations drop constraint conversations_retention_days_limit_check")
    aged.run("update public.conversations set retention_days = 2147483647 where title <> 'plain'")
    cut_off_at(aged, "2024-02-01 00:00+00")
    before = plain(aged)
    assert cli("partition", "purge", "--url", aged.url).code == 0
    assert plain(aged) == before // 2


def test_conversations_with_nothing_due_are_found_by_one_query(cli: Cli, aged: Database) -> None:
    """As many queries for two thousand of them as for one."""
    from tests.support.explained import statements

    aged.run(
        "insert into public.conversations (title, retention_days) select 'quiet ' || i, 36500 from generate_series(1, 2000) as i"
    )
    many = statements(aged, lambda: cli("partition", "purge", "--url", aged.url))
    aged.run("delete from public.conversations where title like 'quiet %' and title <> 'quiet 1'")
    assert many == statements(aged, lambda: cli("partition", "purge", "--url", aged.url))
