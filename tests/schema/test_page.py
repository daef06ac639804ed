"""chatschema.page() and page_after(): the rows of the plain query, from a few months instead of all."""

import random
import uuid
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support.database import Database, create
from tests.support.months import make_months
from tests.support.pace import LONG
from tests.support.rows import add_conversation
from tests.support.servers import PgServer

MONTHS = 40
Connection = psycopg.Connection[tuple[Any, ...]]

_PAGE = b"select * from chatschema.page(%s, %s, %s)"
_PLAIN = (
    b"select * from public.messages where conversation_id = %s and id < coalesce(%s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')"
    b" order by id desc limit %s"
)
_PAGE_AFTER = b"select * from chatschema.page_after(%s, %s, %s)"
_PLAIN_AFTER = (
    b"select * from public.messages where conversation_id = %s and id > coalesce(%s::uuid, '00000000-0000-0000-0000-000000000000')"
    b" order by id limit %s"
)
# By how many months ago each message was said: dense, with gaps, at the ends, and none.
_SHAPES = {
    "this month": [0] * 30,
    "oldest only": [39] * 5,
    "both ends": [0, 0, 39, 39],
    "one a month": list(range(40)),
    "gaps": [0, 1, 1, 1, 5, 5, 12, 13, 30, 30, 30, 31],
    "long gap": [2, 2, 38],
    "empty": [],
}

ZONES = ["America/New_York", "UTC", "Europe/Berlin", "Pacific/Auckland"]


@pytest.fixture(scope="module")
def chat(server: PgServer, migrated_template: str) -> Iterator[Database]:
    """Forty months, of which one has no partition, and a conversation of each shape, with messages at the ends of months."""
    for database in create(server, f"page_{uuid.uuid4().hex[:12]}", migrated_template):
        make_months(database, MONTHS)
        gap = database.one("select to_char((now() at time zone 'UTC') - interval '20 months', 'YYYY\"m\"MM')")
        database.run(f"drop table chat_partitions.message_statuses_y{gap}, chat_partitions.messages_y{gap}")
        user, _ = add_conversation(database)
        rng = random.Random(7)
        shapes = {**_SHAPES, **{f"random {n}": [rng.choice([0, 3, 4, rng.randrange(19), rng.randrange(21, 40)]) for _ in range(rng.randrange(1, 60))] for n in range(4)}}  # fmt: skip
        for title, months in shapes.items():
            chosen = [month for month in months if month != 20]
            database.run(
                "insert into public.conversations (title, created_by) values (%s, %s)", title, user
            )  # fmt: skip
            database.run(
                "insert into public.conversation_participants (conversation_id, user_id)"
                " select id, created_by from public.conversations where title = %s", title
            )  # fmt: skip
            database.run(
                "with c as (select id, created_by from public.conversations where title = %s)"
                " insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
                " select case t.place when 0 then overlay(chatschema.uuid7_floor(t.month)::text placing substr(gen_random_uuid()::text, 25) from 25)::uuid"
                "   when 1 then chatschema.uuid7(t.month + interval '1 month - 1 ms') else chatschema.uuid7(t.month + t.place * interval '6 hours') end,"
                " c.id, c.created_by, convert_to('x', 'UTF8') from c, (select"
                "   (date_trunc('month', now() at time zone 'UTC') - make_interval(months => m)) at time zone 'UTC' as month, p as place"
                "   from unnest(%s::int[], %s::int[]) as u (m, p)) as t",
                title, chosen, [rng.choice([0, 1, 2, 60]) if month else 0 for month in chosen],
            )  # fmt: skip
        database.run("analyze public.messages")
        yield database


def conversations(database: Database) -> dict[str, UUID]:
    return dict(database.all("select title, id from public.conversations where title is not null"))


def same(connection: Connection, conversation: object, cursor: UUID | None, size: int) -> tuple[list[UUID], list[UUID]]:
    """Return the ids of the page before and of the page after the cursor, having compared both with the plain queries."""
    pages = []
    for query, plain in ((_PAGE, _PLAIN), (_PAGE_AFTER, _PLAIN_AFTER)):
        rows = connection.execute(query, (conversation, cursor, size)).fetchall()
        assert rows == connection.execute(plain, (conversation, cursor, size)).fetchall(), (query, conversation, cursor, size)
        pages.append([row[0] for row in rows])
    return pages[0], pages[1]


