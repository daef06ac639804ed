"""An archive is believed only when it was read back, and nothing is dropped for one that is not whole and true."""

import hashlib
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, there

DROP = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


@pytest.fixture
def archived(cli: Cli, aged: Database, tmp_path: Path) -> tuple[Database, Path]:
    """Both months detached and archived, nothing dropped yet; January's folder."""
    assert cli("partition", "retire", "--older-than", "12mo", "--url", aged.url).code == 0
    for month in (JANUARY, FEBRUARY):
        result = cli("partition", "archive", month, "--url", aged.url)
        assert result.code == 0, result.err
        assert "the files were read back and match the database" in result.out
    return aged, tmp_path / "archives" / JANUARY


def change_a_byte(folder: Path) -> None:
    file = folder / "messages.csv.zst"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def cut_a_file(folder: Path) -> None:
    file = folder / "message_statuses.csv.zst"
    file.write_bytes(file.read_bytes()[:-10])


def lose_a_file(folder: Path) -> None:
    (folder / "messages.csv.zst").unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def edit_the_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"rows": 300', '"rows": 299'))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (change_a_byte, "messages.csv.zst is damaged"),
        (cut_a_file, "message_statuses.csv.zst is damaged"),
        (lose_a_file, "messages.csv.zst cannot be read"),
        (lose_the_manifest, "manifest.json cannot be read"),
        (edit_the_manifest, "manifest.json was changed after it was written"),
    ],
)
def test_a_damaged_archive_keeps_its_month(
    cli: Cli, archived: tuple[Database, Path], damage: Callable[[Path], None], words: str
) -> None:
    database, folder = archived
    damage(folder)
    result = cli(*DROP, "--url", database.url)
    assert result.code == 1
    assert words in result.err
    assert "Traceback" not in result.err
    assert database.one("select count(*) from chat_partitions.messages_y2024m01") == 300
    assert there(database, FEBRUARY) == {}, "the other month is not kept by this one"
    # A new archive mends it.
    assert cli("partition", "archive", JANUARY, "--url", database.url).code == 0
    assert cli(*DROP, "--url", database.url).code == 0
    assert there(database, JANUARY) == {}


def test_a_manifest_with_a_wrong_checksum_keeps_its_month(cli: Cli, archived: tuple[Database, Path]) -> None:
    """Whoever edits the manifest may edit the ledger as well; the rows still tell."""
    database, folder = archived
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["tables"][0]["checksum"] = str(int(manifest["tables"][0]["checksum"]) + 1)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    database.run("update chatschema.retired_months set archive_sha256 = %s where month = '2024-01-01 00:00+00'", digest)
    result = cli(*DROP, "--url", database.url)
    assert result.code == 1
    assert "messages_y2024m01: checksum differs from the manifest" in result.err
    assert set(there(database, JANUARY).values()) == {"detached"}
    refused = cli("partition", "restore", JANUARY, "--dir", "archives", "--url", database.url)
    assert refused.code == 0, "the table is still there, so the archive is not asked"


@pytest.mark.parametrize(
    "change",
    [
        "update chat_partitions.messages_y2024m01 set content_encrypted = 'changed' where id = (select id from chat_partitions.messages_y2024m01 limit 1)",
        "delete from chat_partitions.message_statuses_y2024m01 where message_id = (select id from chat_partitions.messages_y2024m01 limit 1)",
        "insert into chat_partitions.messages_y2024m01 (id, conversation_id, message_type) select chatschema.uuid7('2024-01-09 00:00+00'),"
        " id, 'system' from public.conversations limit 1",
        "alter table chat_partitions.messages_y2024m01 add note text",
    ],
    ids=["update", "delete", "insert", "column"],
)
def test_rows_that_changed_after_the_archive_keep_their_month(cli: Cli, archived: tuple[Database, Path], change: str) -> None:
    database, _ = archived
    database.run(change)
    result = cli(*DROP, "--url", database.url)
    assert result.code == 1
    assert "chatschema partition archive" in result.err
    assert len(there(database, JANUARY)) == 2


def test_without_an_archive_nothing_is_dropped_unless_asked_for(cli: Cli, aged: Database, tmp_path: Path) -> None:
    (tmp_path / "archives").write_text("a file where the folder should be")
    result = cli(*DROP, "--url", aged.url)
    assert result.code == 1
    assert set(there(aged, JANUARY).values()) == {"attached"}
    assert cli(*DROP, "--no-archive", "--url", aged.url).code == 0
    assert there(aged, JANUARY) == {}


def test_a_full_disk_leaves_the_month_and_the_earlier_archive(aged: Database, cli: Cli, tmp_path: Path) -> None:
    assert cli("partition", "archive", JANUARY, "--url", aged.url).code == 0
    folder = tmp_path / "archives" / JANUARY
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    full = subprocess.run(
        [sys.executable, "-m", "chatschema", *DROP, "--url", aged.url],
        cwd=tmp_path, env=clean_environment(), text=True, capture_output=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    assert full.returncode == 1
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    assert set(there(aged, JANUARY).values()) == {"detached"}
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [JANUARY]


def test_two_databases_do_not_share_a_folder(cli: Cli, aged: Database, tmp_path: Path) -> None:
    assert cli("partition", "archive", JANUARY, "--url", aged.url).code == 0
    manifest = tmp_path / "archives" / JANUARY / "manifest.json"
    manifest.write_text(manifest.read_text().replace(aged.name, "another"))
    result = cli("partition", "archive", JANUARY, "--url", aged.url)
    assert result.code == 1
    assert "is the archive of database another" in result.err
    assert "another" in manifest.read_text()


@pytest.mark.parametrize("is_finite", [True, False], ids=["times as times", "an infinite time, so times as text"])
def test_the_files_are_what_other_tools_read(cli: Cli, aged: Database, is_finite: bool) -> None:
    import pyarrow.parquet
    import zstandard

    if is_finite:
        aged.run("update public.messages set expires_at = null")
    result = cli("partition", "archive", JANUARY, "--parquet", "--json", "--url", aged.url)
    assert result.code == 0, result.err
    folder = Path(result.json()["folder"])
    with (folder / "messages.csv.zst").open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().decode().splitlines()
    assert lines[0].startswith("id,conversation_id,sender_id,content_encrypted")
    rows = {row["id"]: row for row in pyarrow.parquet.read_table(folder / "messages.parquet").to_pylist()}
    expected = aged.all(
        "select id::text, content_algorithm, is_deleted, edited_at, (edited_at at time zone 'UTC')::text || '+00' from public.messages"
        " where id < chatschema.uuid7_floor('2024-02-01 00:00+00')"
    )
    assert len(expected) == len(rows) == 300
    for id, algorithm, is_deleted, edited_at, as_text in expected:
        row = rows[id]
        assert (row["content_algorithm"], row["is_deleted"]) == (algorithm, is_deleted)
        assert row["edited_at"] == (edited_at if is_finite else as_text)


def test_an_archive_of_an_attached_month_removes_nothing(cli: Cli, aged: Database) -> None:
    result = cli("partition", "archive", JANUARY, "--url", aged.url)
    assert result.code == 0
    assert set(there(aged, JANUARY).values()) == {"attached"}
    assert cli("partition", "archive", "1999-01", "--url", aged.url).code == 1
