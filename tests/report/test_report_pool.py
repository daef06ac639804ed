"""report pool: sizes of connection pools, each with its origin, and PgBouncer's settings that have them."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.support import PASSWORD
from tests.support.access.world import dropped
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import long
from tests.support.pgbouncer import needs_pgbouncer, started
from tests.support.reports import answer, findings, rows


@pytest.fixture
def prefix(cli: Cli, migrated: Database) -> Iterator[str]:
    """A database with two logins of the application, one of the workers and one that only reads, under a prefix of its own."""
    own = f"p{uuid.uuid4().hex[:6]}"
    with dropped(migrated.server, own):
        applied = cli("roles", "apply", "--prefix", own, "--url", migrated.url)
        assert applied.code == 0, applied.err
        for login, group in (("api", "app"), ("socket", "app"), ("queue", "worker"), ("watcher", "readonly")):
            migrated.run(f"create role {own}_{login} login password '{PASSWORD}' in role {own}_{group}")
        yield own


def sizes(cli: Cli, database: Database, *arguments: str) -> dict[str, Any]:
    return {name: row["size"] for name, row in rows(cli, database, "pool", *arguments).items()}


def test_each_size_follows_from_the_cores_the_connections_and_the_logins(
    cli: Cli, migrated: Database, prefix: str, tmp_path: Path
) -> None:
    total = int(migrated.one("show max_connections"))
    found = rows(cli, migrated, "pool", "--cores", "8")
    places = total - 3 - 10
    assert {name: row["size"] for name, row in found.items() if row["kind"] == "server"} == {
        "cores": 8, "max_connections": total, "reserved": 3, "kept": 10, "places": places, "working": 17, "pools": 17,
    }  # fmt: skip
    own = {name.removeprefix(f"{prefix}_"): row["size"] for name, row in found.items() if row["kind"] != "server"}
    assert own == {"app": 13, "worker": 4, "api": 6, "socket": 6, "queue": 4, "watcher": None}
    assert found["cores"]["source"] == "given: --cores, or [report.pool]"
    assert found[f"{prefix}_app"]["source"] == f"what the workers leave of 17, for: {prefix}_api, {prefix}_socket"
    # More cores than connections: as many as there are.
    many = sizes(cli, migrated, "--cores", "4096")
    assert many["pools"] == many["places"] == places
    # The file says the same as the flag, which comes first.
    (tmp_path / "chatschema.toml").write_text("[report.pool]\ncores = 8\ndirect = 20\nworker_pct = 50\n")
    filed = sizes(cli, migrated)
    assert (filed["kept"], filed["pools"], filed[f"{prefix}_worker"], filed[f"{prefix}_app"]) == (20, 17, 8, 9)
    assert sizes(cli, migrated, "--cores", "4")["cores"] == 4
    suggested = cli("report", "pool", "--suggest", "--url", migrated.url)
    assert suggested.code == 0, suggested.err
    assert f"; {prefix}_app 9: what the workers leave of 17" in suggested.out
    assert f"dbname={migrated.name} pool_size=4 max_db_connections=9\n" in suggested.out


@long
def test_the_server_tells_a_superuser_its_cores_and_nobody_else(cli: Cli, migrated: Database, prefix: str) -> None:
    found = rows(cli, migrated, "pool")
    if migrated.server.name in ("embedded", "system"):
        # It runs on this machine; a container of it may have less.
        assert 1 <= found["cores"]["size"] <= (os.cpu_count() or 1)
        assert found["cores"]["source"] in ("/proc/cpuinfo on the server", "/sys/fs/cgroup/cpu.max on the server")
    plain = migrated.server.url(migrated.name, user=f"{prefix}_watcher")
    (report,) = answer(cli, plain, "pool")["reports"]
    assert [(one["id"], one["severity"]) for one in report["findings"]] == [("pool.cores", "no verdict")]
    assert {row["size"] for row in report["rows"] if row["object"] in ("cores", "working", "pools", f"{prefix}_api")} == {None}
    refused = cli("report", "pool", "--suggest", "--url", plain)
    assert refused.code == 1
    assert "error[report.cores]" in refused.err
    assert cli("report", "pool", "--suggest", "--cores", "8", "--url", plain).code == 0


@long
def test_a_limit_below_the_pool_is_found_and_its_fix_works(cli: Cli, migrated: Database, prefix: str) -> None:
    migrated.run(f"alter role {prefix}_api connection limit 5")
    (found,) = findings(cli, migrated, "pool", "--cores", "8").values()
    assert (found["id"], found["severity"]) == (f"pool.limit:{prefix}_api", "warn")
    migrated.run(found["fix"])
    assert findings(cli, migrated, "pool", "--cores", "8") == {}


@long
def test_without_logins_it_says_what_is_missing(cli: Cli, migrated: Database) -> None:
    own = f"p{uuid.uuid4().hex[:6]}"
    with dropped(migrated.server, own):
        assert cli("roles", "apply", "--prefix", own, "--url", migrated.url).code == 0
        found = findings(cli, migrated, "pool", "--cores", "8")["pool.logins"]
        assert found["fix"].endswith(f"create role api login in role {own}_app;")
        suggested = cli("report", "pool", "--suggest", "--cores", "8", "--url", migrated.url)
    assert (suggested.code, "; no login has the group of the application yet" in suggested.out) == (0, True)


@long
def test_options_that_do_not_go_together_are_refused(cli: Cli, migrated: Database) -> None:
    refused = cli("report", "pool", "--cores", "8", "--csv", "--url", migrated.url)
    assert (refused.code, "--csv cannot be combined with --cores or --suggest" in refused.err) == (2, True)
    assert cli("report", "pool", "--cores", "0", "--url", migrated.url).code == 2


@long
@needs_pgbouncer
def test_pgbouncer_takes_the_suggested_settings(cli: Cli, migrated: Database, prefix: str) -> None:
    suggested = cli("report", "pool", "--suggest", "--cores", "8", "--url", migrated.url)
    assert suggested.code == 0, suggested.err
    # The rest is of the machine: who may connect, and where.
    users = {f"{prefix}_{login}": PASSWORD for login in ("api", "socket", "queue")}
    with started(suggested.out, users) as port:
        url = f"postgresql://{prefix}_%s:{PASSWORD}@127.0.0.1:{port}/%s"
        for login, entry in (("api", migrated.name), ("queue", f"{migrated.name}_worker")):
            with psycopg.connect(url % (login, entry), prepare_threshold=None) as client:
                assert client.execute("select current_database(), session_user").fetchone() == (migrated.name, f"{prefix}_{login}")
        with psycopg.connect(url % ("api", "pgbouncer"), autocommit=True) as asked:
            shown = {row["name"]: row for row in asked.cursor(row_factory=dict_row).execute("show databases")}
    of = {name: (row["database"], int(row["pool_size"]), int(row["max_connections"])) for name, row in shown.items()}
    assert of[migrated.name] == (migrated.name, 6, 13)
    assert of[f"{migrated.name}_worker"] == (migrated.name, 4, 4)
    program = shutil.which("pgbouncer") or ""
    if "PgBouncer 1.18" in subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout:
        named = suggested.out.replace(";max_prepared", "max_prepared")
        with pytest.raises(AssertionError, match="max_prepared_statements"), started(named, users):
            pass
