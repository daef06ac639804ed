"""An archive that was verified stays known: dropped without comparing it, replaced half-way, or beside rows kept under a hold."""

import runpy
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import JANUARY, contents, there

DROP = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")
IN_JANUARY = "id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
PLAIN = "(select id from public.conversations where title = 'plain')"


def ok(cli: Cli, database: Database, *command: str) -> str:
    result = cli(*command, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


def names(database: Database, folder: Path) -> dict[str, str]:
    return {database.name: "chat", f"{folder}": "/srv/chat"}


def test_an_archive_whose_rows_were_dropped_without_one_brings_them_back(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    ok(cli, aged, "partition", "archive", JANUARY)
    ok(cli, aged, *DROP, "--no-archive")
    listed = cli("partition", "list", "--json", "--url", aged.url).json()["partitions"]
    assert {p["name"]: p["state"] for p in listed if "2024m" in p["name"]} == {
        "messages_y2024m01": "archived", "message_statuses_y2024m01": "archived",
        "messages_y2024m02": "dropped", "message_statuses_y2024m02": "dropped",
    }  # fmt: skip
    ok(cli, aged, "partition", "restore", JANUARY)
    assert contents(aged)["messages"] == {JANUARY: before["messages"][JANUARY]}
    assert contents(aged)["message_statuses"] == {JANUARY: before["message_statuses"][JANUARY]}


def test_an_archive_of_other_rows_is_named_and_needs_a_word(cli: Cli, aged: Database, tmp_path: Path) -> None:
    ok(cli, aged, "partition", "archive", JANUARY)
    aged.run(f"delete from public.messages where {IN_JANUARY} and conversation_id = {PLAIN}")
    dropped = ok(cli, aged, *DROP, "--no-archive")
    assert "2024-01 dropped 285 messages, 570 statuses, but its archive may not contain all of them" in dropped
    aged.run("update chatschema.retired_months set dropped_at = '2026-11-26 12:00+00'")
    manifest = tmp_path / "archives" / JANUARY / "manifest.json"
    written = aged.one("select details ->> 'manifest_sha256' from public.audit_logs where action = 'partition.archive'")
    refused = cli("partition", "restore", JANUARY, "--url", aged.url)
    created = manifest.read_text().split('"created_at": "')[1][:16].replace("T", " ")
    golden.check("restore_archive_of_other_rows", refused, {**names(aged, tmp_path), created: "2026-11-26 11:00"})
    states = cli("partition", "list", "--json", "--url", aged.url).json()["partitions"]
    assert [(p["state"], p["rows"]) for p in states if p["name"].endswith("2024m01")] == [("dropped", 285), ("dropped", 570)]
    loaded = ok(cli, aged, "partition", "restore", JANUARY, "--force")
    assert "warning" in loaded
    assert aged.one(f"select count(*) from public.messages where {IN_JANUARY}") == 300
    assert written


def test_a_dropped_month_without_a_record_names_the_archive_that_lies_there(cli: Cli, aged: Database, tmp_path: Path) -> None:
    """What a release before this one left: the record was cleared, the archive is there."""
    ok(cli, aged, "partition", "archive", JANUARY)
    ok(cli, aged, *DROP, "--no-archive")
    aged.run("""
        update chatschema.retired_months set archive = null, archive_sha256 = null, archived_at = null,
            dropped_at = '2026-11-26 12:00+00'
    """)
    refused = cli("partition", "restore", JANUARY, "--url", aged.url)
    created = (tmp_path / "archives" / JANUARY / "manifest.json").read_text().split('"created_at": "')[1][:16].replace("T", " ")
    golden.check("restore_unrecorded_archive", refused, {**names(aged, tmp_path), created: "2026-11-26 11:00"})
    ok(cli, aged, "partition", "restore", JANUARY, "--dir", str(tmp_path / "archives"))
    nothing = cli("partition", "restore", "2024-02", "--url", aged.url)
    assert "2024-02 was dropped on 2026-11-26 12:00 UTC, and no archive of it is recorded" in nothing.err


def test_an_archive_beside_tables_that_somebody_dropped_needs_a_word(cli: Cli, aged: Database) -> None:
    ok(cli, aged, "partition", "archive", JANUARY)
    aged.run("drop table chat_partitions.message_statuses_y2024m01, chat_partitions.messages_y2024m01")
    refused = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert refused.code == 1
    assert "later the tables were lost, and chatschema did not drop them" in refused.err
    ok(cli, aged, "partition", "restore", JANUARY, "--force")
    assert aged.one(f"select count(*) from public.messages where {IN_JANUARY}") == 300


def test_an_archive_that_was_being_replaced_is_found_under_its_earlier_name(cli: Cli, aged: Database, tmp_path: Path) -> None:
    ok(cli, aged, "partition", "archive", JANUARY)
    ok(cli, aged, *DROP, "--no-archive")
    folder = tmp_path / "archives" / JANUARY
    folder.rename(folder.with_name(f"{JANUARY}.previous"))
    ok(cli, aged, "partition", "restore", JANUARY)


def test_rows_kept_under_a_hold_of_a_month_without_an_archive_come_back(cli: Cli, aged: Database) -> None:
    held = aged.one(f"select count(*) from public.messages where {IN_JANUARY} and conversation_id = {PLAIN}")
    rows = f"select * from public.message_statuses where message_id in (select id from public.messages where conversation_id = {PLAIN}) order by 1, 2"
    before = aged.all(f"select m::text from public.messages as m where {IN_JANUARY} and conversation_id = {PLAIN} order by id")
    statuses = [
        row for row in aged.all(rows) if str(row[0]) < aged.one("select chatschema.uuid7_floor('2024-02-01 00:00+00')::text")
    ]
    ok(cli, aged, "hold", "add", "--conversation", str(aged.one(f"select {PLAIN}")), "--reason", "case 7")
    text = ok(cli, aged, *DROP, "--no-archive", "--holds", "carve")
    assert f"2024-01 dropped {300 - held} messages, {600 - 2 * held} statuses, kept {held} messages, {2 * held} statuses" in text
    assert aged.one("select messages from chatschema.retired_months where month < '2024-01-15'") == 300 - held
    details = aged.one("select details from public.audit_logs where action = 'partition.drop' and resource_id = '2024-01'")
    assert details["rows"] == {"messages": 300 - held, "message_statuses": 600 - 2 * held}
    assert (details["held_messages"], details["held_statuses"]) == (held, 2 * held)
    back = ok(cli, aged, "partition", "restore", JANUARY)
    assert "the others were dropped without an archive" in back
    assert aged.all(f"select m::text from public.messages as m where {IN_JANUARY} order by id") == before
    assert aged.all(rows) == statuses
    assert set(there(aged, JANUARY).values()) == {"attached"}


def test_what_an_archive_has_is_listed_with_the_rows_that_were_kept(cli: Cli, aged: Database) -> None:
    """The archive has all rows, removed were those that no hold names."""
    ok(cli, aged, "hold", "add", "--conversation", str(aged.one(f"select {PLAIN}")), "--reason", "case 7")
    assert "2024-01 dropped 285 messages, 570 statuses, kept 15 messages, 30 statuses under a hold" in ok(
        cli, aged, *DROP, "--holds", "carve"
    )
    listed = cli("partition", "list", "--json", "--url", aged.url).json()["partitions"]
    assert [(p["state"], p["rows"]) for p in listed if p["name"].endswith("2024m01")] == [("archived", 300), ("archived", 600)]


def test_the_second_part_of_make_bench_ends(
    migrated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["retirement.py", "--small"])
    bench = runpy.run_path(str(ROOT / "bench" / "retirement.py"))
    bench["measure"](migrated, tmp_path)
    assert "retire (no archive), compared with DELETE + VACUUM" in capsys.readouterr().out


def test_a_database_that_was_not_migrated_yet_is_listed_and_not_archived(cli: Cli, aged: Database) -> None:
    aged.run("alter table chatschema.retired_months drop column archive_is_current")
    ok(cli, aged, "partition", "list")
    refused = cli("partition", "archive", JANUARY, "--url", aged.url)
    assert refused.code == 1
    assert "hint:  first: chatschema migrate" in refused.err
