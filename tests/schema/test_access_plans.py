"""The functions for sign-in, sessions and keys find their rows by an index: none reads a whole table, however many rows it has."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.callers import HASH
from tests.support.database import Database, create
from tests.support.servers import PgServer

ROWS = 3000
TABLES = ("users", "auth_sessions", "user_public_keys", "conversations", "conversation_participants")


@pytest.fixture(scope="module")
def chat(server: PgServer, migrated_template: str) -> Iterator[Database]:
    for database in create(server, f"plans_{uuid.uuid4().hex[:12]}", migrated_template):
        database.run("insert into public.users (username, email) select 'user-' || n, n || '@example.com' from generate_series(1, %s) as n", ROWS)  # fmt: skip
        database.run("insert into public.auth_sessions (user_id, refresh_token_hash) select id, %s from public.users", HASH)
        database.run(
            "insert into public.user_public_keys (user_id, key_type, public_key) select id, 'one_time_prekey', sha256(username::bytea) from public.users"
        )
        database.run(
            "insert into public.conversations (type, direct_user_low, direct_user_high) select 'direct', id, id from public.users"
        )
        database.run(
            "insert into public.conversation_participants (conversation_id, user_id) select id, direct_user_low from public.conversations"
        )
        database.run(
            "analyze public.users, public.auth_sessions, public.user_public_keys, public.conversations, public.conversation_participants"
        )
        yield database


@pytest.mark.parametrize("call", [
    "chatschema.find_login('user-7')",
    "chatschema.find_login('7@example.com')",
    "chatschema.register_user('x' || floor(random() * 1e9)::text, null)",
    "chatschema.change_password('{user}', '$2b$12$x')",
    "chatschema.session_hash('{session}')",
    "chatschema.start_session('{user}', '{hash}')",
    "chatschema.rotate_session('{session}', '{hash}')",
    "chatschema.revoke_session('{session}', 'logout')",
    "chatschema.revoke_sessions('{user}', 'logout')",
    "chatschema.sessions_of('{user}')",
    "chatschema.publish_key('{user}', null, 'identity', '1', sha256('k'))",
    "chatschema.claim_one_time_key('{user}', null)",
    "chatschema.revoke_device('{user}', '{user}')",
    "chatschema.create_conversation('{user}', array['{other}'::uuid], 'direct')",
    "chatschema.create_conversation('{user}', array[]::uuid[], 'direct')",
    "chatschema.share_key('{conversation}', '{user}', 'k', 1, 'x')",
])  # fmt: skip
@pytest.mark.parametrize("plan", ["auto", "force_generic_plan"])
def test_no_table_is_read_whole(chat: Database, call: str, plan: str) -> None:
    user = chat.one("select id from public.users where username = 'user-7'")
    names = {
        "user": user, "hash": HASH, "other": chat.one("select id from public.users where username = 'user-8'"),
        "session": chat.one("select id from public.auth_sessions where user_id = %s", user),
        "conversation": chat.one("select id from public.conversations where direct_user_low = %s", user),
    }  # fmt: skip
    scans = ", ".join(f"pg_stat_get_xact_numscans('public.{table}'::regclass)" for table in TABLES)
    with psycopg.connect(chat.url) as connection:
        connection.execute(f"set plan_cache_mode = '{plan}'".encode())
        for _ in range(2):
            connection.execute(f"select * from {call.format(**names)}".encode())
        # Of the tables themselves: what an index finds is counted for the index.
        counted = connection.execute(f"select {scans}".encode()).fetchone()
        connection.rollback()
    assert counted == (0,) * len(TABLES), dict(zip(TABLES, counted or (), strict=True))
