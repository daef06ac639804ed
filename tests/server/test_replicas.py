"""DDL waits for long queries on the replicas: replaying its lock would wait for them, and everybody there behind it."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatschema import postgres
from chatschema.postgres.replicas import Replicas
from chatschema.values import Settings
from tests.support import PASSWORD, ROOT, golden
from tests.support.cli import Cli, run_cli
from tests.support.database import Database, caught_up, create
from tests.support.migrations import NEXT, write
from tests.support.months import JANUARY, aged_template, there
from tests.support.reports import findings, rows
from tests.support.servers import PgServer, private, programs

RETIRE = ("partition", "retire", "--older-than", "12mo")
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def pair(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Database]]:
    """A database with two old months on a primary, and the same on its standby."""
    kind = "embedded" if server.version >= 180000 else "system"
    with private(programs(kind), "primary") as primary:
        for base in create(primary, "base"):
            assert run_cli("migrate", "--url", base.url, cwd=tmp_path_factory.mktemp("base")).code == 0
            for name in aged_template(primary, base.name, "aged"):
                with private(programs(kind), "standby", of=primary) as standby:
                    yield Database(primary, name), Database(standby, name)


@contextmanager
def reading(standby: Database, query: str = "select count(*) from public.messages") -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(standby.url, application_name="dashboard", autocommit=True) as reader:
        reader.execute(f"begin; {query}".encode())
        time.sleep(1.1)
        yield reader


def names(primary: Database, standby: Database) -> dict[str, str]:
    return {str(standby.server.port): "PORT", NEXT: "NEXT", primary.name: "chat"}


def add_column(sql_dir: Path) -> tuple[str, ...]:
    write(sql_dir, NEXT, "alter table public.messages add column note text;", "alter table public.messages drop column note;")
    return ("--sql-dir", str(sql_dir))


HAS_NOTE = "select exists (select from pg_attribute where attrelid = 'public.messages'::regclass and attname = 'note')"


def test_migrate_and_undo_wait_for_a_query_on_a_replica(cli: Cli, pair: tuple[Database, Database], sql_dir: Path) -> None:
    primary, standby = pair
    caught_up(primary, standby)
    options = ("--replica", standby.url, "--url", primary.url, *add_column(sql_dir))
    with reading(standby) as reader, standby.connect() as other:
        refused = cli("migrate", *options, "--replica-wait", "0.5")
        assert refused.code == 5, refused.err
        golden.check("migrate_replica_busy", refused, names(primary, standby))
        assert not primary.one(HAS_NOTE)
        started = time.monotonic()
        other.execute("select count(*) from public.messages")
        assert time.monotonic() - started < 1
        threading.Timer(1.0, reader.execute, ("commit",)).start()
        done = cli("migrate", *options)
    assert done.code == 0, done.err
    assert primary.one(HAS_NOTE)
    caught_up(primary, standby)
    with reading(standby):
        undone = cli("undo", *options, "--replica-wait", "0.5")
        assert undone.code == 5
        assert f"undo of {NEXT} was not started: on replica" in undone.err
    # A query on another table is in nobody's way; and whoever says so is taken at their word.
    with reading(standby, "select count(*) from public.audit_logs"):
        undone = cli("undo", *options, "--yes", "--replica-wait", "0.5")
        assert undone.code == 0, undone.err
    assert not primary.one(HAS_NOTE)
    caught_up(primary, standby)


def test_retire_and_maintain_wait_for_a_query_on_a_replica(cli: Cli, pair: tuple[Database, Database], tmp_path: Path) -> None:
    primary, standby = pair
    caught_up(primary, standby)
    (tmp_path / "chatschema.toml").write_text(f'replicas = ["{standby.url}"]\n[partition]\nkeep = "12mo"\n')
    with reading(standby):
        refused = cli(*RETIRE, "--replica-wait", "0.5", "--url", primary.url)
        golden.check("retire_replica_busy", refused, names(primary, standby))
        maintained = cli("maintain", "--replica-wait", "0.5", "--url", primary.url)
    assert (refused.code, maintained.code) == (5, 5), maintained.err
    assert set(there(primary, JANUARY).values()) == {"attached"}
    done = cli("maintain", "--url", primary.url)
    assert done.code == 0, done.err
    assert set(there(primary, JANUARY).values()) == {"detached"}
    # The drop frees the month of its foreign keys before, which locks users and conversations.
    caught_up(primary, standby)
    drop = (*RETIRE, "--grace", "0d", "--no-archive", "--yes", "--url", primary.url)
    with reading(standby, "select count(*) from public.users"):
        refused = cli(*drop, "--replica-wait", "0.5")
        assert refused.code == 5, refused.out + refused.err
        assert "the drop of 2024-01 was not started: on replica 127.0.0.1" in refused.err
        assert "holds a lock on users" in refused.err
    assert set(there(primary, JANUARY).values()) == {"detached"}
    done = cli(*drop)
    assert done.code == 0, done.err
    assert there(primary, JANUARY) == {}


def test_the_report_names_the_queries_that_a_drop_would_cancel(cli: Cli, pair: tuple[Database, Database], tmp_path: Path) -> None:
    primary, standby = pair
    caught_up(primary, standby)
    (tmp_path / "chatschema.toml").write_text("[report.replication]\nquery_warn_ms = 1000\n")
    assert not [name for name in findings(cli, standby, "replication") if ".query:" in name]
    with reading(standby) as reader, standby.connect() as other:
        other.execute("begin; select count(*) from public.users")
        who = f"pid {reader.info.backend_pid} (dashboard, role postgres)"
        (found,) = findings(cli, standby, "replication").values()
        assert (found["id"], found["severity"]) == (f"replication.query:{who}", "warn")
        assert "more: the DROP of a month cancels it after 30s (max_standby_streaming_delay)" in found["message"]
        # The primary does not see it, but asks the standby that is named.
        assert findings(cli, primary, "replication") == {}
        named = ("replication", "--replica", standby.url)
        (found,) = findings(cli, primary, *named).values()
        where = f"127.0.0.1:{standby.server.port}"
        assert found["id"] == f"replication.query:{where} {who}"
        assert found["fix"] == f"-- on {where}:\nselect pg_terminate_backend({reader.info.backend_pid});"
        (row,) = [row for row in rows(cli, primary, *named).values() if row["kind"] == "query"]
        assert (row["state"], row["open_ms"] > 1000, row["detail"].startswith("has locked message")) == (
            "idle in transaction", True, True,
        )  # fmt: skip
        standby.run(found["fix"])
        reader.close()
    assert [row["kind"] for row in rows(cli, primary, *named).values()] == ["sender"]
    refused = cli("report", "replication", "--replica", Database(primary.server, "postgres").url, "--url", primary.url)
    assert "error[replica.foreign]" in refused.err


def test_a_standby_that_is_not_named_is_mentioned_once(cli: Cli, pair: tuple[Database, Database], sql_dir: Path) -> None:
    primary, _ = pair
    options = ("--url", primary.url, *add_column(sql_dir))
    done = cli("migrate", *options)
    assert done.code == 0
    line = "1 standby is not named and not checked"
    assert done.err.count(line) == 1
    assert line not in cli("migrate", *options).err, "there was nothing to run"
    undone = cli("undo", *options, "--yes", "--replica-wait", "0")
    assert undone.code == 0, undone.err
    assert line not in undone.err


def test_what_writes_is_refused_on_a_standby_and_names_the_primary(cli: Cli, pair: tuple[Database, Database]) -> None:
    """make test-long tries every command."""
    primary, standby = pair
    primary.run(f"drop role if exists reader; create role reader login password '{PASSWORD}'")
    caught_up(primary, standby)
    refused = cli("migrate", "--url", standby.url)
    assert refused.code == 4
    address = f"127.0.0.1:{standby.server.port}"
    assert f"error[connect.standby]: {address} is a read-only standby, and this command writes" in refused.err
    assert f"use the primary (127.0.0.1:{primary.server.port})" in refused.err
    # A plain role sees neither the receiver nor primary_conninfo.
    hidden = cli("migrate", "--url", standby.server.url(standby.name, user="reader"))
    assert "use the primary (this role cannot see its address: grant pg_monitor to reader)" in hidden.err


def test_without_the_right_to_see_standbys_it_is_said(pair: tuple[Database, Database]) -> None:
    primary, _ = pair
    primary.run(f"drop role if exists blind; create role blind login password '{PASSWORD}'")
    said: list[str] = []
    settings = Settings(primary.server.url(primary.name, user="blind"), "test", None, ROOT / "sql", ROOT / "seeds", Path())
    with closing(postgres.connect(settings)) as connection, Replicas(connection, (), 1, said.append) as replicas:
        replicas.wait("it", "messages")
        replicas.wait("it", "messages")
    assert said == ["this role cannot see whether standbys exist: grant pg_monitor to it, or name the standbys: --replica URL"]


def test_a_replica_that_cannot_be_reached_is_a_warning_and_only_where_there_is_something_to_run(
    cli: Cli, migrated: Database, sql_dir: Path
) -> None:
    options = ("--replica", NOWHERE, "--url", migrated.url, *add_column(sql_dir))
    first = cli("migrate", *options)
    assert first.code == 0, first.err
    assert "warning: a replica is not checked: cannot reach 127.0.0.1:1" in first.err
    assert "replica" not in cli("migrate", *options).err
    assert "replica" not in cli("maintain", "--replica", NOWHERE, "--url", migrated.url).err
    undone = cli("undo", "--replica", migrated.url, "--url", migrated.url, *options[4:])
    assert undone.code == 0
    assert "is not a standby, and is not checked" in undone.err


@pytest.mark.parametrize("line", ['replicas = "postgresql://x/y"', "replicas = [1]", 'replicas = ["mysql://x/y"]'])
def test_replicas_that_cannot_be_meant_are_refused(cli: Cli, tmp_path: Path, line: str) -> None:
    (tmp_path / "chatschema.toml").write_text(line + "\n")
    result = cli("status", "--url", NOWHERE)
    assert result.code == 2
    assert "replicas" in result.err
