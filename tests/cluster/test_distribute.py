"""A living database is distributed, works, and comes back without a difference. Needs a Citus cluster."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.support.citus import Citus, database, needs_citus
from tests.support.cli import Cli

pytestmark = needs_citus
IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MESSAGES, SHARDS = ("500k", "32") if IS_FULL else ("5k", "4")
SEND = """
    insert into public.messages (conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version)
    values ('{0}', '{1}', '\\x0102', '\\x0102030405060708', 'x', 1) returning id
"""


@pytest.fixture
def citus(cli: Cli) -> Iterator[Citus]:
    """A migrated and seeded database on the cluster."""
    with database() as made:
        for command in (["migrate"], ["seed", "--messages", MESSAGES, "--months", "3"]):
            done = cli(*command, "--url", made.url, timeout=1200)
            assert done.code == 0, done.err
        yield made


def test_there_and_back(citus: Citus, cli: Cli) -> None:
    assert cli("roles", "apply", "--url", citus.url).code == 0
    conversation, one, two = _group(citus)
    citus.run(f"insert into chatschema.holds (user_id, reason) values ('{one}', 'a case')")

    done = cli("cluster", "distribute", "--shards", SHARDS, "--yes", "--json", "--url", citus.url, timeout=1200)
    assert done.code == 0, done.err
    there = done.json()["tables"]
    assert citus.one(
        "select count(distinct shardid) from pg_dist_placement join pg_dist_shard using (shardid) where"
        " logicalrelid = 'public.messages'::regclass"
    ) == int(SHARDS)
    assert _behaves(citus, conversation, one, two) == []

    assert cli("verify", "--url", citus.url).code == 0

    relayed = cli("cluster", "relay", "--json", "--url", citus.url)
    assert relayed.json()["moved"] > 0
    assert citus.one("select count(*) from chatschema.outbox") == 0
    actions = citus.rows("select action, count(*) from public.audit_logs where details ? 'recorded_by' group by 1 order by 1")
    assert actions == [("message.delete", 1), ("message.edit", 1), ("message.remove", 1)]
    assert cli("cluster", "relay", "--json", "--url", citus.url).json() == {"moved": 0, "lists": 0}

    ensured = cli("partition", "ensure", "--from", f"{datetime.now(UTC) - timedelta(days=150):%Y-%m}", "--json", "--url", citus.url)
    assert ensured.code == 0, ensured.err
    # The tombstone of the held message waited for its erasure.
    assert citus.one("select count(*) from chatschema.deferred_erasures") == 1
    maintained = cli("maintain", "--url", citus.url)
    assert maintained.code == 0, maintained.err
    assert citus.one("select count(*) from chatschema.deferred_erasures") == 0
    checked = cli("status", "--check", "--url", citus.url)
    assert checked.code == 0, checked.out
    citus.run("create policy of_somebody on public.users for select using (username = 'nobody')")
    drifted = cli("verify", "--json", "--url", citus.url).json()["differences"]
    assert [one["object"] for one in drifted] == ["public.users.of_somebody"]
    undo = cli("undo", "--yes", "--url", citus.url)
    assert "error[cluster.rests-on]" in undo.err, undo.err

    back = cli("cluster", "undistribute", "--yes", "--json", "--url", citus.url, timeout=1200)
    assert back.code == 0, back.err
    untouched = {"public.user_public_keys", "public.attachments", "chatschema.event_state"}
    sums = {row["table"]: (row["rows"], row["sum"]) for row in back.json()["tables"]}
    assert {row["table"]: (row["rows"], row["sum"]) for row in there if row["table"] in untouched} == {
        table: sums[table] for table in untouched
    }
    citus.run("drop policy of_somebody on public.users")
    verified = cli("verify", "--url", citus.url)
    assert verified.code == 0, verified.out
    assert citus.one("select count(*) from pg_dist_partition") == 0
    maintained = cli("maintain", "--url", citus.url)
    assert maintained.code == 0, maintained.err
    assert citus.one("select count(*) from chatschema.deferred_erasures") == 0
    assert cli("status", "--check", "--url", citus.url).code == 0


def _group(citus: Citus) -> tuple[str, str, str]:
    """Return a group and two who take part in it."""
    ((conversation, one, two),) = citus.rows("""
        select conversation_id::text, min(user_id::text), max(user_id::text) from public.conversation_participants as p
        join public.conversations as c on c.id = p.conversation_id
        where p.left_at is null and c.type = 'group' group by p.conversation_id having count(*) > 2
        order by p.conversation_id limit 1
    """)
    return conversation, one, two


def _behaves(citus: Citus, conversation: str, one: str, two: str) -> list[str]:
    """Return the promises of the triggers that do not hold on the shards."""
    broken = []

    def promise(holds: object, words: str) -> None:
        if not holds:
            broken.append(words)

    held, other = str(citus.one(SEND.format(conversation, one))), str(citus.one(SEND.format(conversation, two)))
    promise("messages" in citus.refused(SEND.format(conversation, "00000000-0000-7000-8000-000000000000")), "unknown sender")
    upsert = (
        f"insert into public.message_statuses (conversation_id, message_id, user_id, status) values ('{conversation}', '{other}', '{one}',"
        " '{0}') on conflict (conversation_id, message_id, user_id) do update set status = excluded.status returning status"
    )
    citus.run(upsert.format("read"))
    promise(citus.one(upsert.format("delivered")) == "read", "a status only rises")
    promise(citus.one(f"select chatschema.add_reaction('{other}', '{one}', 'x')") is True, "reaction")
    where = f"where conversation_id = '{conversation}' and id = "
    promise("under a hold" in citus.refused(f"delete from public.messages {where} '{held}'"), "hold on a user")
    tombstone = (
        f"update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null {where} '{held}' returning"
    )
    promise(citus.one(f"{tombstone} content_encrypted is not null") is True, "tombstone of a held message keeps its content")
    citus.run("update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x'")
    citus.run(f"update public.messages set content_encrypted = '\\x03', edit_count = 1, edited_at = now() {where} '{other}'")
    citus.run(f"delete from public.messages {where} '{other}'")
    statuses = f"select count(*) from public.message_statuses where conversation_id = '{conversation}' and message_id = '{other}'"
    promise(citus.one(statuses) == 0, "statuses go with their message")
    citus.run(f"update public.users set display_name = 'Other' where id = '{one}'")
    copies = "select count(distinct result) from run_command_on_all_nodes('select md5(string_agg(u::text, '','' order by id)) from public.users as u')"
    promise(citus.one(copies) == 1, "every node has the same users")
    promise(
        "is not the one of users"
        in citus.refused(
            "insert into public.conversations (type, direct_user_low, direct_user_high) values"
            f" ('direct', least('{one}'::uuid, '{two}'), greatest('{one}'::uuid, '{two}'))"
        ),
        "one direct conversation a pair",
    )
    promise(_as_app(citus, conversation, one), "whoever entered reads, others read nothing")
    return broken


def _as_app(citus: Citus, conversation: str, user: str) -> bool:
    """Return whether the application reads a conversation only after entering it."""
    count = f"select count(*) from public.messages where conversation_id = '{conversation}'"
    with citus.login("chat_app") as url, psycopg.connect(url) as connection:
        nothing = connection.execute(count.encode()).fetchone()
        connection.execute("select chatschema.enter(%s, %s)", (user, conversation))
        something = connection.execute(count.encode()).fetchone()
        connection.execute(SEND.format(conversation, user).encode())
    return bool(nothing and something and nothing[0] == 0 and something[0] > 0)
