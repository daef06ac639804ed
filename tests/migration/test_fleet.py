"""migrate --fleet: the canary first, then waves, no database begun after a failure, and a run that was killed is continued."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli, clean_environment, run_cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.fleets import NEW, add_files, applied, fleet, listed
from tests.support.pace import long
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SIZE, KILLS = (64, 20) if FULL else (3, 1)


@pytest.fixture
def five(server: PgServer, migrated_template: str, sql_dir: Path, tmp_path: Path) -> Iterator[list[Database]]:
    add_files(sql_dir)
    with fleet(server, migrated_template, f"fleet_{tmp_path.name[-12:]}", 5) as databases:
        listed(tmp_path, databases, wave=2)
        yield databases


def migrate(cli: Cli, *arguments: str, **options: Any) -> Any:
    return cli("migrate", "--fleet", "targets.toml", "--sql-dir", "sql", *arguments, **options)


def break_(database: Database) -> None:
    database.run("insert into public.users (username, email) values ('broken', 'broken@example.com')")


@long
def test_a_failure_stops_before_the_next_wave_and_the_same_command_continues(cli: Cli, five: list[Database]) -> None:
    break_(five[2])
    first = migrate(cli)
    assert first.code == 1
    names = [database.name for database in five]
    assert f"canary: {names[0]}\nwave 1: {', '.join(names[1:3])}\n" in first.err
    assert f"error[migration.failed]: {names[2]}: " in first.err
    assert "5 databases: 2 migrated, 1 failed, 2 not begun: the same command continues with them" in first.err
    assert [len(applied(database)) for database in five] == [3, 3, 1, 0, 0]
    five[2].run("delete from public.users")
    again = migrate(cli, "--json").json()["fleet"]
    assert [one["state"] for one in again] == ["up to date", "up to date", "migrated", "migrated", "migrated"]
    assert [applied(database) for database in five] == [[*NEW]] * 5
    assert len({dump(database) for database in five}) == 1
    assert "nothing to do: all 5 databases are up to date" in migrate(cli).err


def test_a_canary_that_fails_is_the_only_one_that_was_begun(cli: Cli, five: list[Database]) -> None:
    break_(five[0])
    assert migrate(cli).code == 1
    assert [applied(database) for database in five] == [[NEW[0]], [], [], [], []]


@long
def test_waves_can_be_run_one_by_one(cli: Cli, five: list[Database]) -> None:
    assert migrate(cli, "--waves", "1").code == 0
    assert [len(applied(database)) for database in five] == [3, 0, 0, 0, 0]
    assert migrate(cli, "--waves", "2", "--to", NEW[0]).code == 0
    assert [len(applied(database)) for database in five] == [3, 1, 1, 0, 0]


def test_a_database_that_cannot_be_migrated_stops_the_run_before_it_begins(cli: Cli, five: list[Database], tmp_path: Path) -> None:
    text = (tmp_path / "targets.toml").read_text()
    (tmp_path / "targets.toml").write_text(f'{text}\n[targets.away]\nurl = "postgresql://nobody@127.0.0.1:1/none"\n')
    away = migrate(cli)
    assert away.code == 4
    assert away.err.startswith("error[fleet.refused]: 1 of 6 databases cannot be migrated; nothing was run\n  away  unreachable: ")
    (tmp_path / "targets.toml").write_text(text)
    five[4].run("update chatschema.migrations set checksum = 'another' where true")
    edited = migrate(cli)
    assert edited.code == 1
    assert f"  {five[4].name}  conflict: " in edited.err
    assert [applied(database) for database in five] == [[]] * 5


def test_the_status_of_a_fleet_has_who_is_where_and_what_differs(cli: Cli, five: list[Database]) -> None:
    own = ("status", "--fleet", "targets.toml", "--sql-dir", "sql")
    five[3].run("drop index public.idx_messages_expires_at")
    five[4].run("create table public.by_hand (id int)")
    result = cli(*own, "--check", "--json")
    assert result.code == 3
    found = {one["name"]: one for one in result.json()["fleet"]}
    assert {one["state"] for one in found.values()} == {"pending"}
    assert found[five[3].name]["differences"] == [
        {"kind": "index", "object": "public.idx_messages_expires_at", "difference": "missing"}
    ]
    assert [one["object"] for one in found[five[4].name]["differences"]][-1] == "public.by_hand"
    assert found[five[2].name]["differences"] == []
    plain = cli(*own)
    assert plain.code == 0
    assert f"{five[3].name}: index public.idx_messages_expires_at is missing, and most of the others have it" in plain.out
    assert migrate(cli, "--dry-run").out == plain.out
    assert [applied(database) for database in five] == [[]] * 5


def test_secrets_come_from_variables_and_files_and_are_not_printed(cli: Cli, five: list[Database], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{five[1].url.replace('@', ':pa55word@')}\n")
    (tmp_path / "targets.toml").write_text(
        f'[targets.first]\nurl_env = "FIRST_URL"\n[targets.second]\nurl_file = "{tmp_path / "secret"}"\n'
    )
    missing = migrate(cli)
    assert missing.code == 2
    assert missing.err.startswith("error[fleet.secret]: targets.toml: FIRST_URL, the URL of first, is not set or empty\n")
    done = migrate(cli, env={"FIRST_URL": five[0].url.replace("@", ":pa55word@")})
    assert done.code == 0, done.err
    assert "pa55word" not in done.out + done.err
    assert [len(applied(database)) for database in five[:3]] == [3, 3, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no list of databases"),
        ("[fleet]\nwaves = 3\n[targets.a]\nurl = 'postgresql://a/b'", "[fleet] waves = 3 is not a valid setting"),
        ("[fleet]\nwave = 0\n[targets.a]\nurl = 'postgresql://a/b'", "[fleet] wave = 0 is not a valid setting"),
        ("[fleet]\ncanary = ['b']\n[targets.a]\nurl = 'postgresql://a/b'", "the canary 'b' is not among the targets"),
        ("[targets.a]\nurl = 'postgresql://a/b'\nurl_env = 'B'", "the target a cannot be understood"),
        ("[targets.a]\nurl = 'postgresql://a/b'\n[targets.b]\nurl = 'postgresql://a/b'", "a and b are the same database"),
        ("[targets.a]\nurl = 'embedded'", "is the embedded server"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(cli: Cli, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "targets.toml").write_text(text)
    result = cli("migrate", "--fleet", "targets.toml")
    assert result.code == 2
    assert result.err.startswith("error[fleet.file]: ")
    assert says in result.err


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """Start a run in a process group of its own, so that its children can be killed with it."""
    words = [sys.executable, "-m", "chatschema", "migrate", "--fleet", "targets.toml", "--sql-dir", "sql"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(words, cwd=folder, env=clean_environment(), start_new_session=True, **quiet)  # type: ignore[call-overload, no-any-return]


def test_sigterm_ends_the_runs_of_all_databases(five: list[Database], tmp_path: Path, sql_dir: Path) -> None:
    (sql_dir / "migrations" / f"{NEW[1]}.sql").write_text("-- users: slow.\nselect pg_sleep(60);")
    with start(tmp_path) as running:
        deadline = time.monotonic() + 60
        while not five[0].one(
            "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.terminate()
        assert running.wait(30) == 143
    assert applied(five[0]) == [NEW[0]]
    assert not five[0].one("select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()")


def test_a_fleet_that_is_killed_again_and_again_ends_equal(
    server: PgServer, migrated_template: str, sql_dir: Path, tmp_path: Path
) -> None:
    add_files(sql_dir)
    generator = random.Random(14)
    with fleet(server, migrated_template, f"killed_{tmp_path.name[-12:]}", SIZE) as databases:
        listed(tmp_path, databases, wave=8)
        kills = 0
        while kills < KILLS and any(len(applied(database)) < len(NEW) for database in databases):
            with start(tmp_path) as running:
                time.sleep(generator.uniform(0.8, 4.0))
                if running.poll() is None:
                    os.killpg(running.pid, signal.SIGKILL)
                    kills += 1
        done = run_cli("migrate", "--fleet", "targets.toml", "--sql-dir", "sql", cwd=tmp_path, timeout=600)
        assert done.code == 0, done.err
        assert [applied(database) for database in databases] == [[*NEW]] * SIZE
        assert len({dump(database) for database in databases}) == 1
        print(f"\n{SIZE} databases, {kills} kills: all equal")
        assert kills


@pytest.mark.skipif(not FULL, reason="a measurement; make test-fleet")
def test_a_fleet_takes_little_longer_than_its_runs(server: PgServer, migrated_template: str, sql_dir: Path, tmp_path: Path) -> None:
    add_files(sql_dir)
    env = clean_environment()
    with fleet(server, migrated_template, f"timed_{tmp_path.name[-12:]}", 2 * SIZE) as databases:
        alone_s = 0.0
        for database in databases[SIZE:]:
            begin = time.monotonic()
            words = [sys.executable, "-m", "chatschema", "migrate", "--sql-dir", "sql", "--url", database.url]
            subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, check=True)
            alone_s += time.monotonic() - begin
        listed(tmp_path, databases[:SIZE], wave=SIZE)
        begin = time.monotonic()
        words = [sys.executable, "-m", "chatschema", "migrate", "--fleet", "targets.toml", "--sql-dir", "sql"]
        subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, check=True)
        together_s = time.monotonic() - begin
    ratio = together_s / (alone_s / 2)
    print(f"\n{SIZE} databases: {together_s:.1f} s in a fleet with 2 at once, {alone_s:.1f} s one by one; ratio {ratio:.2f}")
    assert ratio <= 1.3
