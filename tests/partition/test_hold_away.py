"""Held rows of months that are not attached: their files, what they answer, and what a restore that was cut off leaves."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, there

RETIRE = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


def run(cli: Cli, database: Database, *command: str) -> str:
    result = cli(*command, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


@pytest.mark.parametrize("state", ["detached", "kept"])
def test_the_file_of_a_held_message_stays_wherever_its_month_is(cli: Cli, aged: Database, state: str) -> None:
    held = aged.one(
        "select a.id from public.attachments as a where a.message_id < chatschema.uuid7_floor('2024-02-01 00:00+00') order by a.message_id limit 1"
    )
    if state == "detached":
        run(cli, aged, "partition", "retire", "--older-than", "12mo")
        run(cli, aged, "hold", "add", "--everything", "--reason", "x")
    else:
        run(cli, aged, "hold", "add", "--everything", "--reason", "x")
        run(cli, aged, *RETIRE, "--holds", "carve")
    for change in (
        "update public.attachments set state = 'deleted', purged_at = now() where id = %s",
        "update public.attachments set message_id = null where id = %s",
        "update public.attachments set storage_key = 'gone' where id = %s",
        "delete from public.attachments where id = %s",
    ):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            aged.run(change, held)


def test_a_restore_that_was_cut_off_loses_no_row_that_was_kept_under_a_hold(cli: Cli, aged: Database, tmp_path: Path) -> None:
    """Killed between loading an older archive and attaching it, the kept rows lie beside a month without them."""
    run(cli, aged, "partition", "archive", JANUARY, "--dir", str(tmp_path / "before"))
    aged.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)"
        " select chatschema.uuid7(timestamptz '2024-01-25 12:00+00'), c.id, u.id, 'evidence', timestamptz '2024-01-25 12:00+00'"
        " from public.conversations as c, public.users as u where c.title = 'plain' and u.username = 'carol'"
    )
    evidence = "select count(*) from chat_partitions.messages_y2024m01_held where content_encrypted = 'evidence'"
    run(cli, aged, "hold", "add", "--from", "2024-01-25", "--to", "2024-01-26", "--reason", "x")
    run(cli, aged, *RETIRE, "--holds", "carve")
    assert aged.one(evidence) == 1
    command = [sys.executable, "-m", "chatschema", "partition", "restore", JANUARY, "--dir", str(tmp_path / "before"), "--force"]
    with aged.connect() as other:
        other.execute("begin; lock table chatschema.erasures in access exclusive mode")
        with subprocess.Popen(
            [*command, "--url", aged.url], cwd=tmp_path, env=clean_environment(), stderr=subprocess.DEVNULL
        ) as process:
            deadline = time.monotonic() + 30
            while set(there(aged, JANUARY).values()) != {"detached"}:
                assert time.monotonic() < deadline, "the archive was not loaded"
                time.sleep(0.05)
            process.send_signal(signal.SIGKILL)
    aged.run(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'chatschema'"
    )
    again = cli(*RETIRE, "--holds", "carve", "--url", aged.url)
    assert aged.one(evidence) == 1, again.out + again.err


def test_replies_find_what_they_answer_or_nothing_when_their_month_is_restored(cli: Cli, aged: Database) -> None:
    """The answered message was deleted while the month of the reply was away."""
    answered = aged.one(
        "select id from public.messages where id < chatschema.uuid7_floor('2024-02-01 00:00+00') order by id limit 1"
    )
    reply = aged.one("select id from public.messages where id >= chatschema.uuid7_floor('2024-02-01 00:00+00') order by id limit 1")
    aged.run("update public.messages as r set conversation_id = conversation_id, reply_to_id = null where id = %s", reply)
    aged.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at, reply_to_id)"
        " select chatschema.uuid7(timestamptz '2024-02-15 12:00+00'), m.conversation_id, m.sender_id, 'reply',"
        " timestamptz '2024-02-15 12:00+00', m.id from public.messages as m where m.id = %s", answered,
    )  # fmt: skip
    # February is detached, January stays: a hold on it.
    run(cli, aged, "hold", "add", "--to", "2024-01-02", "--reason", "x")
    run(cli, aged, "partition", "retire", "--older-than", "12mo")
    assert set(there(aged, JANUARY).values()) == {"attached"}
    run(cli, aged, "hold", "release", "1", "--reason", "closed")
    aged.run("delete from public.messages where id = %s", answered)
    run(cli, aged, "partition", "restore", FEBRUARY)
    orphans = (
        "select count(*) from public.messages as r where reply_to_id is not null"
        " and not exists (select from public.messages as m where m.id = r.reply_to_id)"
    )
    assert aged.one(orphans) == 0
    assert aged.one("select count(*) from public.messages where content_encrypted = 'reply' and reply_to_id is null") == 1


def test_what_a_held_message_of_a_detached_month_answers_is_not_purged(cli: Cli, aged: Database) -> None:
    answered = aged.one(
        "select id from public.messages where id < chatschema.uuid7_floor('2024-02-01 00:00+00') order by id limit 1"
    )
    aged.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at, reply_to_id)"
        " select chatschema.uuid7(timestamptz '2024-02-15 12:00+00'), m.conversation_id, m.sender_id, 'reply',"
        " timestamptz '2024-02-15 12:00+00', m.id from public.messages as m where m.id = %s", answered,
    )  # fmt: skip
    run(cli, aged, "hold", "add", "--to", "2024-01-01", "--reason", "keeps nothing")
    aged.run("update public.messages set expires_at = now() - interval '1 minute' where id = %s", answered)
    run(cli, aged, "hold", "add", "--from", "2024-02-15", "--to", "2024-02-16", "--reason", "x")
    run(cli, aged, "partition", "retire", "--older-than", "12mo", "--holds", "carve")
    run(cli, aged, "partition", "restore", JANUARY)
    assert set(there(aged, FEBRUARY).values()) == {"detached"}
    run(cli, aged, "partition", "purge")
    assert aged.one("select count(*) from public.messages where id = %s", answered) == 1


def test_an_export_has_null_for_a_column_that_a_detached_month_lacks(cli: Cli, aged: Database, tmp_path: Path) -> None:
    run(cli, aged, "partition", "retire", "--older-than", "12mo")
    aged.run("alter table public.messages add column extra text")
    run(cli, aged, "hold", "add", "--everything", "--reason", "x")
    run(cli, aged, "hold", "export", "1", "--dir", str(tmp_path / "case"))
