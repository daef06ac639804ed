"""Reactions, marks and reports of many devices at once: nothing is lost, nothing falls back, nothing moves without a change."""

import os
import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.support.database import Database
from tests.support.rows import add_conversation, add_message

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
CLIENTS, ROUNDS = 16, 200 if IS_FULL else 6
ADD, REMOVE = (f"select chatschema.{way}_reaction(%s, %s, %s)".encode() for way in ("add", "remove"))
_UPSERT = "insert into public.message_statuses (message_id, user_id, status, read_at) values (%s, %s, %s, now()) on conflict (message_id, user_id) do update set status = excluded.status, read_at = excluded.read_at, updated_at = now()"
_CHANGED = "select status, updated_at, reactions from public.message_statuses"
LEVELS = ("read committed", "repeatable read", "serializable")


def at_once(database: Database, level: str, work: Callable[["psycopg.Connection[Any]", int], None]) -> None:
    """Let 16 clients work at the same time, each on its own connection."""
    start = threading.Barrier(CLIENTS)

    def client(number: int) -> None:
        with database.connect() as connection:
            connection.execute(f"set default_transaction_isolation = '{level}'".encode())
            start.wait(30)
            work(connection, number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def again(connection: "psycopg.Connection[Any]", query: bytes, *values: object) -> Any:
    """Send a statement until it is no longer refused with 40001, as the application has to at these levels."""
    while True:
        try:
            return connection.execute(query, values).fetchall()[0][0]
        except psycopg.errors.SerializationFailure:
            assert connection.execute("show transaction_isolation").fetchall() != [("read committed",)]


@pytest.mark.parametrize("level", LEVELS)
def test_of_sixteen_devices_that_add_and_remove_reactions_none_loses_one(migrated: Database, level: str) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    key = (message, user)

    def toggle(connection: "psycopg.Connection[Any]", number: int) -> None:
        for _ in range(ROUNDS):
            assert again(connection, ADD, *key, f"own {number}") is True
            assert again(connection, ADD, *key, f"own {number}") is False
            assert again(connection, REMOVE, *key, f"own {number}") is True
        again(connection, ADD, *key, f"kept {number}")

    at_once(migrated, level, toggle)
    kept = migrated.one("select reactions from public.message_statuses")
    assert sorted(kept) == sorted(f"kept {number}" for number in range(CLIENTS))


def test_a_reaction_has_a_length_and_there_are_twenty(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    assert migrated.one(ADD.decode(), message, user, "👩‍❤️‍💋‍👩" * 6) is True
    for wrong in ("x" * 65, "x" * 1_000_000):
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            migrated.run(ADD.decode(), message, user, wrong)
        assert refused.value.diag.constraint_name == "message_statuses_reaction_keys_check"
    for empty in ("", None):
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            migrated.run(ADD.decode(), message, user, empty)
    for number in range(19):
        migrated.run(ADD.decode(), message, user, str(number))
    with pytest.raises(psycopg.errors.CheckViolation):
        migrated.run(ADD.decode(), message, user, "one too many")
    assert migrated.one(REMOVE.decode(), message, user, "18") is True
    assert migrated.one(REMOVE.decode(), message, user, "18") is False
    assert migrated.one("select cardinality(reactions), reacted_at is not null from public.message_statuses") == (19, True)


def test_the_marks_of_sixteen_devices_only_rise(migrated: Database) -> None:
    user, _ = add_conversation(migrated)
    marks = [[uuid.UUID(int=random.getrandbits(128)) for _ in range(ROUNDS)] for _ in range(CLIENTS)]
    seen: list[list[Any]] = [[] for _ in range(CLIENTS)]

    def report(connection: "psycopg.Connection[Any]", number: int) -> None:
        for mark in marks[number]:
            row = connection.execute(
                "update public.conversation_participants set last_read_message_id = %s, last_delivered_message_id = %s where user_id = %s"
                " returning last_read_message_id, last_delivered_message_id", (mark, mark, user),
            ).fetchall()[0]  # fmt: skip
            assert row[0] == row[1] >= mark
            seen[number].append(row[0])

    at_once(migrated, "read committed", report)
    assert all(own == sorted(own) for own in seen)
    highest = max(mark for own in marks for mark in own)
    row = "select last_read_message_id, last_delivered_message_id from public.conversation_participants"
    assert migrated.one(row) == (highest, highest)
    migrated.run("update public.conversation_participants set last_read_message_id = null, is_pinned = true")
    assert migrated.one(row) == (highest, highest)


def test_a_report_that_changes_nothing_moves_nothing(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    migrated.run(_UPSERT, message, user, "delivered")
    first = migrated.one(_CHANGED)
    migrated.run(_UPSERT, message, user, "read")
    read = migrated.one(_CHANGED)
    assert (read[0], read[1] > first[1]) == ("read", True)
    for late in ("read", "delivered", "sent"):
        migrated.run(_UPSERT, message, user, late)
        assert migrated.one(_CHANGED) == read
    assert migrated.one(ADD.decode(), message, user, "liked") is True
    assert migrated.one(_CHANGED)[1] > read[1]
    changed = migrated.one(_CHANGED)
    assert migrated.one(ADD.decode(), message, user, "liked") is False
    assert migrated.one(REMOVE.decode(), message, user, "other") is False
    assert migrated.one(_CHANGED) == changed
