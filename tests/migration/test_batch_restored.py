"""A month that was retired before a data migration gets its share of it when it is restored, before anybody sees its rows."""

from pathlib import Path

import pytest

from tests.support.batches import ADD, DONE_ONCE, FILL, HEADER, TOUCH, touches, write_both
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import write

REQUIRE = "20990101000002_require_lang"
LEFT = "-- left: touched = 0\n"


def retired(cli: Cli, database: Database, *, drop: bool) -> None:
    """Retire both months; their rows are in detached tables or, after `drop`, in archives only."""
    for month in ("2024-01", "2024-02"):
        assert cli("partition", "archive", month, "--url", database.url).code == 0
    grace = "0d" if drop else "30d"
    result = cli("partition", "retire", "--older-than", "1mo", "--grace", grace, "--yes", "--url", database.url)
    assert result.code == 0, result.err


def restored(cli: Cli, database: Database) -> str:
    """Restore January and return what is said."""
    result = cli("partition", "restore", "2024-01", "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


def migrated(cli: Cli, database: Database, sql_dir: Path) -> None:
    result = cli("migrate", "--url", database.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err


def add_row(database: Database) -> None:
    """Add a message of today, so that the table has rows when the months are away."""
    database.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
        " select chatschema.uuid7(now()), conversation_id, user_id, 'new' from public.conversation_participants limit 1"
    )


COLUMN = "-- messages: a language.\nalter table public.messages add column lang text;\n"
FILL_LANG = "-- messages: fill lang.\n-- batch: public.messages by id\n-- left: lang is null\nupdate public.messages set lang = 'en' where {batch};\n"


def write_lang(sql_dir: Path) -> None:
    """Write a file that adds a column, and one that fills it."""
    write(sql_dir, ADD, COLUMN, "alter table public.messages drop column lang;\n")
    write(sql_dir, FILL, FILL_LANG, "update public.messages set lang = null;\n")


@pytest.mark.parametrize("drop", [False, True], ids=["detached", "dropped"])
def test_the_rows_of_a_restored_month_are_done_before_they_are_seen(cli: Cli, aged: Database, sql_dir: Path, drop: bool) -> None:
    retired(cli, aged, drop=drop)
    add_row(aged)
    write_lang(sql_dir)
    migrated(cli, aged, sql_dir)
    assert f"{FILL} has changed 300 rows" in restored(cli, aged)
    assert aged.all("select lang, count(*) from public.messages group by 1") == [("en", 301)]


def test_a_column_that_was_filled_may_be_required_since(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_lang(sql_dir)
    assert cli("migrate", "--to", ADD, "--url", aged.url, "--sql-dir", str(sql_dir)).code == 0
    retired(cli, aged, drop=False)
    add_row(aged)
    write(
        sql_dir,
        REQUIRE,
        "-- messages: require lang.\nalter table public.messages alter column lang set not null;\n",
        "alter table public.messages alter column lang drop not null;\n",
    )
    migrated(cli, aged, sql_dir)
    restored(cli, aged)
    assert aged.all("select lang, count(*) from public.messages group by 1") == [("en", 301)]


def test_an_alias_and_qualified_names_are_kept(cli: Cli, aged: Database, sql_dir: Path) -> None:
    add_row(aged)
    retired(cli, aged, drop=False)
    fill = "update public.messages set touched = messages.touched + 1 where {batch};\n"
    write_both(sql_dir, HEADER + LEFT.replace("touched", "messages.touched") + fill)
    migrated(cli, aged, sql_dir)
    restored(cli, aged)
    assert touches(aged) == DONE_ONCE


@pytest.mark.parametrize("drop", [False, True], ids=["detached", "dropped"])
def test_without_a_condition_the_rows_are_left_and_it_is_said(cli: Cli, aged: Database, sql_dir: Path, drop: bool) -> None:
    add_row(aged)
    retired(cli, aged, drop=drop)
    write_both(sql_dir)
    migrated(cli, aged, sql_dir)
    said = restored(cli, aged)
    assert f"rows that {FILL} may not have changed" in said
    assert touches(aged) == [(0,), (1,)]


def test_a_month_that_had_its_share_is_not_touched_again(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_both(sql_dir)
    migrated(cli, aged, sql_dir)
    retired(cli, aged, drop=False)
    assert FILL not in restored(cli, aged)
    assert touches(aged) == DONE_ONCE


@pytest.mark.parametrize("drop", [False, True], ids=["detached", "dropped"])
def test_values_that_the_application_wrote_after_the_batches_are_kept(cli: Cli, aged: Database, sql_dir: Path, drop: bool) -> None:
    write_lang(sql_dir)
    migrated(cli, aged, sql_dir)
    # Finished longer ago than clocks may differ.
    aged.run("update chatschema.batches set finished_at = finished_at - interval '2 hours'")
    aged.run("update public.messages set lang = null")
    retired(cli, aged, drop=drop)
    restored(cli, aged)
    assert aged.all("select lang, count(*) from public.messages group by 1") == [(None, 300)]


def test_a_dropped_function_of_the_statement_does_not_keep_a_month_away(cli: Cli, aged: Database, sql_dir: Path) -> None:
    retired(cli, aged, drop=True)
    add_row(aged)
    aged.run("create function public.english() returns text language sql as $$ select 'en' $$")
    write_lang(sql_dir)
    write(sql_dir, FILL, FILL_LANG.replace("'en'", "public.english()"))
    migrated(cli, aged, sql_dir)
    aged.run("drop function public.english()")
    said = restored(cli, aged)
    assert f"rows from before {FILL}, which cannot change them any more: function public.english() does not exist" in said
    assert aged.all("select lang, count(*) from public.messages group by 1 order by 2") == [("en", 1), (None, 300)]


def test_a_refused_statement_leaves_the_month_detached(cli: Cli, aged: Database, sql_dir: Path) -> None:
    add_row(aged)
    retired(cli, aged, drop=False)
    write_both(sql_dir, HEADER + LEFT + TOUCH)
    migrated(cli, aged, sql_dir)
    aged.run(
        "alter table chat_partitions.messages_y2024m01 add column touched int not null default 0, add constraint few check (touched = 0)"
    )
    result = cli("partition", "restore", "2024-01", "--url", aged.url)
    assert result.code == 1
    assert "error[restore.batch]" in result.err
    aged.run("alter table chat_partitions.messages_y2024m01 drop constraint few")
    restored(cli, aged)
    assert touches(aged) == DONE_ONCE
