"""hold export: the held rows, all of them and no others, wherever they are, with a manifest."""

import csv
import io
import json
from pathlib import Path

import zstandard

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv.zst").open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file).read().decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_an_export_has_the_held_rows_of_attached_detached_and_kept_months(cli: Cli, aged: Database, tmp_path: Path) -> None:
    held = "select m.id::text from public.messages as m where conversation_id = (select id from public.conversations where title = 'plain')"
    messages = {row[0] for row in aged.all(held)}
    statuses = aged.one(f"select count(*) from public.message_statuses where message_id::text in ({held})")
    files = aged.one(f"select count(*) from public.attachments where message_id::text in ({held})")
    conversation = str(aged.one("select id from public.conversations where title = 'plain'"))
    assert cli("hold", "add", "--conversation", conversation, "--reason", "Fall Ä/7", "--url", aged.url).code == 0
    # January: dropped, its held rows kept apart. February: detached.
    aged.run("update public.messages set updated_at = updated_at")
    first = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--holds", "carve", "--yes")
    assert cli(*first, "--url", aged.url).code == 0
    assert cli("partition", "restore", FEBRUARY, "--for", "0d", "--url", aged.url).code == 0
    assert cli("partition", "retire", "--older-than", "12mo", "--holds", "carve", "--url", aged.url).code == 0
    result = cli("hold", "export", "1", "--dir", str(tmp_path / "case"), "--url", aged.url)
    assert result.code == 0, result.err
    assert {row["id"] for row in rows(tmp_path / "case", "messages")} == messages
    assert len(rows(tmp_path / "case", "messages")) == len(messages)
    assert len(rows(tmp_path / "case", "message_statuses")) == statuses
    assert len(rows(tmp_path / "case", "attachments")) == files
    manifest = json.loads((tmp_path / "case" / "manifest.json").read_text())
    assert manifest["hold"]["reason"] == "Fall Ä/7"
    assert [(t["table"], t["rows"]) for t in manifest["tables"]] == [
        ("messages", len(messages)), ("message_statuses", statuses), ("attachments", files),
    ]  # fmt: skip
    assert manifest["dropped_months"][0].startswith(f"{JANUARY} (archive: ")
    assert (tmp_path / "case").stat().st_mode & 0o777 == 0o700
    assert aged.one("select details ->> 'folder' from public.audit_logs where action = 'hold.export'") == str(tmp_path / "case")


def test_the_export_of_a_user_is_what_they_sent_or_could_read(cli: Cli, aged: Database, tmp_path: Path) -> None:
    assert cli("hold", "add", "--user", "carol", "--to", "2024-02-01", "--reason", "x", "--url", aged.url).code == 0
    exported = cli("hold", "export", "1", "--dir", str(tmp_path / "case"), "--json", "--url", aged.url).json()
    expected = aged.one(
        "select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01 00:00+00') and ("
        " sender_id = (select id from public.users where username = 'carol')"
        " or conversation_id in (select conversation_id from public.conversation_participants"
        " where user_id = (select id from public.users where username = 'carol')))"
    )
    assert exported["manifest"]["tables"][0]["rows"] == expected == len(rows(tmp_path / "case", "messages"))


def test_an_export_refuses_a_folder_that_exists_and_a_hold_that_is_not_active(cli: Cli, aged: Database, tmp_path: Path) -> None:
    assert cli("hold", "add", "--everything", "--reason", "x", "--url", aged.url).code == 0
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "kept").touch()
    refused = cli("hold", "export", "1", "--dir", str(tmp_path / "case"), "--url", aged.url)
    assert refused.code == 2
    assert "case already exists" in refused.err
    assert (tmp_path / "case" / "kept").exists()
    assert cli("hold", "release", "1", "--reason", "x", "--url", aged.url).code == 0
    gone = cli("hold", "export", "1", "--url", aged.url)
    assert gone.code == 1
    assert "no active hold has the number 1" in gone.err
