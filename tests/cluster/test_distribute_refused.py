"""What keeps a database from being distributed is refused with the reason and what to type, and nothing is changed."""

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.citus import database, needs_citus, nodes
from tests.support.cli import Cli, Result
from tests.support.database import Database

OBSTACLES = [
    (
        "cluster.foreign-key",
        "create table public.notes (id int primary key, user_id uuid constraint notes_user_fkey references public.users (id))",
        "notes_user_fkey",
    ),
    (
        "cluster.policy",
        "create policy a_stranger on public.messages for select using (exists (select from public.users as u where u.id = sender_id))",
        "a_stranger",
    ),
    (
        "cluster.subscription",
        "create subscription from_elsewhere connection 'dbname=none' publication p with (connect = false, slot_name = none)",
        "from_elsewhere",
    ),
    (
        "cluster.trigger",
        "create trigger a_stranger before update on public.messages for each row execute function suppress_redundant_updates_trigger()",
        "a_stranger",
    ),
]


def _refused(cli: Cli, url: str, code: str, *, dry_run: bool = True) -> Result:
    done = cli("cluster", "distribute", *(["--dry-run"] if dry_run else ["--yes"]), "--url", url)
    assert (done.code, done.out) == (1, ""), done.err
    assert done.err.splitlines()[0].startswith(f"error[{code}]"), done.err
    assert "hint:" in done.err
    assert "Traceback" not in done.err
    return done


def test_a_server_without_citus_is_refused(cli: Cli, migrated: Database) -> None:
    done = _refused(cli, migrated.url, "cluster.no-extension", dry_run=False)
    assert "create extension citus" in done.err or "install Citus" in done.err
    assert migrated.one("select to_regclass('chatschema.outbox')") is None
    relay = cli("cluster", "relay", "--url", migrated.url)
    assert relay.code == 1
    assert "error[cluster.not-distributed]" in relay.err


@needs_citus
def test_a_cluster_that_is_not_whole_is_refused(cli: Cli) -> None:
    with database(0) as citus:
        assert cli("migrate", "--url", citus.url).code == 0
        assert "citus_add_node" in _refused(cli, citus.url, "cluster.no-workers").err
        citus.run("select citus_remove_node(nodename, nodeport) from pg_dist_node where groupid = 0")
        done = _refused(cli, citus.url, "cluster.no-coordinator")
        assert "citus_set_coordinator_host" in done.err
        assert "citus_add_node" in done.err


@needs_citus
def test_a_worker_of_another_version_and_an_inactive_one_are_refused(cli: Cli) -> None:
    other = "set allow_system_table_mods = on; update pg_extension set extversion = '{}' where extname = 'citus'"
    with database() as citus:
        assert cli("migrate", "--url", citus.url).code == 0
        version = str(citus.one("select extversion from pg_extension where extname = 'citus'"))
        host, port = nodes()[1]
        with psycopg.connect(make_conninfo(citus.url, host=host, port=port), autocommit=True) as worker:
            worker.execute(other.format("9.0-1").encode())
            done = _refused(cli, citus.url, "cluster.version")
            assert f"worker {host}:{port}: it has Citus 9.0-1, and the coordinator has {version}" in done.err
            worker.execute(other.format(version).encode())
        citus.run(f"select citus_disable_node('{host}', {port}, true)")
        done = _refused(cli, citus.url, "cluster.worker-inactive")
        assert f"citus_activate_node('{host}', {port})" in done.err
        citus.run(f"select citus_activate_node('{host}', {port})")
        assert cli("cluster", "distribute", "--dry-run", "--url", citus.url).code == 0


@needs_citus
def test_objects_of_others_are_refused_by_name(cli: Cli) -> None:
    with database() as citus:
        assert cli("migrate", "--url", citus.url).code == 0
        for code, statement, name in OBSTACLES:
            citus.run(statement)
            assert name in _refused(cli, citus.url, code).err
            citus.run(_undone(statement))
        assert cli("cluster", "distribute", "--dry-run", "--url", citus.url).code == 0


def test_another_schema_is_refused(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    (sql_dir / "migrations" / "20990101000000_add_note.sql").write_text("create table public.note (id int);")
    done = cli("cluster", "distribute", "--dry-run", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert done.code == 1
    assert "error[cluster.other-schema]: migration 20990101000000_add_note is pending" in done.err
    assert "chatschema migrate" in done.err


@needs_citus
def test_without_a_terminal_it_needs_a_word_and_reset_is_refused(cli: Cli) -> None:
    with database() as citus:
        assert cli("migrate", "--url", citus.url).code == 0
        done = cli("cluster", "distribute", "--url", citus.url)
        assert done.code == 2
        assert "--yes" in done.err
        assert cli("cluster", "distribute", "--shards", "2", "--yes", "--url", citus.url).code == 0
        reset = cli("reset", "--yes", "--url", citus.url)
        assert reset.code == 1
        assert "chatschema cluster undistribute" in reset.err
        assert citus.one("select count(*) from chatschema.outbox") == 0


def _undone(statement: str) -> str:
    words = statement.split()
    if words[1] == "subscription":
        return f"drop subscription {words[2]}"
    return f"drop table {words[2]}" if words[1] == "table" else f"drop {words[1]} {words[2]} on public.messages"


@pytest.mark.parametrize("shards", ["0", "2000", "many"])
def test_shards_are_a_number_from_1_to_1024(cli: Cli, shards: str) -> None:
    assert cli("cluster", "distribute", "--shards", shards, "--dry-run").code == 2
