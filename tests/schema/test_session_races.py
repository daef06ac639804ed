"""A session that is issued meets one that ends sessions, in every order and isolation; and one token that many clients show at once."""

import itertools
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tests.support.callers import HASH, wait_for_lock
from tests.support.database import Database, create
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
ROUNDS = 1000 if FULL else 40
CLIENTS = 8
ISOLATIONS = {"RC": "read committed", "RR": "repeatable read", "SR": "serializable"}
SERIALIZATION = "40001"
DEVICE = "8c4ae4b4-17e7-4aa6-9d5b-1e0d6d1c0d4e"
ISSUES = {
    "rotate": f"select outcome from chatschema.rotate_session(%(session)s, '{HASH}')",
    "start": f"select 'started' from chatschema.start_session(%(user)s, '{HASH}', '{{\"device_id\": \"{DEVICE}\"}}')",
}
ENDS = {
    "revoke_session": "select chatschema.revoke_session(%(session)s, 'logout')::text",
    "revoke_sessions": "select chatschema.revoke_sessions(%(user)s, 'admin')::text",
    "revoke_device": f"select sessions_revoked::text from chatschema.revoke_device(%(user)s, '{DEVICE}')",
    "suspend": "update public.users set account_state = 'suspended' where id = %(user)s returning account_state",
    "reuse": f"select outcome from chatschema.rotate_session(%(parent)s, '{HASH}')",
}
ORDERS = ("issue, end waits", "end, issue waits", "end has an older snapshot", "issue has an older snapshot")
LIVE = "select count(*) from public.auth_sessions where user_id = %s and rotated_at is null and revoked_at is null"
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Login:
    """A user with one login, whose first token was rotated long ago and is shown again by the case reuse."""

    user: object
    parent: object
    session: object

    @property
    def names(self) -> dict[str, object]:
        return {"user": self.user, "parent": self.parent, "session": self.session}


def sign_in(connection: Connection, name: str) -> Login:
    (user,) = connection.execute("insert into public.users (username) values (%s) returning id", (name,)).fetchone() or ()
    start = f'select chatschema.start_session(%s, %s, \'{{"device_id": "{DEVICE}"}}\')'
    (parent,) = connection.execute(start.encode(), (user, HASH)).fetchone() or ()
    (session,) = connection.execute("select live_id from chatschema.rotate_session(%s, %s)", (parent, HASH)).fetchone() or ()
    connection.execute("update public.auth_sessions set rotated_at = rotated_at - interval '1 hour' where id = %s", (parent,))
    return Login(user, parent, session)


def run(connection: Connection, query: str, login: Login) -> str:
    """Return the answer of the query, or the SQLSTATE of its error."""
    try:
        row = connection.execute(query.encode(), login.names).fetchone()
    except psycopg.Error as error:
        connection.rollback()
        return error.sqlstate or "?"
    return str(row and row[0])


def begin(connection: Connection, isolation: str) -> None:
    connection.execute(f"set default_transaction_isolation = '{ISOLATIONS[isolation]}'".encode())
    connection.commit()


@dataclass(frozen=True)
class Two:
    """Two clients, a third connection that looks at them, and a thread for the one that waits."""

    one: Connection
    other: Connection
    watch: Connection
    pool: ThreadPoolExecutor

    def meet(self, login: Login, order: str, issue: str, end: str) -> tuple[str, str]:
        """Let both transactions meet in an order; return their answers, or SQLSTATEs."""
        is_issue_first = order.startswith(("issue,", "end has"))
        first, second = (ISSUES[issue], ENDS[end]) if is_issue_first else (ENDS[end], ISSUES[issue])
        if "snapshot" in order:
            # A snapshot of the one that runs second, from before the first one's commit.
            self.other.execute("select count(*) from public.auth_sessions")
            answer = run(self.one, first, login)
            self.one.commit()
            later = run(self.other, second, login)
        else:
            answer = run(self.one, first, login)
            waiting = self.pool.submit(run, self.other, second, login)
            wait_for_lock(self.watch, self.other, waiting)
            self.one.commit()
            later = waiting.result(30)
        self.other.commit()
        return (answer, later) if is_issue_first else (later, answer)

    def live(self, login: Login) -> int:
        row = self.watch.execute(LIVE.encode(), (login.user,)).fetchone()
        assert row
        return int(row[0])


