"""What is left at the ends of a retirement: files that were collected, a folder that cannot be written, a default partition."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents, there

RETIRE = ("partition", "retire", "--older-than", "12mo")
DROP = (*RETIRE, "--grace", "0d", "--yes")
IN_JANUARY = "message_id < chatschema.uuid7_floor('2024-02-01 00:00+00')"


def ok(cli: Cli, database: Database, *command: str) -> str:
    result = cli(*command, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


def follow(cli: Cli, database: Database, line: str) -> None:
    """Type one line of a hint where it says."""
    where, _, command = line.partition(":")
    if where == "shell":
        ok(cli, database, *command.split()[1:])
    else:
        database.run(command)


def test_restore_names_the_attachments_that_were_collected_meanwhile(cli: Cli, aged: Database) -> None:
    ids = [row[0] for row in aged.all(f"select id from public.attachments where {IN_JANUARY} order by id")]
    assert len(ids) > 6
    ok(cli, aged, *DROP)
    # What the application's collector does: it removes the file, and then the row, or marks it.
    aged.run("delete from public.attachments where id = any (%s)", ids[:2])
    aged.run("update public.attachments set state = 'deleted', purged_at = now() where id = %s", ids[2])
    aged.run(
        "insert into chatschema.erasures (subject_type, subject_id)"
        " select 'message', message_id from chatschema.released_attachments where attachment_id = %s",
        ids[3],
    )
    result = cli("partition", "restore", JANUARY, "--json", "--url", aged.url)
    assert result.code == 0, result.err
    back = result.json()
    assert back["attachments_gone"] == sorted(map(str, ids[:3]))
    assert (back["attachments"], back["attachments_left"]) == (len(ids) - 4, 1)
    details = aged.one("select details -> 'attachments' from public.audit_logs where action = 'partition.attachments_gone'")
    assert details == back["attachments_gone"]
    aged.run("delete from public.attachments where message_id is null and id <> all (%s)", ids)
    left = aged.one(f"select count(*) from chatschema.released_attachments where not {IN_JANUARY}")
    text = ok(cli, aged, "partition", "restore", FEBRUARY)
    assert f"{left} attachments are missing: their row or file was removed since then" in text


@pytest.mark.parametrize("is_due", [True, False], ids=["archived by this run", "archived after the grace period"])
def test_a_folder_that_cannot_be_written_is_found_before_a_month_is_detached(
    cli: Cli, aged: Database, tmp_path: Path, is_due: bool
) -> None:
    (tmp_path / "archives").write_text("a file where the folder should be")
    result = cli(*(DROP if is_due else RETIRE), "--url", aged.url)
    if is_due:
        golden.check("retire_unwritable_folder", result, {f"{tmp_path}": "/srv/chat"})
        assert set(there(aged, JANUARY).values()) == {"attached"}
        # A month that needs no archive any more is not kept by it.
        ok(cli, aged, *DROP, "--no-archive")
        assert there(aged, JANUARY) == {}
    else:
        assert result.code == 0, result.err
        assert "warning: months cannot be archived when their grace period ends" in result.err
        assert set(there(aged, JANUARY).values()) == {"detached"}


def test_a_month_that_is_half_out_goes_on_without_a_folder(cli: Cli, aged: Database, tmp_path: Path) -> None:
    (tmp_path / "archives").write_text("a file where the folder should be")
    aged.run("""
        insert into chatschema.retired_months (month, state) values ('2024-01-01 00:00+00', 'detaching');
        alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m01
    """)
    assert cli(*DROP, "--url", aged.url).code == 1
    assert set(there(aged, JANUARY).values()) == {"detached"}
    assert set(there(aged, FEBRUARY).values()) == {"attached"}


def test_too_little_room_is_said(aged: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import closing

    from chatschema import postgres
    from chatschema.partition import retire_plan
    from chatschema.partition.archive import folder
    from chatschema.values import Policy, Settings, Span
    from tests.support import ROOT

    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 4096})())
    step = retire_plan.Step(datetime(2024, 1, 1, tzinfo=UTC), "archive", "")
    policy, said = Policy(keep=Span(12), archive_dir=tmp_path / "archives"), list[str]()
    with closing(postgres.connect(Settings(aged.url, "test", None, ROOT / "sql", ROOT / "seeds", Path()))) as connection:
        assert folder.try_it(connection, {}, [step], policy, say=said.append) == {}
    assert re.fullmatch(r"warning: .*archives has 4.* free, the tables to archive have \d+ kB", said[0])
    assert list((tmp_path / "archives").iterdir()) == []


def test_a_default_partition_is_named_with_commands_that_empty_and_drop_it(cli: Cli, aged: Database, tmp_path: Path) -> None:
    before = contents(aged)
    aged.run("""
        create table public.everything as select * from public.messages;
        create table public.statuses as select * from public.message_statuses;
        alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m02;
        alter table public.messages detach partition chat_partitions.messages_y2024m02;
        create table public.rest partition of public.messages default;
        create table chat_partitions."Status rest" partition of public.message_statuses default;
        insert into public.messages select * from chat_partitions.messages_y2024m02;
        insert into public.message_statuses select * from chat_partitions.message_statuses_y2024m02;
        drop table public.everything, public.statuses, chat_partitions.messages_y2024m02, chat_partitions.message_statuses_y2024m02
    """)
    assert contents(aged) == before
    planned = ok(cli, aged, "partition", "plan")
    assert "public.rest is a default partition of messages" in planned
    assert "look at: public.rest is a default partition" in cli("partition", "list", "--check", "--url", aged.url).out
    assert "warning: public.rest is a default partition" in ok(cli, aged, "partition", "ensure")
    refused = cli("partition", "ensure", "--from", FEBRUARY, "--url", aged.url)
    golden.check("ensure_default_partition", refused)
    for command in re.findall(r"^  ((?:psql|shell): .*)", refused.err, re.MULTILINE):
        follow(cli, aged, command)
    assert contents(aged) == before
    assert set(there(aged, FEBRUARY).values()) == {"attached"}
    assert "default partition" not in ok(cli, aged, "partition", "plan")


def test_a_default_partition_without_rows_and_one_in_another_order(cli: Cli, aged: Database) -> None:
    aged.run("create table public.rest partition of public.messages default")
    planned = ok(cli, aged, "partition", "plan")
    detach, drop = re.findall(r"^  psql:  (.*)", planned, re.MULTILINE)
    assert detach == "alter table public.messages detach partition public.rest;"
    # Between the look and the commands somebody writes.
    aged.run("alter table public.messages detach partition chat_partitions.messages_y2024m01")
    aged.run("insert into public.messages select * from chat_partitions.messages_y2024m01 limit 7")
    aged.run(detach)
    with pytest.raises(psycopg.errors.CheckViolation):
        aged.run(drop)
    assert aged.one("select count(*) from public.rest") == 7
    aged.run("truncate public.rest")
    aged.run(drop)
    assert aged.one("select to_regclass('public.rest') is null")
    aged.run("""
        create table public.rest (conversation_id uuid not null, message_id uuid not null);
        alter table public.rest add user_id uuid not null;
    """)
    columns = [row[0] for row in aged.all(
        "select format('add %I %s', attname, format_type(atttypid, atttypmod)) || case when attnotnull then ' not null' else '' end"
        " from pg_attribute where attrelid = 'public.message_statuses'::regclass and attnum > 0 and not attisdropped"
        " and attname not in ('conversation_id', 'message_id', 'user_id')"
    )]  # fmt: skip
    aged.run(f"alter table public.rest {', '.join(columns)}")
    checks = aged.all(
        "select format('add constraint %I %s', conname, pg_get_constraintdef(oid)) from pg_constraint"
        " where conrelid = 'public.message_statuses'::regclass and contype = 'c'"
    )
    aged.run(f"alter table public.rest {', '.join(row[0] for row in checks)}")
    aged.run("""
        create table public.kept as select * from public.message_statuses;
        alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m02;
        alter table public.message_statuses attach partition public.rest default;
        insert into public.message_statuses select * from chat_partitions.message_statuses_y2024m02;
        drop table chat_partitions.message_statuses_y2024m02
    """)
    planned = ok(cli, aged, "partition", "plan")
    assert "insert into public.message_statuses (message_id, user_id, conversation_id," in planned
    for command in re.findall(r"^  ((?:psql|shell): .*)", planned, re.MULTILINE):
        follow(cli, aged, command)
    assert aged.one("select count(*) from (table public.kept except table public.message_statuses) as lost") == 0
    aged.run("drop table public.kept")
