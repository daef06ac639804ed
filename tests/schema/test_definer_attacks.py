"""No SECURITY DEFINER function runs code of its caller: not by search_path, an operator or a type that shadows the catalog."""

import re
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support import ROOT
from tests.support.callers import HASH, declared
from tests.support.database import Database, create
from tests.support.hijack import DEFINERS, Attacker, attacker
from tests.support.rows import add_message, add_user
from tests.support.servers import PgServer

SAMPLES = {
    "text": "'logout'", "bytea": "'\\x6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b'", "jsonb": "'{\"device_name\": \"x\"}'", "integer": "1", "interval": "'1 hour'",
    "timestamp with time zone": "null", "uuid[]": "'{{{bob}}}'",
}  # fmt: skip
# Where a sample of the type would be refused before the rest of the body runs.
CALLS = {
    "change_password": "('{alice}', '$2b$12$x')",
    "create_conversation": "('{alice}', '{{{bob}}}', 'direct')",
    "find_login": "('alice')",
    "publish_key": "('{alice}', null, 'identity', 'other', '\\x6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b')",
    "register_user": "('carol', '$2b$12$x')",
    "revoke_device": "('{alice}', '{alice}')",
    "revoke_session": "('{session}', 'logout')",
    "revoke_sessions": "('{alice}', 'logout')",
    "rotate_session": "('{session}', '{hash}')",
    "session_hash": "('{session}')",
    "share_key": "('{group}', '{bob}', '\\x6b', 1, 'x')",
    "start_session": "('{alice}', '{hash}', '{{\"device_name\": \"x\"}}')",
}
PINNED = r"set search_path (?:= |to )(?:pg_catalog, pg_temp|''|'pg_catalog', 'pg_temp')"
RELEASE = "update chatschema.holds set released_at = '2100-01-01', released_by = 'x', release_reason = 'x'; "
# It looks up nothing by name: its search_path guards what a later change may add.
NOTHING_TO_SHADOW = {"events_now", "record_added_participants", "record_erasure", "record_session_event", "refuse_erased_name"}
# What fires the triggers whose functions are SECURITY DEFINER; no operator is looked up by the caller's search_path.
WRITES = [
    "update public.users set account_state = 'suspended' where id operator(pg_catalog.=) '{bob}'",
    "update public.users set account_state = 'erased', erased_at = '2026-01-01', username = 'deleted-{bob}' where id operator(pg_catalog.=) '{bob}'",
    "insert into public.conversation_participants (conversation_id, user_id) values ('{group}', '{carol}')",
    "update public.conversation_participants set left_at = '2100-01-01' where user_id operator(pg_catalog.=) '{bob}'",
    "delete from public.conversation_participants where user_id operator(pg_catalog.=) '{bob}'",
    "insert into public.conversations (type, direct_user_low, direct_user_high, created_by) values ('direct', '{alice}', '{alice}', '{alice}')",
    "update public.conversations set retention_days = 7 where id operator(pg_catalog.=) '{group}'",
    "insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id) values ('{group}', '{alice}', 'x', '{message}')",
    "update public.messages set content_encrypted = null, edit_history = '[]', is_deleted = true, deleted_at = '2026-01-01' where id operator(pg_catalog.=) '{message}'",
    "update public.messages set content_encrypted = 'y' where id operator(pg_catalog.=) '{message}'",
    "update public.messages set reply_to_id = '{message}' where id operator(pg_catalog.=) '{reply}'",
    "update public.messages set expires_at = '2100-01-01' where id operator(pg_catalog.=) '{message}'",
    "delete from public.messages where id operator(pg_catalog.=) '{message}'",
    RELEASE + "delete from public.messages where id operator(pg_catalog.=) '{message}'",
    "truncate public.messages",
    RELEASE + "truncate public.messages",
    RELEASE + "truncate public.messages, public.message_statuses",
    "insert into public.message_statuses (message_id, user_id, status) values ('{message}', '{alice}', 'read')",
    "insert into public.message_statuses (message_id, user_id, conversation_id) values ('{message}', '{alice}', '{group}'), ('{reply}', '{bob}', '{group}')",
    "update public.message_statuses set status = 'read', reactions = '{{x}}' where message_id operator(pg_catalog.=) '{message}'",
    "update public.message_statuses set reactions = '{{}}' where message_id operator(pg_catalog.=) '{message}'",
    "update public.message_statuses set message_id = '{reply}' where message_id operator(pg_catalog.=) '{message}'",
    RELEASE + "update public.message_statuses set user_id = '{alice}' where message_id operator(pg_catalog.=) '{message}'",
    "delete from public.message_statuses",
    "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
    " values ('{reply}', '{alice}', 'k', 1, '\\x" + "00" * 32 + "', 'a')",
    "update public.attachments set message_id = '{reply}'",
    "update public.attachments set storage_key = 'other'",
    "delete from public.attachments",
    RELEASE + "update public.attachments set state = 'deleted'",
    "update public.auth_sessions set revoked_at = '2026-01-01', revoked_reason = 'logout' where id operator(pg_catalog.=) '{session}'",
    "insert into public.user_public_keys (user_id, key_type, public_key) values ('{alice}', 'one_time_prekey', '\\x" + "6b" * 32 + "')",
    "update public.user_public_keys set status = 'revoked', revoked_at = '2026-01-01'",
    "insert into chatschema.erasures (subject_type, subject_id) values ('message', '{message}')",
    "insert into chatschema.holds (user_id, reason) values ('{alice}', 'x')",
    "insert into chatschema.holds (conversation_id, reason) values ('{group}', 'x')",
]  # fmt: skip


