"""Changes are logged by the database: with their context, whatever a client sends, and not less because a client wishes it."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.support import PASSWORD
from tests.support.access.world import dropped
from tests.support.callers import HASH
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.rows import add_conversation, add_message, add_user
from tests.support.servers import PgServer

ROWS = "select action from public.audit_logs where action !~ '^(seed|roles|user.create|conversation.create)' order by id"
CONTEXT = "select user_id, session_id, request_id, ip_address::text, user_agent from public.audit_logs where action = 'user.email'"


@pytest.fixture
def api(cli: Cli, server: PgServer, migrated: Database) -> Iterator[str]:
    """The URL of a login of the application, where the roles are applied."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    with dropped(server, prefix):
        assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
        migrated.run(f"create role {prefix}_api login password '{PASSWORD}'; grant {prefix}_app to {prefix}_api")
        yield server.url(migrated.name, user=f"{prefix}_api", password=PASSWORD)


def actions(database: Database) -> list[str]:
    return [row[0] for row in database.all(ROWS)]


GARBAGE: list[tuple[dict[str, str], tuple[str | None, ...]]] = [
    ({"app.ip": "192.0.2.7"}, (None, None, "192.0.2.7/32", None)),
    ({"app.ip": "2001:db8::1/64"}, (None, None, "2001:db8::1/64", None)),
    ({"app.ip": "192.0.2.7, 10.0.0.1"}, (None, None, None, None)),
    ({"app.ip": "300.1.1.1"}, (None, None, None, None)),
    ({"app.ip": "::1::2"}, (None, None, None, None)),
    ({"app.ip": "10.0.0.0/99"}, (None, None, None, None)),
    ({"app.ip": "1" * 5000}, (None, None, None, None)),
    ({"app.session_id": "'; drop table users"}, (None, None, None, None)),
    ({"app.session_id": "8C4AE4B4-17E7-4AA6-9D5B-1E0D6D1C0D4E"}, ("8c4ae4b4-17e7-4aa6-9d5b-1e0d6d1c0d4e", None, None, None)),
    ({"app.request_id": "ü" * 300, "app.user_agent": "\u202e" + "x" * 5000}, (None, "ü" * 200, None, ("\u202e" + "x" * 5000)[:2048])),
    ({"app.request_id": "", "app.user_agent": "", "app.ip": "", "app.session_id": ""}, (None, None, None, None)),
]  # fmt: skip


def test_what_cannot_be_read_becomes_null_and_fails_nothing(migrated: Database) -> None:
    user = add_user(migrated, "alice")
    for number, (given, stored) in enumerate(GARBAGE):
        with migrated.connect() as connection, connection.transaction():
            for name, value in {**given, "app.user_id": str(user)}.items():
                connection.execute("select set_config(%s, %s, true)", (name, value))
            connection.execute("update public.users set email = %s", (f"{number}@example.org",))
        row = migrated.all(f"{CONTEXT} order by id desc limit 1")[0]
        assert (row[0], row[1] and str(row[1]), *row[2:]) == (user, *stored), given


def test_garbage_as_the_user_is_refused_as_everywhere(migrated: Database) -> None:
    add_user(migrated, "alice")
    with migrated.connect() as connection:
        connection.execute("select set_config('app.user_id', 'garbage', false)")
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"app\.user_id"):
            connection.execute("update public.users set email = 'new@example.org'")


def test_what_is_rolled_back_leaves_no_row_and_what_changes_nothing_neither(migrated: Database) -> None:
    add_user(migrated, "alice")
    with migrated.connect() as connection:
        with connection.transaction(force_rollback=True):
            connection.execute("update public.users set email = 'a@example.org'")
        with connection.transaction():
            with connection.transaction(force_rollback=True):
                connection.execute("update public.users set email = 'b@example.org'")
            connection.execute("update public.users set email = email, username = username, status = 'busy'")
    assert actions(migrated) == []


def test_no_setting_of_the_application_silences_the_triggers(api: str, migrated: Database) -> None:
    """Neither in its session, its connection or its role, nor through a function that runs as the owner; for the owner it does."""
    user = add_user(migrated, "alice")
    silent = "chatschema.audit_batch"
    started = "select chatschema.start_session(%s, %s)"
    with closing(psycopg.connect(api, autocommit=True, options=f"-c {silent}=on")) as connection:
        connection.execute(f"set {silent} = on".encode())
        connection.execute("select set_config('app.user_id', %s, false)", (str(user),))
        connection.execute(started, (user, HASH))
        connection.execute("select * from chatschema.create_conversation(%s, array[]::uuid[])", (user,))
        for statement in (
            "set role postgres",
            "set session authorization postgres",
            "alter table public.users disable trigger users_audit_update",
            f"alter role current_user set {silent} = 'on'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select chatschema.log_change(null, 'x', 'x', 'x', '{}')")
    # Not even where a DBA has set it for the login.
    migrated.run(f"alter role {conninfo_to_dict(api)['user']} set {silent} = 'on'")
    with closing(psycopg.connect(api, autocommit=True)) as again:
        assert again.execute(f"show {silent}".encode()).fetchone() == ("on",)
        again.execute(started, (user, HASH))
    assert actions(migrated) == ["session.start", "participant.add", "session.start"]
    with migrated.connect() as owner:
        owner.execute(f"set {silent} = on".encode())
        owner.execute("update public.users set email = 'quiet@example.org'")
        owner.execute("insert into chatschema.holds (reason) values ('case 7')")
    assert actions(migrated) == ["session.start", "participant.add", "session.start", "hold.add"]


