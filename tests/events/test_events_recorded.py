"""What becomes an event: what commands remove and restore, what is revoked and held; and changes, where that is switched on."""

from uuid import UUID

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.events import HASH, ROWS, SEND, SWITCH_ON, conversations, kinds


def test_sessions_keys_and_holds(cli: Cli, migrated: Database) -> None:
    room = conversations(migrated, 1)[0]
    user = migrated.one("select id from public.users")
    session, other = (
        migrated.one("insert into public.auth_sessions (user_id, refresh_token_hash) values (%s, %s) returning id", user, HASH)
        for _ in range(2)
    )
    migrated.run("update public.auth_sessions set last_used_at = now()")
    assert kinds(migrated) == []
    revoke = "update public.auth_sessions set revoked_at = now(), revoked_reason = 'admin' where id = %s"
    migrated.run(revoke, session)
    migrated.run("delete from public.auth_sessions")
    assert migrated.all(ROWS) == [
        ("session.revoked", "auth_sessions", str(id), None, user, None, None, None) for id in (session, other)
    ]
    key = migrated.one("insert into public.user_public_keys (user_id, public_key) values (%s, %s) returning id", user, b"k" * 32)
    many = (
        "insert into public.user_public_keys (user_id, key_type, public_key)"
        " select %s, 'one_time_prekey', %s from generate_series(1, 50)"
    )
    migrated.run(many, user, b"k" * 32)
    migrated.run("update public.user_public_keys set status = 'used' where key_type = 'one_time_prekey'")
    migrated.run("update public.user_public_keys set status = 'superseded', superseded_at = now() where id = %s", key)
    migrated.run("update public.user_public_keys set status = 'revoked', revoked_at = now() where id = %s", key)
    published = migrated.all(ROWS)[2:]
    assert [(row[0], row[2], row[4], row[7]) for row in published] == [
        ("key.published", str(key), user, None),
        ("key.published", None, user, 50),
        ("key.superseded", str(key), user, None),
        ("key.revoked", str(key), user, None),
    ]
    held = cli("hold", "add", "--conversation", str(room), "--reason", "a case", "--json", "--url", migrated.url).json()
    number = str(held["hold"]["id"] if "hold" in held else held["id"])
    assert cli("hold", "release", number, "--reason", "closed", "--url", migrated.url).code == 0
    assert [(row[0], row[2], row[3]) for row in migrated.all(ROWS)[6:]] == [
        ("hold.placed", number, room),
        ("hold.released", number, room),
    ]


def test_changes_become_events_only_while_that_is_switched_on(cli: Cli, migrated: Database) -> None:
    room = conversations(migrated, 1)[0]
    migrated.run(SEND, room)
    assert kinds(migrated) == []
    assert cli("events", "record", "--url", migrated.url).code == 0
    migrated.run(SEND, room)
    migrated.run("update public.messages set updated_at = now()")
    migrated.run("update public.messages set content_encrypted = '\\x01', edit_count = 1, edited_at = now()")
    migrated.run("update public.messages set is_deleted = true, deleted_at = now()")
    migrated.run("update public.conversation_participants set last_read_message_id = chatschema.uuid7()")
    migrated.run("update public.conversation_participants set is_pinned = true")
    migrated.run("update public.conversations set title = 'a title'")
    migrated.run("delete from public.messages")
    assert kinds(migrated) == [
        "message.sent", "message.edited", "message.deleted", "participant.changed", "conversation.changed", "message.removed",
    ]  # fmt: skip
    conversations_of = {row[3] for row in migrated.all(ROWS)}
    assert conversations_of == {room}
    assert cli("events", "record", "--off", "--url", migrated.url).code == 0
    migrated.run(SEND, room)
    assert len(kinds(migrated)) == 6


def test_a_column_that_comes_is_recorded_and_one_that_goes_is_not_missed(cli: Cli, migrated: Database) -> None:
    room = conversations(migrated, 1)[0]
    assert cli("events", "record", "--url", migrated.url).code == 0
    migrated.run("alter table public.conversations drop column avatar_url cascade, add topic text")
    migrated.run("alter table public.conversation_participants drop column muted_until cascade, add nickname text")
    migrated.run("update public.conversations set updated_at = now()")
    assert kinds(migrated) == []
    migrated.run("update public.conversations set topic = 'cats' where id = %s", room)
    migrated.run("update public.conversation_participants set nickname = 'Al' where conversation_id = %s", room)
    assert set(kinds(migrated)) == {"conversation.changed", "participant.changed"}


def test_many_rows_of_a_statement_are_one_event_a_conversation(migrated: Database) -> None:
    rooms = conversations(migrated, 3)
    migrated.run(SWITCH_ON)
    migrated.run(
        "insert into public.messages (conversation_id, sender_id, content_encrypted)"
        " select c.id, c.created_by, '\\x00' from public.conversations as c cross join generate_series(1, 40)"
    )
    rows = migrated.all(ROWS)
    assert [(row[0], row[2], row[7]) for row in rows] == [("message.sent", None, 40)] * 3
    assert {row[3] for row in rows} == set(rooms)
    for _, _, _, room, _, first, last, _ in rows:
        found = migrated.one(
            "select min(id::text)::uuid, max(id::text)::uuid from public.messages where conversation_id = %s", room
        )
        assert (first, last) == found


