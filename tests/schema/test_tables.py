"""The tables behave as their comments say."""

from datetime import UTC, datetime

import psycopg
import pytest

from tests.support.database import Database
from tests.support.rows import add_conversation, add_message, add_user


def test_ids_are_uuid7_of_this_moment_and_rise(migrated: Database) -> None:
    ids = [row[0] for row in migrated.all("select chatschema.uuid7() from generate_series(1, 2000)")]
    assert {id.version for id in ids} == {7}
    assert {id.variant for id in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 2000
    assert migrated.one("select abs(extract(epoch from clock_timestamp() - chatschema.uuid7_time(chatschema.uuid7()))) < 1")
    # Microseconds apart, the SQL generator still orders them.
    later = migrated.all(
        "select chatschema.uuid7(timestamptz '2024-12-31 23:59:59.999+00' + i * interval '1 microsecond') from generate_series(0, 2000) as i"
    )
    assert later[::2] == sorted(later[::2])


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    "moment", ["1970-01-01 00:00:00+00", "2024-12-01 00:00:00+00", "2025-03-30 01:30:00+01", "2241-12-31 23:59:59.999+00"]
)
def test_floor_and_time_are_exact_in_any_time_zone(migrated: Database, zone: str, moment: str) -> None:
    with migrated.connect() as connection:
        connection.execute(f"set timezone = '{zone}'".encode())
        row = connection.execute(
            "select chatschema.uuid7_floor(t)::text, chatschema.uuid7_time(chatschema.uuid7_floor(t)) = t,"
            " chatschema.uuid7(t) >= chatschema.uuid7_floor(t), chatschema.uuid7(t) < chatschema.uuid7_floor(t + interval '1 ms')"
            " from (select %s::timestamptz) as x (t)", (moment,),
        ).fetchone()  # fmt: skip
    assert row
    assert row[1:] == (True, True, True)
    assert row[0].endswith("-7000-8000-000000000000")


def test_floor_clamps_what_a_uuid7_cannot_say(migrated: Database) -> None:
    assert str(migrated.one("select chatschema.uuid7_floor('1969-12-31 00:00+00')")).startswith("00000000-0000-7000")
    assert str(migrated.one("select chatschema.uuid7_floor('11000-01-01 00:00+00')")).startswith("ffffffff-ffff-7000")
    assert migrated.one("select chatschema.uuid7_time(gen_random_uuid()) is null")