@pytest.fixture(scope="module")
def chat(server: PgServer, migrated_template: str) -> Iterator[Database]:
    yield from create(server, f"attacks_{uuid.uuid4().hex[:12]}", migrated_template)


@pytest.fixture(scope="module")
def names(chat: Database) -> dict[str, str]:
    """Rows to attack with: users, a group with a held message, its status and file, and a session."""
    alice, bob, carol = (add_user(chat, name) for name in ("alice", "bob", "carol"))
    group = chat.one("select conversation_id from chatschema.create_conversation(%s, %s::uuid[])", alice, [bob])
    message = add_message(chat, alice, group)
    reply = add_message(chat, bob, group, "reply_to_id", message)
    chat.run("insert into public.message_statuses (message_id, user_id, reactions) values (%s, %s, '{+}')", message, bob)
    chat.run(
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " values (%s, %s, 'key', 1, sha256('x'), 'a')",
        message, alice,
    )  # fmt: skip
    chat.run("insert into chatschema.holds (user_id, reason) values (%s, 'case')", bob)
    chat.run("insert into chatschema.event_state (records_changes, notifies) values (true, true)")
    session = chat.one("select chatschema.start_session(%s, %s)", alice, HASH)
    chat.run(
        "select chatschema.publish_key(%s, null, 'one_time_prekey', n::text, sha256(n::text::bytea)) from generate_series(1, 3) as n",
        alice,
    )
    return {
        "alice": str(alice), "bob": str(bob), "carol": str(carol), "group": str(group), "message": str(message), "reply": str(reply),
        "session": str(session), "hash": HASH,
    }  # fmt: skip


@pytest.fixture(scope="module")
def enemy(chat: Database, names: dict[str, str]) -> Iterator[Attacker]:
    assert names
    with attacker(chat) as found:
        yield found


@pytest.fixture(scope="module")
def statements(chat: Database, names: dict[str, str]) -> list[str]:
    """A call of each definer function that can be called, and the writes that fire the others."""
    found = []
    for signature, _, is_trigger, types in chat.all(DEFINERS):
        name = signature.partition(".")[2].partition("(")[0]
        if not is_trigger:
            given = CALLS.get(name, "(" + ", ".join(SAMPLES.get(type, "'{alice}'") for type in types) + ")")
            found.append(f"select * from chatschema.{name}{given}".format(**names))
    return found + [write.format(**names) for write in WRITES]


