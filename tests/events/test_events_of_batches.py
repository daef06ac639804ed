"""What commands change in batches: one event a conversation and batch, and what a trigger changes beside is none of these.

CHATSCHEMA_TEST_FULL=1 (make test-events) purges 1,000,000 messages.
"""

import os
import shutil
from pathlib import Path

from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.events import ROWS, SWITCH_ON, conversations, kinds
from tests.support.migrations import write
from tests.support.pace import long

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MANY = 1_000_000 if FULL else 6_000


def fill(database: Database, rooms: int, count: int) -> None:
    """Write `count` messages of two days ago into conversations that keep theirs for a day; `rooms` of them are created."""
    if rooms:
        conversations(database, rooms)
    database.run("update public.conversations set retention_days = 1")
    database.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
        " select chatschema.uuid7(now() - interval '2 days' - n * interval '1 millisecond'), c.id, c.created_by, '\\x00'"
        " from generate_series(1, %s) as n join (select *, row_number() over (order by id) as i from public.conversations) as c"
        " on c.i = n %% %s + 1",
        count,
        max(rooms, 1),
    )


def test_what_a_batched_migration_and_a_purge_change_beside_are_events(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    """Batches are recorded like any statement; a purge writes its own event, and the replies that it unlinks are edited."""
    room = conversations(migrated, 1)[0]
    assert cli("partition", "ensure", "--from", "2026-01", "--url", migrated.url).code == 0
    fill(migrated, 0, 3)
    sender, answered = migrated.all("select sender_id, id from public.messages order by id")[0]
    reply = migrated.one(
        "insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id) values (%s, %s, %s, %s) returning id",
        room, sender, b"x", answered,
    )  # fmt: skip
    migrated.run(SWITCH_ON)
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    text = "-- messages: give each a key.\n-- batch: public.messages by id\nupdate public.messages set key_version = 1 where {batch};\n"
    write(tmp_path / "sql", "20990101000000_give_keys", text, "select 1;")
    done = cli("migrate", "--sql-dir", str(tmp_path / "sql"), "--url", migrated.url)
    assert done.code == 0, done.err
    rows = migrated.all(ROWS)
    assert {row[0] for row in rows} == {"message.edited"}
    assert sum(row[7] or 1 for row in rows) == 4
    assert cli("partition", "purge", "--url", migrated.url).code == 0
    assert sorted(row[0] for row in migrated.all(ROWS)[len(rows) :]) == ["message.edited", "message.purged"]
    assert [row[2] for row in migrated.all(ROWS)[len(rows) :] if row[0] == "message.edited"] == [str(reply)]


@long
def test_a_purge_writes_one_event_a_conversation_and_batch(cli: Cli, migrated: Database) -> None:
    assert cli("partition", "ensure", "--from", "2026-01", "--url", migrated.url).code == 0
    fill(migrated, 4, MANY)
    migrated.run(SWITCH_ON)
    done = cli("partition", "purge", "--url", migrated.url, timeout=3600)
    assert done.code == 0, done.err
    assert migrated.one("select count(*) from public.messages") == 0
    purged = migrated.all(
        "select conversation_id, count(*), sum(coalesce(row_count, 1)) from chatschema.events where kind = 'message.purged' group by 1"
    )
    assert set(kinds(migrated)) == {"message.purged"}
    assert sum(rows for _, _, rows in purged) == MANY
    batch = 1000
    assert [events for _, events, _ in purged] == [-(-MANY // 4 // batch)] * 4
    print(f"purged {MANY} messages with {sum(events for _, events, _ in purged)} events")