def test_an_event_of_a_rolled_back_change_is_none(migrated: Database) -> None:
    room = conversations(migrated, 1)[0]
    migrated.run(SWITCH_ON)
    with migrated.connect() as connection:
        connection.execute("begin")
        connection.execute(SEND, (room,))
        connection.execute("rollback")
    assert kinds(migrated) == []


def test_a_notify_is_sent_only_where_that_is_switched_on(cli: Cli, migrated: Database) -> None:
    room = conversations(migrated, 1)[0]
    migrated.run(SWITCH_ON)
    with migrated.connect() as listener:
        listener.execute("listen chatschema_events")
        migrated.run(SEND, room)
        assert list(listener.notifies(timeout=0.3)) == []
        assert cli("events", "notify", "--url", migrated.url).code == 0
        migrated.run(SEND, room)
        told = list(listener.notifies(timeout=5, stop_after=1))
        assert [(one.channel, one.payload) for one in told] == [("chatschema_events", "")]


def test_a_small_purge_and_what_expired(cli: Cli, migrated: Database) -> None:
    room = conversations(migrated, 2)[0]
    for one in migrated.all("select id from public.conversations"):
        for _ in range(3):
            migrated.run(SEND, one[0])
    migrated.run("update public.messages set expires_at = created_at + interval '1 millisecond'")
    assert cli("partition", "purge", "--url", migrated.url).code == 0
    rows = migrated.all(ROWS)
    assert [(row[0], row[2], row[7]) for row in rows] == [("message.purged", None, 3)] * 2
    assert room in {row[3] for row in rows}


def test_retiring_and_restoring_a_month(cli: Cli, aged: Database) -> None:
    options = ("--older-than", "12mo", "--url", aged.url)
    assert cli("partition", "retire", *options).code == 0
    assert cli("partition", "restore", "2024-01", "--url", aged.url).code == 0
    months = (
        "select kind, to_char(chatschema.uuid7_time(first_id) at time zone 'UTC', 'YYYY-MM') from chatschema.events order by id"
    )
    events = aged.all(months)
    assert {("month.retired", "2024-01"), ("month.retired", "2024-02")} <= set(events)
    assert events[-1] == ("month.restored", "2024-01")
    first, last = aged.one("select first_id, last_id from chatschema.events order by id desc limit 1")
    assert aged.one("select chatschema.uuid7_floor('2024-01-01Z'), chatschema.uuid7_floor('2024-02-01Z')") == (
        first,
        UUID(int=last.int + 1),
    )


def test_erasures(cli: Cli, seeded: Database) -> None:
    user, name = seeded.one(
        "select u.id, u.username from public.users as u join public.messages as m on m.sender_id = u.id group by 1, 2 order by count(*) desc limit 1"
    )
    left = "select count(*) from public.messages where sender_id = %s and (content_encrypted is not null or not is_deleted)"
    count = seeded.one(left, user)
    done = cli("privacy", "erase", name, "--yes", "--url", seeded.url)
    assert done.code in (0, 3), done.err
    rows = seeded.all(ROWS)
    found = [row[0] for row in rows]
    assert found[-1] == "user.erased"
    assert found.count("user.erasing") == found.count("user.erased") == 1
    assert {"message.erased", "session.revoked"} & set(found)
    erased = [row for row in rows if row[0] == "message.erased"]
    assert sum(row[7] or 1 for row in erased) == count > 100
    assert seeded.one(left, user) == 0
    assert rows[-1][2:5] == (str(user), None, user)
    message, room = seeded.one("select id, conversation_id from public.messages where not is_deleted limit 1")
    assert cli("privacy", "erase-message", str(message), "--yes", "--url", seeded.url).code in (0, 3)
    assert cli("privacy", "erase-conversation", str(room), "--yes", "--url", seeded.url).code in (0, 3)
    assert kinds(seeded)[-1] == "conversation.erased"
    assert seeded.one("select count(*) from chatschema.events where kind = 'message.erased' and row_id = %s", message) >= 1


def test_the_application_writes_events_but_has_no_right_to_them(cli: Cli, migrated: Database, prefix: str) -> None:
    assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
    checked = cli("roles", "check", "--prefix", prefix, "--url", migrated.url)
    assert [line.split(":")[0] for line in checked.out.splitlines() if line.startswith("roles.")] == ["roles.owner-login"]
    room = conversations(migrated, 1)[0]
    user = migrated.one("select id from public.users")
    migrated.run(SWITCH_ON)
    with migrated.connect() as connection:
        connection.execute(f"set role {prefix}_app".encode())
        with connection.transaction():
            connection.execute("select set_config('app.user_id', %s, true)", (str(user),))
            connection.execute(
                "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, '\\x00')", (room, user)
            )
        for query in ("table chatschema.events", "select chatschema.events_after(null)", "select chatschema.events_now()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(query.encode())
        connection.execute("reset role")
        connection.execute(f"set role {prefix}_worker".encode())
        assert connection.execute("select kind from chatschema.events_after(null)").fetchall() == [("message.sent",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into chatschema.events (kind, table_name) values ('a.b', 'c')")
