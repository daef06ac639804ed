"""protect and unprotect: what a marked database refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS
from tests.support.pace import LONG

COMMANDS = [("reset", "--yes"), ("undo", "--all"), ("seed",), ("seed", "--undo")]


@pytest.mark.parametrize("command", COMMANDS if LONG else COMMANDS[:2])
def test_a_protected_database_refuses(cli: Cli, migrated: Database, command: tuple[str, ...]) -> None:
    assert cli("protect", "--reason", "the real one", "--url", migrated.url).code == 0
    assert "already" in cli("protect", "--url", migrated.url).out
    before = dump(migrated)
    result = cli(*command, "--url", migrated.url)
    assert result.code == 1
    assert "is protected (the real one" in result.err
    assert "chatschema unprotect" in result.err
    assert dump(migrated) == before
    # One step that loses nothing is a repair; one that loses rows is not.
    assert cli("undo", "--url", migrated.url).code == 0
    assert cli("migrate", "--url", migrated.url).code == 0
    migrated.run("insert into public.users (username) values ('alice')")
    for steps in (("--steps", str(len(IDS) - 1)), ("--to", "20241217000000")):
        refused = cli("undo", *steps, "--url", migrated.url)
        assert refused.code == 1
        assert "users (1 row)" in refused.err
    assert migrated.one("select count(*) from public.users") == 1
    assert cli("unprotect", "--yes", "--url", migrated.url).code == 0
    assert cli("reset", "--yes", "--url", migrated.url).code == 0


def test_an_empty_database_can_be_protected_before_its_first_migration(cli: Cli, empty: Database) -> None:
    assert cli("protect", "--url", empty.url).code == 0
    assert cli("reset", "--yes", "--url", empty.url).code == 1
    assert cli("migrate", "--url", empty.url).code == 0


def test_production_protects_by_itself_and_stays_protected(cli: Cli, empty: Database) -> None:
    production = {"CHATSCHEMA_ENV": "production"}
    assert cli("reset", "--yes", "--url", empty.url, env=production).code == 1
    assert cli("migrate", "--url", empty.url, env=production).code == 0
    # Also for a laptop that does not say so.
    result = cli("reset", "--yes", "--url", empty.url)
    assert result.code == 1
    assert "CHATSCHEMA_ENV=production" in result.err
    assert cli("unprotect", "--yes", "--url", empty.url, env=production).code == 2
    assert "protected: CHATSCHEMA_ENV=production" in cli("status", "--url", empty.url).out


def test_protection_that_comes_while_seed_waits_for_the_lock_counts(migrated: Database, tmp_path: Path) -> None:
    with migrated.connect() as holder:
        holder.execute("select pg_advisory_lock(%s, 1)", (0x63686174,))
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "seed", "users", "--url", migrated.url],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert running.stderr
        assert "waiting for another chatschema" in running.stderr.readline()
        holder.execute("insert into chatschema.protection (reason) values ('while you waited')")
    _, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "while you waited" in err
    assert migrated.one("select count(*) from public.users") == 0
