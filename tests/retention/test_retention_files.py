"""Archives, exports and statistics on disk end with their period; only what chatschema wrote, and nothing behind a link."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli, Result
from tests.support.database import Database

ARCHIVES = '[partition]\nkeep = "1mo"\ngrace = "0d"\n[retention]\narchives = "12mo"\n'
DISK = '[retention]\nexports = "30d"\nexport_dirs = ["exports"]\nsnapshots = "30d"\nsnapshot_dirs = ["statistics"]\n'


def run(cli: Cli, database: Database) -> Result:
    return cli("retention", "run", "--yes", "--json", "--url", database.url)


def planned(cli: Cli, database: Database, rule: str) -> dict[str, object]:
    found = cli("retention", "plan", "--json", "--url", database.url)
    assert found.code == 0, found.err
    (one,) = [one for one in found.json()["rules"] if one["rule"] == rule]
    return {key: one[key] for key in ("due", "held", "waiting", "waits_for")}


@pytest.fixture
def archived(cli: Cli, aged: Database, tmp_path: Path) -> Path:
    """Two dropped months, and the folder with their archives."""
    (tmp_path / "chatschema.toml").write_text(ARCHIVES.replace('archives = "12mo"', ""))
    assert planned(cli, aged, "months") == {"due": 600, "held": 0, "waiting": 0, "waits_for": ""}
    assert planned(cli, aged, "archives")["due"] == 0
    assert cli("retention", "check", "--url", aged.url).code == 3
    done = run(cli, aged)
    assert (done.code, done.json()["removed"]) == (
        0, [{"rule": "months", "what": "messages of old months", "count": 600}],
    ), done.err  # fmt: skip
    assert cli("retention", "check", "--url", aged.url).code == 0
    (tmp_path / "chatschema.toml").write_text(ARCHIVES)
    return tmp_path / "archives"


def test_archives_go_some_time_after_their_month(cli: Cli, aged: Database, archived: Path) -> None:
    (archived.parent / "chatschema.toml").write_text(ARCHIVES.replace("12mo", "50y"))
    assert planned(cli, aged, "archives")["due"] == 0
    assert run(cli, aged).json()["removed"] == []
    (archived.parent / "chatschema.toml").write_text(ARCHIVES)
    assert planned(cli, aged, "archives") == {"due": 2, "held": 0, "waiting": 0, "waits_for": ""}
    # A hold on anything of the month: its rows are nowhere else.
    held = ("--user", "alice", "--from", "2024-02-01", "--to", "2024-03-01")
    assert cli("hold", "add", *held, "--reason", "x", "--url", aged.url).code == 0
    assert planned(cli, aged, "archives")["held"] == 1
    assert run(cli, aged).json()["removed"] == [{"rule": "archives", "what": "archives of dropped months", "count": 1}]
    assert [path.name for path in archived.iterdir()] == ["2024-02"]
    assert cli("hold", "release", "1", "--reason", "x", "--url", aged.url).code == 0
    # maintain does the same, and finds no archive lost.
    done = cli("maintain", "--url", aged.url)
    assert (done.code, "removed 1 archives of dropped months" in done.out) == (0, True), done.out + done.err
    assert list(archived.iterdir()) == []
    assert aged.one("select count(archive), count(*) from chatschema.retired_months") == (0, 2)
    assert [
        row[0] for row in aged.all("select resource_id from public.audit_logs where action = 'retention.remove_archive' order by 1")
    ] == [
        "2024-01",
        "2024-02",
    ]


def damage(aged: Database, month: Path, precious: Path, foreign: str) -> None:
    """Let the archive of a month be something that chatschema did not write, or did not write there."""
    if foreign == "file":
        (month / "notes.txt").write_text("mine")
    elif foreign == "folder":
        (month / "messages").mkdir()
    elif foreign == "link":
        (month / "messages.csv.zst").unlink()
        (month / "messages.csv.zst").symlink_to(precious / "file")
    elif foreign == "manifest":
        described = json.loads((month / "manifest.json").read_text())
        described["tables"][0]["file"]["name"] = "../../precious/file"
        (month / "manifest.json").write_text(json.dumps(described))
    elif foreign == "link to the folder":
        month.rename(precious / "2024-01")
        month.symlink_to(precious / "2024-01")
    elif foreign == "elsewhere":
        aged.run("update chatschema.retired_months set archive = %s where archive like '%%2024-01'", str(precious / "2024-01"))
        month.rename(precious / "2024-01")
    elif foreign == "moved":
        month.rename(precious / "2024-01")
    else:
        (month / "manifest.json").unlink()


def test_an_archive_with_anything_else_in_it_stays(cli: Cli, aged: Database, archived: Path, tmp_path: Path) -> None:
    shutil.rmtree(archived / "2024-02")
    aged.run("delete from chatschema.retired_months where archive like '%2024-02'")
    month, copy = archived / "2024-01", tmp_path / "copy"
    shutil.copytree(month, copy)
    (tmp_path / "precious").mkdir()
    for foreign in ("file", "folder", "link", "manifest", "link to the folder", "moved", "no manifest", "elsewhere"):
        shutil.rmtree(tmp_path / "precious")
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious" / "file").write_text("precious")
        damage(aged, month, tmp_path / "precious", foreign)
        before = sorted(tmp_path.rglob("*"))
        done = run(cli, aged).json()
        assert done["removed"] == [], foreign
        (one,) = [one for one in done["left"] if one["rule"] == "archives"]
        assert (one["due"], one["waiting"]) == (0, 1), foreign
        assert sorted(tmp_path.rglob("*")) == before, foreign
        if foreign != "elsewhere":
            if month.is_symlink():
                month.unlink()
            shutil.rmtree(month, ignore_errors=True)
            shutil.copytree(copy, month)
    assert cli("retention", "check", "--url", aged.url).code == 3


def test_an_archive_whose_removal_was_cut_off_is_finished(cli: Cli, aged: Database, archived: Path) -> None:
    # Killed in January between two files, and in February before the commit.
    for month in ("2024-01", "2024-02"):
        (archived / month).rename(archived / f"{month}.removing")
    next((archived / "2024-01.removing").glob("messages*")).unlink()
    for path in (archived / "2024-02.removing").iterdir():
        path.unlink()
    assert planned(cli, aged, "archives")["due"] == 2
    assert run(cli, aged).json()["removed"][0]["count"] == 2
    assert list(archived.iterdir()) == []
    assert cli("maintain", "--url", aged.url).code == 0


def written_at(path: Path, key: str, moment: str) -> None:
    """Let a document be written at another time."""
    content = json.loads(path.read_text())
    (content["origin"] if key == "at" else content)[key] = moment
    path.write_text(json.dumps(content))


@pytest.fixture
def disk(cli: Cli, seeded: Database, tmp_path: Path) -> Path:
    """Exports of persons and of a hold, and statistics: some are old; and files of others beside them."""
    (tmp_path / "chatschema.toml").write_text(DISK)
    (tmp_path / "statistics").mkdir()
    assert cli("hold", "add", "--user", "bob", "--to", "2030-01-01", "--reason", "x", "--url", seeded.url).code == 0
    for name in ("alice", "bob"):
        for age in ("old", "new"):
            assert cli("privacy", "export", name, "--out", f"exports/{name}-{age}", "--url", seeded.url).code == 0
    assert cli("hold", "export", "1", "--dir", "exports/hold-old", "--url", seeded.url).code == 0
    for age in ("old", "new"):
        assert cli("report", "snapshot", f"statistics/{age}.json", "--url", seeded.url).code == 0
    old = "2020-01-01T00:00:00Z"
    for name in ("alice-old", "bob-old"):
        written_at(tmp_path / "exports" / name / "manifest.json", "snapshot_at", old)
    written_at(tmp_path / "exports" / "hold-old" / "manifest.json", "exported_at", old)
    written_at(tmp_path / "statistics" / "old.json", "at", old)
    # Not chatschema's, or not of this database, or not in a folder that was named.
    shutil.copytree(tmp_path / "exports" / "alice-old", tmp_path / "alice-old")
    shutil.copytree(tmp_path / "exports" / "alice-old", tmp_path / "exports" / "of-another-database")
    written_at(tmp_path / "exports" / "of-another-database" / "manifest.json", "database", "other")
    shutil.copytree(tmp_path / "exports" / "alice-old", tmp_path / "exports" / "with-notes")
    (tmp_path / "exports" / "with-notes" / "notes.txt").write_text("mine")
    (tmp_path / "exports" / "link").symlink_to(tmp_path / "alice-old")
    (tmp_path / "exports" / "a-file").write_text("mine")
    (tmp_path / "exports" / "somebody-else").mkdir()
    (tmp_path / "exports" / "somebody-else" / "manifest.json").write_text(f'{{"format": "x", "snapshot_at": "{old}"}}')
    (tmp_path / "statistics" / "own.json").write_text(f'{{"kind": "other", "origin": {{"at": "{old}"}}}}')
    (tmp_path / "statistics" / "link.json").symlink_to(tmp_path / "statistics" / "own.json")
    return tmp_path


def there(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != "chatschema.toml"}


def test_exports_and_statistics_go_and_nothing_else(cli: Cli, seeded: Database, disk: Path) -> None:
    before = there(disk)
    kept_back = {"due": 1, "held": 2, "waiting": 1}
    found = planned(cli, seeded, "exports")
    assert {key: found[key] for key in kept_back} == kept_back, found
    assert "notes.txt in it was not written by chatschema" in str(found["waits_for"])
    assert planned(cli, seeded, "snapshots")["due"] == 1
    done = run(cli, seeded)
    assert done.code == 0, done.err
    assert {one["rule"]: one["count"] for one in done.json()["removed"] if one["rule"] in ("exports", "snapshots")} == {
        "exports": 1,
        "snapshots": 1,
    }
    gone = before - there(disk)
    assert gone == {name for name in before if name.split("/")[:2] == ["exports", "alice-old"]} | {"statistics/old.json"}
    # Those that a hold had kept.
    assert cli("hold", "release", "1", "--reason", "x", "--url", seeded.url).code == 0
    assert run(cli, seeded).code == 0
    last = there(disk)
    assert {name.split("/")[1] for name in last if name.startswith("exports/")} == {
        "alice-new", "bob-new", "of-another-database", "with-notes", "link", "a-file", "somebody-else",
    }  # fmt: skip
    assert "alice-old/manifest.json" in last
    logged = seeded.all("select resource_type from public.audit_logs where action = 'retention.remove_file' order by 1")
    assert logged == [("hold_export",), ("privacy_export",), ("privacy_export",), ("report_snapshot",)]


def test_what_cannot_be_removed_is_an_error_and_stays(cli: Cli, seeded: Database, disk: Path) -> None:
    """A manifest that names what lies elsewhere; and one that was written while this reads it."""
    manifest = disk / "exports" / "alice-old" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["files"].append({**content["files"][0], "name": "../../precious"})
    manifest.write_text(json.dumps(content))
    (disk / "precious").write_text("precious")
    before = there(disk)
    assert run(cli, seeded).code == 0
    assert before - there(disk) == {"statistics/old.json"}
