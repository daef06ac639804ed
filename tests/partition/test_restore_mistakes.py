"""What a month on its way back must survive: erasures, deletions and migrations that came while it was away."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.partition import foreign_keys, restore
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import JANUARY

RETIRE = ("partition", "retire", "--older-than", "12mo")
DROP = (*RETIRE, "--grace", "0d", "--yes")
PLAIN = "(select id from public.conversations where title = 'plain')"
IN_JANUARY = "id < chatschema.uuid7_floor('2024-02-01 00:00+00')"


def test_an_erasure_during_a_restore_is_applied(cli: Cli, aged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes after the erasing and before the attach; the attach notices, and the erasing is done once more."""
    alice = aged.one("select id from public.users where username = 'alice'")
    assert cli(*RETIRE, "--url", aged.url).code == 0
    original, calls = foreign_keys.add, list[int]()

    def with_an_erasure(*arguments: object) -> None:
        if not calls:
            aged.run("insert into chatschema.erasures (subject_type, subject_id) values ('user', %s)", alice)
        calls.append(1)
        original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(foreign_keys, "add", with_an_erasure)
    settings = Settings(aged.url, "test", None, ROOT / "sql", ROOT / "seeds", Path())
    with closing(postgres.connect(settings)) as connection:
        january = datetime(2024, 1, 1, tzinfo=UTC)
        back = restore.restore(connection, january, None, Path(), keep_until=datetime.now(UTC), say=print)
    assert back.erased > 50
    assert aged.one("select count(*) from public.messages where sender_id = %s and content_encrypted is not null", alice) == 0


def test_a_conversation_deleted_meanwhile_does_not_keep_the_month_away(cli: Cli, aged: Database) -> None:
    assert cli(*DROP, "--url", aged.url).code == 0
    conversation = aged.one(f"select {PLAIN}")
    aged.run(
        "delete from public.attachments where conversation_id = %(id)s; delete from public.conversation_participants where conversation_id = %(id)s;"
        " delete from public.conversations where id = %(id)s".replace("%(id)s", f"'{conversation}'")
    )
    refused = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert refused.code == 1
    assert "refers to a deleted row" in refused.err
    assert "insert into chatschema.erasures" in refused.err
    aged.run("insert into chatschema.erasures (subject_type, subject_id) values ('conversation', %s)", conversation)
    result = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert result.code == 0, result.err
    assert aged.one("select count(*) from public.messages where conversation_id = %s", conversation) == 0
    assert aged.one(f"select count(*) from public.messages where {IN_JANUARY}") == 285


def test_the_attachments_of_held_messages_come_back_also_after_an_erasure(cli: Cli, aged: Database) -> None:
    alice = aged.one("select id from public.users where username = 'alice'")
    linked = "select count(*) from public.attachments as a join public.messages as m on m.id = a.message_id where m.sender_id = %s and m.id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
    before = aged.one(linked, alice)
    assert before > 0
    assert cli(*DROP, "--url", aged.url).code == 0
    aged.run("insert into chatschema.erasures (subject_type, subject_id) values ('user', %s)", alice)
    assert cli("hold", "add", "--user", "alice", "--reason", "x", "--url", aged.url).code == 0
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert aged.one(linked, alice) == before


def test_a_month_catches_up_with_its_parent_before_it_is_attached(cli: Cli, aged: Database) -> None:
    assert cli(*RETIRE, "--url", aged.url).code == 0
    aged.run("""
        alter table public.messages add pinned boolean not null default false, add note text collate "C";
        alter table public.messages add constraint messages_note_check check (length(note) < 100);
        create index idx_messages_note on public.messages (note) where note is not null;
        create index idx_message_statuses_read_at on public.message_statuses (read_at)
    """)
    result = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert result.code == 0, result.err
    columns = "select array_agg((attname, format_type(atttypid, atttypmod), attnotnull, attcollation)::text order by attname) from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
    assert aged.one(columns, "chat_partitions.messages_y2024m01") == aged.one(columns, "public.messages")
    assert aged.one("select count(*) from pg_indexes where tablename = 'messages_y2024m01'") == 7
    assert aged.one("select count(*) from pg_indexes where tablename = 'message_statuses_y2024m01'") == 3
    assert aged.one(f"select count(*) from public.messages where {IN_JANUARY} and not pinned") == 300