@pytest.mark.parametrize("zone", ZONES if LONG else ZONES[:1])
def test_every_page_is_that_of_the_plain_query_and_a_walk_meets_each_row_once(chat: Database, zone: str) -> None:
    with chat.connect() as connection:
        connection.execute(f"set timezone = '{zone}'; set statement_timeout = '5s'".encode())
        for title, conversation in conversations(chat).items():
            ids = [
                row[0] for row in chat.all("select id from public.messages where conversation_id = %s order by id", conversation)
            ]
            for size in (1, 3, 7, len(ids) or 1, 50) if zone == "America/New_York" else (4, 50):
                for direction, expected in ((0, ids[::-1]), (1, ids)):
                    walked: list[UUID] = []
                    while page := same(connection, conversation, walked[-1] if walked else None, size)[direction]:
                        walked += page
                    assert walked == expected, (title, size, direction)


def test_cursors_at_the_ends_of_months_and_ids_that_are_no_message(chat: Database) -> None:
    months = [
        row[0]
        for row in chat.all(
            "select chatschema.uuid7_floor((date_trunc('month', now() at time zone 'UTC') - make_interval(months => m)) at time zone 'UTC')"
            " from generate_series(-8, 44, 2) as m"
        )
    ]
    cursors: list[UUID | None] = [None, UUID(int=0), UUID(int=2**128 - 1), UUID("00000000-0000-7000-8000-000000000000")]
    cursors += [UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), UUID("8c4ae4b4-17e7-4aa6-9d5b-1e0d6d1c0d4e")]
    # Exactly the floor of a month, one less, one more, and the month's moment in another version or variant of a UUID.
    for month in months:
        cursors += [
            month,
            UUID(int=month.int - 1),
            UUID(int=month.int + 1),
            UUID(int=month.int - 2**76 * 3),
            UUID(int=month.int - 2**62),
        ]
    chosen = conversations(chat)
    with chat.connect() as connection:
        for cursor in cursors:
            for title in ("one a month", "both ends"):
                same(connection, chosen[title], cursor, 3)
        for size in (0, 1, 1000):
            assert same(connection, chosen["empty"], None, size) == ([], [])
            before, after = same(connection, chosen["this month"], None, size)
            assert (len(before), len(after)) == (min(size, 30), min(size, 30))


def test_a_plain_role_pages_with_select_on_messages_alone(chat: Database) -> None:
    conversation = conversations(chat)["one a month"]
    with chat.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("create role reader; set role reader")
        for query in (_PAGE, _PAGE_AFTER):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(query, (conversation, None, 10))
        connection.execute("reset role; grant select on public.messages to reader")
        connection.execute("create policy everything on public.messages for select to reader using (true); set role reader")
        assert connection.execute("select has_schema_privilege('chat_partitions', 'usage')").fetchone() == (False,)
        before, after = same(connection, conversation, None, 10)
        assert (len(before), len(after)) == (10, 10)


def test_a_policy_on_messages_holds_for_pages(chat: Database) -> None:
    chosen = conversations(chat)
    with chat.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("create role member; grant select on public.messages, chatschema.memberships to member")
        connection.execute("grant execute on function chatschema.actor() to member")
        connection.execute(
            f"create policy own on public.messages for select to member using (conversation_id = '{chosen['gaps']}')".encode()
        )
        connection.execute("set role member")
        assert same(connection, chosen["both ends"], None, 50) == ([], [])
        before, _ = same(connection, chosen["gaps"], None, 50)
        assert len(before) == len(_SHAPES["gaps"])


def test_the_newest_page_locks_few_of_126_months(migrated: Database) -> None:
    """Fifty messages of this month: with it come the months ahead, for an id may be a day ahead; none of those before."""
    make_months(migrated, 120)
    assert migrated.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass") == 126
    user, conversation = add_conversation(migrated)
    migrated.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
        " select chatschema.uuid7(date_trunc('month', now() at time zone 'UTC') at time zone 'UTC' + n * interval '1 s'), %s, %s, 'x'"
        " from generate_series(1, 50) as n", conversation, user,
    )  # fmt: skip
    locked = "select count(*) from pg_locks as l join pg_inherits as i on i.inhrelid = l.relation where l.pid = pg_backend_pid() and i.inhparent = 'public.messages'::regclass"
    with migrated.connect() as connection:
        for repetition in range(8):
            with connection.transaction():
                rows = connection.execute(_PAGE, (conversation, None, 50)).fetchall()
                count = connection.execute(locked.encode()).fetchone()
            assert (len(rows), count and count[0] <= 9) == (50, True), repetition
        with connection.transaction():
            first = connection.execute(_PAGE_AFTER, (conversation, rows[-1][0], 10)).fetchall()
            count = connection.execute(locked.encode()).fetchone()
        assert [row[0] for row in first] == [row[0] for row in rows[-2:-12:-1]]
        assert count
        assert count[0] <= 9
        same(connection, conversation, rows[20][0], 25)
