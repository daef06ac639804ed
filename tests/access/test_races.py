"""Two at once: admins who leave together, and people who write to each other for the first time."""

import os
import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.access.world import GROUP, World, created, user
from tests.support.servers import PgServer

ROUNDS = 200 if os.environ.get("CHATSCHEMA_TEST_FULL") else 8
LEVELS = ("read committed", "repeatable read", "serializable")


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"races_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("races")) as one:
        yield one


def together(world: World, level: str, letters: str, statement: str) -> list[object]:
    """Run a statement as two users at once, each in a transaction; return their results, or the SQLSTATE of an error."""
    barrier = threading.Barrier(len(letters))
    results: list[object] = []

    def run(letter: str) -> None:
        with world.connect("api") as connection:
            try:
                connection.execute(f"begin isolation level {level}".encode())
                connection.execute("select set_config('app.user_id', %s, true)", (user(letter),))
                # A snapshot before the other commits.
                connection.execute("select count(*) from conversation_participants")
                barrier.wait(30)
                cursor = connection.execute(statement.format(me=user(letter), n=user("n")).encode())
                row = cursor.fetchone() if cursor.description else None
                connection.execute("commit")
                results.append(row[0] if row else "done")
            except psycopg.Error as error:
                results.append(error.sqlstate)

    threads = [threading.Thread(target=run, args=(letter,)) for letter in letters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("change", ["left_at = now()", "role = 'member'"])
def test_a_group_keeps_an_admin(world: World, level: str, change: str) -> None:
    for _ in range(ROUNDS):
        world.database.run(
            f"update conversation_participants set left_at = null, role = 'admin' where conversation_id = '{GROUP}' and user_id in ('{user('a')}', '{user('b')}')"
        )
        results = together(
            world,
            level,
            "ab",
            f"update conversation_participants set {change} where conversation_id = '{GROUP}' and user_id = '{{me}}'",
        )
        admins = world.database.one(
            f"select count(*) from conversation_participants where conversation_id = '{GROUP}' and role = 'admin' and left_at is null"
        )
        assert admins >= 1, results
        assert "done" in results, results


@pytest.mark.parametrize("level", LEVELS)
def test_two_who_write_to_each_other_at_once_get_one_conversation(world: World, level: str) -> None:
    for _ in range(ROUNDS):
        world.database.run(
            f"delete from conversation_participants where conversation_id in (select id from conversations where direct_user_high = '{user('b')}')"
        )
        world.database.run(f"delete from conversations where direct_user_high = '{user('b')}'")
        results = together(
            world, level, "ab",
            f"select conversation_id::text from chatschema.create_conversation('{{me}}', array['{user('a')}', '{user('b')}']::uuid[], 'direct')",
        )  # fmt: skip
        ids = {result for result in results if len(str(result)) == 36}
        assert len(ids) == 1, results
        assert ids | set(results) <= ids | {"40001"}
        assert len(ids) == len(set(results)) or level != "read committed"
        rows = world.database.one("select count(*) from conversation_participants where conversation_id = %s", ids.pop())
        assert rows == 2
