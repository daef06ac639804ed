"""The collector removes the bytes of files whose message is gone, and of no other."""

import subprocess
import sys
from pathlib import Path

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database


def test_the_collector_removes_what_is_due_and_nothing_else(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    seeded.run("update public.attachments set storage_provider = 'disk'")
    (tmp_path / "files").mkdir()
    every = [row[0] for row in seeded.all("select storage_key from public.attachments")]
    for key in every:
        (tmp_path / "files" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / key).write_bytes(b"x")
    assert "no file is due" in cli("attachments", "due", "--unattached", "100y", "--url", seeded.url).out or not seeded.one(
        "select count(*) from public.attachments where message_id is null and state <> 'deleted'"
    )
    assert cli("privacy", "erase", "alice", "--yes", "--url", seeded.url).code == 0
    due = cli("attachments", "due", "--json", "--url", seeded.url).json()
    gone = {file["storage_key"] for file in due["files"]}
    assert 0 < len(gone) < len(every)
    assert due["total"] == len(gone)
    limited = cli("attachments", "due", "--limit", "1", "--url", seeded.url)
    assert f"{len(gone)} files are due" in limited.err
    command = [sys.executable, str(ROOT / "examples" / "collect_files.py"), seeded.url]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=True)
    assert done.stdout == f"removed {len(gone)} files\n"
    assert {key for key in every if not (tmp_path / "files" / key).exists()} == gone
    assert {row[0] for row in seeded.all("select storage_key from public.attachments")} == set(every) - gone
    assert seeded.one("select details->>'files' from public.audit_logs where action = 'attachment.purge'") == str(len(gone))


def test_a_file_of_a_message_is_refused_and_with_it_the_whole(cli: Cli, seeded: Database) -> None:
    seeded.run(
        "update public.attachments set state = 'deleted', message_id = null where id = (select id from public.attachments limit 1)"
    )
    (due,) = cli("attachments", "due", "--json", "--unattached", "100y", "--url", seeded.url).json()["files"]
    live = seeded.one("select id from public.attachments where message_id is not null limit 1")
    before = seeded.one("select count(*) from public.attachments")
    refused = cli("attachments", "done", due["id"], str(live), "--unattached", "100y", "--url", seeded.url)
    assert (refused.code, f"nothing was changed: {live}" in refused.err) == (1, True)
    assert cli("attachments", "done", "x'; drop table users", "--url", seeded.url).code == 2
    assert seeded.one("select count(*) from public.attachments") == before
    assert cli("attachments", "done", "-", "--unattached", "100y", "--url", seeded.url, stdin=f"{due['id']}\n").code == 0
    assert seeded.one("select count(*) from public.attachments") == before - 1
