"""What is not seen and what does not exist give the same answer; where they do not, the page about security says so."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.access.world import FOREIGN, GROUP, KEY, SESSION, World, created, id_of, user
from tests.support.servers import PgServer

ABSENT = "00000000-0000-7000-8000-00000000dead"
ME = user("m")
HASH = "$2b$12$" + "a" * 53
# By what is tried: the statement with {id}, what exists and is not seen by the member, and whether the answers differ by nature.
SAME = {
    "select a conversation": ("select count(*) from public.conversations where id = '{id}'", FOREIGN),
    "select messages": ("select count(*) from public.messages where conversation_id = '{id}'", FOREIGN),
    "page through messages": ("select count(*) from chatschema.page('{id}', null, 50)", FOREIGN),
    "change a conversation": ("update public.conversations set title = 'x' where id = '{id}'", FOREIGN),
    "send into a conversation": (f"insert into public.messages (conversation_id, sender_id, content_encrypted) values ('{{id}}', '{ME}', 'x')", FOREIGN),
    "join a conversation": (f"insert into public.conversation_participants (conversation_id, user_id) values ('{{id}}', '{ME}')", FOREIGN),
    "report a message": (f"insert into public.message_statuses (message_id, user_id, status) values ('{{id}}', '{ME}', 'read')", "message"),
    "attach to a message": (
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        f" values ('{{id}}', '{ME}', 'k', 1, sha256('x'), 'a')",
        "message",
    ),
    "answer a message": (
        "insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id)"
        f" values ('{GROUP}', '{ME}', 'x', '{{id}}')",
        "message",
    ),
    "delete a message": ("delete from public.messages where id = '{id}'", "message"),
    "revoke a session": ("select chatschema.revoke_session('{id}', 'logout')", id_of(SESSION, "s")),
    "share a key": (
        f"select chatschema.share_key('{{id}}', '{ME}', '\\x00', 1, 'x25519-sealed-box', null, null)", FOREIGN,
    ),
    "page on": (f"select count(*) from chatschema.page_after('{{id}}', '{ABSENT}', 50)", FOREIGN),
    "found a conversation": ("select chatschema.is_founding('{id}')", FOREIGN),
    "explain a message id": ("select chatschema.explain_message_id('{id}')", "message"),
    "react to a message": (f"select chatschema.add_reaction('{{id}}', '{ME}', '+')", "message"),
    "take a reaction back": (f"select chatschema.remove_reaction('{{id}}', '{ME}', '+')", "message"),
    "revoke a device": (f"select * from chatschema.revoke_device('{ME}', '{{id}}')", user("s")),
    "revoke the device of another": (f"select * from chatschema.revoke_device('{{id}}', '{user('s')}')", user("s")),
    "look at the devices of another": ("select * from chatschema.sessions_of('{id}')", user("s")),
    "sign another in": (f"select chatschema.start_session('{{id}}', '{HASH}')", user("s")),
    "sign another out": ("select chatschema.revoke_sessions('{id}', 'logout')", user("s")),
    "rotate a session": (f"select * from chatschema.rotate_session('{{id}}', '{HASH}')", id_of(SESSION, "s")),
    "change a password": (f"select chatschema.change_password('{{id}}', '{HASH}')", user("s")),
    "publish a key": ("select chatschema.publish_key('{id}', null, 'identity', 'k', decode(repeat('00', 32), 'hex'))", user("s")),
    "end a key": ("update public.user_public_keys set status = 'revoked', revoked_at = now() where id = '{id}'", id_of(KEY, "s")),
}  # fmt: skip
# A unique key is checked among all rows: docs/explanation/security.md names these.
TELL = {
    "a message id": (
        f"insert into public.messages (id, conversation_id, sender_id, content_encrypted) values ('{{id}}', '{GROUP}', '{ME}', 'x')",
        "message",
    ),
    "a key id": (
        f"insert into public.user_public_keys (id, user_id, device_id, key_type, key_id, public_key) values ('{{id}}', '{ME}', gen_random_uuid(), 'identity', 'k', decode(repeat('00', 32), 'hex'))",
        id_of(KEY, "s"),
    ),
    "a conversation id": ("select chatschema.is_empty('{id}')", FOREIGN),
    "a user name": ("select chatschema.register_user('{id}', '$2b$12$' || repeat('a', 53))", "user-s"),
}

# Other functions to which an id is given, and why there is nothing to hide.
NOTHING_TO_HIDE = {
    "claim_one_time_key": "people, and that they have keys, are for everybody", "create_conversation": "people are for everybody",
    "session_hash": "asked before anybody acts, with the id of a token: the page names it",
    "direct_id": "computed from the ids", "uuid7_time": "computed from the id",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"existing_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("existing")) as one:
        yield one


def answer(world: World, statement: str, id: str) -> str:
    """Return what a member is told, with the id left out."""
    with world.connect("api") as connection, connection.transaction(force_rollback=True):
        connection.execute("select set_config('app.user_id', %s, true)", (ME,))
        try:
            with connection.transaction():
                cursor = connection.execute(statement.replace("{id}", id).encode())
                rows = cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            found = error.diag
            return re.sub(
                re.escape(id), "ID", f"{found.sqlstate} {found.message_primary} {found.message_detail} {found.message_hint}"
            )
        return re.sub(r"[0-9a-f-]{36}", "ID", f"{cursor.rowcount} rows {rows}")


def unseen(world: World, what: str) -> str:
    """Return the id of a message in the conversation of others, or what is named."""
    if what != "message":
        return what
    return str(world.database.one(f"select id from public.messages where conversation_id = '{FOREIGN}' limit 1"))


@pytest.mark.parametrize("name", SAME)
def test_unseen_and_absent_are_the_same(world: World, name: str) -> None:
    statement, what = SAME[name]
    id = unseen(world, what)
    # An id of the same month: a message of a month that does not exist has an error of its own.
    absent = f"{id[:-4]}dead" if what == "message" else ABSENT
    assert answer(world, statement, id) == answer(world, statement, absent)


@pytest.mark.parametrize("name", TELL)
def test_what_a_unique_key_tells_is_on_the_page(world: World, name: str) -> None:
    statement, what = TELL[name]
    id = unseen(world, what)
    assert answer(world, statement, id) != answer(world, statement, f"{id[:-4]}dead")
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "security.md").read_text()
    assert name in page


def test_every_function_to_which_a_member_gives_an_id_is_tried(world: World) -> None:
    found = world.database.all(
        "select distinct proname::text from pg_proc where pronamespace = 'chatschema'::regnamespace"
        " and has_function_privilege('chat_app', oid, 'execute') and proargtypes::oid[] && array['uuid', 'uuid[]']::regtype[]::oid[]"
    )
    tried = {name for statement, _ in (*SAME.values(), *TELL.values()) for name in re.findall(r"chatschema\.(\w+)\(", statement)}
    assert {name for (name,) in found} - tried == set(NOTHING_TO_HIDE)
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "security.md").read_text()
    assert "session_hash()" in page
