"""A hold that is placed while something removes wins, or comes after: under every isolation level that a database may default to."""

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.hostile import SETTINGS, make_hostile
from tests.support.months import FEBRUARY, JANUARY, there
from tests.support.reports import until
from tests.support.rows import add_conversation, add_message, add_user

ISOLATIONS = ("read committed", "repeatable read", "serializable")
# make test-holds runs 50 rounds under each isolation level, with each hostile setting in turn.
ROUNDS = int(os.environ.get("CHATSCHEMA_TEST_ROUNDS", "2"))
DROP = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


def waits(database: Database, session: "psycopg.Connection[tuple[Any, ...]]") -> None:
    """Wait until the statement of the session waits for a lock."""
    until(database, f"select wait_event_type = 'Lock' from pg_stat_activity where pid = {session.info.backend_pid}")


def hostile_rounds(isolation: str) -> Iterator[dict[str, str]]:
    """Yield what is set for the database in each round: the isolation level, and one of the other settings after the other."""
    others = [name for name in SETTINGS if name != "default_transaction_isolation"]
    for number in range(ROUNDS):
        name = others[number % len(others)]
        yield {"default_transaction_isolation": isolation, name: SETTINGS[name]}


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_a_hold_that_commits_while_the_drop_waits_keeps_its_month(cli: Cli, aged: Database, isolation: str) -> None:
    assert cli("partition", "retire", "--older-than", "12mo", "--url", aged.url).code == 0
    for month in (JANUARY, FEBRUARY):
        assert cli("partition", "archive", month, "--url", aged.url).code == 0
    held = 0
    for settings in hostile_rounds(isolation):
        with aged.connect() as lawyer:
            # Of the lawyer's own session, which was open before; every new one has them.
            lawyer.execute("begin isolation level read committed")
            lawyer.execute("insert into chatschema.holds (reason) values ('case')")
            make_hostile(aged, settings)
            threading.Timer(0.5 + random.random(), lawyer.execute, ("commit",)).start()
            result = cli(*DROP, "--url", aged.url)
        reset(aged)
        assert len(there(aged, JANUARY)) == len(there(aged, FEBRUARY)) == 2, f"{settings}: {result.out}{result.err}"
        assert "under a hold" in result.out + result.err, f"{settings}: {result.err}"
        aged.run(
            "update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x' where released_at is null"
        )
        held += 1
    print(f"\n{isolation}: {held} of {ROUNDS} rounds kept their months")
    assert held == ROUNDS


def reset(database: Database) -> None:
    with database.server.connect("postgres") as admin:
        admin.execute(f"alter database {database.name} reset all".encode())


CHANGES = {
    "delete": "delete from public.messages where id = %s",
    "edit": "update public.messages set content_encrypted = 'y' where id = %s",
    "reaction": "update public.message_statuses set reactions = '{}' where message_id = %s",
    "file": "update public.attachments set storage_key = 'other' || id where message_id = %s",
}
# Refused, or to be tried again: never done. 0A000 is a delete outside of READ COMMITTED.
STOPPED = {"23000", "40001", "0A000"}


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("change", CHANGES)
def test_the_application_removes_nothing_that_was_held_before_it_committed(migrated: Database, isolation: str, change: str) -> None:
    """The snapshot is older than the hold; and: the change is older than the hold, which waits for it."""
    user, conversation = add_conversation(migrated)
    outcomes: Counter[str] = Counter()
    for number in range(ROUNDS):
        message = add_message(migrated, user, conversation)
        migrated.run("insert into public.message_statuses (message_id, user_id, reactions) values (%s, %s, '{👍}')", message, user)
        migrated.run(
            "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
            " values (%s, %s, %s, 1, sha256('x'), 'a')", message, user, f"k{number}",
        )  # fmt: skip
        with migrated.connect() as application:
            application.execute(f"begin isolation level {isolation}".encode())
            application.execute("select count(*) from public.messages")
            migrated.run("insert into chatschema.holds (reason, user_id) values ('x', %s)", user)
            with pytest.raises(psycopg.Error) as stopped:
                application.execute(CHANGES[change].encode(), (message,))
            outcomes[str(stopped.value.sqlstate)] += 1
            application.execute("rollback")
        migrated.run(
            "update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x' where released_at is null"
        )
    print(f"\n{isolation}, {change}: {dict(outcomes)}")
    assert set(outcomes) <= STOPPED
    assert migrated.one("select count(*) from public.messages where content_encrypted = 'x'") == ROUNDS


