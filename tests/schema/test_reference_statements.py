"""References are kept once a statement: whatever form it has, whichever months it meets, it is right as a whole or refused as a whole."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.hostile import SETTINGS
from tests.support.isolation import ORPHANS
from tests.support.months import make_months
from tests.support.rows import add_conversation, add_participant

Connection = psycopg.Connection[tuple[Any, ...]]
_STATUSES = "insert into public.message_statuses (message_id, user_id, conversation_id)"
_LOCKED = b"""
    select count(*) from pg_locks as l join pg_inherits as i on i.inhrelid = l.relation
    where l.pid = pg_backend_pid() and i.inhparent = 'public.messages'::regclass
"""


def add_messages(database: Database, count: int, *, months: int = 1) -> tuple[object, object, list[UUID]]:
    """Return a user, a conversation and its messages, spread over this month and those before it, oldest first."""
    user, conversation = add_conversation(database)
    rows = database.all(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
        " select chatschema.uuid7(now() - make_interval(months => n %% %s)), %s, %s, 'x' from generate_series(1, %s) as n returning id",
        months, conversation, user, count,
    )  # fmt: skip
    return user, conversation, sorted(row[0] for row in rows)


def counts(database: Database) -> Any:
    """Return what there is: messages, replies, statuses, attachments, attachments with a message."""
    assert database.one(ORPHANS) == (0, 0, 0)
    return database.one(
        "select (select count(*) from public.messages), (select count(reply_to_id) from public.messages),"
        " (select count(*) from public.message_statuses), (select count(*) from public.attachments),"
        " (select count(message_id) from public.attachments)"
    )


def add_references(database: Database, user: object, conversation: object, messages: Sequence[UUID]) -> None:
    """Give each of them a status, a reply of this month and an attachment."""
    database.run(f"{_STATUSES} select m, %s, %s from unnest(%s::uuid[]) as m", user, conversation, messages)
    database.run(
        "insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id)"
        " select %s, %s, 'reply', m from unnest(%s::uuid[]) as m",
        conversation,
        user,
        messages,
    )
    database.run(
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " select m, %s, m::text, 1, sha256('x'), 'a' from unnest(%s::uuid[]) as m", user, messages,
    )  # fmt: skip


def copy_statuses(database: Database, rows: Sequence[tuple[Any, ...]]) -> None:
    with (
        database.connect() as connection,
        connection.cursor().copy("copy public.message_statuses (message_id, user_id, conversation_id) from stdin") as copy,
    ):
        for row in rows:
            copy.write_row(row)


@pytest.mark.parametrize("wrong", ["chatschema.uuid7()", "gen_random_uuid()"])
def test_a_statement_with_one_wrong_row_is_refused_whole(migrated: Database, wrong: str) -> None:
    """A message that does not exist, or a conversation that is not the message's, as one of many rows or by COPY."""
    user, conversation, messages = add_messages(migrated, 20)
    pair = f"{wrong}, '{conversation}'::uuid" if wrong == "chatschema.uuid7()" else f"'{messages[7]}'::uuid, {wrong}"
    before = counts(migrated)
    rows = f"select m, '{conversation}'::uuid from unnest(%s::uuid[]) as m where m <> '{messages[7]}' union all select {pair}"
    with (
        migrated.connect() as connection,
        pytest.raises(psycopg.errors.ForeignKeyViolation, match="is not in conversation") as refused,
    ):
        connection.execute(f"{_STATUSES} select t.m, '{user}', t.c from ({rows}) as t (m, c)".encode(), (messages,))
    assert refused.value.diag.message_hint == "It may have been deleted, or retired with its month."
    assert (refused.value.diag.table_name, refused.value.diag.column_name) == ("message_statuses", "message_id")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        copy_statuses(migrated, migrated.all(f"select t.m, '{user}', t.c from ({rows}) as t (m, c)", messages))
    assert counts(migrated) == before


