"""A hold is enforced by the database: the application's own statements cannot remove what is held, and need not notice it."""

import base64

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.rows import add_conversation, add_message, add_participant, add_user


@pytest.fixture
def talk(migrated: Database) -> tuple[Database, object, object, object]:
    """A database with a conversation of alice's, a message in it that has a status with a reaction, and an attachment."""
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    migrated.run("insert into public.message_statuses (message_id, user_id, reactions) values (%s, %s, '{👍}')", message, user)
    attachment = "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
    migrated.run(attachment + " values (%s, %s, 'k', 1, sha256('x'), 'a')", message, user)
    return migrated, user, conversation, message


def place(database: Database, **scope: object) -> None:
    columns = ", ".join(scope)
    database.run(
        f"insert into chatschema.holds (reason, {columns}) values ('x', {', '.join(['%s'] * len(scope))})", *scope.values()
    )


REFUSED = [
    "delete from public.messages",
    "truncate public.messages, public.message_statuses",
    "truncate public.attachments",
    "update public.messages set content_encrypted = 'y'",
    "update public.messages set edit_history = '[]', content_encrypted = 'y', edit_count = 1, edited_at = now()",
    "update public.messages set sender_id = (select id from public.users where username = 'mallory')",
    "update public.message_statuses set reactions = '{}'",
    "update public.message_statuses set user_id = (select id from public.users where username = 'mallory')",
    "delete from public.message_statuses",
    "truncate public.message_statuses",
    "delete from public.attachments",
    "update public.attachments set storage_key = 'other'",
    "update public.attachments set message_id = null",
    "update public.attachments set state = 'deleted'",
]
ALLOWED = [
    "update public.message_statuses set status = 'read', read_at = now(), delivered_at = now()",
    "update public.message_statuses set reactions = reactions || '{❤}'",
    "update public.conversation_participants set left_at = now()",
    "delete from public.conversation_participants",
    "update public.messages set expires_at = now()",
    "update public.attachments set state = 'ready'",
    "update public.users set display_name = 'Alice'",
]


@pytest.mark.parametrize("statement", REFUSED)
@pytest.mark.parametrize("scope", ["conversation_id", "user_id", "from_at"])
def test_what_loses_held_evidence_is_refused(talk: tuple[Database, object, object, object], statement: str, scope: str) -> None:
    database, user, conversation, _ = talk
    add_participant(database, add_user(database, "mallory"), conversation)
    place(database, **{scope: {"conversation_id": conversation, "user_id": user, "from_at": "2020-01-01"}[scope]})
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation) as refused:
        database.run(statement)
    assert refused.value.diag.message_hint
    assert database.one("select count(*) from public.messages where content_encrypted = 'x'") == 1
    assert database.one("select reactions = '{👍}' from public.message_statuses")
    assert database.one("select storage_key = 'k' and message_id is not null from public.attachments")
    # After the release all of it is the application's again.
    database.run("update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x'")
    database.run(statement)


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_loses_nothing_is_allowed(talk: tuple[Database, object, object, object], statement: str) -> None:
    database, user, *_ = talk
    place(database, user_id=user)
    database.run(statement)


def test_rows_outside_of_the_scope_are_not_touched_by_a_hold(talk: tuple[Database, object, object, object]) -> None:
    database, _, conversation, _ = talk
    add_participant(database, add_user(database, "mallory"), conversation)
    place(database, user_id=add_user(database, "somebody"))
    for statement in REFUSED:
        if "truncate" not in statement and statement != "delete from public.messages":
            database.run(statement)
    database.run("delete from public.messages")


def test_a_tombstone_keeps_the_content_until_the_release_and_then_loses_it(
    cli: Cli, talk: tuple[Database, object, object, object]
) -> None:
    database, user, _, message = talk
    place(database, user_id=user)
    database.run("update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null, content_nonce = null")
    seen = "select content_encrypted, is_deleted from public.messages where id = %s"
    assert database.one(seen, message) == (b"x", True)
    assert cli("maintain", "--url", database.url).code == 0
    assert database.one(seen, message) == (b"x", True), "the hold is still active"
    released = cli("hold", "release", "1", "--reason", "closed", "--url", database.url)
    assert "1 rows whose erasure it deferred are due now: chatschema maintain" in released.out
    assert database.one(seen, message) == (b"x", True), "a release removes nothing"
    assert "erased 1 rows" in cli("maintain", "--url", database.url).out
    assert database.one(seen, message) == (None, True)
    assert database.one("select message_id = %s from public.attachments", message), "the application looks after its files"
    assert database.one("select count(*) from chatschema.deferred_erasures") == 0


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_an_edit_that_keeps_what_was_there_in_its_history_is_allowed(
    talk: tuple[Database, object, object, object], encoding: str
) -> None:
    database, user, *_ = talk
    place(database, user_id=user)
    content = b"x" * 200
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        database.run("update public.messages set content_encrypted = %s", content)
    before = base64.b64encode(b"x").decode() if encoding == "base64" else b"x".hex()
    edit = (
        "update public.messages set content_encrypted = %s, edit_count = edit_count + 1, edited_at = now(),"
        " edit_history = edit_history || jsonb_build_array(jsonb_build_object('content', %s::text))"
    )
    database.run(edit, content, before)
    # And again: the history must keep both, of which one is long enough for the encoding to break lines.
    long = base64.b64encode(content).decode() if encoding == "base64" else content.hex()
    database.run(edit, b"z", long)
    assert database.one("select jsonb_array_length(edit_history) from public.messages") == 2


