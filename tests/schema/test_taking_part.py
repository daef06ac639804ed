"""Who may be the sender of a message, the uploader of a file or the reader of a status: refused by the schema, whoever writes."""

import re
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.schema.test_reference_statements import copy_statuses
from tests.schema.test_references import wait_for_a_blocked_session
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import JANUARY
from tests.support.rows import add_conversation, add_message, add_participant, add_user

_FILE = "insert into public.attachments (conversation_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm) values (%s, %s, gen_random_uuid()::text, 1, sha256('x'), 'a')"
_STATUS = "insert into public.message_statuses (message_id, user_id, status) values (%s, %s, 'delivered') on conflict (message_id, user_id) do update set status = excluded.status"
_LEAVE = "update public.conversation_participants set left_at = now() where conversation_id = %s and user_id = %s"
_SEND = b"insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, 'x')"
LEVELS = ("read committed", "repeatable read", "serializable")


def refused(database: Database, constraint: str, query: str, *values: object) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as error:
        database.run(query, *values)
    assert error.value.diag.constraint_name == constraint


def test_a_stranger_and_somebody_who_has_left_send_and_upload_nothing(migrated: Database) -> None:
    alice, conversation = add_conversation(migrated)
    bob, carol = add_user(migrated, "bob"), add_user(migrated, "carol")
    add_participant(migrated, bob, conversation)
    message = add_message(migrated, bob, conversation)
    migrated.run(_FILE, conversation, bob)
    migrated.run(_LEAVE, conversation, bob)
    for user in (bob, carol):
        refused(migrated, "messages_require_sender", _SEND.decode(), conversation, user)
        refused(migrated, "attachments_require_uploader", _FILE, conversation, user)
    many = (
        "insert into public.messages (conversation_id, sender_id, content_encrypted) select %s, u, 'x' from unnest(%s::uuid[]) as u"
    )
    refused(migrated, "messages_require_sender", many, conversation, [alice, carol])
    refused(migrated, "messages_require_changed_sender", "update public.messages set sender_id = %s where id = %s", carol, message)
    refused(migrated, "attachments_require_changed_uploader", "update public.attachments set uploader_id = %s", carol)
    # What was written before, and arrives late or is imported; and a message of nobody.
    migrated.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted) values (chatschema.uuid7(now() - interval '1 hour'), %s, %s, 'x')",
        conversation, bob,
    )  # fmt: skip
    migrated.run("insert into public.messages (conversation_id, message_type) values (%s, 'system')", conversation)
    migrated.run(
        "update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null where id = %s", message
    )
    assert migrated.one("select count(*) from public.messages") == 3


def test_a_status_is_of_somebody_who_took_part_also_one_who_has_left(migrated: Database) -> None:
    alice, conversation = add_conversation(migrated)
    bob, carol = add_user(migrated, "bob"), add_user(migrated, "carol")
    add_participant(migrated, bob, conversation)
    message, other = (add_message(migrated, alice, conversation) for _ in range(2))
    migrated.run(_LEAVE, conversation, bob)
    migrated.run(_STATUS, message, bob)
    refused(migrated, "message_statuses_require_reader", _STATUS, message, carol)
    refused(migrated, "message_statuses_require_reader", "select chatschema.add_reaction(%s, %s, 'liked')", message, carol)
    many = (
        "insert into public.message_statuses (message_id, user_id, conversation_id) select %s, u, %s from unnest(%s::uuid[]) as u"
    )
    refused(migrated, "message_statuses_require_reader", many, other, conversation, [alice, bob, carol])
    month = migrated.one("select tableoid::regclass::text from public.message_statuses")
    refused(
        migrated, "message_statuses_require_reader", many.replace("public.message_statuses", month), other, conversation, [carol]
    )
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="never took part"):
        copy_statuses(migrated, [(other, reader, conversation) for reader in (alice, carol)])
    refused(migrated, "message_statuses_require_reader", "update public.message_statuses set user_id = %s", carol)
    assert migrated.all("select user_id from public.message_statuses") == [(bob,)]


@pytest.mark.parametrize("level", LEVELS)
def test_whoever_has_left_sends_nothing_with_an_old_snapshot(migrated: Database, level: str) -> None:
    _, conversation = add_conversation(migrated)
    bob = add_user(migrated, "bob")
    add_participant(migrated, bob, conversation)
    with migrated.connect() as sender:
        sender.execute(f"begin isolation level {level}".encode())
        sender.execute("select count(*) from public.users")
        migrated.run(_LEAVE, conversation, bob)
        expected = psycopg.errors.ForeignKeyViolation if level == "read committed" else psycopg.errors.SerializationFailure
        with pytest.raises(expected):
            sender.execute(_SEND, (conversation, bob))


