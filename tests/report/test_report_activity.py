"""What runs and what only waits are told apart, and the numbers of the whole database are rates."""

import threading
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import answer, findings, rows, serious, until


def test_a_wait_is_neither_slow_nor_a_hog(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    """All of them take longer than any query of the server: by name, or because another call was quick."""
    (tmp_path / "chatschema.toml").write_text("[report.queries]\nvery_slow_ms = 60\nhog_min_ms = 100\nhog_pct = 20\n")
    migrated.run("create extension if not exists pg_stat_statements; create table public.waited (id integer)")
    migrated.run("insert into public.waited values (1)")
    with closing(psycopg.connect(migrated.url)) as holder, migrated.connect() as waiter:
        for statement, count in (
            ("select pg_advisory_xact_lock(7)", 1),
            ("lock table public.waited", 1),
            ("update public.waited set id = id", 6),
        ):
            holder.execute("select pg_advisory_xact_lock(7)")
            holder.execute("select id from public.waited for update")
            threading.Timer(0.4, holder.commit).start()
            for _ in range(count):
                with waiter.transaction():
                    waiter.execute(statement.encode())
        for _ in range(6):
            waiter.execute("select pg_sleep(0.07)")
    found = findings(cli, migrated, "queries")
    assert not [id for id in serious(found) if "slow" in id or "hog" in id]
    waits = [f for f in found.values() if f["check"] == "waits"]
    assert {f["object"].split(": ")[1][:24] for f in waits} >= {
        "select pg_advisory_xact_", "update public.waited set", "select pg_sleep($1)"
    }  # fmt: skip
    assert all("it waits for locks, or computes" in f["message"] for f in waits)


def test_temporary_bytes_are_those_written(cli: Cli, migrated: Database) -> None:
    migrated.run("create extension if not exists pg_stat_statements")
    with migrated.connect() as session:
        session.execute("set work_mem = '64kB'")
        session.execute("select a from generate_series(1, 30000) as a order by a desc offset 29999")
    (row,) = [r for r in rows(cli, migrated, "queries", "--limit", "0", key="query").values() if "generate_series" in r["query"]]
    written, read = migrated.all(
        "select s.temp_blks_written, s.temp_blks_read from pg_stat_statements as s"
        " join pg_database as d on d.oid = s.dbid and d.datname = current_database() where s.query like 'select a from gen%'"
    )[0]
    assert read > 0
    assert row["temp_bytes"] == written * 8192


def test_deadlocks_rollbacks_and_temporary_files_are_rates(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    """What was done here, since a reset; and in as many days as the clock says, which are few."""
    (tmp_path / "chatschema.toml").write_text(
        "[report.activity]\nmin_days = 0\ndeadlocks_per_day = 1\ntemporary_bytes_per_day = 1\n"
        "min_transactions = 20\nrollback_pct = 50\n"
    )
    migrated.run("create table public.pair (id integer primary key); insert into public.pair values (1), (2)")
    migrated.run("select pg_stat_reset()")
    one, other = (migrated.connect(), migrated.connect())
    for session in (one, other):
        session.execute("set deadlock_timeout = '50ms'; begin")
    one.execute("select from public.pair where id = 1 for update")
    other.execute("select from public.pair where id = 2 for update")
    crossing = threading.Thread(target=_ignoring, args=(one, "select from public.pair where id = 2 for update"))
    crossing.start()
    _ignoring(other, "select from public.pair where id = 1 for update")
    other.close()
    crossing.join()
    for _ in range(60):
        _ignoring(one, "rollback")
        _ignoring(one, "begin; select from public.nowhere")
    one.execute("rollback; set work_mem = '64kB'; set log_temp_files = 0")
    one.execute("select a from generate_series(1, 30000) as a order by a desc offset 29999")
    one.close()
    migrated.one("select pg_stat_force_next_flush()")
    deadlocks, rolled_back, ended, written = migrated.all(
        "select deadlocks, xact_rollback, xact_commit + xact_rollback, temp_bytes from pg_stat_database where datname = current_database()"
    )[0]
    assert (deadlocks, rolled_back >= 60, written > 100_000) == (1, True, True)
    found = findings(cli, migrated, "activity")
    assert found["activity.deadlocks:deadlocks"]["message"].startswith("1 since the last reset, ")
    # The report looks at a window of at least a thousandth of a day.
    assert found["activity.deadlocks:deadlocks"]["value"] == pytest.approx(1 / 0.001, rel=0.3)
    assert found["activity.temporary:temporary files"]["value"] == pytest.approx(written / 0.001, rel=0.3)
    assert found["activity.rollbacks:rollbacks"]["value"] == pytest.approx(100 * rolled_back / ended, rel=0.3)


def test_a_short_window_and_a_plain_role_are_said(cli: Cli, migrated: Database) -> None:
    """Neither is an error, and neither is fine."""
    migrated.run("drop role if exists activity_reader; create role activity_reader login password 'reader99'")
    try:
        url = migrated.server.url(migrated.name, user="activity_reader", password="reader99")
        (wal,) = answer(cli, url, "wal")["reports"]
        assert [f["fix"] for f in wal["findings"] if f["check"] == "unseen"] == ["grant pg_monitor to activity_reader;"]
        assert (wal["rows"][0]["wal_bytes"], wal["rows"][0]["archived"] is not None) == (None, True)
        (activity,) = answer(cli, url, "activity")["reports"]
        assert [gap["fix"] for gap in activity["gaps"]] == ['grant pg_read_all_stats to "activity_reader";']
        migrated.run("grant pg_monitor to activity_reader")
        (wal,) = answer(cli, url, "wal")["reports"]
        assert wal["rows"][0]["wal_bytes"] == pytest.approx(
            migrated.one("select sum(size)::bigint from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$'"), rel=0.5
        )
        assert "unseen" not in [f["check"] for f in wal["findings"]]
    finally:
        migrated.run("drop role activity_reader")


def test_sessions_are_counted_by_what_they_wait_for(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.activity]\nwaiting_sessions = 3\nwaiting_ms = 200\n")
    with ExitStack() as stack:
        holder, *waiters = [stack.enter_context(closing(psycopg.connect(migrated.url, autocommit=True))) for _ in range(4)]
        holder.execute("select pg_advisory_lock(3)")
        threads = [threading.Thread(target=_ignoring, args=(one, "select pg_advisory_lock(3)")) for one in waiters]
        for thread in threads:
            thread.start()
        long = "wait_event_type = 'Lock' and clock_timestamp() - query_start > interval '200 ms'"
        until(migrated, f"select count(*) = 3 from pg_stat_activity where datname = current_database() and {long}")
        report = findings(cli, migrated, "activity")
        shown = rows(cli, migrated, "activity")
        for waiter, thread in zip(waiters, threads, strict=True):
            migrated.one("select pg_terminate_backend(%s)", waiter.info.backend_pid)
            thread.join()
    assert report["activity.waiting:Lock: advisory"]["value"] == 3
    assert report["activity.waiting:Lock: advisory"]["fix"] == "chatschema report locks"
    assert shown["Lock: advisory"]["sessions"] == 3


def _ignoring(session: "psycopg.Connection[tuple[object, ...]]", statement: str) -> None:
    try:
        session.execute(statement.encode())
    except psycopg.Error:
        return