def test_every_form_of_insert_is_checked_and_passes_when_right(migrated: Database) -> None:
    make_months(migrated, 24)
    user, conversation, messages = add_messages(migrated, 240, months=24)
    bob = migrated.one("insert into public.users (username) values ('bobby') returning id")
    add_participant(migrated, bob, conversation)
    values = f"values ('{messages[0]}', '{user}', '{conversation}'), ('{messages[-1]}', '{user}', '{conversation}')"
    migrated.run(f"{_STATUSES} {values}")
    migrated.run(f"{_STATUSES} {values} on conflict do nothing")
    migrated.run(f"{_STATUSES} select id, '{user}', '{conversation}' from public.messages on conflict do nothing")
    assert counts(migrated)[2] == 240
    upsert = (
        "insert into public.message_statuses (message_id, user_id, status) values (%s, %s, 'read')"
        " on conflict (message_id, user_id) do update set status = excluded.status, read_at = now()"
    )
    for reader in (user, bob):
        migrated.run(upsert, messages[5], reader)
    read = migrated.all("select user_id, conversation_id from public.message_statuses where status = 'read'")
    assert sorted(read) == sorted([(user, conversation), (bob, conversation)])
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="does not exist"):
        migrated.run(upsert, migrated.one("select chatschema.uuid7()"), bob)
    copy_statuses(migrated, [(message, bob, conversation) for message in messages[10:]])
    with migrated.connect() as connection:
        connection.execute(
            "merge into public.message_statuses as s using public.messages as m on s.message_id = m.id and s.user_id = %s"
            " when matched then update set status = 'delivered'"
            " when not matched then insert (message_id, user_id, conversation_id) values (m.id, %s, m.conversation_id)",
            (bob, bob),
        )
    assert counts(migrated)[2] == 480


@pytest.mark.parametrize("change", ["message_id = %s", "message_id = %s, conversation_id = gen_random_uuid()"])
def test_a_status_that_moves_to_another_month_is_checked_too(migrated: Database, change: str) -> None:
    """The server moves the row with a delete and an insert, for which no statement trigger fires and no update trigger after it."""
    make_months(migrated, 3)
    user, conversation, messages = add_messages(migrated, 2, months=2)
    add_references(migrated, user, conversation, messages[1:])
    elsewhere = migrated.one("select chatschema.uuid7(now() - interval '2 months')") if "," not in change else messages[0]
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="is not in conversation"):
        migrated.run(f"update public.message_statuses set {change}", elsewhere)
    migrated.run("update public.message_statuses set message_id = %s", messages[0])
    assert counts(migrated)[2] == 1


def test_a_status_of_a_held_message_is_not_given_to_another(cli: Cli, migrated: Database) -> None:
    user, conversation, messages = add_messages(migrated, 2)
    add_references(migrated, user, conversation, messages[:1])
    assert cli("hold", "add", "--conversation", str(conversation), "--reason", "a case", "--url", migrated.url).code == 0
    bob = migrated.one("insert into public.users (username) values ('bobby') returning id")
    for change, value in (("message_id", messages[1]), ("user_id", bob)):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="keeps its message and its reader"):
            migrated.run(f"update public.message_statuses set {change} = %s", value)


def test_a_delete_over_many_months_takes_statuses_unlinks_replies_and_releases_attachments(migrated: Database) -> None:
    make_months(migrated, 24)
    user, conversation, messages = add_messages(migrated, 240, months=24)
    add_references(migrated, user, conversation, messages)
    assert counts(migrated) == (480, 240, 240, 240, 240)
    migrated.run("delete from public.messages where id = any (%s)", messages[:100])
    assert counts(migrated) == (380, 140, 140, 240, 140)
    migrated.run("delete from public.messages where id = %s", messages[100])
    assert counts(migrated) == (379, 139, 139, 240, 139)
    migrated.run("delete from public.messages where false")
    migrated.run("delete from public.messages")
    assert counts(migrated) == (0, 0, 0, 240, 0)


