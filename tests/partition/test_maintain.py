"""partition maintain, the one command for cron: all that is due, once, whoever else runs it."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, there

MAINTAIN = ("maintain",)


def test_maintain_does_all_that_is_due_and_then_nothing(cli: Cli, aged: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[partition]\nkeep = "12mo"\ngrace = "0d"\n')
    aged.run("drop table chat_partitions.messages_" + str(next_month(aged)))
    aged.run("update public.conversations set retention_days = 1 where title = 'plain'")
    done = cli(*MAINTAIN, "--json", "--url", aged.url)
    assert done.code == 0, done.err
    report = done.json()
    assert [month["parent"] for month in report["created"]] == ["messages"]
    assert [(step["month"][:7], step["action"]) for step in report["retired"]][:3] == [
        (JANUARY, "detach"), (JANUARY, "archive"), (JANUARY, "drop"),
    ]  # fmt: skip
    assert there(aged, JANUARY) == {}
    again = cli(*MAINTAIN, "--json", "--url", aged.url).json()
    assert {key: value for key, value in again.items() if key != "analyzed"} == {
        "finished": [], "created": [], "erased": [], "retired": [], "purged": [], "sessions": [], "retention": [], "sealed": [], "frozen": [],
        "batches": [],
        "events": [], "failed": [], "findings": [],
    }  # fmt: skip


def next_month(database: Database) -> str:
    name: str = database.one(
        "select to_char(date_trunc('month', now() at time zone 'UTC') + interval '1 month', '\"y\"YYYY\"m\"MM')"
    )
    return name


def test_without_a_policy_months_stay(cli: Cli, aged: Database) -> None:
    assert cli(*MAINTAIN, "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"attached"}


def leave_it_to_maintain(database: Database) -> None:
    """Make the old months need a vacuum, and keep autovacuum from doing it first."""
    database.run("""
        alter table chat_partitions.messages_y2024m01 set (autovacuum_enabled = off);
        alter table chat_partitions.messages_y2024m02 set (autovacuum_enabled = off);
        update public.messages set edit_count = edit_count;
        update pg_class set relallvisible = 0 where relname in ('messages_y2024m01', 'messages_y2024m02')
    """)


def test_closed_months_are_frozen_once_and_parents_have_statistics(cli: Cli, aged: Database) -> None:
    leave_it_to_maintain(aged)
    first = cli(*MAINTAIN, "--json", "--url", aged.url).json()
    assert "messages_y2024m01" in first["frozen"]
    assert first["analyzed"] == ["messages", "message_statuses"]
    frozen = aged.all(
        "select relname from pg_class where relname ~ '^messages_y2024' and relkind = 'r'"
        " and relallvisible = relpages and relpages > 0 and age(relfrozenxid) < 1000"
    )
    assert len(frozen) == 2
    assert aged.one("select count(distinct attname) from pg_stats where tablename = 'messages' and inherited") > 10
    assert aged.one("select reltuples from pg_class where oid = 'public.messages'::regclass") == 600
    assert cli(*MAINTAIN, "--json", "--url", aged.url).json()["frozen"] == []


def test_a_month_in_use_is_frozen_another_day(cli: Cli, aged: Database) -> None:
    leave_it_to_maintain(aged)
    with aged.connect() as client:
        client.execute("begin; lock table chat_partitions.messages_y2024m01 in share mode")
        result = cli(*MAINTAIN, "--json", "--url", aged.url)
    assert result.code == 0, result.err
    assert "messages_y2024m02" in result.json()["frozen"]
    assert "messages_y2024m01" not in result.json()["frozen"]
    assert "messages_y2024m01" in cli(*MAINTAIN, "--json", "--url", aged.url).json()["frozen"]


def test_two_hosts_at_once(aged: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[partition]\nkeep = "12mo"\ngrace = "0d"\n')
    command = [sys.executable, "-m", "chatschema", *MAINTAIN, "--url", aged.url]
    running = [
        subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], results
    assert sum("2024-01 dropped" in out for out, _ in results) == 1


def test_before_the_first_migration_it_says_what_to_do(cli: Cli, empty: Database) -> None:
    for command in (MAINTAIN, ("partition", "retire", "--older-than", "12mo"), ("partition", "plan"), ("hold", "list")):
        result = cli(*command, "--url", empty.url)
        assert result.code == 1
        assert "chatschema migrate" in result.err
    assert cli("partition", "list", "--url", empty.url).code == 0


def test_what_retention_removes_is_not_archived(cli: Cli, aged: Database, tmp_path: Path) -> None:
    """Attached months are purged before they are retired, detached ones before they are archived."""
    import zstandard

    (tmp_path / "chatschema.toml").write_text('[partition]\nkeep = "12mo"\ngrace = "0d"\n')
    # January is detached already when its messages expire, and was archived with them.
    today = aged.one("select now() at time zone 'UTC'")
    since_february = (today.year - 2024) * 12 + today.month - 2
    assert cli("partition", "retire", "--older-than", f"{since_february}mo", "--grace", "30d", "--url", aged.url).code == 0
    assert set(there(aged, FEBRUARY).values()) == {"attached"}
    aged.run("""
        update chat_partitions.messages_y2024m01 set expires_at = now() - interval '1 minute' where substr(id::text, 36) = '7';
        update public.messages set expires_at = now() - interval '1 minute' where substr(id::text, 36) = '7'
    """)
    assert cli("partition", "archive", JANUARY, "--url", aged.url).code == 0
    done = cli(*MAINTAIN, "--url", aged.url)
    assert done.code == 0, done.err
    assert there(aged, JANUARY) == there(aged, FEBRUARY) == {}
    assert re.search(r"2024-01 purged \d+ messages that were past their retention; its archive will be written again", done.out)
    for month in (JANUARY, FEBRUARY):
        for table, key in (("messages", 0), ("message_statuses", 0)):
            with (tmp_path / "archives" / month / f"{table}.csv.zst").open("rb") as file:
                lines = zstandard.ZstdDecompressor().stream_reader(file).read().decode().splitlines()[1:]
            ids = [line.split(",")[key] for line in lines if line[8:9] == "-" and len(line.split(",")[key]) == 36]
            assert ids
            assert not [id for id in ids if id.endswith("7")], f"{month} {table}"
    assert aged.one("select count(*) from public.attachments where message_id::text like '%%7'") == 0


def test_maintain_is_there_under_its_old_name_as_well(cli: Cli, aged: Database) -> None:
    assert cli("partition", "maintain", "--url", aged.url).code == 0
