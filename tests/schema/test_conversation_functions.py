"""create_conversation() and share_key(): founding together, one direct conversation, and the key of a member who leaves."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.callers import call, login, wait_for_lock
from tests.support.database import Database
from tests.support.rows import add_user

CREATE = "select conversation_id, is_new from chatschema.create_conversation(%s, %s::uuid[], %s)"
SHARE = "select chatschema.share_key(%s, %s, %s, %s, 'x25519-sealed-box')"
KEY = "select encrypted_key, key_version, key_algorithm from public.conversation_participants where conversation_id = %s and user_id = %s"
VERSION = "select current_key_version from public.conversations where id = %s"
LEAVE = "update public.conversation_participants set left_at = now() where conversation_id = %s and user_id = %s"


@pytest.fixture
def app(migrated: Database) -> Iterator[str]:
    with login(migrated) as url:
        yield url


@pytest.fixture
def people(migrated: Database) -> list[object]:
    return [add_user(migrated, name) for name in ("alice", "bob", "carol")]


def members(database: Database, conversation: object) -> dict[object, str]:
    query = "select user_id, role from public.conversation_participants where conversation_id = %s and left_at is null"
    return dict(database.all(query, conversation))


def test_a_group_is_founded_with_its_creator_as_admin(app: str, migrated: Database, people: list[object]) -> None:
    alice, bob, carol = people
    query = "select conversation_id, is_new from chatschema.create_conversation(%s, %s::uuid[], title => 'Us', settings => '{\"history\": \"all\"}')"
    group, is_new = call(app, query, alice, [bob, carol, bob], user=alice)
    assert is_new
    assert members(migrated, group) == {alice: "admin", bob: "member", carol: "member"}
    row = "select type, title, settings ->> 'history', created_by, direct_user_low from public.conversations where id = %s"
    assert migrated.one(row, group) == ("group", "Us", "all", alice, None)
    # Another one each time.
    again, is_new = call(app, query, alice, [bob], user=alice)
    assert (is_new, again == group) == (True, False)


def test_a_direct_conversation_is_the_same_for_both(app: str, migrated: Database, people: list[object]) -> None:
    alice, bob, _ = people
    direct, is_new = call(app, CREATE, alice, [bob], "direct", user=alice)
    assert is_new
    assert call(app, CREATE, bob, [alice], "direct", user=bob) == (direct, False)
    assert members(migrated, direct) == {alice: "member", bob: "member"}
    notes, is_new = call(app, CREATE, alice, [], "direct", user=alice)
    assert is_new
    assert call(app, CREATE, alice, [alice], "direct", user=alice) == (notes, False)
    assert members(migrated, notes) == {alice: "member"}
    # Somebody who had left joins again, and reads from now on.
    migrated.run(LEAVE, direct, bob)
    migrated.run("update public.conversation_participants set joined_at = now() - interval '1 day' where user_id = %s", bob)
    assert call(app, CREATE, alice, [bob], "direct", user=alice) == (direct, False)
    assert members(migrated, direct) == {alice: "member", bob: "member"}
    joined = "select joined_at > now() - interval '1 minute' from public.conversation_participants where conversation_id = %s and user_id = %s"
    assert migrated.one(joined, direct, bob)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_two_people_who_open_it_at_once_get_the_same(migrated: Database, people: list[object], isolation: str) -> None:
    alice, bob, _ = people
    with psycopg.connect(migrated.url) as one, psycopg.connect(migrated.url) as two, ThreadPoolExecutor(1) as pool:
        for connection in (one, two):
            connection.execute(f"set default_transaction_isolation = '{isolation}'".encode())
            connection.commit()
            connection.execute("select 1 from public.users")
        first = one.execute(CREATE.encode(), (alice, [bob], "direct")).fetchone()
        second = pool.submit(two.execute, CREATE.encode(), (bob, [alice], "direct"))
        with migrated.connect() as watch:
            wait_for_lock(watch, two, second)
        one.commit()
        assert first
        if isolation == "read committed":
            assert second.result(30).fetchone() == (first[0], False)
        else:
            with pytest.raises(psycopg.errors.SerializationFailure):
                second.result(30)
            two.rollback()
            assert two.execute(CREATE.encode(), (bob, [alice], "direct")).fetchone() == (first[0], False)
    assert migrated.one("select count(*) from public.conversations") == 1


def test_what_is_no_conversation_is_refused_with_one_answer(app: str, migrated: Database, people: list[object]) -> None:
    alice, bob, carol = people
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="two participants"):
        call(app, CREATE, alice, [bob, carol], "direct", user=alice)
    migrated.run("update public.users set account_state = 'suspended' where id = %s", carol)
    answers = set()
    for nobody in (carol, uuid.uuid4()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            call(app, CREATE, alice, [nobody], "group", user=alice)
        answers.add(str(caught.value))
    assert len(answers) == 1, "a suspended user and one who does not exist are told apart"
    for context, message in ((bob, "another user"), (None, "is not set"), (carol, "not active")):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=message):
            call(app, CREATE, alice, [bob], "group", user=context)
    with pytest.raises(psycopg.errors.CheckViolation):
        call(app, CREATE, alice, [bob], "channel", user=alice)
    assert migrated.one("select count(*) from public.conversations") == 0


def test_members_share_the_key_and_only_upwards(app: str, migrated: Database, people: list[object]) -> None:
    alice, bob, carol = people
    group, _ = call(app, CREATE, alice, [bob], "group", user=alice)
    assert call(app, SHARE, group, alice, b"a1", 1, user=alice) is True
    assert call(app, SHARE, group, bob, b"b1", 1, user=alice) is True
    assert call(app, SHARE, group, bob, b"forged", 1, user=bob) is False
    assert migrated.one(KEY, group, bob) == (b"b1", 1, "x25519-sealed-box")
    # A new key is one above; further ones would leave the others without any.
    assert call(app, SHARE, group, alice, b"a2", 2, user=bob) is True
    assert migrated.one(VERSION, group) == 2
    assert call(app, SHARE, group, bob, b"b1", 1, user=alice) is False
    for version in (4, 0, -1, 2147483647 - 1):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="not between 1 and 3"):
            call(app, SHARE, group, bob, b"b4", version, user=alice)
    # By a member with a member.
    for sharer, receiver in ((carol, bob), (alice, carol), (carol, carol), (alice, uuid.uuid4())):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by a member with a member"):
            call(app, SHARE, group, receiver, b"x", 3, user=sharer)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by a member with a member"):
        call(app, SHARE, uuid.uuid4(), bob, b"x", 3, user=alice)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="is not set"):
        call(app, SHARE, group, bob, b"x", 3)


def test_a_key_is_wrapped_for_an_active_public_key_of_the_member(app: str, migrated: Database, people: list[object]) -> None:
    alice, bob, _ = people
    group, _ = call(app, CREATE, alice, [bob], "group", user=alice)
    publish = "select chatschema.publish_key(%s, null, 'identity', %s, %s)"
    keys = [call(app, publish, user, "1", b"k" * 32, user=user) for user in (alice, bob)]
    share = SHARE.replace("'x25519-sealed-box'", "'x', null, %s")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="active public key"):
        call(app, share, group, bob, b"b", 1, keys[0], user=alice)
    assert call(app, share, group, bob, b"b", 1, keys[1], user=alice) is True
    call(app, publish, bob, "2", b"n" * 32, user=bob)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="active public key"):
        call(app, share, group, bob, b"b2", 2, keys[1], user=alice)


@pytest.mark.parametrize("way", ["leave", "delete"])
def test_a_member_who_leaves_loses_the_key_and_the_version_rises(
    app: str, migrated: Database, people: list[object], way: str
) -> None:
    alice, bob, carol = people
    group, _ = call(app, CREATE, alice, [bob, carol], "group", user=alice)
    for user in people:
        assert call(app, SHARE, group, user, b"v1", 1, user=alice) is True
    statement = (
        LEAVE if way == "leave" else "delete from public.conversation_participants where conversation_id = %s and user_id = %s"
    )
    migrated.run(statement, group, bob)
    assert migrated.one(VERSION, group) == 2
    if way == "leave":
        assert migrated.one(KEY, group, bob) == (None, None, None)
        migrated.run(LEAVE, group, bob)
        assert migrated.one(VERSION, group) == 2, "somebody who has left leaves once"
    assert migrated.one(KEY, group, carol) == (b"v1", 1, "x25519-sealed-box")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by a member with a member"):
        call(app, SHARE, group, alice, b"x", 2, user=bob)
    assert call(app, SHARE, group, carol, b"v2", 2, user=alice) is True
    assert migrated.one(VERSION, group) == 2
    # Other changes of a participant leave the version as it is.
    migrated.run("update public.conversation_participants set is_pinned = true, last_read_message_id = chatschema.uuid7()")
    assert migrated.one(VERSION, group) == 2


def test_a_member_who_leaves_while_the_key_is_shared_does_not_keep_it(migrated: Database, people: list[object]) -> None:
    """Whichever comes first, and at each isolation level; no deadlock."""
    alice, bob, _ = people
    for isolation in ("read committed", "repeatable read", "serializable"):
        for is_share_first in (True, False):
            group = migrated.one("select conversation_id from chatschema.create_conversation(%s, %s::uuid[])", alice, [bob])
            with psycopg.connect(migrated.url) as one, psycopg.connect(migrated.url) as two, ThreadPoolExecutor(1) as pool:
                for connection in (one, two):
                    connection.execute(f"set default_transaction_isolation = '{isolation}'".encode())
                    connection.commit()
                    connection.execute("select 1 from public.users")
                share, leave = (SHARE, (group, bob, b"b1", 1)), (LEAVE, (group, bob))
                first, second = (share, leave) if is_share_first else (leave, share)
                one.execute(first[0].encode(), first[1])
                waiting = pool.submit(two.execute, second[0].encode(), second[1])
                with migrated.connect() as watch:
                    wait_for_lock(watch, two, waiting)
                one.commit()
                error = waiting.exception(30)
                two.rollback() if error else two.commit()
            where = (isolation, is_share_first, error)
            if isolation == "read committed":
                assert isinstance(error, psycopg.errors.InsufficientPrivilege) == (not is_share_first), where
            else:
                assert isinstance(error, psycopg.errors.SerializationFailure), where
            if error and is_share_first:
                migrated.run(LEAVE, group, bob)
            assert migrated.one(KEY, group, bob) == (None, None, None), where
            assert migrated.one(VERSION, group) == 2, where
