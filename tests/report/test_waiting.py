"""Sessions that wait: for their own parallel workers, which is no trouble, and for a standby, which is everybody's."""

import time
from pathlib import Path

from tests.report.damages.waits import Waiting
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.reports import FSYNC, findings, rows, serious, until
from tests.support.servers import PgServer, beside

PARALLEL = """
    set max_parallel_workers_per_gather = 2; set parallel_leader_participation = off; set parallel_setup_cost = 0;
    set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0;
    select count(*) from public.numbers where i = 1 and pg_sleep(4) is not null
"""


def test_a_query_that_waits_for_its_own_workers_is_no_bottleneck(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.activity]\nwaiting_sessions = 1\nwaiting_ms = 0\n" + FSYNC)
    migrated.run("create table public.numbers as select i from generate_series(1, 1000) as i; analyze public.numbers")
    with Waiting(migrated) as sessions:
        pid = sessions.work("analyst", PARALLEL).info.backend_pid
        until(migrated, f"select wait_event = 'ExecuteGather' from pg_stat_activity where pid = {pid}")
        assert rows(cli, migrated, "activity")["IPC: ExecuteGather"]["sessions"] == 1
        assert serious(findings(cli, migrated, "activity")) == {}


def test_commits_of_another_database_that_wait_for_a_standby_are_seen(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.activity]\ncommit_wait_ms = 200\n" + FSYNC)
    with beside(server) as own:
        for database in create(own, "committing"):
            database.run("create table public.written (i integer)")
            database.run("alter system set synchronous_standby_names = 'nobody'")
            other = Database(own, "postgres")
            other.one("select pg_reload_conf()")
            until(other, "select current_setting('synchronous_standby_names') = 'nobody'", 10)
            with Waiting(database) as sessions:
                for _ in range(2):
                    sessions.work("chat-api", "insert into public.written values (1)")
                until(other, "select count(*) = 2 from pg_stat_activity where wait_event = 'SyncRep'", 10)
                time.sleep(0.3)
                found = findings(cli, other, "activity")["activity.commits:synchronous_standby_names"]
                assert found["message"].startswith("2 commits wait ")
                other.run("alter system set synchronous_standby_names = ''")
                other.one("select pg_reload_conf()")
