"""An export that is killed, runs twice at once or meets a full disk leaves nothing half done, and its memory does not grow."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from tests.support import peak
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MESSAGES = 1_000_000 if FULL else 3_000
MOST_BYTES = 100 * 1024 * 1024


def waiting(database: Database) -> None:
    """Wait until a session waits for a lock."""
    deadline = time.monotonic() + 30
    while not database.one("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_run_is_refused_and_a_killed_one_is_cleared(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chatschema", "privacy", "export", "alice", "--out", "out", "--url", seeded.url]
    with psycopg.connect(seeded.url) as blocker:
        blocker.execute("lock table public.attachments")
        running = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE)
        try:
            waiting(seeded)
            assert (tmp_path / "out.partial" / "messages.jsonl").exists()
            second = cli("privacy", "export", "alice", "--out", "out", "--url", seeded.url)
            assert (second.code, "another export is writing" in second.err) == (5, True)
            assert (tmp_path / "out.partial" / "messages.jsonl").exists()
        finally:
            running.send_signal(signal.SIGKILL)
            running.communicate()
    assert not (tmp_path / "out").exists()
    again = cli("privacy", "export", "alice", "--out", "out", "--url", seeded.url)
    assert (again.code, "which an interrupted export left" in again.err) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert seeded.one("select count(*) from public.audit_logs where action = 'privacy.export'") == 1


def test_an_interrupt_removes_what_was_written(seeded: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chatschema", "privacy", "export", "alice", "--out", "out", "--url", seeded.url]
    with psycopg.connect(seeded.url) as blocker:
        blocker.execute("lock table public.attachments")
        running = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE)
        waiting(seeded)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, b"Traceback" in err) == (143, False)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(seeded: Database, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: no right to mount one is needed."""
    command = [sys.executable, "-m", "chatschema", "privacy", "export", "alice", "--out", "out", "--url", seeded.url]
    limited = ["sh", "-c", 'ulimit -f 20; trap "" XFSZ; exec "$@"', "sh", *command]
    done = subprocess.run(limited, check=False, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True)
    assert (done.returncode, "the export was not written" in done.stderr, "Traceback" in done.stderr) == (1, True, False), (
        done.stderr
    )
    assert list(tmp_path.iterdir()) == []
    assert seeded.one("select count(*) from public.audit_logs where action = 'privacy.export'") == 0


def test_memory_does_not_grow_with_the_number_of_messages(migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into public.users (username) values ('alice'), ('bobby')")
    migrated.run(
        "insert into public.conversations (title, created_by) select 'talk', id from public.users where username = 'alice'"
    )
    migrated.run("insert into public.conversation_participants (conversation_id, user_id) select c.id, u.id"
                 " from public.conversations as c, public.users as u")  # fmt: skip
    migrated.run(
        "insert into public.messages (conversation_id, sender_id, content_encrypted)"
        " select c.id, u.id, decode(repeat(md5(n::text), 10), 'hex') from public.conversations as c, public.users as u,"
        f" generate_series(1, {MESSAGES}) as n where u.username = 'alice'"
    )
    command = [sys.executable, "-m", "chatschema", "privacy", "export", "alice", "--out", "out", "--url", migrated.url]
    started = time.monotonic()
    used = peak.memory(command, env=clean_environment(), cwd=tmp_path)
    took = time.monotonic() - started
    size = (tmp_path / "out" / "messages.jsonl").stat().st_size
    print(f"{MESSAGES} messages, {size / 1e6:.0f} MB: {took:.1f} s, {used / 1e6:.0f} MB of memory")
    with (tmp_path / "out" / "messages.jsonl").open("rb") as file:
        assert sum(1 for _ in file) == MESSAGES
    assert used < MOST_BYTES
