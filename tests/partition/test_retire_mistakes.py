"""What a month on its way out must survive: other people's changes, between any two steps."""

import json
import threading
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents, there
from tests.support.pace import long

RETIRE = ("partition", "retire", "--older-than", "12mo")
DROP = (*RETIRE, "--grace", "0d", "--yes")
PLAIN = "(select id from public.conversations where title = 'plain')"
IN_JANUARY = "id < chatschema.uuid7_floor('2024-02-01 00:00+00')"


@long
def test_a_dropped_month_is_not_made_anew_and_its_archive_not_replaced(cli: Cli, aged: Database, tmp_path: Path) -> None:
    before = contents(aged)
    assert cli(*DROP, "--url", aged.url).code == 0
    ensured = cli("partition", "ensure", "--from", JANUARY, "--url", aged.url)
    assert ensured.code == 0
    assert (
        "these months were retired and are not created again: 2024-01, 2024-02; restore: chatschema partition restore"
        in ensured.err
    )
    assert there(aged, JANUARY) == {}
    # Whoever makes them by hand overwrites nothing either.
    aged.run(
        "create table chat_partitions.messages_y2024m01 partition of public.messages for values from"
        " (chatschema.uuid7_floor('2024-01-01 00:00+00')) to (chatschema.uuid7_floor('2024-02-01 00:00+00'));"
        "create table chat_partitions.message_statuses_y2024m01 partition of public.message_statuses for values from"
        " (chatschema.uuid7_floor('2024-01-01 00:00+00')) to (chatschema.uuid7_floor('2024-02-01 00:00+00'))"
    )
    assert (
        "was dropped: the tables that have its name now are different tables"
        in cli("partition", "archive", JANUARY, "--url", aged.url).err
    )
    assert "they are not the ones that were retired" in cli("partition", "restore", JANUARY, "--url", aged.url).err
    cli(*DROP, "--url", aged.url)
    assert json.loads((tmp_path / "archives" / JANUARY / "manifest.json").read_text())["tables"][0]["rows"] == 300
    aged.run("drop table if exists chat_partitions.messages_y2024m01, chat_partitions.message_statuses_y2024m01")
    for month in (JANUARY, FEBRUARY):
        assert cli("partition", "restore", month, "--url", aged.url).code == 0
    assert contents(aged) == before


def test_an_archive_that_was_not_compared_is_not_believed_later(cli: Cli, aged: Database) -> None:
    """Archived, then written to, then dropped without an archive: the older archive is not passed off as the month's."""
    assert cli("partition", "archive", JANUARY, "--url", aged.url).code == 0
    held = aged.one(
        f"insert into public.messages (id, conversation_id, message_type) values (chatschema.uuid7('2024-01-25 00:00+00'), {PLAIN}, 'system')"
        " returning id"
    )
    assert cli("hold", "add", "--from", "2024-01-25", "--to", "2024-01-26", "--reason", "x", "--url", aged.url).code == 0
    assert cli(*DROP, "--no-archive", "--holds", "carve", "--url", aged.url).code == 0
    assert aged.one("select not archive_is_current and held_messages = 1 from chatschema.retired_months where month < '2024-01-15'")
    for named in ((), ("--dir", "archives")):
        refused = cli("partition", "restore", JANUARY, *named, "--url", aged.url)
        assert refused.code == 1
        assert "may contain other rows than were dropped with 2024-01" in refused.err
    # The older one comes back by a word; what was kept comes with it.
    assert cli("partition", "restore", JANUARY, "--force", "--url", aged.url).code == 0
    assert aged.one("select count(*) from public.messages where id = %s", held) == 1
    assert aged.one(f"select count(*) from public.messages where {IN_JANUARY}") == 301


def test_another_archive_than_the_recorded_one_needs_a_word(cli: Cli, aged: Database, tmp_path: Path) -> None:
    assert cli("partition", "archive", JANUARY, "--dir", "older", "--url", aged.url).code == 0
    aged.run(f"delete from public.messages where {IN_JANUARY} and conversation_id = {PLAIN}")
    left = aged.one(f"select count(*) from public.messages where {IN_JANUARY}")
    assert cli(*DROP, "--url", aged.url).code == 0
    refused = cli("partition", "restore", JANUARY, "--dir", "older", "--url", aged.url)
    assert refused.code == 1
    assert "its manifest is not the recorded one" in refused.err
    (tmp_path / "archives").rename(tmp_path / "copy")
    assert cli("partition", "restore", JANUARY, "--dir", "copy", "--url", aged.url).code == 0
    assert aged.one(f"select count(*) from public.messages where {IN_JANUARY}") == left


