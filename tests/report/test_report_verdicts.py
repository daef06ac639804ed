"""What reports say of a busy or odd server: who is at the root, and what is no fault."""

import re
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import long
from tests.support.reports import answer, findings, rows


def test_forty_that_want_one_row_are_one_tree(cli: Cli, seeded: Database) -> None:
    update = b"update public.wanted set times = times + 1"
    seeded.run("create table public.wanted (times integer); insert into public.wanted values (0)")
    with ExitStack() as stack:
        sessions = [stack.enter_context(closing(psycopg.connect(seeded.url, autocommit=True))) for _ in range(40)]
        first, *others = sessions
        pids = [str(session.info.backend_pid) for session in sessions]
        first.execute(b"begin; " + update)
        for session in others:
            session.pgconn.send_query(update)
        waiting = "select count(*) from pg_locks as l join pg_stat_activity as a using (pid) where not granted and datname = %s"
        deadline = time.monotonic() + 10
        while seeded.one(waiting, seeded.name) < 39:
            assert time.monotonic() < deadline, "they do not wait"
            time.sleep(0.02)
        started = time.monotonic()
        (report,) = answer(cli, seeded.url, "locks")["reports"]
        assert time.monotonic() - started < 2
        seeded.all("select pg_terminate_backend(pid) from unnest(%s::integer[]) as pid", pids[1:])
    assert sorted(row["session"].strip(" -") for row in report["rows"]) == sorted(pids)
    (finding,) = report["findings"]
    assert finding["object"].startswith(f"{pids[0]} (")
    assert "sessions blocked: 39, " in finding["message"]


def test_numbers_at_the_end_of_their_range_do_not_overflow(cli: Cli, migrated: Database) -> None:
    migrated.run("create sequence public.whole minvalue -9223372036854775808 start 1; select nextval('public.whole')")
    assert rows(cli, migrated, "sequences")["public.whole"]["used_pct"] == 50
    migrated.run(
        "create table public.eager (id integer) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)"
    )
    migrated.run("alter table public.eager set (autovacuum_enabled = off)")
    migrated.run("insert into public.eager select generate_series(1, 12000); delete from public.eager")
    migrated.one("select pg_stat_force_next_flush()")
    assert "vacuum.overdue:public.eager" in findings(cli, migrated, "vacuum")


def test_bounds_that_are_no_time_are_not_read_as_one(cli: Cli, migrated: Database) -> None:
    migrated.run("""
        create table public.quarters (quarter text) partition by range (quarter);
        create table public.quarters_1 partition of public.quarters for values from ('2024-Q1') to ('2024-Q2');
        create table public.random (id uuid) partition by range (id);
        create table public.random_1 partition of public.random
            for values from ('00000000-0000-4000-8000-000000000000') to ('80000000-0000-4000-8000-000000000000');
        create table public.random_2 partition of public.random
            for values from ('80000000-0000-4000-8000-000000000000') to ('ffffffff-ffff-ffff-ffff-fffffffffffe');
        create table public.far (day date) partition by range (day);
        create table public.far_1 partition of public.far for values from ('2024-01-01') to ('5874897-01-01');
        create table public.endless (at timestamp) partition by range (at);
        create table public.endless_1 partition of public.endless for values from (minvalue) to ('2024-01-01');
        create table public.endless_2 partition of public.endless for values from ('2024-01-01') to (maxvalue);
        create table public.infinite (at timestamptz) partition by range (at);
        create table public.infinite_1 partition of public.infinite for values from ('2024-01-01') to ('infinity');
    """)
    shown = rows(cli, migrated, "partitions")
    for name in ("quarters", "random", "far", "endless", "infinite"):
        assert (shown[f"public.{name}"]["runway_days"], shown[f"public.{name}"]["until_at"]) == (None, None), name
    assert findings(cli, migrated, "partitions") == {}


def test_a_default_partition_takes_what_has_no_other_and_only_our_tables_have_a_command(cli: Cli, migrated: Database) -> None:
    migrated.run("""
        create table public.kept (at timestamptz) partition by range (at);
        create table public.kept_1 partition of public.kept for values from ('2024-01-01') to ('2024-02-01');
        create table public.kept_rest partition of public.kept default;
        create table public.refused (at timestamptz) partition by range (at);
        create table public.refused_1 partition of public.refused for values from ('2024-01-01') to ('2024-02-01');
        insert into public.kept values (now());
    """)
    migrated.one("select pg_stat_force_next_flush()")
    found = findings(cli, migrated, "partitions")
    kept, refused = found["partitions.runway:public.kept"], found["partitions.runway:public.refused"]
    assert (kept["severity"], "default partition" in kept["message"]) == ("warn", True)
    assert (refused["severity"], "default partition" in refused["message"]) == ("critical", False)
    assert "chatschema" not in kept["fix"] + refused["fix"]
    assert "partitions.default:public.kept_rest" in found
    migrated.run("drop table public.kept, public.refused")
    migrated.run(
        "drop table "
        + ", ".join(
            name
            for (name,) in migrated.all(
                "select inhrelid::regclass::text from pg_inherits join pg_class on oid = inhparent and relkind = 'p'"
            )
        )
    )
    ours = findings(cli, migrated, "partitions")
    assert ours["partitions.runway:public.messages"]["fix"] == "chatschema partition ensure"
    assert ours["partitions.runway:public.messages"]["severity"] == "critical"


def test_a_tree_of_partitions_has_the_sum_of_all_its_leaves(cli: Cli, migrated: Database) -> None:
    migrated.run("""
        create table public.deep (kind integer, id integer) partition by list (kind);
        create table public.deep_1 partition of public.deep for values in (1) partition by range (id);
        create table public.deep_1_a partition of public.deep_1 for values from (0) to (1000);
        create table public.deep_1_b partition of public.deep_1 for values from (1000) to (2000);
        insert into public.deep select 1, i from generate_series(0, 1999) as i;
        analyze public.deep_1_a, public.deep_1_b;
    """)
    row = rows(cli, migrated, "partitions")["public.deep"]
    assert (row["rows"], row["runway_days"]) == (2000, None)
    assert row["size_bytes"] == migrated.one("select pg_relation_size('public.deep_1_a') + pg_relation_size('public.deep_1_b')") > 0


@long
def test_idle_is_how_long_it_did_nothing_not_how_old_it_is(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.transactions]\nidle_warn_ms = 2000\nlong_warn_ms = 1000\n")
    with closing(psycopg.connect(migrated.url, application_name="busy")) as session:
        session.execute("select pg_sleep(2.5)")
        (working,) = findings(cli, migrated, "transactions").values()
        time.sleep(2)
        (idle,) = findings(cli, migrated, "transactions").values()
    assert (working["check"], idle["check"]) == ("long", "idle")
    assert working["value"] >= 2500
    assert 2000 <= idle["value"] < 4500
    assert re.match(r"idle in transaction for [2-4] s, open for [4-7] s, since ", idle["message"])
