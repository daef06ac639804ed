"""Clients that send, mark as read and page in random conversations of a distributed database, and count what they were promised."""

import random
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

SEND = """
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version)
    values (%s, %s, %s, 'x', '\\x0102030405060708', 'x', 1)
"""
READ = """
    insert into public.message_statuses (conversation_id, message_id, user_id, status, read_at) values (%s, %s, %s, 'read', now())
    on conflict (conversation_id, message_id, user_id) do update set status = excluded.status, read_at = excluded.read_at
"""
PAGE = """
    select id from public.messages where conversation_id = %s and id >= chatschema.uuid7_floor(now() - interval '1 day')
    order by id desc limit 20
"""


class Client(threading.Thread):
    """One client: what was acknowledged, each statement that failed, and the longest that one took."""

    def __init__(self, url: str, pairs: Sequence[tuple[str, str]], seed: int) -> None:
        super().__init__(daemon=True)
        self.url, self.pairs = url, pairs
        self.chance = random.Random(seed)
        self.acknowledged: list[tuple[str, str]] = []
        self.failed: list[tuple[str, str]] = []
        self.longest = 0.0
        self.is_over = threading.Event()

    def run(self) -> None:
        """Send until it is over; open a new connection after an error."""
        while not self.is_over.is_set():
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    while not self.is_over.is_set():
                        self._turn(connection)
            except psycopg.OperationalError:
                time.sleep(0.05)

    def _turn(self, connection: psycopg.Connection) -> None:
        conversation, user = self.chance.choice(self.pairs)
        begun = time.monotonic()
        try:
            row = connection.execute("select chatschema.uuid7()").fetchone()
            message = str(row[0] if row else uuid.uuid4())
            connection.execute(SEND, (message, conversation, user))
            self.acknowledged.append((conversation, message))
            connection.execute(READ, (conversation, message, user))
            connection.execute(PAGE, (conversation,))
        except psycopg.Error as error:
            self.failed.append((conversation, str(error)))
            if connection.closed:
                raise
        self.longest = max(self.longest, time.monotonic() - begun)


@contextmanager
def chatting(url: str, pairs: Sequence[tuple[str, str]], clients: int) -> Iterator[list[Client]]:
    """Yield clients at work; they have ended when the block ends."""
    working = [Client(url, pairs, number) for number in range(clients)]
    for one in working:
        one.start()
    try:
        yield working
    finally:
        for one in working:
            one.is_over.set()
        for one in working:
            one.join(timeout=120)