def test_a_plan_for_one_row_or_two_is_not_kept_for_thousands(migrated: Database) -> None:
    """In the session of a few small statements, made while the tables were empty, a large one costs no more than in a new session."""
    user, conversation, messages = add_messages(migrated, 6020)
    seconds = {}
    for fresh in (False, True):
        mine, messages = messages[:3010], messages[3010:]
        few, many = mine[:10], mine[10:]
        migrated.run("delete from public.attachments")
        insert = f"{_STATUSES} select m, '{user}', '{conversation}' from unnest(%s::uuid[]) as m".encode()
        delete = b"delete from public.messages where id = any (%s)"
        with migrated.connect() as connection:
            for part in [] if fresh else (few[:1], few[1:3], few[3:4], few[4:7], few[7:]):
                connection.execute(insert, (part,))
                connection.execute(delete, (part,))
            add_references(migrated, user, conversation, many[:1])
            migrated.run(
                "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
                " select m, %s, m::text, 1, sha256('x'), 'a' from unnest(%s::uuid[]) as m", user, many[1:],
            )  # fmt: skip
            start = time.perf_counter()
            connection.execute(insert, (many[1:],))
            connection.execute(delete, (many,))
            seconds[fresh] = time.perf_counter() - start
    assert seconds[False] < 4 * seconds[True] + 0.3, seconds
    assert counts(migrated)[2:] == (0, 2999 + 1, 0)


def test_an_insert_of_statuses_locks_the_months_of_its_rows_only(migrated: Database) -> None:
    make_months(migrated, 24)
    user, conversation, messages = add_messages(migrated, 24 * 12, months=24)
    newest = [m for m in messages if m > migrated.one("select chatschema.uuid7_floor(now() - interval '1 hour')")]
    assert len(newest) == 12
    with migrated.connect() as connection:
        months: list[int] = []
        for message in newest[:9]:
            with connection.transaction():
                connection.execute(f"{_STATUSES} values (%s, %s, %s)".encode(), (message, user, conversation))
                months += connection.execute(_LOCKED).fetchone() or ()
        # Once in a session, the sixth time, the server tries a plan for any value, which names all months, and finds it dear.
        assert sorted(months) == [1] * 8 + [30]
        assert months[5] == 30
        with connection.transaction():
            connection.execute(
                f"{_STATUSES} select m, %s, %s from unnest(%s::uuid[]) as m".encode(), (user, conversation, newest[9:])
            )
            assert connection.execute(_LOCKED).fetchone() == (1,)


def test_a_refused_statement_leaves_everything_as_it_was(migrated: Database) -> None:
    user, conversation, messages = add_messages(migrated, 5)
    add_references(migrated, user, conversation, messages)
    before = counts(migrated)
    with migrated.connect() as connection, connection.transaction():
        for statement in ("truncate public.messages", f"{_STATUSES} values (chatschema.uuid7(), '{user}', '{conversation}')"):
            connection.execute(b"savepoint here; delete from public.messages where reply_to_id is not null")
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.execute(statement.encode())
            connection.execute(b"rollback to here")
    assert counts(migrated) == before


@pytest.mark.parametrize("planning", ["force_generic_plan", "force_custom_plan"])
def test_the_settings_of_a_session_change_nothing(migrated: Database, planning: str) -> None:
    user, conversation, messages = add_messages(migrated, 8)
    add_references(migrated, user, conversation, messages)
    hostile = {
        **SETTINGS,
        "plan_cache_mode": planning,
        "enable_partition_pruning": "off",
        "default_transaction_isolation": "read committed",
    }
    with migrated.connect() as connection:
        for name, value in hostile.items():
            # This one turns triggers off, for superusers, and has to.
            if name not in ("session_replication_role", "exit_on_error", "client_encoding", "lock_timeout"):
                connection.execute(f"set {name} = '{value}'".encode())
        bob = "insert into public.users (username) values ('bobby') returning id"
        (reader,) = connection.execute(bob.encode()).fetchone() or (None,)
        add_participant(migrated, reader, conversation)
        connection.execute(f"{_STATUSES} values (%s, %s, %s)".encode(), (messages[0], reader, conversation))
        connection.execute(
            f"{_STATUSES} select m, %s, %s from unnest(%s::uuid[]) as m".encode(), (reader, conversation, messages[1:])
        )
        for wrong in (f"values (chatschema.uuid7(), '{reader}', '{conversation}')", f"select chatschema.uuid7(), id, '{conversation}' from public.users"):  # fmt: skip
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.execute(f"{_STATUSES} {wrong}".encode())
        connection.execute(b"delete from public.messages where id = %s", (messages[0],))
        connection.execute(b"delete from public.messages where id = any (%s)", (messages[1:4],))
        assert counts(migrated) == (12, 4, 8, 8, 4)
        connection.execute(b"truncate public.messages, public.message_statuses")
    assert counts(migrated) == (0, 0, 0, 8, 0)
