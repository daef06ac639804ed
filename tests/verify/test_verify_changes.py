"""verify: each change by hand is found, and its SQL takes it back."""

import os
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.verified import is_clean, names, reconcile, verified
from tests.verify.drifts import CHANGES, MORE, MORE_UNDONE, Change

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))


@pytest.fixture
def more(cli: Cli, old: Database, sql_dir: Path) -> tuple[Database, tuple[str, ...]]:
    """A database with two old months and with objects of every kind; and the options for its migrations."""
    write(sql_dir, NEXT, f"-- tickets: everything else.\n{MORE}", MORE_UNDONE)
    options = ("--sql-dir", str(sql_dir))
    result = cli("migrate", "--url", old.url, *options)
    assert result.code == 0, result.err
    return old, options


def is_found_and_taken_back(cli: Cli, database: Database, changes: list[Change], *options: str) -> None:
    for change in changes:
        database.run(change.sql)
    document = verified(cli, database, *options)
    assert names(document) == sorted(name for change in changes for name in change.names)
    reconcile(database, document)
    left = sorted(name for change in changes if change.is_exception for name in change.names)
    again = verified(cli, database, *options)
    assert names(again) == left
    # Where no SQL helps, the note says what does.
    assert all(one["note"] and not one["sql"] for one in again["differences"])


def test_the_changes_are_at_least_forty_of_every_kind() -> None:
    kinds = {name.partition(" ")[0] for change in CHANGES for name in change.names}
    assert len(CHANGES) >= 40
    assert kinds >= {
        "table", "column", "constraint", "index", "trigger", "function", "policy", "rule", "view", "materialized", "sequence", "type",
        "owner", "comment", "option", "storage", "statistics", "privilege", "partition",
    }  # fmt: skip


def test_all_changes_at_once_are_found_and_taken_back(cli: Cli, more: tuple[Database, tuple[str, ...]]) -> None:
    database, options = more
    is_found_and_taken_back(cli, database, CHANGES, *options)


@pytest.mark.skipif(not FULL, reason="set CHATSCHEMA_TEST_FULL: all at once is the short form")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.sql[:70])
def test_each_change_alone_is_found_and_taken_back(cli: Cli, more: tuple[Database, tuple[str, ...]], change: Change) -> None:
    is_found_and_taken_back(cli, more[0], [change], *more[1])


def test_a_month_dropped_by_hand_and_both_tables_detached_by_hand(cli: Cli, migrated: Database) -> None:
    first, second = (row[0] for row in migrated.all(
        "select substr(relname, 10) from pg_class where relname ~ '^messages_y[0-9m]+$' and relkind = 'r' order by 1 offset 2 limit 2"
    ))  # fmt: skip
    migrated.run(
        f"drop table chat_partitions.message_statuses_{first}; drop table chat_partitions.messages_{first};"
        f"alter table public.message_statuses detach partition chat_partitions.message_statuses_{second};"
        f"alter table public.messages detach partition chat_partitions.messages_{second};"
    )
    document = verified(cli, migrated)
    assert [(one["kind"], one["difference"]) for one in document["differences"]] == [("partition", "differs")] * 2 + [
        ("partition", "missing")
    ] * 2
    reconcile(migrated, document)
    is_clean(cli, migrated)


def test_a_renamed_column_and_a_renamed_table_keep_their_values(cli: Cli, old: Database) -> None:
    old.run(
        "alter table public.conversations rename column title to headline; alter table public.attachments rename to files;"
        # In the place of another column, this is no rename.
        "alter table public.users drop column created_at, add column photo text"
    )
    document = verified(cli, old)
    assert [(one["object"], one["found"], one["sql"]) for one in document["differences"][:2]] == [
        ("public.attachments", "public.files", ["alter table public.files rename to attachments;"]),
        (
            "public.conversations.title",
            "public.conversations.headline",
            ["alter table public.conversations rename column headline to title;"],
        ),
    ]
    assert [one for one in names(document) if "users" in one] == ["column public.users.created_at", "column public.users.photo"]
    before = old.one("select count(*) from public.files"), old.one("select count(headline) from public.conversations")
    reconcile(old, document)
    is_clean(cli, old)
    assert (old.one("select count(*) from public.attachments"), old.one("select count(title) from public.conversations")) == before


def test_a_required_column_of_a_table_with_rows_is_filled_before_it_is_required(cli: Cli, old: Database) -> None:
    old.run(
        "insert into public.auth_sessions (user_id, refresh_token_hash) select id, '$2b$12$' || repeat('a', 53) from public.users limit 3;"
        "alter table public.conversation_participants drop column notification_level;"
        "alter table public.auth_sessions drop column refresh_token_hash cascade"
    )
    document = verified(cli, old)
    key = next(one for one in document["differences"] if one["object"] == "public.auth_sessions.refresh_token_hash")
    assert key["note"] == "comes back without its values; fill it before the statement that validates its check"
    for one in document["differences"]:
        for statement in one["sql"]:
            old.run(statement)
            if statement == key["sql"][0]:
                old.run("update public.auth_sessions set refresh_token_hash = '$2b$12$' || repeat('b', 53)")
    is_clean(cli, old)


def test_an_index_of_messages_is_built_on_each_month_before_the_parent_adopts_it(cli: Cli, old: Database) -> None:
    old.run("drop index public.idx_messages_sender_id")
    (one,) = verified(cli, old)["differences"]
    months = old.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass")
    assert sum(s.startswith("CREATE INDEX CONCURRENTLY ON chat_partitions.messages_y") for s in one["sql"]) == months
    assert one["sql"][months].startswith("CREATE INDEX idx_messages_sender_id ON public.messages ")
    reconcile(old, {"differences": [one]})
    # A parent's index that no month has a part of.
    old.run("drop index public.idx_messages_sender_id; create index idx_messages_sender_id on only public.messages (sender_id, id)")
    reconcile(old, verified(cli, old))
    is_clean(cli, old)
    assert old.one("select count(*) from pg_inherits where inhparent = 'public.idx_messages_sender_id'::regclass") == months