def test_created_at_is_the_time_of_the_id(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    id = add_message(migrated, user, conversation)
    assert migrated.one("select created_at = chatschema.uuid7_time(id) from public.messages where id = %s", id)
    with pytest.raises(psycopg.errors.CheckViolation, match=r"but its id is of") as caught:
        add_message(migrated, user, conversation, "created_at", "2000-01-01T00:00:00Z")
    assert "uuid7(created_at)" in str(caught.value.diag.message_hint)
    # An id of yesterday's draft, sent today without a created_at.
    draft = migrated.one("select chatschema.uuid7(date_trunc('month', now() at time zone 'UTC') at time zone 'UTC')")
    values = "values (%s, %s, %s, 'x') returning created_at = chatschema.uuid7_time(id)"
    assert migrated.one(
        f"insert into public.messages (id, conversation_id, sender_id, content_encrypted) {values}", draft, conversation, user
    )
    with pytest.raises(psycopg.errors.CheckViolation, match="no partition of relation"):
        migrated.run(
            "insert into public.messages (id, conversation_id, sender_id, content_encrypted) values ('ffffffff-ffff-4fff-bfff-ffffffffffff', %s, %s, 'x')",
            conversation,
            user,
        )
    fake = migrated.one("select overlay(chatschema.uuid7()::text placing '4' from 15 for 1)")
    with pytest.raises(psycopg.errors.CheckViolation, match="is not a UUIDv7"):
        migrated.run(
            "insert into public.messages (id, conversation_id, sender_id, content_encrypted) values (%s, %s, %s, 'x')",
            fake,
            conversation,
            user,
        )


def test_a_status_only_rises_and_keeps_its_first_times(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    upsert = """
        insert into public.message_statuses (message_id, user_id, status, delivered_at, read_at) values (%s, %s, %s, %s, %s)
        on conflict (message_id, user_id) do update set
            status = excluded.status, delivered_at = excluded.delivered_at, read_at = excluded.read_at
        returning status, delivered_at, read_at, conversation_id"""
    times = [datetime(2026, 1, 1, 5, 0, second, tzinfo=UTC) for second in (1, 5, 9)]
    assert migrated.one(upsert, message, user, "delivered", times[0], None)[:3] == ("delivered", times[0], None)
    # What the delivery job sends: the other time as null.
    assert migrated.one(upsert, message, user, "read", None, times[1])[:3] == ("read", times[0], times[1])
    assert migrated.one(upsert, message, user, "delivered", times[2], None) == ("read", times[0], times[1], conversation)
    assert migrated.one(upsert, message, user, "failed", None, None)[0] == "read"


def test_read_before_delivered_implies_delivered(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    message = add_message(migrated, user, conversation)
    row = migrated.one(
        "insert into public.message_statuses (message_id, user_id, status) values (%s, %s, 'read') returning delivered_at, read_at",
        message,
        user,
    )
    assert row[0] == row[1] is not None


@pytest.mark.parametrize("statement", [
    "update public.audit_logs set action = 'other'", "delete from public.audit_logs", "truncate public.audit_logs",
    "set session_replication_role = replica; delete from public.audit_logs",
    "truncate public.users, public.audit_logs cascade",
])  # fmt: skip
def test_the_audit_trail_is_append_only_also_for_its_owner(migrated: Database, statement: str) -> None:
    migrated.run("insert into public.audit_logs (action) values ('login')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        migrated.run(statement)
    assert migrated.one("select count(*) from public.audit_logs") == 1


def test_the_writer_of_an_audit_row_cannot_choose_when_or_who(migrated: Database) -> None:
    row = migrated.one("""
        insert into public.audit_logs (action, created_at, recorded_at, recorded_by, txid, pii_digest, user_agent)
        values ('x', '2001-01-01', '2001-01-01', 'somebody', '3', sha256('no'), 'curl')
        returning extract(year from created_at) = 2001, recorded_at > now() - interval '1 minute', recorded_by = session_user,
            txid = pg_current_xact_id(), pii_digest = chatschema.audit_pii_digest(pii_salt, ip_address, user_agent, details)""")
    assert row == (True, True, True, True, True)


def test_the_pii_digest_tells_apart_what_only_looks_alike(migrated: Database) -> None:
    digest = "select chatschema.audit_pii_digest('s', %s::inet, %s, %s::jsonb)"
    seen = {
        migrated.one(digest, *row)
        for row in (
            (None, "ab", "{}"),
            ("10.0.0.1", "ab", "{}"),
            ("10.0.0.1", "", "{}"),
            ("10.0.0.1", None, "{}"),
            (None, "a", '{"b": 1}'),
        )
    }
    assert len(seen) == 5


def test_a_public_key_cannot_be_swapped(migrated: Database) -> None:
    user = add_user(migrated, "alice")
    insert = "insert into public.user_public_keys (user_id, public_key, status) values (%s, sha256('k'), %s)"
    migrated.run(insert, user, "active")
    with pytest.raises(psycopg.errors.RestrictViolation, match="cannot be changed"):
        migrated.run("update public.user_public_keys set public_key = sha256('other')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        migrated.run(insert, user, "active")
    migrated.run("update public.user_public_keys set status = 'superseded', superseded_at = now()")
    migrated.run(insert, user, "active")


def test_one_direct_conversation_a_pair(migrated: Database) -> None:
    low, high = sorted([add_user(migrated, "alice"), add_user(migrated, "bob")])  # type: ignore[type-var]
    insert = "insert into public.conversations (type, direct_user_low, direct_user_high) values ('direct', %s, %s)"
    migrated.run(insert, low, high)
    with pytest.raises(psycopg.errors.UniqueViolation):
        migrated.run(insert, low, high)
    with pytest.raises(psycopg.errors.CheckViolation):
        migrated.run(insert, high, low)
    with pytest.raises(psycopg.errors.CheckViolation):
        migrated.run("insert into public.conversations (type) values ('direct')")
    migrated.run("insert into public.conversations default values; insert into public.conversations default values")


@pytest.mark.parametrize("column_value", [
    ("username", "Alice"), ("username", "al"), ("username", "a b c"), ("email", "Alice@example.com"), ("email", "no-at"),
    ("email", "two@at@signs"), ("status", "gone"), ("account_state", "erased"),
])  # fmt: skip
def test_users_are_checked(migrated: Database, column_value: tuple[str, str]) -> None:
    column, value = column_value
    values = {"username": "alice", column: value}
    with pytest.raises(psycopg.errors.CheckViolation):
        migrated.run(f"insert into public.users ({', '.join(values)}) values ({', '.join(['%s'] * len(values))})", *values.values())


@pytest.mark.parametrize("hash", ["plain", "$2b$10$" + "a" * 53, "$2b$12$" + "a" * 52, "$2b$12$" + "a" * 52 + "!"])
def test_a_refresh_token_is_stored_as_bcrypt_of_cost_12_only(migrated: Database, hash: str) -> None:
    user = add_user(migrated, "alice")
    insert = "insert into public.auth_sessions (user_id, refresh_token_hash) values (%s, %s)"
    migrated.run(insert, user, "$2b$12$" + "a" * 53)
    with pytest.raises(psycopg.errors.CheckViolation):
        migrated.run(insert, user, hash)


def test_updated_at_follows_every_change(migrated: Database) -> None:
    add_user(migrated, "alice")
    migrated.run("update public.users set updated_at = '2001-01-01', display_name = 'A'")
    assert migrated.one("select updated_at > now() - interval '1 minute' from public.users")
