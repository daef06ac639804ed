"""Public keys are published, claimed and revoked by their owner; called as a login without any right on a table."""

import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.callers import HASH, acting, call, login, wait_for_lock
from tests.support.database import Database
from tests.support.rows import add_user

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
KEYS = 10_000 if FULL else 600
CLIENTS = 16 if FULL else 8
PUBLISH = "select chatschema.publish_key(%s, %s, %s, %s, %s, %s)"
CLAIM = "select key_type, key_id, public_key from chatschema.claim_one_time_key(%s, %s)"
PHONE, LAPTOP = uuid.UUID("8c4ae4b4-17e7-4aa6-9d5b-1e0d6d1c0d4e"), uuid.UUID("11111111-17e7-4aa6-9d5b-1e0d6d1c0d4e")
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


@pytest.fixture
def app(migrated: Database) -> Iterator[str]:
    with login(migrated) as url:
        yield url


@pytest.fixture
def alice(migrated: Database) -> object:
    return add_user(migrated, "alice")


def publish(app: str, user: object, key_type: str, key_id: str, key: bytes = KEY, device: object = PHONE) -> object:
    return call(app, PUBLISH, user, device, key_type, key_id, key, b"s" * 64, user=user)


@pytest.mark.parametrize("device", [PHONE, None])
def test_a_new_key_supersedes_the_active_one_of_its_device_and_type(
    app: str, migrated: Database, alice: object, device: object
) -> None:
    first = publish(app, alice, "signed_prekey", "1", device=device)
    for other in (("identity", "1", device), ("signed_prekey", "1", LAPTOP)):
        publish(app, alice, *other[:2], device=other[2])
    second = publish(app, alice, "signed_prekey", "2", OTHER_KEY, device=device)
    rows = "select id, status, key_version, superseded_at is not null from public.user_public_keys where id = any (%s) order by id"
    assert migrated.all(rows, [first, second]) == [(first, "superseded", 1, True), (second, "active", 2, False)]
    assert migrated.one("select count(*) from public.user_public_keys where status = 'active'") == 3
    # Again, as after a lost answer, also with the key that is no longer active.
    assert publish(app, alice, "signed_prekey", "2", OTHER_KEY, device=device) == second
    assert publish(app, alice, "signed_prekey", "1", device=device) == first
    assert migrated.all(rows, [first, second]) == [(first, "superseded", 1, True), (second, "active", 2, False)]


def test_the_bytes_of_a_key_never_change(app: str, migrated: Database, alice: object) -> None:
    publish(app, alice, "identity", "1")
    with pytest.raises(psycopg.errors.UniqueViolation, match="another key has been published under this key_id"):
        publish(app, alice, "identity", "1", OTHER_KEY)
    assert migrated.one("select public_key, status from public.user_public_keys") == (KEY, "active")


def test_each_one_time_key_is_handed_out_once_and_then_the_fallback_key(app: str, migrated: Database, alice: object) -> None:
    bob = add_user(migrated, "bob")
    for number in (1, 2):
        publish(app, alice, "one_time_prekey", f"t{number}", bytes([number]) * 32)
    publish(app, alice, "one_time_prekey", "of the laptop", device=LAPTOP)
    publish(app, alice, "fallback", "f", OTHER_KEY)
    claimed = [call(app, CLAIM, alice, PHONE, user=bob) for _ in range(4)]
    assert claimed == [
        ("one_time_prekey", "t1", b"\x01" * 32), ("one_time_prekey", "t2", b"\x02" * 32), *[("fallback", "f", OTHER_KEY)] * 2,
    ]  # fmt: skip
    assert migrated.one("select count(*) from public.user_public_keys where status = 'used'") == 2
    # A key that was used cannot be published again, so nobody gets it twice.
    publish(app, alice, "one_time_prekey", "t1", b"\x01" * 32)
    assert call(app, CLAIM, alice, PHONE, user=bob)[0] == "fallback"
    assert call(app, CLAIM, alice, uuid.uuid4(), user=bob) is None
    migrated.run("update public.user_public_keys set expires_at = now() where key_type = 'fallback'")
    assert call(app, CLAIM, alice, PHONE, user=bob) is None
    migrated.run("update public.users set account_state = 'suspended' where id = %s", alice)
    assert call(app, CLAIM, alice, LAPTOP, user=bob) is None


