"""chatschema audit tail: each row once, in whatever order transactions commit; on a narrow terminal, in a pipe, on a standby."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from chatschema import postgres
from chatschema.audit import tail as tailing
from tests.support.cli import Cli, clean_environment, run_cli
from tests.support.database import Database
from tests.support.servers import PgServer, private, programs

ADD = "insert into public.audit_logs (action) values (%s)"


def test_a_row_that_commits_after_higher_ids_is_not_skipped_and_none_comes_twice(migrated: Database) -> None:
    with closing(postgres.connect(migrated.url, writes=False)) as reader, migrated.connect() as late, migrated.connect() as later:
        migrated.run(ADD, "before")
        late.execute("begin")
        late.execute(ADD, ("late",))
        migrated.run(ADD, "first")
        entries, place = tailing.newest(reader, 1)
        assert [one.action for one in entries] == ["first"]
        later.execute("begin")
        later.execute(ADD, ("later",))
        for name in ("second", "third"):
            migrated.run(ADD, name)
        assert [one.action for one in tailing.more(reader, place)] == ["second", "third"]
        late.execute("commit")
        migrated.run(ADD, "fourth")
        assert [one.action for one in tailing.more(reader, place)] == ["late", "fourth"]
        assert tailing.more(reader, place) == []
        later.execute("rollback")
        migrated.run(ADD, "fifth")
        assert [one.action for one in tailing.more(reader, place)] == ["fifth"]
        # Nothing of transactions that have ended is remembered.
        assert tailing.more(reader, place) == []
        assert len(place.seen) <= 1


def test_rows_of_another_cluster_do_not_come_again(migrated: Database) -> None:
    """A restored dump has transaction ids ahead of this cluster's, which will reach them some day."""
    migrated.run(ADD, "old")
    for trigger in ("refuse_change", "record_erasure"):
        migrated.run(f"alter table public.audit_logs disable trigger audit_logs_{trigger}")
    migrated.run("update public.audit_logs set txid = (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 5)::text::xid8")
    with closing(postgres.connect(migrated.url, writes=False)) as reader:
        entries, place = tailing.newest(reader, 5)
        assert [one.action for one in entries] == ["old"]
        seen = []
        for number in range(10):
            migrated.run(ADD, f"new {number}")
            seen += [one.action for one in tailing.more(reader, place)]
    assert seen == [f"new {number}" for number in range(10)]


def test_following_prints_each_row_at_once_until_it_is_interrupted(migrated: Database, tmp_path: Path) -> None:
    migrated.run(ADD, "before")
    command = [sys.executable, "-m", "chatschema", "audit", "tail", "--follow", "--every", "0.1", "--json", "--url", migrated.url]
    with subprocess.Popen(
        command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stderr
        assert json.loads(running.stdout.readline())["action"] == "before"
        migrated.run(ADD, "Ünï\x07")
        assert json.loads(running.stdout.readline())["action"] == "Ünï\x07"
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
        assert "Traceback" not in running.stderr.read()


def test_a_closed_pipe_ends_it(migrated: Database, tmp_path: Path) -> None:
    migrated.run(ADD, "before")
    command = [sys.executable, "-m", "chatschema", "audit", "tail", "--follow", "--every", "0.1", "--url", migrated.url]
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:  # fmt: skip
        assert running.stdout
        assert running.stderr
        assert "before" in running.stdout.readline()
        running.stdout.close()
        migrated.run(ADD, "nobody reads this")
        assert running.wait(20) == 0
        assert running.stderr.read() == ""


def test_on_sixty_columns_nothing_is_cut_off(migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into public.users (username) values ('alice')")
    user = migrated.one("select id from public.users")
    parent, child = pty.openpty()
    env = clean_environment({"COLUMNS": "60", "NO_COLOR": "1"})
    command = [sys.executable, "-m", "chatschema", "audit", "tail", "--url", migrated.url]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=child, stderr=subprocess.PIPE, stdin=child) as running:
        running.wait(60)
    os.close(child)
    shown = os.read(parent, 65536).decode()
    assert "\x1b" not in shown
    assert f"user:{user}" in shown
    assert "user.create" in shown
    assert max(len(line) for line in shown.replace("\r", "").splitlines() if "{" not in line) <= 60


def test_a_standby_answers_each_command_and_follows(server: PgServer, tmp_path: Path) -> None:
    kind = "embedded" if server.version >= 180000 else "system"
    with private(programs(kind), "primary", in_memory=True) as primary:
        base = Database(primary, "postgres")
        assert run_cli("migrate", "--url", base.url, cwd=tmp_path).code == 0
        with private(programs(kind), "standby", of=primary, in_memory=True) as follower:
            standby = Database(follower, "postgres")
            with closing(postgres.connect(standby.url, writes=False)) as reader:
                _, place = tailing.newest(reader, 5)
                base.run(ADD, "over there")
                deadline = time.monotonic() + 30
                while not (new := tailing.more(reader, place)):
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
                assert [one.action for one in new] == ["over there"]
            for command in ("tail", "search", "report"):
                done = run_cli("audit", command, "--url", standby.url, cwd=tmp_path)
                assert done.code == 0, done.err
                assert "over there" in done.out


def test_an_empty_trail_is_an_answer(cli: Cli, migrated: Database) -> None:
    assert cli("audit", "tail", "--url", migrated.url).out == "the audit trail has no row\n"
    assert cli("audit", "tail", "--json", "--url", migrated.url).json() == {"entries": []}
