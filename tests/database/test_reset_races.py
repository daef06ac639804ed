"""reset beside others: their sessions, their locks, a kill at any moment."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from chatschema import postgres
from chatschema.database import catalog
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database, create
from tests.support.migrations import IDS
from tests.support.pace import long
from tests.support.reports import until
from tests.support.reset_templates import drop_templates, templates
from tests.support.servers import PgServer, beside

WORKERS = "backend_type = 'autovacuum worker' and datname = 'vacuumed'"


@pytest.fixture(autouse=True)
def no_templates(server: PgServer) -> None:
    drop_templates(server)


def test_sessions_of_others_do_not_stop_it(cli: Cli, migrated: Database) -> None:
    with migrated.connect() as other:
        other.execute("begin; select * from public.users")
        assert cli("reset", "--yes", "--url", migrated.url).code == 0
        with pytest.raises(psycopg.OperationalError):
            other.execute("select 1")


@pytest.fixture
def vacuumed(cli: Cli, server: PgServer) -> Iterator[Database]:
    """A database of the plain role "plain" on a server of its own, in which an autovacuum worker is busy, and nobody else is."""
    slow = "autovacuum_naptime = 1s\nautovacuum_vacuum_cost_delay = 100\nautovacuum_vacuum_cost_limit = 1\nautovacuum_vacuum_threshold = 1"
    with beside(server, config=slow) as own:
        for database in create(own, "vacuumed"):
            database.run("create role plain login createdb password 'owner99'; alter database vacuumed owner to plain")
            assert cli("migrate", "--url", plain(database)).code == 0
            database.run(
                "insert into public.users (username) select 'slow' || i from generate_series(1, 5000) as i; update public.users set username = username || '_'"
            )
            # Looked at from another database, as a plain owner may not end a superuser's session, not even one that is about to go.
            others = "select from pg_stat_activity where datname = 'vacuumed' and usesysid is not null"
            there = f"select count(*) > 0 and not exists ({others}) from pg_stat_activity where {WORKERS}"
            until(Database(own, "postgres"), there)
            yield database


def plain(database: Database, name: str = "vacuumed") -> str:
    return database.server.url(name, user="plain", password="owner99")


@long
def test_an_autovacuum_worker_does_not_stop_a_plain_owner(cli: Cli, vacuumed: Database) -> None:
    """It has no user, and only a superuser may end it by hand; the server ends it when the database is renamed."""
    workers = Database(vacuumed.server, "postgres").all(f"select pid from pg_stat_activity where {WORKERS}")
    result = cli("reset", "--yes", "--url", plain(vacuumed))
    assert (result.code, "cloned" in result.out) == (0, True), result.err
    assert vacuumed.one("select count(*) from public.users") == 0
    # Those of the old database have ended; the new one may have some of its own by now.
    assert set(workers).isdisjoint(vacuumed.all(f"select pid from pg_stat_activity where {WORKERS}"))


@long
def test_nor_where_the_database_is_dropped(vacuumed: Database) -> None:
    """With FORCE the server refuses a plain owner for it."""
    with closing(postgres.connect(plain(vacuumed, "postgres"))) as connection:
        catalog.drop(connection, "vacuumed")
        assert not catalog.exists(connection, "vacuumed")


@long
def test_killed_at_any_moment_the_next_reset_succeeds(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    for delay in (0.25, 0.35, 0.45, 0.55, 0.65, 0.75):
        running = subprocess.Popen(
            [sys.executable, "-m", "chatschema", "reset", "--yes", "--url", migrated.url], cwd=tmp_path, env=clean_environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        running.send_signal(signal.SIGKILL)
        running.wait()
        again = cli("reset", "--yes", "--url", migrated.url)
        assert again.code == 0, again.err
        assert migrated.one("select count(*) from chatschema.migrations where state = 'applied'") == len(IDS)
        with migrated.server.connect("postgres") as admin:
            admin.execute(f"drop database {templates(migrated.server)[0]} with (force)".encode())


def test_resets_of_two_databases_at_once_share_the_template(server: PgServer, tmp_path: Path) -> None:
    names = ["reset_twin_one", "reset_twin_two"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "chatschema", "reset", "--yes", "--url", server.url(name)], cwd=tmp_path, env=clean_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in names
    ]  # fmt: skip
    outputs = [process.communicate(timeout=120) for process in running]
    try:
        assert [process.returncode for process in running] == [0, 0], outputs
        assert len(templates(server)) == 1
    finally:
        with server.connect("postgres") as admin:
            for name in names:
                admin.execute(f"drop database if exists {name} with (force)".encode())


def test_a_running_migration_is_not_dropped_from_under_its_feet(cli: Cli, migrated: Database) -> None:
    with migrated.connect() as holder:
        holder.execute("select pg_advisory_lock(%s, 1)", (0x63686174,))
        result = cli("reset", "--yes", "--url", migrated.url)
    assert result.code == 5
    assert migrated.one("select count(*) from public.users") == 0


@long
def test_protection_that_comes_while_the_template_is_built_wins(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    (sql_dir / "migrations" / "20990101000000_add_slow.sql").write_text("do $$ begin perform pg_sleep(2.5); end $$;")
    migrated.run("insert into public.users (username) values ('alice')")
    running = subprocess.Popen(
        [sys.executable, "-m", "chatschema", "reset", "--yes", "--url", migrated.url, "--sql-dir", str(sql_dir)],
        env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(migrated, "select exists (select from pg_stat_activity where query like '%pg_sleep(2.5)%' and pid <> pg_backend_pid())")
    assert cli("protect", "--url", migrated.url).code == 0
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "is protected" in err
    assert migrated.one("select count(*) from public.users") == 1


@pytest.mark.parametrize("left", ["closed", "renamed", "swapped"])
def test_what_a_killed_reset_left_is_brought_back(cli: Cli, migrated: Database, left: str) -> None:
    from chatschema.database.catalog import digest

    clone, old = (f"chatschema_{kind}_{digest(migrated.name)}" for kind in ("reset", "old"))
    migrated.run("select 1")
    with migrated.server.connect("postgres") as admin:
        admin.execute(f"create database {clone} template {migrated.name} allow_connections false".encode())
        if left != "closed":
            admin.execute(f"alter database {migrated.name} rename to {old}".encode())
        if left == "swapped":
            admin.execute(f"alter database {clone} rename to {migrated.name}".encode())
        else:
            admin.execute(f"alter database {migrated.name if left == 'closed' else old} with allow_connections false".encode())
    assert cli("migrate", "--url", migrated.url).code == 4
    result = cli("reset", "--yes", "--url", migrated.url)
    assert result.code == 0, result.err
    assert cli("status", "--check", "--url", migrated.url).code == 0
    with migrated.server.connect("postgres") as admin:
        assert admin.execute("select count(*) from pg_database where datname in (%s, %s)", (clone, old)).fetchone() == (0,)