def test_a_claim_that_is_rolled_back_leaves_the_key(app: str, migrated: Database, alice: object) -> None:
    publish(app, alice, "one_time_prekey", "t1")
    with psycopg.connect(migrated.url) as one:
        assert one.execute(CLAIM.encode(), (alice, PHONE)).fetchone() == ("one_time_prekey", "t1", KEY)
        # Nobody waits for a claim that is not committed.
        with acting(migrated.url) as two:
            two.execute("set lock_timeout = '1s'")
            assert two.execute(CLAIM.encode(), (alice, PHONE)).fetchone() is None
        one.rollback()
    assert call(app, CLAIM, alice, PHONE, user=alice) == ("one_time_prekey", "t1", KEY)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_clients_that_claim_at_once_never_get_the_same_key(migrated: Database, alice: object, isolation: str) -> None:
    keys = KEYS if isolation == "read committed" else KEYS // 10
    migrated.run(
        "select chatschema.publish_key(%s, %s, 'one_time_prekey', n::text, sha256(n::text::bytea)) from generate_series(1, %s) as n",
        alice, PHONE, keys,
    )  # fmt: skip
    claimed: Counter[str] = Counter()
    repeated = 0
    guard = threading.Lock()

    def client() -> None:
        nonlocal repeated
        mine: Counter[str] = Counter()
        conflicts = 0
        with psycopg.connect(migrated.url) as connection:
            connection.execute(f"set default_transaction_isolation = '{isolation}'".encode())
            connection.commit()
            while True:
                try:
                    row = connection.execute(CLAIM.encode(), (alice, PHONE)).fetchone()
                    connection.commit()
                except psycopg.errors.SerializationFailure:
                    connection.rollback()
                    conflicts += 1
                    continue
                if row is None:
                    break
                mine[row[1]] += 1
        with guard:
            claimed.update(mine)
            repeated += conflicts

    with ThreadPoolExecutor(CLIENTS) as pool:
        for running in [pool.submit(client) for _ in range(CLIENTS)]:
            running.result(1800)
    print(f"{keys} one-time keys claimed by {CLIENTS} clients at {isolation}: {repeated} repeated")
    # A client that finds the last keys locked by others gets none, so a key may be left where one of those was repeated.
    assert max(claimed.values()) == 1
    assert len(claimed) == migrated.one("select count(*) from public.user_public_keys where status = 'used'")
    assert len(claimed) == keys


def test_two_devices_that_publish_at_once_leave_one_active_key(migrated: Database, alice: object) -> None:
    """The second waits; under REPEATABLE READ it repeats."""
    for isolation in ("read committed", "repeatable read", "serializable"):
        for number in range(2):
            with psycopg.connect(migrated.url) as one, psycopg.connect(migrated.url) as two, ThreadPoolExecutor(1) as pool:
                for connection in (one, two):
                    connection.execute(f"set default_transaction_isolation = '{isolation}'".encode())
                    connection.commit()
                    connection.execute("select 1 from public.users")
                names = [f"{isolation} {number} {side}" for side in "ab"]
                one.execute(PUBLISH.encode(), (alice, None, "identity", names[0], KEY, None))
                second = pool.submit(two.execute, PUBLISH.encode(), (alice, None, "identity", names[1], KEY, None))
                with migrated.connect() as watch:
                    wait_for_lock(watch, two, second)
                one.commit()
                if isolation == "read committed":
                    second.result(30)
                else:
                    with pytest.raises(psycopg.errors.SerializationFailure):
                        second.result(30)
            active = "select key_id from public.user_public_keys where status = 'active'"
            assert migrated.all(active) == [(names[1 if isolation == "read committed" else 0],)]


def test_a_revoked_device_loses_its_keys_and_logins_and_no_others(app: str, migrated: Database, alice: object) -> None:
    start = f"select chatschema.start_session(%s, '{HASH}', jsonb_build_object('device_id', %s::uuid))"
    sessions = {device: call(app, start, alice, device) for device in (PHONE, LAPTOP)}
    for device in (PHONE, LAPTOP):
        publish(app, alice, "identity", "1", device=device)
        publish(app, alice, "one_time_prekey", "t1", device=device)
    bob = add_user(migrated, "bob")
    publish(app, bob, "identity", "1", device=PHONE)
    assert call(app, "select * from chatschema.revoke_device(%s, %s)", alice, PHONE, user=alice) == (2, 1)
    left = "select count(*) from public.user_public_keys where status = 'active' and user_id = %s and device_id = %s"
    assert [migrated.one(left, *of) for of in ((alice, PHONE), (alice, LAPTOP), (bob, PHONE))] == [0, 2, 1]
    assert migrated.all("select id from public.auth_sessions where revoked_at is null") == [(sessions[LAPTOP],)]
    assert call(app, CLAIM, alice, PHONE, user=bob) is None
    assert call(app, "select * from chatschema.revoke_device(%s, %s)", alice, PHONE, user=alice) == (0, 0)


def test_keys_are_written_by_their_owner_with_a_context(app: str, migrated: Database, alice: object) -> None:
    bob = add_user(migrated, "bob")
    calls = (
        (PUBLISH, (alice, PHONE, "identity", "1", KEY, None)),
        ("select * from chatschema.revoke_device(%s, %s)", (alice, PHONE)),
    )
    for query, values in calls:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="another user"):
            call(app, query, *values, user=bob)
    for query, values in (*calls, (CLAIM, (alice, PHONE))):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"app\.user_id is not set"):
            call(app, query, *values)
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"app\.user_id is not the id"):
            call(app, query, *values, user="alice")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not active"):
            call(app, query, *values, user=uuid.uuid4())
    migrated.run("update public.users set account_state = 'suspended' where id = %s", alice)
    for query, values in (*calls, (CLAIM, (bob, PHONE))):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not active"):
            call(app, query, *values, user=alice)
    assert migrated.one("select count(*) from public.user_public_keys") == 0
    # The owner of the tables needs no context, as before the roles were applied.
    assert call(migrated.url, PUBLISH, bob, PHONE, "identity", "1", KEY, None)
