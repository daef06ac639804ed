"""A hold wins: over the policy, over a plan made before it, over a purge; and its own history cannot be rewritten."""

import threading
import time

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents, there

DROP = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


def conversation(database: Database) -> str:
    return str(database.one("select id from public.conversations where title = 'plain'"))


def test_a_hold_keeps_its_month_until_it_is_released(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    placed = cli("hold", "add", "--conversation", conversation(aged), "--to", "2024-01-20", "--reason", "case 7", "--url", aged.url)
    assert placed.code == 0, placed.err
    result = cli(*DROP, "--url", aged.url)
    assert result.code == 0, result.err
    assert "2024-01 is kept: it has messages under a hold" in result.out
    assert contents(aged)["messages"][JANUARY] == before["messages"][JANUARY]
    assert there(aged, FEBRUARY) == {}
    listed = cli("partition", "list", "--json", "--url", aged.url).json()["partitions"]
    assert {p["name"] for p in listed if p["is_held"]} == {"messages_y2024m01", "message_statuses_y2024m01"}
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    assert len(there(aged, JANUARY)) == 2, "a release removes nothing"
    assert cli(*DROP, "--url", aged.url).code == 0
    assert there(aged, JANUARY) == {}


@pytest.mark.parametrize(
    ("scope", "is_held"),
    [
        (("--user", "alice"), True),
        (("--user", "carol", "--to", "2024-02-01"), True),
        (("--user", "alice", "--from", "2025-01-01"), False),
        (("--from", "2024-01-20", "--to", "2024-02-02"), True),
        (("--everything",), True),
    ],
)
def test_what_a_scope_holds(cli: Cli, aged: Database, scope: tuple[str, ...], is_held: bool) -> None:
    assert cli("hold", "add", *scope, "--reason", "x", "--url", aged.url).code == 0
    assert cli(*DROP, "--url", aged.url).code == 0
    assert (len(there(aged, JANUARY)) == 2) is is_held


def test_a_user_is_held_as_a_custodian_of_what_they_could_read(cli: Cli, aged: Database) -> None:
    """dave has sent nothing; he takes part in one conversation."""
    aged.run(
        "insert into public.users (username) values ('dave');"
        "insert into public.conversation_participants (conversation_id, user_id)"
        " select c.id, u.id from public.conversations as c, public.users as u where c.title = 'plain' and u.username = 'dave'"
    )
    assert cli("hold", "add", "--user", "dave", "--reason", "x", "--url", aged.url).code == 0
    assert cli(*DROP, "--holds", "carve", "--url", aged.url).code == 0
    kept = aged.all("select distinct conversation_id::text from chat_partitions.messages_y2024m01_held")
    assert kept == [(conversation(aged),)]


def test_a_hold_placed_between_plan_and_drop_wins(cli: Cli, aged: Database) -> None:
    """The hold is written, not yet committed, when the plan is made; the drop waits for it, and then sees it."""
    assert cli("partition", "retire", "--older-than", "12mo", "--url", aged.url).code == 0
    for month in (JANUARY, FEBRUARY):
        assert cli("partition", "archive", month, "--url", aged.url).code == 0
    with aged.connect() as lawyer:
        lawyer.execute("begin")
        lawyer.execute("insert into chatschema.holds (reason) values ('case 8')")
        timer = threading.Timer(4, lawyer.execute, ("commit",))
        timer.start()
        started = time.monotonic()
        result = cli(*DROP, "--url", aged.url)
        timer.join()
    assert time.monotonic() - started > 3, "it did not wait for the hold"
    assert result.code == 1
    assert "has messages under a hold; nothing was dropped" in result.err
    assert len(there(aged, JANUARY)) == len(there(aged, FEBRUARY)) == 2


def test_carving_out_keeps_held_rows_until_the_release_and_all_comes_back(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    held = "select count(*) from public.messages where conversation_id = %s and id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
    messages = aged.one(held, conversation(aged))
    linked = "select count(*) from public.attachments where message_id is not null and conversation_id = %s"
    attachments = aged.one(linked + " and message_id < chatschema.uuid7_floor('2024-02-01 00:00+00')", conversation(aged))
    assert messages > 10
    assert (
        cli("hold", "add", "--conversation", conversation(aged), "--to", "2024-02-01", "--reason", "x", "--url", aged.url).code == 0
    )
    result = cli(*DROP, "--holds", "carve", "--url", aged.url)
    assert result.code == 0, result.err
    assert f"kept {messages} messages, {2 * messages} statuses under a hold" in result.out
    assert there(aged, JANUARY) == {}
    assert aged.one("select count(*) from chat_partitions.messages_y2024m01_held") == messages
    assert aged.one("select count(*) from chat_partitions.message_statuses_y2024m01_held") == 2 * messages
    assert aged.one(linked, conversation(aged)) == attachments
    # Nothing more happens while the hold stands; after its release the kept rows go, in a run of their own.
    assert "nothing to do" in cli(*DROP, "--holds", "carve", "--url", aged.url).out
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    assert aged.one("select count(*) from chat_partitions.messages_y2024m01_held") == messages
    assert "dropped the rows that had been under a hold" in cli(*DROP, "--url", aged.url).out
    assert aged.one("select to_regclass('chat_partitions.messages_y2024m01_held') is null")
    assert aged.one(linked, conversation(aged)) == 0
    for month in (JANUARY, FEBRUARY):
        assert cli("partition", "restore", month, "--url", aged.url).code == 0
    assert contents(aged) == before


def test_a_month_that_comes_back_takes_its_kept_rows_in(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    assert cli("hold", "add", "--conversation", conversation(aged), "--reason", "x", "--url", aged.url).code == 0
    assert cli(*DROP, "--holds", "carve", "--url", aged.url).code == 0
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert contents(aged)["messages"][JANUARY] == before["messages"][JANUARY]
    assert aged.one("select to_regclass('chat_partitions.messages_y2024m01_held') is null")


def test_a_hold_that_comes_too_late_says_so(cli: Cli, aged: Database) -> None:
    assert cli(*DROP, "--url", aged.url).code == 0
    late = cli("hold", "add", "--to", "2024-02-01", "--reason", "x", "--url", aged.url)
    assert late.code == 0
    assert "dropped before this hold: 2024-01 (archive: " in late.err
    assert "2024-02" not in late.err


def test_the_history_of_holds_cannot_be_rewritten(cli: Cli, aged: Database) -> None:
    assert cli("hold", "add", "--everything", "--reason", "Fall Ä/7", "--url", aged.url).code == 0
    for change in ("update chatschema.holds set reason = 'other'", "delete from chatschema.holds", "update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'y', reason = 'z'"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="can only be released"):
            aged.run(change)
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    again = cli("hold", "release", "1", "--reason", "closed", "--url", aged.url)
    assert again.code == 1
    assert "no active hold has the number 1" in again.err
    assert "no hold is active" in cli("hold", "list", "--url", aged.url).out
    listed = cli("hold", "list", "--all", "--json", "--url", aged.url).json()["holds"]
    assert [(h["reason"], h["release_reason"]) for h in listed] == [("Fall Ä/7", "closed")]
    actions = aged.all("select action from public.audit_logs where resource_type = 'hold' order by id")
    assert actions == [("hold.add",), ("hold.release",)]


@pytest.mark.parametrize(
    "scope",
    [
        (),
        ("--conversation", "msg-123"),
        ("--conversation", "019b76da-a800-7000-8000-000000000000"),
        ("--user", "nobody"),
        ("--from", "2024-13-01"),
        ("--from", "2024-02-01", "--to", "2024-01-01"),
    ],
)
def test_a_hold_that_would_hold_nothing_or_everything_by_mistake_is_refused(
    cli: Cli, aged: Database, scope: tuple[str, ...]
) -> None:
    assert cli("hold", "add", *scope, "--reason", "x", "--url", aged.url).code == 2
    assert aged.one("select count(*) from chatschema.holds") == 0
