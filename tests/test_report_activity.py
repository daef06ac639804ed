"""What runs and what only waits are told apart, and the numbers of the whole database are rates."""

import threading
from contextlib import closing
from pathlib import Path

import psycopg
from conftest import Cli, Database
from reports import findings, rows, serious


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
