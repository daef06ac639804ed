"""Reports on servers that are not well: one that crashed, one that loads nothing, a standby, and one whose primary has gone."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database, caught_up
from tests.support.pace import long
from tests.support.reports import FSYNC, answer, findings, rows
from tests.support.servers import PgServer, private, programs

KIND = "embedded" if os.environ.get("CHATSCHEMA_TEST_SERVER", "embedded") == "embedded" else "system"
TOML = FSYNC + "[report.indexes]\nunused_days = 0\nunused_min_bytes = 0\n[report.replication]\nlag_warn_bytes = 100000\n"


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def has_begun_anew(database: Database, before: object) -> bool:
    try:
        return bool(database.one("select stats_reset from pg_stat_archiver") != before)
    except psycopg.OperationalError:
        return False


def test_a_crash_begins_the_window_anew_and_what_is_not_loaded_is_said(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    with private(programs(KIND), "crashed", config="shared_preload_libraries = ''\npg_stat_statements.max = 5000") as server:
        database = Database(server, "postgres")
        database.run("create extension pg_stat_statements")
        (report,) = answer(cli, database.url, "queries")["reports"]
        assert report["status"] == "not evaluated"
        assert report["gaps"][0]["fix"].startswith("alter system set shared_preload_libraries = 'pg_stat_statements';")
        assert "restart" in report["gaps"][0]["fix"]

        before = answer(cli, database.url, "cache")["statistics_since"]
        reset = "select stats_reset from pg_stat_database where datname = 'postgres'"
        began = database.one("select stats_reset from pg_stat_archiver")
        with database.connect() as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
        # It may answer for a moment more before it notices.
        until(lambda: has_begun_anew(database, began))
        # The database's own reset time does not tell that all its counters are gone.
        assert database.one(reset) is None
        after = answer(cli, database.url, "cache")["statistics_since"]
        assert after > before
        # Somebody who resets only one of the cluster-wide counters does not take the window away.
        database.one("select pg_stat_reset_shared('bgwriter')")
        assert answer(cli, database.url, "cache")["statistics_since"] == after
        check_slots(cli, database)
        database.one("select pg_stat_reset()")
        assert answer(cli, database.url, "cache")["statistics_since"] > after


def check_slots(cli: Cli, database: Database) -> None:
    """A slot nobody reads is worth knowing at once, and has lost its WAL only when that is gone."""
    database.one("select pg_create_physical_replication_slot('left', true)")
    assert findings(cli, database, "replication")["replication.slot:slot left"]["severity"] == "info"
    database.run("alter system set max_slot_wal_keep_size = '128MB'")
    database.one("select pg_reload_conf()")
    used = "select 100 * (pg_current_wal_lsn() - restart_lsn) / (pg_current_wal_lsn() - restart_lsn + safe_wal_size) from pg_replication_slots"
    until(lambda: database.one(used) is not None)
    for _ in range(20):
        if database.one(used) >= 80:
            break
        database.run("create table if not exists public.wal (); drop table public.wal")
        database.one("select pg_switch_wal()")
    near = findings(cli, database, "replication")["replication.near:slot left"]
    assert 80 <= near["value"] <= 100
    database.run(near["fix"].partition(";")[0])
    for setting in ("max_slot_wal_keep_size = '1MB'", "max_wal_size = '32MB'"):
        database.run(f"alter system set {setting}")
    database.one("select pg_reload_conf()")
    for _ in range(8):
        database.run("create table if not exists public.wal (); drop table public.wal")
        database.one("select pg_switch_wal()")
    database.run("checkpoint")
    until(lambda: database.one("select wal_status from pg_replication_slots") == "lost")
    (lost,) = findings(cli, database, "replication").values()
    assert (lost["check"], lost["severity"]) == ("lost", "critical")
    database.run(lost["fix"])
    assert findings(cli, database, "replication") == {}


@long
def test_a_standby_and_its_primary(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(TOML)
    bin = programs(KIND)
    with private(bin, "primary") as server:
        primary = Database(server, "chat")
        Database(server, "postgres").run("create database chat")
        assert cli("migrate", "--url", primary.url).code == 0
        primary.run(
            "create extension if not exists pg_stat_statements; grant create on schema public to public;"
            "insert into public.users (username) select 'user-' || i from generate_series(1, 500) as i; analyze public.users;"
            "create index idx_users_far on public.users (status, username); create index idx_users_never on public.users (updated_at)"
        )
        with private(bin, "standby", of=server) as follower:
            standby = Database(follower, "chat")
            until(lambda: primary.one("select count(*) from pg_stat_replication where state = 'streaming'"))
            caught_up(primary, standby)
            check_the_standby(cli, primary, standby)
            check_lag(cli, primary, standby)
            stop(server)
            until(lambda: standby.one("select count(*) from pg_stat_wal_receiver") == 0)
            # All that it received it has replayed: by that measure it would be well.
            assert standby.one("select pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()")
            found = findings(cli, standby, "replication")
            assert found["replication.receiver:this standby"]["severity"] == "critical"


def check_the_standby(cli: Cli, primary: Database, standby: Database) -> None:
    started = time.monotonic()
    reports = {report["name"]: report for report in answer(cli, standby.url)["reports"]}
    assert time.monotonic() - started < 5
    blind = {name: report["gaps"] for name, report in reports.items() if report["status"] == "not evaluated"}
    assert set(blind) == {"vacuum", "bloat", "wal"}
    assert all(
        gaps == [{"what": "a standby does not have this information", "fix": "run it on the primary: --url ..."}]
        for gaps in blind.values()
    )
    assert reports["replication"]["rows"][0]["state"] == "streaming"
    assert [f for f in reports["replication"]["findings"] if f["severity"] != "info"] == []
    # Its snapshots reach the primary only with feedback.
    (sender,) = rows(cli, primary, "replication").values()
    assert sender["snapshot_age"] is None
    standby.run("alter system set hot_standby_feedback = on")
    standby.run("alter system set wal_receiver_status_interval = 1")
    standby.one("select pg_reload_conf()")
    until(lambda: primary.one("select backend_xmin is not null from pg_stat_replication"))
    with standby.connect() as reader:
        reader.execute("begin isolation level repeatable read; select count(*) from public.users")
        for _ in range(5):
            primary.run("update public.users set display_name = null where username = 'user-1'")
        until(lambda: primary.one("select age(backend_xmin) >= 5 from pg_stat_replication"))
        (sender,) = rows(cli, primary, "replication").values()
        assert sender["snapshot_age"] >= 5
    # The settings of a standby are its own.
    (setting,) = [f for f in reports["settings"]["findings"] if f["id"] == "settings.safety:fsync"]
    assert setting["fix"].startswith("alter system set fsync = on;")
    standby.run(setting["fix"].partition(";")[0])
    standby.run("alter system reset fsync")

    (granted,) = reports["access"]["findings"]
    assert granted["fix"] == "-- on the primary:\nrevoke create on schema public from public;"

    # Nothing is behind, however long ago the last transaction was.
    (sender,) = rows(cli, primary, "replication").values()
    assert sender["behind_bytes"] < 10_000
    assert findings(cli, primary, "replication") == {}

    with standby.connect() as reader:
        reader.execute("set enable_seqscan = off; select count(*) from public.users where status = 'nobody'")
        reader.execute("select pg_stat_force_next_flush()")
    alone = findings(cli, primary, "indexes")
    assert alone["indexes.unused:public.idx_users_far"]["severity"] == "info"
    assert "add it with --replica" in alone["indexes.unused:public.idx_users_far"]["message"]
    both = findings(cli, primary, "indexes", "--replica", standby.url)
    assert "indexes.unused:public.idx_users_far" not in both
    assert both["indexes.unused:public.idx_users_never"]["severity"] == "warn"


def check_lag(cli: Cli, primary: Database, standby: Database) -> None:
    standby.one("select pg_wal_replay_pause()")
    until(lambda: standby.one("select pg_get_wal_replay_pause_state()") == "paused")
    primary.run("create table public.more as select i, repeat('x', 100) as x from generate_series(1, 20000) as i")
    end = "select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) from pg_stat_replication"
    until(lambda: standby.one("select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) > 2000000"))
    (lag,) = findings(cli, primary, "replication").values()
    assert lag["value"] == pytest.approx(float(primary.one(end)), abs=200_000)
    (seen,) = findings(cli, standby, "replication").values()
    assert seen["fix"] == "select pg_wal_replay_resume();"
    standby.run(seen["fix"])
    caught_up(primary, standby)
    assert findings(cli, standby, "replication") == {}


def stop(server: PgServer) -> None:
    with server.connect("postgres") as connection:
        row = connection.execute("select current_setting('data_directory')").fetchone()
    assert row
    pid = int((Path(str(row[0])) / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGINT)
    until(lambda: subprocess.run(["kill", "-0", str(pid)], check=False, capture_output=True).returncode != 0)
