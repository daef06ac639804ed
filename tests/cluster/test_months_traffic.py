"""While people talk on a distributed database, months come and leave, and none of their statements fails. Needs a Citus cluster."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.support.citus import Citus, database, needs_citus
from tests.support.cli import Cli

pytestmark = needs_citus
IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
CLIENTS, CYCLES, SHARDS, MESSAGES = (8, 20, "32", "20k") if IS_FULL else (2, 2, "4", "500")
LONGEST_S = 2.0
# The same for everybody who takes part: enter the conversation, then one of these.
STATEMENTS = {
    "send": "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%(c)s, %(u)s, 'hello') returning id",
    "reply": """
        insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id)
        values (%(c)s, %(u)s, 'hello', %(last)s) returning id
    """,
    "upsert": """
        insert into public.message_statuses (conversation_id, message_id, user_id, status) values (%(c)s, %(last)s, %(u)s, 'read')
        on conflict (conversation_id, message_id, user_id) do update set status = excluded.status
    """,
    "page": "select id, sender_id, content_encrypted from public.messages where conversation_id = %(c)s order by id desc limit 50",
}


@dataclass
class Traffic:
    """What the clients saw: seconds of each transaction, and each error."""

    waits: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def talk(self, url: str, conversation: str, user: str) -> None:
        values: dict[str, Any] = {"c": conversation, "u": user}
        with psycopg.connect(url) as connection:
            while not self.is_over.is_set():
                for name, statement in STATEMENTS.items():
                    begun = time.monotonic()
                    try:
                        with connection.transaction():
                            connection.execute("select chatschema.enter(%(u)s, %(c)s)", values)
                            cursor = connection.execute(statement.encode(), values)
                            rows = cursor.fetchall() if cursor.description else []
                    except psycopg.Error as error:
                        self.errors.append(f"{name}: {error}")
                        connection.rollback()
                    else:
                        if name in ("send", "reply"):
                            values["last"] = rows[0][0]
                    self.waits.append(time.monotonic() - begun)

    def sent(self) -> int:
        return len(self.waits)


@contextmanager
def talking(url: str, people: list[tuple[str, str]]) -> Iterator[Traffic]:
    """Let each of the people talk in a conversation until the block ends."""
    traffic = Traffic()
    threads = [threading.Thread(target=traffic.talk, args=(url, *one)) for one in people]
    for thread in threads:
        thread.start()
    try:
        yield traffic
    finally:
        traffic.is_over.set()
        for thread in threads:
            thread.join(timeout=60)


@pytest.fixture
def citus(cli: Cli) -> Iterator[Citus]:
    """A distributed database with people in it."""
    with database() as made:
        for command in (
            ["migrate"],
            ["roles", "apply"],
            ["seed", "--messages", MESSAGES, "--months", "1"],
            ["cluster", "distribute", "--shards", SHARDS, "--yes"],
        ):
            done = cli(*command, "--url", made.url, timeout=1200)
            assert done.code == 0, done.err
        yield made


def _months_back(months: int) -> str:
    now = datetime.now(UTC)
    number = now.year * 12 + now.month - 1 - months
    return f"{number // 12}-{number % 12 + 1:02}"


def test_nobodys_statement_fails_while_months_come_and_leave(citus: Citus, cli: Cli) -> None:
    people = citus.rows(
        "select conversation_id::text, min(user_id::text) from public.conversation_participants where left_at is null"
        f" group by 1 order by 1 limit {CLIENTS}"
    )
    assert len(people) == CLIENTS
    months = [_months_back(3 + cycle) for cycle in range(CYCLES)]
    with citus.login("chat_app") as url, talking(url, people) as traffic:
        for month in months:
            # Each time one month more of the past: the later ones were dropped, and are not made again.
            made = cli("partition", "ensure", "--from", month, "--url", citus.url)
            assert made.code == 0, made.err
            citus.run(_old_messages(month, people))
            retired = cli(
                "partition", "retire", "--older-than", "60d", "--grace", "0d", "--no-archive", "--yes", "--url", citus.url
            )
            assert retired.code == 0, retired.err
            assert f"{month} dropped {CLIENTS} messages" in retired.out, retired.out + retired.err
    assert traffic.errors == []
    print(
        f"{CLIENTS} clients, {CYCLES} cycles of make, attach, detach, drop: {traffic.sent()} transactions, none failed,"
        f" longest wait {max(traffic.waits):.2f} s"
    )
    assert traffic.sent() > 50 * CYCLES
    assert max(traffic.waits) <= LONGEST_S
    verified = cli("verify", "--url", citus.url)
    assert verified.code == 0, verified.out


def _old_messages(month: str, people: list[tuple[str, str]]) -> str:
    values = ", ".join(
        f"(chatschema.uuid7(timestamptz '{month}-10 00:00+00'), '{c}', '{u}', 'old', timestamptz '{month}-10 00:00+00')"
        for c, u in people
    )
    return f"insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at) values {values}"
