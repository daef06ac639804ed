"""References to messages, kept by triggers: what a foreign key would promise, without its price when a month leaves."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.database import Database
from tests.support.rows import add_conversation, add_message, add_participant


def test_a_status_or_attachment_cannot_name_another_conversation(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    other = migrated.one("insert into public.conversations default values returning id")
    add_participant(migrated, user, other)
    message = add_message(migrated, user, conversation)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        migrated.run(
            "insert into public.message_statuses (message_id, user_id, conversation_id) values (%s, %s, %s)", message, user, other
        )
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        migrated.run(
            "insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id) values (%s, %s, 'x', %s)",
            other,
            user,
            message,
        )


def test_a_status_of_no_message_is_refused(migrated: Database) -> None:
    user, _ = add_conversation(migrated)
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="does not exist"):
        migrated.run("insert into public.message_statuses (message_id, user_id) values (chatschema.uuid7(), %s)", user)


def test_deleting_a_message_keeps_replies_and_the_pointer_to_its_file(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    reply = add_message(migrated, user, conversation, "reply_to_id", message)
    migrated.run("insert into public.message_statuses (message_id, user_id) values (%s, %s)", message, user)
    migrated.run(
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " values (%s, %s, 'k', 1, sha256('x'), 'a')", message, user,
    )  # fmt: skip
    migrated.run("delete from public.messages where id = %s", message)
    assert migrated.one("select reply_to_id from public.messages where id = %s", reply) is None
    assert migrated.one("select message_id is null and conversation_id = %s from public.attachments", conversation)
    assert migrated.one("select count(*) from public.message_statuses") == 0


def test_a_status_that_meets_the_deletion_of_its_message_is_refused_or_removed(migrated: Database) -> None:
    """What a foreign key would promise: whichever commits first, no status is left without its message."""
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    store = b"insert into public.message_statuses (conversation_id, message_id, user_id) values (%s, %s, %s)"
    with migrated.connect() as writer, migrated.connect() as deleter, ThreadPoolExecutor(1) as pool:
        writer.execute("begin")
        writer.execute(store, (conversation, message, user))
        deletion = pool.submit(deleter.execute, b"delete from public.messages where id = %s", (message,))
        wait_for_a_blocked_session(migrated)
        writer.execute("commit")
        deletion.result(timeout=10)
        assert migrated.one("select (select count(*) from public.messages) + (select count(*) from public.message_statuses)") == 0
        message = add_message(migrated, user, conversation)
        deleter.execute("begin")
        deleter.execute(b"delete from public.messages where id = %s", (message,))
        storing = pool.submit(writer.execute, store, (conversation, message, user))
        wait_for_a_blocked_session(migrated)
        deleter.execute("commit")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            storing.result(timeout=10)


def wait_for_a_blocked_session(database: Database) -> None:
    query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    if database.server.name == "citus":
        # It waits on a worker.
        query = "select count(*) from citus_lock_waits"
    deadline = time.monotonic() + 10
    while not database.one(query):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.02)


@pytest.mark.parametrize("column", ["id", "conversation_id"])
def test_a_message_keeps_its_id_and_its_conversation(migrated: Database, column: str) -> None:
    user, conversation = add_conversation(migrated)
    add_message(migrated, user, conversation)
    with pytest.raises(psycopg.errors.CheckViolation, match=r"the id and the conversation of message .* cannot be changed"):
        migrated.run(f"update public.messages set {column} = %s", migrated.one("select chatschema.uuid7()"))


@pytest.mark.parametrize(
    "change", ["messages set reply_to_id", "message_statuses set message_id", "message_statuses set conversation_id"]
)
def test_a_changed_reference_is_checked_as_a_new_one_is(migrated: Database, change: str) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    migrated.run("insert into public.message_statuses (message_id, user_id) values (%s, %s)", message, user)
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="is not in conversation"):
        migrated.run(f"update public.{change} = %s", migrated.one("select chatschema.uuid7()"))