@pytest.mark.parametrize("level", LEVELS)
def test_leaving_waits_for_a_message_and_a_message_for_leaving(migrated: Database, level: str) -> None:
    _, conversation = add_conversation(migrated)
    bob = add_user(migrated, "bob")
    add_participant(migrated, bob, conversation)
    with migrated.connect() as sender, migrated.connect() as leaver, ThreadPoolExecutor(1) as pool:
        sender.execute(f"begin isolation level {level}".encode())
        sender.execute(_SEND, (conversation, bob))
        leaving = pool.submit(leaver.execute, _LEAVE.encode(), (conversation, bob))
        wait_for_a_blocked_session(migrated)
        sender.execute("commit")
        leaving.result(timeout=10)
        assert migrated.one("select count(*) from public.messages") == 1
        migrated.run("update public.conversation_participants set left_at = null where user_id = %s", bob)
        leaver.execute(f"begin isolation level {level}".encode())
        leaver.execute(_LEAVE.encode(), (conversation, bob))
        sending = pool.submit(sender.execute, _SEND, (conversation, bob))
        wait_for_a_blocked_session(migrated)
        leaver.execute("commit")
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            sending.result(timeout=10)
    assert migrated.one("select count(*) from public.messages") == 1


def test_sending_waits_for_no_other_message_nor_for_the_own_marks(migrated: Database) -> None:
    """Two devices of one user: each sends, then moves the mark of what was read; nobody waits, so nothing is a deadlock."""
    alice, conversation = add_conversation(migrated)
    mark = b"update public.conversation_participants set last_read_message_id = chatschema.uuid7() where user_id = %s"
    with migrated.connect() as one, migrated.connect() as other:
        for device in (one, other):
            device.execute("set lock_timeout = '1s'; begin")
            device.execute(_SEND, (conversation, alice))
        one.execute(mark, (alice,))
        one.execute("commit")
        other.execute(mark, (alice,))
        other.execute("commit")
    assert migrated.one("select count(*) from public.messages") == 2


def test_a_restored_archive_is_checked_as_a_whole(cli: Cli, aged: Database) -> None:
    assert cli("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes", "--url", aged.url).code == 0
    aged.run("delete from public.conversation_participants where user_id = (select id from public.users where username = 'carol')")
    result = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert result.code == 1
    found = re.search(r"error\[restore\.strangers\]: 2024-01 has (\d+) messages and (\d+) statuses of users", result.err)
    assert found, result.err
    assert int(found[1]) > 10
    assert found[2] == "0"
    # Also by the next command, which finds the loaded tables.
    again = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert (again.code, "restore.strangers" in again.err) == (1, True), again.err
    assert cli("partition", "restore", JANUARY, "--force", "--url", aged.url).code == 0
    assert aged.one("select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01 00:00+00')") == 300


def test_the_rules_are_off_where_rows_are_copied_by_the_server(migrated: Database) -> None:
    """pg_restore --disable-triggers and logical replication: a row that was accepted there is stored here, in any order."""
    enabled = migrated.all(
        "select distinct tgenabled::text from pg_trigger where tgname ~ '_(require_(changed_)?(sender|uploader)|require_reader|lock_leaver|keep_read_marks)$'"
    )
    assert enabled == [("O",)]
    _, conversation = add_conversation(migrated)
    stranger = add_user(migrated, "bob")
    with migrated.connect() as applying:
        applying.execute("set session_replication_role = replica")
        applying.execute(
            b"insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)"
            b" values (chatschema.uuid7(), %s, %s, 'x', now())", (conversation, stranger),
        )  # fmt: skip
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "how-to" / "find-strangers.md").read_text(), re.DOTALL)
    assert migrated.all(query) == [("messages", conversation, stranger, 1)]


def test_existing_rows_are_not_checked_by_the_migration(cli: Cli, empty: Database) -> None:
    assert cli("migrate", "--to", "20261203000300", "--url", empty.url).code == 0
    user = add_user(empty, "alice")
    other = add_user(empty, "bob")
    conversation = empty.one("insert into public.conversations (created_by) values (%s) returning id", user)
    message = add_message(empty, other, conversation)
    empty.run("insert into public.message_statuses (message_id, user_id, reactions) values (%s, %s, '{liked}')", message, other)
    assert cli("migrate", "--url", empty.url).code == 0
    empty.run("update public.messages set content_encrypted = 'y', edit_count = 1, edited_at = now() where id = %s", message)
    empty.run(_STATUS, message, other)
    assert empty.one("select status from public.message_statuses") == "delivered"
