"""SIGTERM and Ctrl-C: at any moment the run ends in order, says what stays, and prints no traceback."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import NEXT, write

COMMAND = (sys.executable, "-m", "chatschema")
# As process 1 of a container, whose signals are ignored unless they are handled.
PROCESS_1 = ("unshare", "--pid", "--fork", "--kill-child")


def start(*command: str, cwd: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


@pytest.mark.parametrize("prefix", [(), PROCESS_1], ids=["plain", "process 1"])
def test_sigterm_cancels_rolls_back_and_exits_143(migrated: Database, sql_dir: Path, prefix: tuple[str, ...]) -> None:
    if prefix and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make a process namespace")
    before = dump(migrated)
    write(sql_dir, NEXT, "create table slow (i int);\nselect pg_sleep(60);\n")
    running = start(*prefix, *COMMAND, "migrate", "--url", migrated.url, "--sql-dir", str(sql_dir), cwd=sql_dir)
    sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
    while not migrated.one(sleeping):
        assert running.poll() is None, running.communicate()
        time.sleep(0.05)
    process = psutil.Process(running.pid)
    (process.children()[0] if prefix else process).terminate()
    _, err = running.communicate(timeout=15)
    assert (running.returncode, err) == (143, "terminated by SIGTERM; committed changes are kept, the rest was rolled back\n")
    assert migrated.one(sleeping) == 0
    assert dump(migrated) == before


def test_sigterm_stops_the_embedded_server(cli: Cli, tmp_path: Path, sql_dir: Path) -> None:
    """Without a handler it would stay up, and nobody would stop it."""
    write(sql_dir, NEXT, "select pg_sleep(60);\n")
    running = start(*COMMAND, "migrate", "--sql-dir", str(sql_dir), cwd=tmp_path)
    assert running.stdout
    # The last one before the slow one.
    while "keep_held_files" not in (line := running.stdout.readline()):
        assert line, running.communicate()
    running.terminate()
    _, err = running.communicate(timeout=30)
    assert running.returncode == 143, err
    assert "terminated by SIGTERM" in err
    assert "Traceback" not in err
    assert cli("server", "stop").out == "nothing to do: the server was not running\n"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupt_while_it_starts_prints_no_traceback(tmp_path: Path, sent: signal.Signals) -> None:
    codes = set()
    for moment in range(0, 300, 25):
        running = start(*COMMAND, "report", "explain", "queries", cwd=tmp_path)
        time.sleep(moment / 1000)
        running.send_signal(sent)
        _, err = running.communicate(timeout=15)
        codes.add(running.returncode)
        # Before the first line of ours the interpreter dies in its own way.
        assert f"{ROOT}/chatschema/" not in err, f"after {moment} ms: {err}"
        assert running.returncode in (0, 1, 128 + sent, -sent), err
    assert 128 + sent in codes
