"""The id of a direct conversation comes from its two users, unless the insert gives one; and whoever comes second is told as before."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.support.callers import wait_for_lock
from tests.support.database import Database
from tests.support.rows import add_user

DIRECT = "insert into public.conversations (type, direct_user_low, direct_user_high) values ('direct', %s, %s)"
GIVEN = "insert into public.conversations (id, type, direct_user_low, direct_user_high) values (%s, 'direct', %s, %s)"
OR_NOTHING = f"{DIRECT} on conflict (direct_user_low, direct_user_high) do nothing returning id"


def expected(one: UUID, other: UUID) -> UUID:
    """Compute the id as the comment of the function specifies it."""
    digest = bytearray(hashlib.sha256(min(one, other).bytes + max(one, other).bytes).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


@pytest.fixture
def pair(migrated: Database) -> tuple[UUID, UUID]:
    low, high = sorted(UUID(str(add_user(migrated, name))) for name in ("alice", "bob"))
    return low, high


def test_the_bytes_are_those_of_the_specification(migrated: Database) -> None:
    query = "select chatschema.direct_id(%s, %s)"
    one, other = UUID("018f0000-0000-7000-8000-000000000001"), UUID("018f0000-0000-7000-8000-000000000002")
    assert migrated.one(query, one, other) == UUID("518da955-cda8-8dbb-83a5-c1a49582169f")
    for _ in range(20):
        one, other = uuid4(), uuid4()
        found = migrated.one(query, one, other)
        assert found == migrated.one(query, other, one) == expected(one, other)
        assert (found.version, found.variant) == (8, "specified in RFC 4122")
        assert migrated.one(query, one, one) == expected(one, one) != found
    assert migrated.one("select chatschema.direct_id(null, null)") is None


def test_an_id_that_the_database_makes_is_that_of_the_pair(migrated: Database, pair: tuple[UUID, UUID]) -> None:
    low, high = pair
    assert migrated.one(f"{DIRECT} returning id", low, high) == expected(low, high)
    by_default = GIVEN.replace("(%s,", "(default,") + " returning id"
    assert migrated.one(by_default, low, low) == expected(low, low)
    carol = UUID(str(add_user(migrated, "carol")))
    call = "select conversation_id, is_new from chatschema.create_conversation(%s, array[%s]::uuid[], 'direct')"
    assert migrated.one(call, carol, low) == (expected(low, carol), True)
    assert migrated.one(call, low, carol) == (expected(low, carol), False)
    assert migrated.one("insert into public.conversations default values returning id").version == 7


def test_an_id_that_is_given_is_kept(migrated: Database, pair: tuple[UUID, UUID]) -> None:
    low, high = pair
    own = uuid4()
    with migrated.connect() as connection, connection.transaction():
        # Another one of the same transaction was made by the database.
        connection.execute(DIRECT.encode(), (low, low))
        assert connection.execute(f"{GIVEN} returning id".encode(), (own, low, high)).fetchone() == (own,)
        connection.execute(b"insert into public.conversation_participants (conversation_id, user_id) values (%s, %s)", (own, low))


def test_a_pair_that_exists_is_refused_by_its_own_key_and_keeps_its_id(migrated: Database, pair: tuple[UUID, UUID]) -> None:
    low, high = pair
    older = migrated.one(f"{GIVEN} returning id", uuid4(), low, high)
    newer = migrated.one(f"{DIRECT} returning id", low, low)
    for two, id in (((low, high), older), ((low, low), newer)):
        with pytest.raises(psycopg.errors.UniqueViolation) as error:
            migrated.run(DIRECT, *two)
        assert error.value.diag.constraint_name == "conversations_direct_pair_key"
        assert migrated.all(OR_NOTHING, *two) == []
        update = f"{DIRECT} on conflict (direct_user_low, direct_user_high) do update set is_archived = true returning id"
        assert migrated.one(update, *two) == id
        assert migrated.all(f"{DIRECT} on conflict do nothing returning id", *two) == []


def test_the_id_of_an_erased_conversation_is_not_used_again(migrated: Database, pair: tuple[UUID, UUID]) -> None:
    first = migrated.one(f"{DIRECT} returning id", *pair)
    migrated.run("insert into chatschema.erasures (subject_type, subject_id) values ('conversation', %s)", first)
    migrated.run("delete from public.conversations where id = %s", first)
    assert migrated.one(f"{DIRECT} returning id", *pair).version == 7


def test_imports_of_many_pairs_take_few_locks_and_copies_keep_their_ids(migrated: Database) -> None:
    migrated.run("insert into public.users (username) select 'user_' || i from generate_series(1, 150) as i")
    with migrated.connect() as connection, connection.transaction():
        connection.execute(
            b"insert into public.conversations (type, direct_user_low, direct_user_high) select 'direct', id, id from public.users"
        )
        locks = connection.execute(
            b"select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"
        ).fetchone()
    assert locks == (100,)
    wrong = "select count(*) from public.conversations where id <> chatschema.direct_id(direct_user_low, direct_user_high)"
    assert migrated.one(wrong) == 0
    low, high = migrated.one("select min(id::text), max(id::text) from public.users")
    with migrated.connect() as connection:
        with connection.cursor().copy(b"copy public.conversations (type, direct_user_low, direct_user_high) from stdin") as copy:
            copy.write_row(("direct", low, high))
        assert migrated.one(wrong) == 0
        connection.execute(b"delete from public.conversations")
        # A subscriber of logical replication, and pg_restore --disable-triggers.
        connection.execute(b"set session_replication_role = replica")
        connection.execute(DIRECT.encode(), (low, high))
    assert migrated.one("select id from public.conversations").version == 7


@pytest.mark.parametrize("statement", [DIRECT, OR_NOTHING], ids=["plain", "or nothing"])
@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_two_at_once(migrated: Database, pair: tuple[UUID, UUID], isolation: str, statement: str) -> None:
    with psycopg.connect(migrated.url) as one, psycopg.connect(migrated.url) as two, ThreadPoolExecutor(1) as pool:
        for connection in (one, two):
            connection.execute(f"set default_transaction_isolation = '{isolation}'".encode())
            connection.commit()
            connection.execute("select 1 from public.users")
        one.execute(statement.encode(), pair)
        second = pool.submit(two.execute, statement.encode(), pair)
        with migrated.connect() as watch:
            wait_for_lock(watch, two, second)
        one.commit()
        error = second.exception(30)
        two.rollback()
        if statement == DIRECT:
            assert isinstance(error, psycopg.errors.UniqueViolation)
            # An older snapshot does not show the other row, so the name is that of the primary key.
            name = "conversations_direct_pair_key" if isolation == "read committed" else "conversations_pkey"
            assert error.diag.constraint_name == name
        elif isolation == "read committed":
            assert error is None
        else:
            assert isinstance(error, psycopg.errors.SerializationFailure)
    assert migrated.all("select id from public.conversations") == [(expected(*pair),)]