def test_the_reuse_of_a_token_is_one_row_and_leaves_the_context_as_it_was(migrated: Database) -> None:
    user = add_user(migrated, "alice")
    first = migrated.one("select chatschema.start_session(%s, %s)", user, HASH)
    live = migrated.one("select live_id from chatschema.rotate_session(%s, %s)", first, HASH)
    migrated.run("update public.auth_sessions set rotated_at = rotated_at - interval '1 hour' where id = %s", first)
    with migrated.connect() as connection, connection.transaction():
        connection.execute("select set_config('app.ip', '10.0.0.1', true), set_config('app.request_id', 'r-7', true)")
        connection.execute("select * from chatschema.rotate_session(%s, %s, '192.0.2.66', 'thief')", (first, HASH))
        settings = "select current_setting('app.ip'), current_setting('app.session_id'), current_setting('app.user_agent')"
        assert connection.execute(settings).fetchone() == ("10.0.0.1", "", "")
    assert actions(migrated) == ["session.start", "session.rotate", "session.reuse"]
    row = "select resource_id, session_id::text, host(ip_address), user_agent, request_id, details ->> 'revoked_session_id' from public.audit_logs where action = 'session.reuse'"
    assert migrated.one(row) == (str(first), str(first), "192.0.2.66", "thief", "r-7", str(live))


def test_a_suspension_is_a_row_and_each_session_that_it_ends(migrated: Database) -> None:
    user = add_user(migrated, "alice")
    for _ in range(2):
        migrated.one("select chatschema.start_session(%s, %s)", user, HASH)
    migrated.run("update public.users set account_state = 'suspended'")
    assert actions(migrated) == ["session.start"] * 2 + ["user.suspend", "session.revoke", "session.revoke"]


def test_three_thousand_messages_at_once_are_joined_without_a_nested_loop(migrated: Database) -> None:
    """The plan is kept from the first statement, which has one row: the trap that the research measured as 23 to 66 times."""
    user, conversation = add_conversation(migrated)
    migrated.run(
        "insert into public.messages (conversation_id, sender_id, content_encrypted) select %s, %s, 'x' from generate_series(1, 3000)",
        conversation,
        user,
    )
    edit = "update public.messages set content_encrypted = %s, edit_count = 1, edited_at = now()"
    plans: list[str] = []
    with migrated.connect() as connection:
        connection.add_notice_handler(lambda diag: plans.append(diag.message_primary or ""))
        connection.execute("load 'auto_explain'")
        for setting in (
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_nested_statements = on",
            "client_min_messages = log",
        ):
            connection.execute(f"set {setting}".encode())
        for number in range(8):
            one = f"{edit} where id = (select id from public.messages order by id limit 1)"
            connection.execute(one, (str(number),))
        plans.clear()
        connection.execute(edit, ("all",))
    (plan,) = (text for text in plans if "insert into public.audit_logs" in text)
    assert "Hash Join" in plan or "Merge Join" in plan
    assert "Nested Loop" not in plan
    assert migrated.one("select count(*) from public.audit_logs where action = 'message.edit'") == 3008


def test_a_deleted_message_is_a_row_and_its_reply_and_file_none(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    add_message(migrated, user, conversation, "reply_to_id", message)
    migrated.run(
        "insert into public.attachments (message_id, uploader_id, storage_key, size_bytes, sha256, encryption_algorithm)"
        " values (%s, %s, 'k', 1, sha256('x'), 'box')", message, user,
    )  # fmt: skip
    migrated.run("delete from public.messages where id = %s", message)
    assert migrated.one("select count(*) from public.messages where reply_to_id is null") == 1
    assert migrated.one("select message_id is null from public.attachments")
    assert actions(migrated) == ["participant.add", "message.remove"]
    migrated.run("truncate public.attachments")
    assert actions(migrated) == ["participant.add", "message.remove", "table.truncate"]


def test_batches_leave_one_row_each_and_the_triggers_none(cli: Cli, aged: Database, sql_dir: Path) -> None:
    before = aged.one("select count(*) from public.audit_logs where action like 'message.%%'")
    edit = (
        "-- m: edit all.\n-- batch: public.messages by id\nupdate public.messages set content_encrypted = 'edited' where {batch};"
    )
    write(sql_dir, NEXT, edit, "select 1;")
    assert cli("migrate", "--sql-dir", str(sql_dir), "--url", aged.url).code == 0
    rows = (
        "select count(*), sum((details ->> 'rows')::integer) from public.audit_logs where action = 'batch.run' and resource_id = %s"
    )
    batches, changed = aged.one(rows, NEXT)
    assert changed == aged.one("select count(*) from public.messages where content_encrypted = 'edited'") > 0
    assert 0 < batches < changed
    assert aged.one("select count(*) from public.audit_logs where action like 'message.%%'") == before


def test_applied_roles_are_in_the_trail_with_what_changed(api: str, migrated: Database) -> None:
    assert api
    found = migrated.all(
        "select details -> 'changed' from public.audit_logs where action = 'roles.apply' and resource_type = 'role'"
    )
    changed = {name for (names,) in found for name in names}
    assert "missing-policy audit_logs_auditor_select" in changed or any("audit_logs" in name for name in changed), changed
