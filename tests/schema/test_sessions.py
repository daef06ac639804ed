"""Sign-in and sessions, called as a login that has EXECUTE on these functions and no right on any table."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.callers import HASH, call, login
from tests.support.database import Database
from tests.support.rows import add_user

ROTATE = "select outcome, live_id from chatschema.rotate_session(%s, %s)"
OTHER = HASH[:-1] + "b"
LIVE = "select count(*) from public.auth_sessions where rotated_at is null and revoked_at is null"


@pytest.fixture
def app(migrated: Database) -> Iterator[str]:
    """The URL of a login like that of the application."""
    with login(migrated) as url:
        yield url


def start(app: str, user: object, device: str = "{}", **options: object) -> object:
    query = "select chatschema.start_session(%s, %s, %s::jsonb, coalesce(%s::interval, '30 days'))"
    return call(app, query, user, HASH, device, options.get("expires_in"))


def ago(database: Database, column: str, session: object, time: str) -> None:
    database.run(f"update public.auth_sessions set {column} = {column} - %s::interval where id = %s", time, session)


def test_a_user_registers_and_is_found_by_name_and_by_address(app: str) -> None:
    user = call(app, "select chatschema.register_user('Alice', '$2b$12$x', 'Alice@Example.com', display_name => 'Alice')")
    for name in ("alice", "ALICE", "alice@example.com", "Alice@Example.Com"):
        assert call(app, "select * from chatschema.find_login(%s)", name) == (user, "$2b$12$x", "active")
    for nobody in ("bob", "@", "", None, "alice' or true --"):
        assert call(app, "select * from chatschema.find_login(%s)", nobody) is None
    for taken in ("alice', null, 'other@example.com", "bob', null, 'alice@example.com"):
        with pytest.raises(psycopg.errors.UniqueViolation):
            call(app, f"select chatschema.register_user('{taken}')")
    with pytest.raises(psycopg.errors.InvalidParameterValue) as caught:
        call(app, "select chatschema.register_user('carol', 'secret-password')")
    assert "secret-password" not in str(caught.value)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        call(app, "select chatschema.register_user('no spaces', '$2b$12$x')")
    assert refused.value.diag.constraint_name == "users_username_format_check"
    assert "$2b$12$x" not in f"{refused.value} {refused.value.diag.message_detail}"


def test_the_login_reads_no_table_and_calls_no_inner_function(app: str, migrated: Database) -> None:
    for table in ("users", "auth_sessions", "user_public_keys", "audit_logs"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            call(app, f"select count(*) from public.{table}")
    for inner in ("end_sessions(null, 'logout')", "acting_user()", "lock_own_user(null)", "context_user()", "session_grace()"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for function"):
            call(app, f"select chatschema.{inner}")
    assert migrated.one("select count(*) from public.auth_sessions") == 0


def test_each_rotation_is_a_new_row_of_one_family_with_one_live_token(app: str, migrated: Database) -> None:
    user = add_user(migrated, "alice")
    device = '{"device_name": "Pixel", "device_id": "8c4ae4b4-17e7-4aa6-9d5b-1e0d6d1c0d4e", "ip_address": "::ffff:10.0.0.1", "user_agent": "x"}'
    first = start(app, user, device)
    ago(migrated, "created_at", first, "1 day")
    ago(migrated, "expires_at", first, "1 day")
    outcome, second = call(app, ROTATE, first, OTHER)
    assert outcome == "rotated"
    outcome, third = call(app, "select outcome, live_id from chatschema.rotate_session(%s, %s, '10.0.0.2', 'y')", second, HASH)
    assert outcome == "rotated"
    rows = migrated.all("select id, parent_id, refresh_token_hash, rotated_at is null from public.auth_sessions order by id")
    assert rows == [(first, None, HASH, False), (second, first, OTHER, False), (third, second, HASH, True)]
    assert migrated.one("select count(distinct family_id) from public.auth_sessions") == 1
    # The name of the device stays, the address is the latest; the time counts from the last rotation.
    kept = "select device_name, host(ip_address), user_agent, expires_at > now() + interval '29 days 23 hours' from public.auth_sessions where id = %s"
    assert migrated.one(kept, second) == ("Pixel", "::ffff:10.0.0.1", "x", True)
    assert migrated.one(kept, third) == ("Pixel", "10.0.0.2", "y", True)
    for session, hashed in ((first, HASH), (second, OTHER), (third, HASH), (uuid.uuid4(), None)):
        assert call(app, "select chatschema.session_hash(%s)", session) == hashed


def test_a_rotated_token_is_graced_for_ten_seconds_and_then_kills_the_family(app: str, migrated: Database) -> None:
    user, other = add_user(migrated, "alice"), add_user(migrated, "bob")
    elsewhere, of_other = start(app, user), start(app, other)
    first = start(app, user)
    _, second = call(app, ROTATE, first, OTHER)
    # In one message, as the grace goes on running.
    with migrated.connect() as connection:
        connection.execute(
            f"update public.auth_sessions set rotated_at = clock_timestamp() - interval '8 seconds' where id = '{first}';"
            f"create temporary table answered as select outcome, live_id from chatschema.rotate_session('{first}', '{OTHER}')".encode()
        )
        assert connection.execute("select outcome, live_id from answered").fetchone() == ("grace", second)
    assert migrated.one("select count(*) from public.auth_sessions") == 4, "grace issues nothing"
    ago(migrated, "rotated_at", first, "3 seconds")
    assert call(app, ROTATE, first, OTHER) == ("reused", None)
    assert migrated.one("select revoked_reason from public.auth_sessions where id = %s", second) == "reuse_detected"
    audited = migrated.all(
        "select user_id, action, resource_id, severity, details ->> 'revoked_session_id' from public.audit_logs where action = 'session.reuse'"
    )
    assert audited == [(user, "session.reuse", str(first), "critical", str(second))]
    # The family is dead for every token of it; the other logins go on.
    for token in (first, second):
        assert call(app, ROTATE, token, OTHER) == ("revoked", None)
    assert migrated.one("select count(*) from public.audit_logs where action = 'session.reuse'") == 1
    assert {call(app, ROTATE, elsewhere, OTHER)[0], call(app, ROTATE, of_other, OTHER)[0]} == {"rotated"}


def test_the_grace_is_a_setting_of_the_database(app: str, migrated: Database) -> None:
    first = start(app, add_user(migrated, "alice"))
    _, second = call(app, ROTATE, first, OTHER)
    ago(migrated, "rotated_at", first, "30 seconds")
    setting = f"alter database {migrated.name} set chatschema.session_grace = "
    for wrong in ("ten", "-1s", "1 day"):
        migrated.run(f"{setting}'{wrong}'")
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="session_grace"):
            call(app, ROTATE, first, OTHER)
    migrated.run(f"{setting}'5 minutes'")
    assert call(app, ROTATE, first, OTHER) == ("grace", second)
    migrated.run(f"{setting}'0'")
    assert call(app, ROTATE, first, OTHER) == ("reused", None)


def test_an_expired_token_is_not_rotated(app: str, migrated: Database) -> None:
    first = start(app, add_user(migrated, "alice"), expires_in="1 hour")
    ago(migrated, "expires_at", first, "2 hours")
    assert call(app, ROTATE, first, OTHER) == ("expired", None)
    assert migrated.one("select count(*) from public.auth_sessions") == 1
    assert call(app, ROTATE, uuid.uuid4(), OTHER) == ("revoked", None)


@pytest.mark.parametrize(("state", "reason"), [("suspended", "admin"), ("deactivated", "admin"), ("erased", "erasure")])
def test_an_inactive_user_loses_all_sessions_and_gets_none(app: str, migrated: Database, state: str, reason: str) -> None:
    user, other = add_user(migrated, "alice"), add_user(migrated, "bob")
    sessions = [start(app, user), start(app, user)]
    of_other = start(app, other)
    name = ", username = 'deleted-' || id, erased_at = now()" if state == "erased" else ""
    migrated.run(f"update public.users set account_state = %s{name} where id = %s", state, user)
    assert migrated.all("select revoked_reason from public.auth_sessions where user_id = %s", user) == [(reason,)] * 2
    for session in sessions:
        assert call(app, ROTATE, session, OTHER) == ("revoked", None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not active"):
        start(app, user)
    assert call(app, ROTATE, of_other, OTHER)[0] == "rotated"
    if state != "erased":
        migrated.run("update public.users set account_state = 'active' where id = %s", user)
        assert call(app, ROTATE, sessions[0], OTHER) == ("revoked", None), "reactivation brings no session back"


def test_a_session_whose_user_was_inactive_before_the_trigger_existed_is_not_rotated(app: str, migrated: Database) -> None:
    user = add_user(migrated, "alice")
    session = start(app, user)
    migrated.run("alter table public.users disable trigger users_end_sessions")
    migrated.run("update public.users set account_state = 'suspended' where id = %s", user)
    assert call(app, ROTATE, session, OTHER) == ("revoked", None)


def test_any_token_of_a_family_signs_out_the_family(app: str, migrated: Database) -> None:
    user = add_user(migrated, "alice")
    first, elsewhere = start(app, user), start(app, user)
    _, second = call(app, ROTATE, first, OTHER)
    assert call(app, "select chatschema.revoke_session(%s, 'logout')", first) is True
    assert call(app, "select chatschema.revoke_session(%s, 'logout')", second) is False
    assert call(app, "select chatschema.revoke_session(%s, 'logout')", uuid.uuid4()) is False
    assert call(app, ROTATE, second, OTHER) == ("revoked", None)
    assert call(app, ROTATE, elsewhere, OTHER)[0] == "rotated"
    for reason in ("because", None):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="one of: logout"):
            call(app, "select chatschema.revoke_session(%s, %s)", elsewhere, reason)


def test_a_change_of_password_ends_the_other_logins(app: str, migrated: Database) -> None:
    user, other = add_user(migrated, "alice"), add_user(migrated, "bob")
    here, there, of_other = start(app, user), start(app, user), start(app, other)
    _, rotated = call(app, ROTATE, here, OTHER)
    change = "select chatschema.change_password(%s, %s, keep => %s)"
    assert call(app, change, user, "$2b$12$new", here) == 1
    assert migrated.all("select password_hash from public.users order by username") == [("$2b$12$new",), (None,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="another user"):
        call(app, change, user, "$2b$12$theirs", None, user=other)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not hashed"):
        call(app, change, user, "new password", None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not active"):
        call(app, change, uuid.uuid4(), "$2b$12$new", None)
    assert call(app, ROTATE, there, OTHER) == ("revoked", None)
    assert call(app, ROTATE, rotated, HASH)[0] == "rotated"
    # The session of another user keeps nothing.
    assert call(app, "select chatschema.revoke_sessions(%s, 'admin', keep => %s)", user, of_other) == 1
    assert migrated.one(LIVE) == 1


def test_with_a_context_a_user_reaches_the_own_sessions_only(app: str, migrated: Database) -> None:
    alice, bob = add_user(migrated, "alice"), add_user(migrated, "bob")
    session = start(app, alice)
    assert call(app, "select chatschema.revoke_session(%s, 'logout')", session, user=bob) is False
    assert call(app, ROTATE, session, OTHER, user=bob) == ("revoked", None)
    for query in ("select chatschema.revoke_sessions(%s, 'logout')", f"select chatschema.start_session(%s, '{HASH}')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="another user"):
            call(app, query, alice, user=bob)
    for garbage in ("alice", "8c4ae4b4-17e7", f"{alice}'"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"app\.user_id is not"):
            call(app, "select chatschema.revoke_sessions(%s, 'logout')", alice, user=garbage)
    assert migrated.one(LIVE) == 1
    assert call(app, "select chatschema.revoke_session(%s, 'logout')", session, user=alice) is True


def test_a_device_with_an_address_that_cannot_be_read_signs_in(app: str, migrated: Database) -> None:
    user = add_user(migrated, "alice")
    session = start(app, user, '{"ip_address": "unknown", "user_agent": "' + "x" * 9000 + '"}')
    assert migrated.one("select ip_address, length(user_agent) from public.auth_sessions where id = %s", session) == (None, 2048)
    assert call(app, "select outcome from chatschema.rotate_session(%s, %s, 'fe80::1%%lo0', null)", session, OTHER) == "rotated"
    for device in ('{"deviceName": "x"}', '{"": 1}'):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="a device has no field"):
            start(app, user, device)
    for time in ("0", "-1 day"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="greater than 0"):
            start(app, user, expires_in=time)
    for hashed in ("secret", "$2b$10$" + "a" * 53, None):
        for query in ("select chatschema.start_session(%s, %s)", "select outcome from chatschema.rotate_session(%s, %s)"):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match="not bcrypt of cost 12") as caught:
                call(app, query, user, hashed)
            assert "secret'" not in str(caught.value)


def test_the_list_of_devices_has_one_row_a_login(migrated: Database) -> None:
    """By the owner; for other roles the function has the rights of its caller."""
    user = add_user(migrated, "alice")
    app = migrated.url
    first = start(app, user, '{"device_name": "old"}')
    _, phone = call(app, ROTATE, start(app, user, '{"device_name": "phone"}'), OTHER)
    start(app, add_user(migrated, "bob"))
    gone = start(app, user)
    call(app, "select chatschema.revoke_session(%s, 'logout')", gone)
    late = start(app, user, expires_in="1 hour")
    ago(migrated, "expires_at", late, "2 hours")
    ago(migrated, "created_at", first, "2 days")
    listed = migrated.all(
        "select session_id, device_name, abs(extract(epoch from now() - signed_in_at)) < 60 from chatschema.sessions_of(%s)", user
    )
    assert listed == [(phone, "phone", True), (first, "old", True)]