@pytest.fixture
def two(chat: Database, isolation: str) -> Iterator[Two]:
    with (
        psycopg.connect(chat.url) as one,
        psycopg.connect(chat.url) as other,
        chat.connect() as watch,
        ThreadPoolExecutor(1) as pool,
    ):
        begin(one, isolation)
        begin(other, isolation)
        yield Two(one, other, watch, pool)


@pytest.fixture(scope="module")
def chat(server: PgServer, migrated_template: str) -> Iterator[Database]:
    for database in create(server, f"races_{uuid.uuid4().hex[:12]}", migrated_template):
        # A client may be kept waiting for longer than ten seconds where the machine is busy.
        database.run(f"alter database {database.name} set chatschema.session_grace = '5 minutes'")
        yield database


@pytest.mark.parametrize("isolation", ISOLATIONS)
@pytest.mark.parametrize("order", ORDERS)
def test_no_token_escapes_a_revocation_that_runs_at_the_same_time(two: Two, order: str, isolation: str) -> None:
    for number, (issue, end) in enumerate(itertools.product(ISSUES, ENDS)):
        login = sign_in(two.watch, f"user-{ORDERS.index(order)}-{isolation.lower()}-{number}")
        issued, ended = two.meet(login, order, issue, end)
        where = (issue, end, order, isolation, issued, ended)
        live = two.live(login)
        assert ended != "42501", where
        if ended == SERIALIZATION:
            # Whoever repeats the transaction, as the error asks, ends the session that was issued meanwhile.
            assert isolation != "RC", where
            assert run(two.watch, ENDS[end], login) not in (SERIALIZATION, "False", "0"), where
            live = two.live(login)
        is_new_login = issue == "start" and issued == "started"
        if end in ("revoke_session", "reuse"):
            # Of one family: a new login of the same user goes on.
            assert live == int(is_new_login), where
        elif end == "suspend" or order in ("issue, end waits", "end has an older snapshot"):
            assert live == 0, where
        else:
            # The revocation came first, so the new login is later than it.
            assert live == int(is_new_login), where
        if issued == "rotated":
            assert order in ("issue, end waits", "end has an older snapshot"), where


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_of_many_clients_that_show_one_token_one_rotates_it(chat: Database, isolation: str) -> None:
    """The others get grace and the id of the same new session; each round goes on with that one."""
    with chat.connect() as connection:
        login = sign_in(connection, f"raced-{isolation.lower()}")
    rounds = ROUNDS if isolation == "RC" else max(ROUNDS // 4, 20)
    token: list[object] = [login.session]
    answers: list[tuple[str, object]] = []
    barrier = threading.Barrier(CLIENTS, timeout=60)
    outcomes: Counter[str] = Counter()

    def after_round() -> None:
        live = {id for _, id in answers}
        assert Counter(outcome for outcome, _ in answers) == {"rotated": 1, "grace": CLIENTS - 1}, answers
        assert len(live) == 1, answers
        assert chat.one(LIVE, login.user) == 1
        token[0] = live.pop()
        answers.clear()

    def client() -> None:
        with psycopg.connect(chat.url) as connection:
            begin(connection, isolation)
            for _ in range(rounds):
                barrier.wait()
                while True:
                    try:
                        query = b"select outcome, live_id from chatschema.rotate_session(%s, %s)"
                        row = connection.execute(query, (token[0], HASH)).fetchone()
                        connection.commit()
                        break
                    except psycopg.errors.SerializationFailure:
                        connection.rollback()
                        outcomes[SERIALIZATION] += 1
                assert row
                answers.append((row[0], row[1]))
                if barrier.wait() == 0:
                    after_round()
                barrier.wait()

    with ThreadPoolExecutor(CLIENTS) as pool:
        for running in [pool.submit(client) for _ in range(CLIENTS)]:
            running.result(1800)
    print(f"{rounds} rotations by {CLIENTS} clients at {ISOLATIONS[isolation]}: {outcomes[SERIALIZATION]} repeated")
    assert chat.one("select count(*) from public.auth_sessions where user_id = %s", login.user) == rounds + 2
    # The first token was rotated an hour ago: all that came of it ends, and the trail has it.
    with chat.connect() as connection:
        assert run(connection, ENDS["reuse"], login) == "reused"
    assert chat.one(LIVE, login.user) == 0
    audited = "select count(*) from public.audit_logs where action = 'session.reuse' and severity = 'critical' and user_id = %s"
    assert chat.one(audited, login.user) == 1
