"""Loss is seen: an archive that was removed or damaged, a table that was dropped by hand, an archive taken by force."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents, there
from tests.support.reports import findings

RETIRE = ("partition", "retire", "--older-than", "12mo")
DROP = (*RETIRE, "--grace", "0d", "--yes")


def ok(cli: Cli, database: Database, *command: str) -> str:
    result = cli(*command, "--url", database.url)
    assert result.code == 0, result.err
    return result.out + result.err


@pytest.fixture
def dropped(cli: Cli, aged: Database, tmp_path: Path) -> tuple[Database, Path]:
    """Both months archived and dropped; the folder of the archives."""
    ok(cli, aged, *DROP)
    return aged, tmp_path / "archives"


def test_archives_are_verified_whole(cli: Cli, dropped: tuple[Database, Path], tmp_path: Path) -> None:
    database, folder = dropped
    whole = ok(cli, database, "partition", "verify-archives")
    assert whole.count(" ok: ") == 2
    file = folder / JANUARY / "messages.csv.zst"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (folder / JANUARY / "message_statuses.csv.zst").unlink()
    shutil.rmtree(folder / FEBRUARY)
    found = cli("partition", "verify-archives", "--url", database.url)
    golden.check("verify_archives", found, {f"{tmp_path}": "/srv/chat"})
    assert found.code == 3
    report = cli("partition", "verify-archives", JANUARY, "--json", "--url", database.url)
    assert (report.code, report.json()["findings"], [one["state"] for one in report.json()["archives"]]) == (3, 1, ["damaged"])


@pytest.mark.parametrize("change", ["manifest", "truncated", "not zstd", "elsewhere", "being replaced"])
def test_each_way_an_archive_goes_bad_is_named(cli: Cli, dropped: tuple[Database, Path], tmp_path: Path, change: str) -> None:
    database, folder = dropped
    january = folder / JANUARY
    state, words = "changed", "... is recorded"
    if change == "manifest":
        text = (january / "manifest.json").read_text()
        (january / "manifest.json").write_text(text.replace('"rows": 300', '"rows": 299'))
    elif change == "truncated":
        (january / "manifest.json").write_text("{")
        state, words = "damaged", "is not a manifest"
    elif change == "not zstd":
        # Written so, and recorded so: only reading it shows that.
        (january / "messages.csv.zst").write_bytes(b"plain")
        manifest = json.loads((january / "manifest.json").read_text())
        manifest["tables"][0]["file"]["sha256"] = database.one("select encode(sha256('plain'), 'hex')")
        (january / "manifest.json").write_text(json.dumps(manifest))
        digest = database.one("select encode(sha256(%s), 'hex')", (january / "manifest.json").read_bytes())
        database.run("update chatschema.retired_months set archive_sha256 = %s where month < '2024-01-15'", digest)
        state, words = "damaged", "cannot be read"
    elif change == "elsewhere":
        folder.rename(tmp_path / "moved")
        state, words = "unseen", "does not exist on this host"
    else:
        january.rename(folder / f"{JANUARY}.previous")
        state, words = "missing", f"mv {january}.previous {january}"
    result = cli("partition", "verify-archives", JANUARY, "--url", database.url)
    assert result.code == 3
    assert f"2024-01 {state}: " in result.out
    assert words in result.out
    if change == "elsewhere":
        ok(cli, database, "partition", "verify-archives", "--dir", str(tmp_path / "moved"))
    if change == "being replaced":
        shutil.move(folder / f"{JANUARY}.previous", january)
        ok(cli, database, "partition", "verify-archives", JANUARY)


def test_only_recorded_archives_are_verified(cli: Cli, aged: Database) -> None:
    assert "no archive is recorded" in ok(cli, aged, "partition", "verify-archives", "--all")
    assert "no archive of 2024-01 is recorded" in cli("partition", "verify-archives", JANUARY, "--url", aged.url).err
    assert cli("partition", "verify-archives", JANUARY, "--all", "--url", aged.url).code == 2


@pytest.mark.parametrize("what", ["one archive", "all archives", "another host"])
def test_a_missing_archive_of_a_dropped_month_is_a_finding(
    cli: Cli, dropped: tuple[Database, Path], tmp_path: Path, what: str
) -> None:
    database, folder = dropped
    for command in (("partition", "list", "--check"), ("partition", "maintain")):
        ok(cli, database, *command)
    shutil.rmtree(folder / JANUARY if what == "one archive" else folder)
    if what == "another host":
        (tmp_path / "chatschema.toml").write_text('[partition]\narchive_dir = "here"\n')
    for command in (("partition", "list", "--check"), ("partition", "maintain")):
        result = cli(*command, "--url", database.url)
        if what == "another host":
            assert result.code == 0, result.out
            assert "because their folder is not on this host: " in result.err
        else:
            assert result.code == 3, result.err
            assert (
                f"the archive of 2024-01, which was dropped, is missing: {folder / JANUARY / 'manifest.json'} does not exist"
                in result.out
            )
    assert cli("partition", "list", "--url", database.url).code == 0


def test_a_detached_month_without_one_of_its_tables_is_a_finding_and_stays(cli: Cli, aged: Database, tmp_path: Path) -> None:
    ok(cli, aged, *RETIRE)
    aged.run("drop table chat_partitions.messages_y2024m01")
    words = "2024-01 was detached, but messages_y2024m01 is missing from schema chat_partitions"
    for command in (("partition", "list", "--check"), ("partition", "maintain")):
        result = cli(*command, "--url", aged.url)
        assert result.code == 3, result.err
        assert words in result.out
    lost = findings(cli, aged, "partitions")["partitions.lost:chat_partitions.messages_y2024m01"]
    assert lost["severity"] == "critical"
    refused = cli(*DROP, "--url", aged.url)
    # Which messages have an attachment is decided by their random ids.
    released = re.findall(r"released \d+ attachments", refused.out)
    golden.check("retire_half_a_month", refused, {f"{tmp_path}": "/srv/chat", released[0]: "released 15 attachments"})
    assert set(there(aged, JANUARY)) == {"message_statuses_y2024m01"}
    assert not (tmp_path / "archives" / JANUARY).exists()
    assert there(aged, FEBRUARY) == {}, "the other month is not kept by this one"
    for command in (("partition", "archive", JANUARY), ("partition", "restore", JANUARY)):
        result = cli(*command, "--url", aged.url)
        assert result.code == 1
        assert words in result.err
    without = cli(*DROP, "--no-archive", "--url", aged.url)
    assert without.code == 1
    # What the hint says, as it is printed.
    statements = re.search(r"with an empty table: (.*)", refused.err)
    assert statements
    aged.run(statements[1])
    ok(cli, aged, "partition", "restore", JANUARY)
    assert set(there(aged, JANUARY).values()) == {"attached"}


def test_half_a_month_is_replaced_by_its_archive_as_printed(cli: Cli, aged: Database) -> None:
    before = contents(aged)
    ok(cli, aged, *RETIRE)
    ok(cli, aged, "partition", "archive", JANUARY)
    aged.run("drop table chat_partitions.message_statuses_y2024m01")
    refused = cli(*DROP, "--no-archive", "--url", aged.url)
    assert refused.code == 1
    move = re.search(r"move the other table away: (.*); then: chatschema (partition restore 2024-01 --force)", refused.err)
    assert move
    aged.run(move[1])
    ok(cli, aged, *move[2].split())
    assert contents(aged)["messages"] == {JANUARY: before["messages"][JANUARY]}
    assert contents(aged)["message_statuses"] == {JANUARY: before["message_statuses"][JANUARY]}


def test_who_may_not_read_the_record_gets_the_report_all_the_same(cli: Cli, aged: Database) -> None:
    ok(cli, aged, *RETIRE)
    aged.run("drop table chat_partitions.messages_y2024m01; revoke select on chatschema.retired_months from public")
    aged.run("drop role if exists looker; create role looker login password 'looker'; grant usage on schema chatschema to looker")
    try:
        url = re.sub(r"//[^@]*@", "//looker:looker@", aged.url)
        result = cli("report", "partitions", "--json", "--url", url)
        assert result.code == 0, result.err
        assert result.json()["reports"][0]["status"] == "ok"
    finally:
        aged.run("drop owned by looker; drop role looker")
    aged.run("alter schema chatschema rename to other")
    assert cli("report", "partitions", "--url", aged.url).code == 0


def test_an_archive_and_a_restore_by_force_leave_a_trail(cli: Cli, aged: Database, tmp_path: Path) -> None:
    ok(cli, aged, "partition", "archive", JANUARY, "--dir", str(tmp_path / "older"))
    aged.run("delete from public.messages where id = (select min(id::text)::uuid from public.messages)")
    ok(cli, aged, *DROP)
    trail = "select details from public.audit_logs where resource_id = '2024-01' and action = %s order by id"
    older, newer = (row[0] for row in aged.all(trail, "partition.archive"))
    assert newer["manifest_sha256"] == aged.one("select archive_sha256 from chatschema.retired_months where month < '2024-01-15'")
    (tmp_path / "older").rename(tmp_path / "taken")
    ok(cli, aged, "partition", "restore", JANUARY, "--dir", str(tmp_path / "taken"), "--force")
    (loaded,) = (row[0] for row in aged.all(trail, "partition.load"))
    assert loaded["manifest_sha256"] == older["manifest_sha256"]
    assert (loaded["database"], loaded["rows"]) == (aged.name, {"messages": 300, "message_statuses": 600})
    assert loaded["cluster"] == aged.one("select system_identifier::text from pg_control_system()")
    assert len(loaded["accepted"]) == 1
    assert "its manifest is not the recorded one" in loaded["accepted"][0]
