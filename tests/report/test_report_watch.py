"""report --watch: a JSON line a tick for programs, one table that is drawn again on a terminal, and a clean end of both."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import Any

import psycopg

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database


@contextmanager
def watching(database: Database, *arguments: str, seconds: float = 0.2, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """Run report --watch in a process of its own."""
    command = [sys.executable, "-m", "chatschema", "report", *arguments, "--watch", str(seconds), "--url", database.url]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    env = clean_environment({"TERM": "xterm-256color"})
    with subprocess.Popen(command, env=env, **streams) as running:
        try:
            yield running
        finally:
            running.kill()


def tick(running: "subprocess.Popen[str]") -> dict[str, Any]:
    assert running.stdout
    line = running.stdout.readline()
    assert line, running.stderr and running.stderr.read()
    document: dict[str, Any] = json.loads(line)
    return document


def until(running: "subprocess.Popen[str]", change: str, object: str) -> dict[str, Any]:
    """Return the change of this kind to this object, at whatever tick it comes."""
    for _ in range(50):
        for found in tick(running)["changes"]:
            if (found["change"], found["object"]) == (change, object):
                return dict(found)
    raise AssertionError(f"{object} was never {change}")


def test_off_a_terminal_each_tick_is_a_line_of_json_with_what_changed(migrated: Database) -> None:
    with watching(migrated, "indexes") as running:
        first = tick(running)
        assert first["changes"] == []
        assert [report["name"] for report in first["reports"]] == ["indexes"]
        assert {row["object"] for row in first["reports"][0]["rows"]} >= {"public.users_pkey"}
        migrated.run("create index again on users (id)")
        assert until(running, "new", "public.again")["what"] == "row"
        before, after = tick(running)["at"], tick(running)["at"]
        assert before < after
        migrated.run("drop index again")
        assert until(running, "gone", "public.again")["report"] == "indexes"
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert running.stderr
        assert running.stderr.read() == ""


def test_numbers_have_their_difference_and_its_direction(migrated: Database) -> None:
    migrated.run("create extension pg_stat_statements")
    query = "select count(*) from users where id is null"
    migrated.run(query)
    with watching(migrated, "queries") as running:
        rows = tick(running)["reports"][0]["rows"]
        (row,) = [row for row in rows if row["query"] == query]
        for _ in range(3):
            migrated.run(query)
        calls = [(row["calls"], row["calls"])]
        for _ in range(50):
            found = [
                change for change in tick(running)["changes"] if (change["object"], change["column"]) == (row["queryid"], "calls")
            ]
            calls += [(change["before"], change["after"]) for change in found]
            assert all(change["change"] == "up" and change["delta"] == change["after"] - change["before"] for change in found)
            if calls[-1][1] == row["calls"] + 3:
                break
        # Each tick begins where the one before ended.
        assert all(one[1] == other[0] for one, other in pairwise(calls))
        assert calls[-1][1] == row["calls"] + 3


def test_a_finding_comes_and_goes_in_the_overview(migrated: Database) -> None:
    with watching(migrated) as running:
        assert len(tick(running)["reports"]) > 1
        migrated.run("create index twin_a on users (updated_at)")
        migrated.run("create index twin_b on users (updated_at)")
        for _ in range(50):
            found = [change for change in tick(running)["changes"] if change["object"].startswith("indexes.duplicate:public.twin")]
            if found:
                break
        assert [(change["what"], change["change"], change["after"]) for change in found] == [("finding", "new", "warn")]
        migrated.run("drop index twin_a")
        assert until(running, "gone", found[0]["object"])["before"] == "warn"


def test_a_reader_that_has_enough_ends_it_at_once(migrated: Database) -> None:
    command = f"{sys.executable} -m chatschema report locks --watch 600 --url '{migrated.url}' | head -n 1"
    started = time.monotonic()
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=clean_environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["reports"][0]["name"] == "locks"
    assert time.monotonic() - started < 60


def test_a_lost_connection_ends_it_as_one(migrated: Database) -> None:
    with watching(migrated, "locks") as running:
        tick(running)
        migrated.run(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chatschema report' and datname = current_database()"
        )
        assert running.wait(10) == 4
        assert running.stderr
        error = running.stderr.read()
        assert error.startswith("error[")
        assert "Traceback" not in error


def test_watch_is_a_command_with_options_of_its_own(cli: Cli, migrated: Database) -> None:
    command = [sys.executable, "-m", "chatschema", "report", "watch", "locks", "--every", "0.2", "--url", migrated.url]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert [[report["name"] for report in tick(running)["reports"]] for _ in range(2)] == [["locks"], ["locks"]]
        finally:
            running.kill()
    unknown = cli("report", "watch", "nothing", "--url", migrated.url)
    assert (unknown.code, "error[report.unknown]: there is no report nothing" in unknown.err) == (2, True)
    assert cli("report", "watch", "locks", "--every", "0.1", "--url", migrated.url).code == 2


def test_a_tick_shorter_than_its_report_does_not_stop_it(migrated: Database) -> None:
    with watching(migrated, "locks", seconds=0.2) as running:
        assert len({tick(running)["at"] for _ in range(20)}) == 20


def test_a_form_that_has_no_end_is_refused(cli: Cli, migrated: Database) -> None:
    result = cli("report", "locks", "--watch", "1", "--html", "--url", migrated.url)
    assert result.code == 2
    assert "--html cannot be watched" in result.err


def drawn(parent: int, wanted: str, seconds: float = 20) -> str:
    """Read what a terminal is sent until `wanted` is in it."""
    text, end = "", time.monotonic() + seconds
    while wanted not in text and time.monotonic() < end:
        if select.select([parent], [], [], 0.1)[0]:
            try:
                text += re.sub(r"\033\[[\d;]*m", "", os.read(parent, 65536).decode(errors="replace"))
            except OSError:
                break  # it ended
    assert wanted in text, text[-2000:]
    return text


def test_on_a_terminal_it_is_one_table_with_signs_and_words(migrated: Database) -> None:
    migrated.run("create extension pg_stat_statements")
    query = "select count(*) from users where id is null"
    migrated.run(query)
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    with watching(migrated, "queries", "--sort", "calls", seconds=0.5, stdin=child, stdout=child, stderr=child) as running:
        os.close(child)
        first = drawn(parent, query[:15])
        assert "every 0.5 s; changed: 0; Ctrl-C ends it" in first
        assert first.startswith("\033[?25l")
        with migrated.connect() as connection:
            for _ in range(500):
                connection.execute(query.encode())
        text = drawn(parent, " up)")
        assert re.search(r"\(\+[\d,.]+ up\)", text)
        running.send_signal(signal.SIGINT)
        end = drawn(parent, "\033[?25h")
        assert "Traceback" not in end
        assert running.wait(10) == 130
    os.close(parent)


def test_on_a_narrow_terminal_the_overview_keeps_its_findings_in_sight(migrated: Database) -> None:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with watching(migrated, seconds=0.5, stdin=child, stdout=child, stderr=child) as running:
        os.close(child)
        migrated.run("create index twin_a on users (updated_at)")
        drawn(parent, "Ctrl-C ends it")
        migrated.run("create index twin_b on users (updated_at)")
        text = drawn(parent, "twin_")
        line = next(line for line in text.splitlines() if "public.twin_" in line)
        assert re.match(r"WARN +new +indexes\.duplicate +public\.twin_", line)
        assert max(len(line.rstrip()) for line in re.sub(r"\033\[[\d;?]*[A-Za-z]", "", text).splitlines()) <= 80
        running.send_signal(signal.SIGINT)
        drawn(parent, "\033[?25h")
        assert running.wait(10) == 130
    os.close(parent)


def test_two_applications_of_one_role_are_two_rows(migrated: Database) -> None:
    with ExitStack() as stack:
        for application in ("aa", "bb", "bb"):
            stack.enter_context(psycopg.connect(migrated.url, application_name=application))
        with watching(migrated, "connections") as running:
            first = tick(running)
            counts = {
                row["application"]: row["connections"] for row in first["reports"][0]["rows"] if row["application"] in ("aa", "bb")
            }
            changes = [change for _ in range(3) for change in tick(running)["changes"] if change.get("column") == "connections"]
            # One more of them, and it is said.
            stack.enter_context(psycopg.connect(migrated.url, application_name="bb"))
            later = [change for _ in range(4) for change in tick(running)["changes"] if change.get("column") == "connections"]
    assert counts == {"aa": 1, "bb": 2}
    assert changes == []
    assert len(later) == 1, later