EDIT = (
    "update public.messages set content_encrypted = 'y', content_nonce = %s, key_version = %s, edit_history = edit_history || %s::jsonb,"
    " edit_count = edit_count + 1, edited_at = now()"
)


@pytest.mark.parametrize(
    ("appended", "is_allowed"),
    [
        ('[{"content": "eA==", "nonce": "bm9uY2Vub25jZQ==", "key_version": 7}]', True),
        ('[{"content": "eA==", "key_version": 7}]', False),
        ('[{"content": "eA==", "nonce": "bm9uY2Vub25jZQ=="}]', False),
        ('[{"at": "eA== is in it, not it", "nonce": "bm9uY2Vub25jZQ==", "key_version": 7}]', False),
    ],
)
def test_an_edit_keeps_all_that_it_takes_to_read_what_was_there(
    talk: tuple[Database, object, object, object], appended: str, is_allowed: bool
) -> None:
    database, user, *_ = talk
    database.run("update public.messages set content_nonce = 'noncenonce', key_version = 7")
    place(database, user_id=user)
    if is_allowed:
        database.run(EDIT, b"another nonce", 8, appended)
        # What is in the history stays, in its order.
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            database.run("update public.messages set edit_history = jsonb_build_array('x') || edit_history")
    else:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            database.run(EDIT, b"another nonce", 8, appended)


def test_a_message_that_was_taken_back_is_not_erased_after_the_release(
    cli: Cli, talk: tuple[Database, object, object, object]
) -> None:
    database, user, *_ = talk
    place(database, user_id=user)
    database.run("update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null")
    database.run("update public.messages set is_deleted = false, deleted_at = null")
    assert cli("hold", "release", "1", "--reason", "closed", "--url", database.url).code == 0
    assert cli("maintain", "--url", database.url).code == 0
    assert database.one("select content_encrypted, is_deleted from public.messages") == (b"x", False)
    assert database.one("select count(*) from chatschema.deferred_erasures") == 0


def test_a_period_without_end_is_null_and_not_infinity(migrated: Database) -> None:
    for column in ("from_at", "to_at"):
        with pytest.raises(psycopg.errors.CheckViolation, match="holds_period_finite_check"):
            migrated.run(f"insert into chatschema.holds (reason, {column}) values ('x', 'infinity')")


def test_types_of_the_caller_are_never_looked_up_in_a_function_of_the_owner(migrated: Database) -> None:
    """With an empty search_path a temporary domain named uuid would come before the catalog's type, and run its checks."""
    settings = migrated.all(
        "select p.proname, array_to_string(p.proconfig, ';') from pg_proc as p"
        " where p.pronamespace = 'chatschema'::regnamespace and p.prosecdef order by 1"
    )
    assert len(settings) > 10
    assert [name for name, config in settings if "search_path=pg_catalog, pg_temp" not in config] == []


def test_the_scope_is_frozen_whoever_leaves_and_grows_with_whoever_joins(
    cli: Cli, talk: tuple[Database, object, object, object]
) -> None:
    database, _, conversation, _ = talk
    bob = add_user(database, "bobby")
    join = "insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)"
    database.run(join, conversation, bob)
    assert cli("hold", "add", "--user", "bobby", "--reason", "x", "--url", database.url).code == 0
    database.run("delete from public.conversation_participants")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        database.run("delete from public.messages")
    other = database.one("insert into public.conversations default values returning id")
    database.run(join, other, bob)
    carol = add_user(database, "carol")
    database.run(join, other, carol)
    add_message(database, carol, other)
    database.run("delete from public.conversation_participants")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        database.run("delete from public.messages where conversation_id = %s", other)
    held = database.all("select conversation_id from chatschema.hold_conversations order by added_at")
    assert held == [(conversation,), (other,)]
    for change in ("delete from", "truncate"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.run(f"{change} chatschema.hold_conversations")
    with pytest.raises(psycopg.errors.DatabaseError):
        database.run("truncate chatschema.holds cascade")


def test_undo_reset_and_seed_undo_are_refused_while_a_hold_is_active(cli: Cli, seeded: Database) -> None:
    before = seeded.one("select count(*) from public.messages")
    assert cli("hold", "add", "--everything", "--reason", "case 7", "--url", seeded.url).code == 0
    for command in (
        ("undo",),
        ("undo", "--all", "--yes"),
        ("undo", "--to", "20241217000000"),
        ("reset", "--yes"),
        ("seed", "--undo"),
    ):
        result = cli(*command, "--url", seeded.url)
        assert result.code == 1, command
        assert f"hold 1 is active in database {seeded.name}: " in result.err
        assert "is refused" in result.err
        assert "chatschema hold list" in result.err
    assert seeded.one("select count(*) from public.messages") == before
    assert cli("hold", "release", "1", "--reason", "closed", "--url", seeded.url).code == 0
    assert cli("undo", "--yes", "--url", seeded.url).code == 0  # the newest migration may have created a table with demo rows


def test_a_held_users_roles_do_not_learn_of_the_hold(talk: tuple[Database, object, object, object]) -> None:
    """The functions that know of holds run as their owner, and the application may not call them."""
    database, *_ = talk
    with database.connect() as connection:
        connection.execute("create role chat_reader; grant usage on schema chatschema to chat_reader; set role chat_reader")
        try:
            for call in ("chatschema.has_active_hold()", "chatschema.is_held(null, null, null)"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"select {call}".encode())
        finally:
            connection.execute("reset role; drop owned by chat_reader; drop role chat_reader")