def signatures() -> list[str]:
    """Return the definer functions by their names in the migrations: the catalog is not there yet when tests are collected."""
    text = (ROOT / "sql" / "schema.sql").read_text()
    headers = re.findall(r"^CREATE FUNCTION chatschema\.(\w+)\((.*?)^    AS ", text, re.MULTILINE | re.DOTALL)
    assert len(headers) > 40
    return sorted({name for name, header in headers if "SECURITY DEFINER" in header})


def test_every_definer_function_pins_its_names_and_is_not_public(chat: Database) -> None:
    wrong = chat.all("""
        select p.oid::regprocedure::text, p.proconfig, p.proacl::text from pg_proc as p
        where p.pronamespace = 'chatschema'::regnamespace and p.prosecdef and (
            not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)
            or p.proacl is null or exists (select from aclexplode(p.proacl) as a where a.grantee = 0)
        )""")
    assert wrong == []


def test_those_that_a_cluster_or_a_recipe_brings_pin_their_names_too() -> None:
    """They are in no catalog yet, so their files are read."""
    head = re.compile(r"create (?:or replace )?(?:function|procedure) (\S+?)\((.*?)\bas\b\s*\$", re.DOTALL | re.IGNORECASE)
    found = [
        (path.name, name, text)
        for path in sorted((ROOT / "sql").glob("**/*.sql"))
        if "migrations" not in path.parts and path.name != "schema.sql"
        for name, text in head.findall(path.read_text("utf-8"))
        if "security definer" in text.lower()
    ]
    assert len(found) > 30
    assert [(file, name) for file, name, text in found if not re.search(PINNED, text, re.IGNORECASE)] == []


def test_every_function_that_a_group_may_call_is_declared_and_no_other(chat: Database) -> None:
    """The lines `-- execute:` of the migrations are the list; a definer function without one is called by other functions only."""
    for function in declared():
        assert chat.one("select to_regprocedure(%s) is not null", function), f"{function} does not exist"
    public = chat.all("""
        select p.proname from pg_proc as p
        where p.pronamespace = 'chatschema'::regnamespace and p.oid = any (%s::regprocedure[])
            and has_function_privilege('public', p.oid, 'execute')""", list(declared()))  # fmt: skip
    assert public == []


def test_nobody_makes_a_definer_function_run_their_code(enemy: Attacker, statements: list[str], names: dict[str, str]) -> None:
    assert list(enemy.sprung_by(statements, names["alice"])) == []


@pytest.mark.parametrize("name", signatures())
def test_the_attack_reaches_each_of_them(
    chat: Database, enemy: Attacker, statements: list[str], names: dict[str, str], name: str
) -> None:
    """Without its search_path each of them runs the code of the caller: so the test above would notice."""
    query = (
        "select oid::regprocedure::text from pg_proc where pronamespace = 'chatschema'::regnamespace and proname = %s and prosecdef"
    )
    found = [row[0] for row in chat.all(query, name)]
    # Its own call first: one is enough.
    ordered = sorted(statements, key=lambda statement: f"chatschema.{name}(" not in statement)
    for signature in found:
        chat.run(f"alter function {signature} reset search_path")
        try:
            sprung = next(enemy.sprung_by(ordered, names["alice"]), None)
        finally:
            chat.run(f"alter function {signature} set search_path = pg_catalog, pg_temp")
        assert (sprung is None) == (name in NOTHING_TO_SHADOW), f"add a call or a write that runs {signature}"
    assert found


def test_a_function_of_the_owner_cannot_be_attached_to_a_table_of_others(enemy: Attacker) -> None:
    with enemy.connect() as connection:
        connection.execute(f"create table {enemy.name}.own (left_at timestamptz, conversation_id uuid)".encode())
        connection.commit()
        for function in ("raise_key_version", "end_sessions_of_inactive_user"):
            enemy.database.run(f"revoke execute on function chatschema.{function}() from {enemy.name}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function"):
                connection.execute(
                    f"create trigger t after delete on {enemy.name}.own for each row execute function chatschema.{function}()".encode()
                )
            connection.rollback()
