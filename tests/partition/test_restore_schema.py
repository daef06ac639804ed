"""A month of an earlier schema comes back: renamed, dropped, widened and new columns, new checks; and another name of the database."""

import json
import re
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.killing import killed
from tests.support.months import JANUARY, contents, there

RETIRE = ("partition", "retire", "--older-than", "12mo")
DROP = (*RETIRE, "--grace", "0d", "--yes")
PLAIN = "(select id from public.conversations where title = 'plain')"
IN_JANUARY = "id < chatschema.uuid7_floor('2024-02-01 00:00+00')"


def ok(cli: Cli, database: Database, *command: str) -> str:
    result = cli(*command, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


def refused(cli: Cli, database: Database, *more: str) -> str:
    result = cli("partition", "restore", JANUARY, *more, "--url", database.url)
    assert result.code == 1, result.out + result.err
    assert there(database, JANUARY) == {} or set(there(database, JANUARY).values()) == {"detached"}
    return result.err


@pytest.fixture(params=["0d", "7d"], ids=["from its archive", "from its detached table"])
def away(cli: Cli, aged: Database, request: pytest.FixtureRequest) -> Database:
    """January archived and dropped, or detached only."""
    ok(cli, aged, *RETIRE, "--grace", request.param, "--yes")
    return aged


def test_a_column_that_was_renamed_or_dropped_is_mapped(cli: Cli, away: Database, tmp_path: Path) -> None:
    is_dropped = there(away, JANUARY) == {}
    away.run("alter table public.messages rename content_algorithm to cipher; alter table public.messages drop deleted_by")
    result = cli("partition", "restore", JANUARY, "--url", away.url)
    if is_dropped:
        golden.check("restore_columns_gone", result, {f"{tmp_path}": "/srv/chat"})
    assert result.code == 1
    assert "--map messages.content_algorithm=cipher" in result.err
    assert "--map messages.deleted_by=drop" in result.err
    both = ("--map", "messages.content_algorithm=cipher", "--map", "deleted_by=drop")
    text = ok(cli, away, "partition", "restore", JANUARY, *both)
    assert "left out: 30 values of messages.deleted_by" in text
    assert away.one("select count(*) from public.messages where cipher = 'ünï 👍'") == 60
    action = "partition.load" if is_dropped else "partition.refit"
    details = away.one("select details from public.audit_logs where action = %s", action)
    assert details["lost"] == {"messages.deleted_by": 30}
    assert details["map"] == ["messages.content_algorithm=cipher", "deleted_by=drop"]
    assert set(there(away, JANUARY).values()) == {"attached"}
    assert away.one("select count(*) from pg_class where relname ~ '_before$'") == 0
    # It is a month like the others: it leaves and comes back without a word.
    away.run("update chatschema.retired_months set keep_until = null")
    ok(cli, away, *DROP)
    ok(cli, away, "partition", "restore", JANUARY)


def test_a_type_that_was_widened_is_taken_and_one_that_loses_is_not(cli: Cli, away: Database) -> None:
    away.run("""
        alter table public.messages alter column edit_count type bigint;
        alter table public.message_statuses alter column error_code type varchar(200);
    """)
    ok(cli, away, "partition", "restore", JANUARY)
    assert away.one(f"select sum(edit_count) from public.messages where {IN_JANUARY}") == 60
    types = "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = to_regclass(%s) and attname = %s"
    assert away.one(types, "chat_partitions.messages_y2024m01", "edit_count") == "bigint"
    assert away.one(types, "chat_partitions.message_statuses_y2024m01", "error_code") == "character varying(200)"


def test_values_that_a_type_of_now_would_change_are_counted(cli: Cli, away: Database) -> None:
    away.run("alter table public.message_statuses alter column error_code type varchar(1) using null")
    err = refused(cli, away)
    assert re.search(
        r"the type of message_statuses.error_code is character varying\(1\), and was text in these rows: \d+ rows would lose a part of their value",
        err,
    )
    assert "--map message_statuses.error_code=drop" in err
    away.run("alter table public.message_statuses alter column error_code type integer using null")
    assert "the type of message_statuses.error_code is integer, and text cannot be converted to it" in refused(cli, away)
    text = ok(cli, away, "partition", "restore", JANUARY, "--map", "message_statuses.error_code=drop")
    assert re.search(r"left out: \d{3} values of message_statuses.error_code", text)


def test_a_new_column_that_may_not_be_null_gets_its_default_or_a_value(cli: Cli, away: Database) -> None:
    away.run("""
        alter table public.messages add pinned boolean not null default false;
        alter table public.messages add origin text default 'x' not null;
        alter table public.messages alter column origin drop default;
    """)
    err = refused(cli, away)
    assert "messages.origin (text) is new, not null, and has no default" in err
    assert "add: --map messages.origin=value:TEXT" in err
    ok(cli, away, "partition", "restore", JANUARY, "--map", "origin=value:before 2025", "--map", "pinned=default")
    assert away.one(f"select count(*) from public.messages where {IN_JANUARY} and origin = 'before 2025' and not pinned") == 300


def test_a_column_that_may_not_be_null_any_more_is_filled(cli: Cli, away: Database) -> None:
    away.run("delete from public.messages; alter table public.messages alter column content_algorithm set not null")
    err = refused(cli, away)
    assert "messages.content_algorithm must not be null, and is null in 60 rows" in err
    ok(cli, away, "partition", "restore", JANUARY, "--map", "content_algorithm=value:none")
    assert away.one(f"select count(*) from public.messages where {IN_JANUARY} and content_algorithm = 'none'") == 60


def test_a_check_that_old_rows_violate_is_named_with_a_way_out_that_works(cli: Cli, away: Database, tmp_path: Path) -> None:
    is_dropped = there(away, JANUARY) == {}
    away.run("alter table public.messages add constraint messages_nonce_check check (content_nonce is not null)")
    result = cli("partition", "restore", JANUARY, "--url", away.url)
    if is_dropped:
        golden.check("restore_new_check", result, {f"{tmp_path}": "/srv/chat"})
    assert result.code == 1
    assert "200 rows fail the check messages_nonce_check (content_nonce IS NOT NULL)" in result.err
    way = re.search(r"in a migration: (.*)", result.err)
    assert way
    away.run(way[1])
    ok(cli, away, "partition", "restore", JANUARY)
    assert away.one(f"select count(*) from public.messages where {IN_JANUARY}") == 300


def test_rows_kept_under_a_hold_are_mapped_too(cli: Cli, aged: Database) -> None:
    ok(cli, aged, "hold", "add", "--conversation", str(aged.one(f"select {PLAIN}")), "--reason", "case 7")
    ok(cli, aged, *DROP, "--no-archive", "--holds", "carve")
    aged.run("alter table public.messages rename edit_count to edits")
    assert "--map messages.edit_count=edits" in refused(cli, aged)
    ok(cli, aged, "partition", "restore", JANUARY, "--map", "edit_count=edits")
    assert aged.one(f"select sum(edits) from public.messages where {IN_JANUARY}") == 15


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("nothing", "is not a valid rule"),
        ("users.id=drop", "is not a valid rule"),
        ("conversation_id=drop", "both tables have conversation_id"),
        ("no_such=drop", "names no column"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(cli: Cli, aged: Database, rule: str, words: str) -> None:
    ok(cli, aged, *DROP)
    result = cli("partition", "restore", JANUARY, "--map", rule, "--url", aged.url)
    assert (result.code, there(aged, JANUARY)) == (2, {})
    assert words in result.err


@pytest.mark.parametrize("change", ["name", "cluster"])
def test_a_renamed_or_upgraded_database_retires_again_and_keeps_what_may_be_anothers(
    cli: Cli, aged: Database, tmp_path: Path, change: str
) -> None:
    before = contents(aged)
    ok(cli, aged, *DROP)
    folder = tmp_path / "archives" / JANUARY
    if change == "cluster":
        manifest = json.loads((folder / "manifest.json").read_text()) | {"cluster": "1"}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        digest = aged.one("select encode(sha256(%s), 'hex')", (folder / "manifest.json").read_bytes())
        aged.run("update chatschema.retired_months set archive_sha256 = %s where month < '2024-01-15'", digest)
    first = (folder / "manifest.json").read_bytes()
    digest = aged.one("select archive_sha256 from chatschema.retired_months where month < '2024-01-15'")
    for other in create(aged.server, f"renamed_{aged.name}", aged.name):
        database = aged if change == "cluster" else other
        assert "warning" not in ok(cli, database, "partition", "restore", JANUARY, "--for", "0d")
        text = ok(cli, database, *DROP)
        kept = folder.with_name(f"{JANUARY}.{digest[:12]}")
        assert f"it is kept as {kept}" in text
        assert (kept / "manifest.json").read_bytes() == first
        ok(cli, database, "partition", "restore", JANUARY)
        assert contents(database)["messages"][JANUARY] == before["messages"][JANUARY]
    if change == "name":
        # The original finds its own again.
        assert "manifest is not the recorded one" in refused(cli, aged)
        (tmp_path / "own").mkdir()
        kept.rename(tmp_path / "own" / JANUARY)
        ok(cli, aged, "partition", "restore", JANUARY, "--dir", str(tmp_path / "own"))


def test_an_archive_that_is_not_recorded_and_anothers_is_not_replaced(cli: Cli, aged: Database, tmp_path: Path) -> None:
    ok(cli, aged, "partition", "archive", JANUARY)
    folder = tmp_path / "archives" / JANUARY
    text = (folder / "manifest.json").read_text().replace(aged.name, "another")
    (folder / "manifest.json").write_text(text)
    result = cli("partition", "archive", JANUARY, "--url", aged.url)
    golden.check("archive_of_another_database", result, {f"{tmp_path}": "/srv/chat"})
    assert (folder / "manifest.json").read_text() == text


def test_a_mapped_restore_that_is_killed_is_finished_by_the_same_command(cli: Cli, aged: Database, tmp_path: Path) -> None:
    """A detached table is rebuilt in one transaction, and the word that it needs may be given once more."""
    command = ("partition", "restore", JANUARY, "--map", "messages.edit_count=edits")
    ok(cli, aged, *RETIRE)
    aged.run("alter table public.messages rename edit_count to edits")
    for nth in (2, 7, 12):
        for database in create(aged.server, f"mapped_{nth}_{aged.name}", aged.name):
            result = killed(nth, "during" if nth % 2 else "before", command, database, tmp_path)
            assert result.code == -9
            ok(cli, database, *command)
            assert database.one(f"select sum(edits) from public.messages where {IN_JANUARY}") == 60
            assert database.one("select count(*) from pg_class where relname ~ '_before$'") == 0