@pytest.mark.parametrize("change", CHANGES)
def test_a_hold_waits_for_a_change_that_does_not_know_of_it(migrated: Database, change: str) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    migrated.run("insert into public.message_statuses (message_id, user_id, reactions) values (%s, %s, '{👍}')", message, user)
    migrated.run(
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " values (%s, %s, 'k', 1, sha256('x'), 'a')", message, user,
    )  # fmt: skip
    with migrated.connect() as application, migrated.connect() as lawyer, ThreadPoolExecutor(1) as pool:
        application.execute("begin")
        application.execute(CHANGES[change].encode(), (message,))
        placing = pool.submit(lawyer.execute, b"insert into chatschema.holds (reason, user_id) values ('x', %s)", (user,))
        # The hold is not placed while a change is open that does not know of it.
        waits(migrated, lawyer)
        assert not placing.done()
        application.execute("commit")
        placing.result(timeout=10)


WAITING = {
    **CHANGES,
    "tombstone": "update public.messages set content_encrypted = null, is_deleted = true, deleted_at = now() where id = %s",
    "reader": "update public.message_statuses set user_id = (select id from public.users where username = 'mallory') where message_id = %s",
    "statuses": "delete from public.message_statuses where message_id = %s",
    "files": "delete from public.attachments where message_id = %s",
}


@pytest.mark.parametrize("change", WAITING)
def test_a_change_that_waits_for_the_hold_sees_it(migrated: Database, change: str) -> None:
    """The lock is asked for with a snapshot that is older than the hold; what is held is asked with a newer one."""
    user, conversation = add_conversation(migrated)
    add_user(migrated, "mallory")
    message = add_message(migrated, user, conversation)
    migrated.run("insert into public.message_statuses (message_id, user_id, reactions) values (%s, %s, '{👍}')", message, user)
    migrated.run(
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " values (%s, %s, 'k', 1, sha256('x'), 'a')", message, user,
    )  # fmt: skip
    with migrated.connect() as application, migrated.connect() as lawyer, ThreadPoolExecutor(1) as pool:
        lawyer.execute("begin; insert into chatschema.holds (reason) values ('x')")
        changing = pool.submit(application.execute, WAITING[change].encode(), (message,))
        waits(migrated, application)
        assert not changing.done()
        lawyer.execute("commit")
        if change == "tombstone":
            changing.result(timeout=10)
            assert migrated.one("select count(*) from chatschema.deferred_erasures") == 1
        else:
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                changing.result(timeout=10)
    assert migrated.one("select content_encrypted from public.messages") == b"x"
    assert migrated.one("select user_id, reactions = '{👍}' from public.message_statuses") == (user, True)
    assert migrated.one("select storage_key from public.attachments") == "k"


def test_an_old_snapshot_does_not_change_what_a_join_brought_under_the_hold(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    bob = add_user(migrated, "bobby")
    migrated.run("insert into chatschema.holds (reason, user_id) values ('x', %s)", bob)
    with migrated.connect() as application:
        application.execute("begin isolation level repeatable read")
        application.execute("select count(*) from public.users")
        migrated.run("insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)", conversation, bob)
        with pytest.raises(psycopg.errors.SerializationFailure):
            application.execute("update public.messages set content_encrypted = 'lost' where id = %s", (message,))


def test_a_user_who_joins_while_the_hold_is_placed_belongs_to_it(migrated: Database) -> None:
    _, conversation = add_conversation(migrated)
    user = add_user(migrated, "bobby")
    with migrated.connect() as application, migrated.connect() as lawyer, ThreadPoolExecutor(1) as pool:
        application.execute("begin")
        application.execute(
            b"insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)", (conversation, user)
        )
        placing = pool.submit(lawyer.execute, b"insert into chatschema.holds (reason, user_id) values ('x', %s)", (user,))
        waits(migrated, lawyer)
        application.execute("commit")
        placing.result(timeout=10)
    assert migrated.all("select conversation_id from chatschema.hold_conversations") == [(conversation,)]


def test_a_hold_is_not_placed_with_an_old_snapshot(migrated: Database) -> None:
    with migrated.connect() as lawyer:
        lawyer.execute("begin isolation level repeatable read")
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="a hold cannot be placed"):
            lawyer.execute("insert into chatschema.holds (reason) values ('x')")


def test_two_holds_at_once_are_both_placed(migrated: Database, cli: Cli) -> None:
    user, _ = add_conversation(migrated)
    with ThreadPoolExecutor(4) as pool:
        placed = list(pool.map(lambda _: cli("hold", "add", "--user", "alice", "--reason", "x", "--url", migrated.url), range(4)))
    assert [result.code for result in placed] == [0] * 4, [result.err for result in placed]
    assert user
    assert migrated.one("select count(*) from chatschema.holds where released_at is null") == 4