def test_nobody_else_can_use_the_owners_triggers(aged: Database) -> None:
    aged.run("drop role if exists stranger; create role stranger")
    try:
        owners = "select p.proname || '()' from pg_proc as p where p.prosecdef and p.prorettype = 'trigger'::regtype order by 1"
        functions = [row[0] for row in aged.all(owners)]
        assert {"require_message()", "record_erasure()", "remove_references()"} <= set(functions)
        for function in functions:
            with aged.connect() as connection:
                connection.execute("set role stranger; create temporary table bait (id uuid, erased_at timestamptz)")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(
                        f"create trigger t after delete on bait for each row execute function chatschema.{function}".encode()
                    )
    finally:
        aged.run("drop role stranger")


def test_a_month_whose_check_has_another_name_is_not_forgotten(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    aged.run("""
        alter table chat_partitions.messages_y2024m01 drop constraint messages_y2024m01_bounds_check;
        alter table chat_partitions.message_statuses_y2024m01 rename constraint message_statuses_y2024m01_bounds_check to other
    """)
    assert cli(*RETIRE, "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert contents(aged)["messages"][JANUARY] == before["messages"][JANUARY]


def test_a_table_that_was_lost_and_one_elsewhere_are_findings(cli: Cli, aged: Database) -> None:
    aged.run("alter table chat_partitions.messages_y2024m02 set schema public")
    result = cli(*RETIRE, "--url", aged.url)
    assert result.code == 1
    assert "messages_y2024m02 is not in schema chat_partitions; nothing was detached" in result.err
    assert set(there(aged, JANUARY).values()) == {"detached"}
    aged.run("drop table chat_partitions.messages_y2024m01, chat_partitions.message_statuses_y2024m01")
    assert "2024-01 was detached, but its tables are missing" in cli("partition", "list", "--check", "--url", aged.url).out


def test_what_was_detached_by_one_policy_is_not_dropped_by_none(cli: Cli, aged: Database) -> None:
    assert cli(*RETIRE, "--grace", "60d", "--url", aged.url).code == 0
    aged.run("update chatschema.retired_months set detached_at = now() - interval '10 days'")
    assert cli("partition", "maintain", "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}
    # Attached again by hand, it stays: nothing says that it is to leave.
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    aged.run("update chatschema.retired_months set state = 'detached', keep_until = null")
    assert cli("partition", "maintain", "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"attached"}


def test_a_hold_does_not_freeze_a_month_that_is_half_out(cli: Cli, aged: Database) -> None:
    aged.run("""
        insert into chatschema.retired_months (month, state) values ('2024-01-01 00:00+00', 'detaching');
        alter table public.message_statuses detach partition chat_partitions.message_statuses_y2024m01
    """)
    assert cli("hold", "add", "--everything", "--reason", "x", "--url", aged.url).code == 0
    assert cli("partition", "maintain", "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}
    assert cli(*DROP, "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}, "and it goes no further"


@pytest.mark.parametrize("is_held", [True, False])
def test_kept_rows_beside_a_month_that_is_leaving_again(cli: Cli, aged: Database, is_held: bool) -> None:
    """A restore that was cut off after loading the month: its kept rows are there as well as its tables."""
    assert cli("hold", "add", "--conversation", str(aged.one(f"select {PLAIN}")), "--reason", "x", "--url", aged.url).code == 0
    assert cli(*DROP, "--holds", "carve", "--url", aged.url).code == 0
    kept = aged.one("select count(*) from chat_partitions.messages_y2024m01_held")
    aged.run("alter table chat_partitions.messages_y2024m01_held set schema public; alter table chat_partitions.message_statuses_y2024m01_held set schema public")  # fmt: skip
    assert cli("partition", "list", "--url", aged.url).code == 0, "kept rows that somebody moved end no listing"
    assert cli("partition", "restore", JANUARY, "--for", "0d", "--url", aged.url).code == 0
    aged.run("alter table public.messages_y2024m01_held set schema chat_partitions; alter table public.message_statuses_y2024m01_held set schema chat_partitions")  # fmt: skip
    if not is_held:
        assert cli("hold", "release", "1", "--reason", "y", "--url", aged.url).code == 0
    result = cli(*DROP, "--holds", "carve", "--url", aged.url)
    assert result.code == 0, result.err
    assert there(aged, JANUARY) == {}
    table = aged.one("select to_regclass('chat_partitions.messages_y2024m01_held')::text")
    assert (table is not None) is is_held
    if is_held:
        assert aged.one("select count(*) from chat_partitions.messages_y2024m01_held") == kept


def test_one_month_that_cannot_go_on_stops_no_other_part(cli: Cli, aged: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[partition]\nkeep = "12mo"\ngrace = "0d"\n')
    (tmp_path / "archives").write_text("no folder")
    aged.run(f"update public.conversations set retention_days = 1 where id = {PLAIN}")
    result = cli("partition", "maintain", "--json", "--url", aged.url)
    assert result.code == 1
    assert "2024-01 was not detached: archives cannot be written to" in result.err
    report = result.json()
    assert len(report["failed"]) == 1
    assert report["retired"] == []
    assert report["analyzed"] == ["messages", "message_statuses"]


@long
def test_a_row_in_use_does_not_keep_the_lock_for_ever(cli: Cli, aged: Database) -> None:
    with aged.connect() as client:
        client.execute("begin; select from public.attachments order by message_id limit 1 for update")
        timer = threading.Timer(3, client.execute, ("commit",))
        timer.start()
        started = time.monotonic()
        result = cli(*DROP, "--url", aged.url)
        timer.join()
    assert result.code == 0, result.err
    assert time.monotonic() - started < 30
    assert aged.one("select count(*) from public.attachments where message_id is not null") == 0


def test_kept_rows_are_not_dropped_unasked(cli: Cli, aged: Database) -> None:
    assert cli("hold", "add", "--everything", "--reason", "x", "--url", aged.url).code == 0
    assert cli(*DROP, "--holds", "carve", "--no-archive", "--url", aged.url).code == 0
    assert cli("hold", "release", "1", "--reason", "y", "--url", aged.url).code == 0
    assert cli(*RETIRE, "--url", aged.url).code == 2
    assert aged.one("select count(*) from chat_partitions.messages_y2024m01_held") == 300


def test_a_purge_does_not_change_a_held_reply(cli: Cli, aged: Database) -> None:
    reply, answered = aged.all(
        "select r.id, r.reply_to_id from public.messages as r where reply_to_id is not null order by r.id limit 1"
    )[0]
    moment = aged.one("select (chatschema.uuid7_time(%s) at time zone 'UTC')::text", reply)
    aged.run(
        "insert into chatschema.holds (from_at, to_at, reason) values (%s::timestamp at time zone 'UTC', %s::timestamp at time zone 'UTC' + interval '1 ms', 'x')",
        moment, moment,
    )  # fmt: skip
    aged.run("update public.conversations set retention_days = 1")
    assert cli("partition", "purge", "--url", aged.url).code == 0
    assert {row[0] for row in aged.all("select id from public.messages")} == {reply, answered}
    assert aged.one("select reply_to_id from public.messages where id = %s", reply) == answered


@long
def test_a_locked_month_ends_no_listing_while_there_is_a_hold(cli: Cli, aged: Database) -> None:
    assert cli("hold", "add", "--everything", "--reason", "x", "--url", aged.url).code == 0
    with aged.connect() as owner:
        owner.execute("begin; lock table chat_partitions.messages_y2024m01 in access exclusive mode")
        for command in (("partition", "list"), ("status",)):
            result = cli(*command, "--url", aged.url)
            assert result.code == 0, result.err


def test_a_month_locked_by_its_drop_ends_no_listing(cli: Cli, aged: Database) -> None:
    assert cli(*RETIRE, "--url", aged.url).code == 0
    with aged.connect() as dropper:
        dropper.execute("begin; lock table chat_partitions.messages_y2024m01 in access exclusive mode")
        listed = cli("partition", "list", "--json", "--url", aged.url)
        assert listed.code == 0, listed.err
    states = {p["name"]: (p["state"], p["rows"]) for p in listed.json()["partitions"]}
    assert states["messages_y2024m01"] == ("detached", None)
    assert states["messages_y2024m02"] == ("detached", 300)
