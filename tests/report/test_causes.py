"""One cause is one finding of the overview, and comes first; what follows from it is named on its line."""

import re
from pathlib import Path

import pytest

from tests.report.damages.waits import ALTER, READ, Waiting
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.pace import long
from tests.support.reports import FSYNC, until
from tests.support.servers import PgServer, beside


def test_a_lock_queue_that_fills_the_connections(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    """Twelve clients wait behind an ALTER, and 13 of the 17 places are taken: the lock is the cause, not the size of the pool."""
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    with beside(server, config="max_connections = 20") as own:
        for database in create(own, "chained"):
            assert cli("migrate", "--url", database.url).code == 0
            with Waiting(database) as sessions:
                sessions.open("pg_dump", "begin isolation level repeatable read", READ)
                alter = sessions.wait("deploy", ALTER)
                for _ in range(11):
                    sessions.wait("chat-api", READ)
                result = cli("report", "--url", database.url)
                first, *others = [line for line in result.out.splitlines() if line.startswith(("CRIT", "WARN"))]
                text = " ".join(result.out.split())
                assert re.match(r"(CRIT|WARN)\s+locks\.queue\s", first), result.out
                assert f"{alter.info.backend_pid} (postgres, deploy): waits" in text
                assert "explains connections.used" in text
                assert not any("connections" in line for line in others)
                assert "next: chatschema report locks" in result.out
                document = cli("report", "connections", "--json", "--url", database.url).json()
                (used,) = document["reports"][0]["findings"]
                assert (used["cause"], used["fix"]) == ("locks", "chatschema report locks")
                assert "12 of them wait for a lock" in used["message"]


@long
def test_a_forgotten_transaction_that_others_wait_for(cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(
        "[report.transactions]\nidle_warn_ms = 0\n[report.locks]\nblocked_warn = 1\nblocked_min_ms = 0\n" + FSYNC
    )
    for database in create(server, "chained", seeded_template):
        update = "update public.users set status = 'away' where username = 'bob'"
        with Waiting(database) as sessions:
            root = sessions.open("forgotten", "begin", update)
            sessions.wait("chat-api", update)
            text = " ".join(cli("report", "--url", database.url).out.split())
            assert re.search(
                rf"WARN locks\.blocking {root.info.backend_pid} \(postgres, forgotten\): .*; explains transactions\.idle", text
            ), text
            # Where nobody waits, the transaction is the finding.
            alone = sessions.open("beside", "begin", READ)
            text = " ".join(cli("report", "--url", database.url).out.split())
            assert f"WARN transactions.idle {alone.info.backend_pid} (postgres, beside)" in text


def test_an_archive_that_fails_and_fills_the_disk(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    """What piled up stands on the line of the archive, which comes first."""
    (tmp_path / "chatschema.toml").write_text("[report.wal]\nkept_factor = 1\n" + FSYNC)
    config = "archive_mode = on\narchive_command = 'false'\nmax_wal_size = '32MB'\nmin_wal_size = '32MB'"
    with beside(server, config=config) as own:
        for database in create(own, "archived"):
            assert cli("migrate", "--url", database.url).code == 0
            for _ in range(8):
                database.run("create table filling as select generate_series(1, 1000); drop table filling")
                database.run("select pg_switch_wal()")
            until(database, "select failed_count > 0 from pg_stat_archiver")
            text = cli("report", "--url", database.url).out
            first, *others = [line for line in text.splitlines() if line.startswith(("CRIT", "WARN"))]
            assert re.match(r"CRIT\s+wal\.archiver\s", first), text
            assert "explains wal.kept" in " ".join(text.split())
            assert not any("wal." in line for line in others)
            assert "next: chatschema report wal" in text


def test_an_old_transaction_that_vacuum_waits_for(cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path) -> None:
    thresholds = (
        "[report.vacuum]\nhorizon_warn_xids = 1\noverdue_min_rows = 1\noverdue_warn = 0\n[report.transactions]\nidle_warn_ms = 0\n"
    )
    (tmp_path / "chatschema.toml").write_text(thresholds + FSYNC)
    for database in create(server, "aging", seeded_template):
        with Waiting(database) as sessions:
            sessions.open("forgotten", "begin isolation level repeatable read", READ)
            database.run("delete from public.attachments")
            database.run("select pg_current_xact_id()")
            until(database, "select n_dead_tup > 0 from pg_stat_user_tables where relname = 'attachments'")
            text = " ".join(cli("report", "--url", database.url).out.split())
            assert re.search(
                r"transactions\.idle \d+ \(postgres, forgotten\): .*?; explains vacuum\.horizon, vacuum\.overdue", text
            ), text


def test_a_deploy_with_an_n_plus_one(cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path) -> None:
    """Two hundred transactions ask once, then two hundred ask eight times: that query is the first, and the only one that regressed."""
    one = "select username from public.users where id = %s"
    beside = "select count(*) from public.conversations where created_by = %s"
    for database in create(server, "deployed", seeded_template):
        database.run("create extension if not exists pg_stat_statements")

        def talk(database: Database, times: int) -> None:
            with database.connect() as connection:
                who = connection.execute("select id from public.users limit 1").fetchone()
                for _ in range(200):
                    with connection.transaction():
                        connection.execute(beside.encode(), who)
                        for _ in range(times):
                            connection.execute(one.encode(), who)

        talk(database, 1)
        assert cli("report", "snapshot", "before.json", "--url", database.url).code == 0
        talk(database, 8)
        document = cli("report", "diff", "before.json", "--json", "--url", database.url).json()
        assert [query["query"][:20] for query in document["queries"] if query["state"] == "regressed"] == [one[:20]]
        assert document["queries"][0]["query"].startswith(one[:20])
        (reason,) = document["queries"][0]["reasons"]
        assert (reason["measure"], reason["between"] / reason["before"]) == ("calls_per_transaction", pytest.approx(8, rel=0.2))
