"""Months: the plan is pure, the tables go in lockstep, and neither time zone nor a second run matters."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from chatschema.partition.grid import MONTHS_AHEAD, month_of, next_month, plan, runway
from chatschema.values import Month
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.pace import long

BOTH = ("messages", "message_statuses")


def utc(year: int, month: int, day: int = 1, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        (utc(2024, 12, 17), "messages_y2024m12", "messages_y2025m06"),
        (utc(2024, 12, 31, 23, 59), "messages_y2024m12", "messages_y2025m06"),
        (utc(2025, 1, 1), "messages_y2025m01", "messages_y2025m07"),
        (utc(2024, 2, 29), "messages_y2024m02", "messages_y2024m08"),
        # Already January in Tokyo, still December in UTC, and the other way round in Honolulu.
        (datetime(2025, 1, 1, 8, tzinfo=timezone(timedelta(hours=9))), "messages_y2024m12", "messages_y2025m06"),
        (datetime(2024, 12, 31, 23, tzinfo=timezone(timedelta(hours=-10))), "messages_y2025m01", "messages_y2025m07"),
    ],
)
def test_the_plan_covers_this_month_to_six_ahead(now: datetime, first: str, last: str) -> None:
    names = [month.name for month in plan(now, [], BOTH) if month.parent == "messages"]
    assert (names[0], names[-1], len(names)) == (first, last, MONTHS_AHEAD + 1)


def test_months_meet_without_gap_or_overlap_for_forty_years() -> None:
    month = utc(1999, 11)
    for _ in range(480):
        assert next_month(month).day == 1
        assert 28 <= (next_month(month) - month).days <= 31
        assert month_of(next_month(month) - timedelta(microseconds=1)) == month
        month = next_month(month)


def test_what_is_there_is_not_planned_and_a_second_plan_is_empty() -> None:
    now = utc(2025, 3, 30)
    first = plan(now, [], BOTH)
    assert plan(now, first, BOTH) == []
    without = [month for month in first if month.name != "message_statuses_y2025m06"]
    assert [month.name for month in plan(now, without, BOTH)] == ["message_statuses_y2025m06"]
    # Somebody's own grid: half a month is there, so nothing is put over it.
    odd = Month("messages", "mine", utc(2025, 4, 10), utc(2025, 4, 20))
    assert "messages_y2025m04" not in [month.name for month in plan(now, [odd], BOTH)]


def test_a_past_start_and_a_future_one() -> None:
    now = utc(2025, 3, 30)
    assert plan(now, [], ["messages"], utc(2023, 1))[0].name == "messages_y2023m01"
    assert plan(now, [], ["messages"], utc(2030, 1))[0].name == "messages_y2025m03"


def test_runway_ends_at_the_first_gap() -> None:
    now = utc(2025, 1, 15)
    months = [month for month in plan(now, [], BOTH) if month.lower != utc(2025, 4)]
    assert [(r.parent, r.until, r.days) for r in runway(months, BOTH, now)] == [(p, utc(2025, 4), 76.0) for p in BOTH]
    assert runway([], ["messages"], now)[0].days == 0


def attached(database: Database) -> list[tuple[object, ...]]:
    return database.all("""
        select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits join pg_class as c on c.oid = inhrelid
        where inhparent in ('public.messages'::regclass, 'public.message_statuses'::regclass) order by 1""")


def test_bounds_do_not_depend_on_any_time_zone(cli: Cli, migrated: Database) -> None:
    """The test servers run in New York; chatschema's own session is UTC."""
    for name, bound in attached(migrated):
        year, month = str(name)[-7:-3], str(name)[-2:]
        floor = migrated.one(f"select chatschema.uuid7_floor('{year}-{month}-01 00:00:00+00')::text")
        assert f"FROM ('{floor}')" in str(bound)
    listed = cli("partition", "list", "--json", "--url", migrated.url).json()
    assert [month["lower"][7:] for month in listed["partitions"]] == ["-01T00:00:00Z"] * 14


def test_a_partition_has_all_of_its_parent(migrated: Database) -> None:
    for table in BOTH:
        leaf = migrated.one(
            "select min(inhrelid::regclass::text) from pg_inherits where inhparent = %s::regclass", f"public.{table}"
        )
        for query in (
            "select count(*) from pg_index where indrelid = %s::regclass and indisvalid",
            # The functions of its triggers: a row trigger is its parent's, a statement trigger its own. The trail and the
            # events record statements on the parent: only the owner gets to a month itself.
            "select count(distinct tgfoid) from pg_trigger where tgrelid = %s::regclass and not tgisinternal"
            " and tgfoid <> 'chatschema.require_owner'::regproc and tgfoid::regproc::text !~ '^chatschema.(audit_|record_\\w+_messages$)'",
            "select count(distinct (contype, conkey::text)) from pg_constraint where conrelid = %s::regclass and contype in ('f', 'p', 'u')",
        ):
            assert migrated.one(query, leaf) == migrated.one(query, f"public.{table}") > 0, (leaf, query)
        assert (
            migrated.one(
                "select count(*) from pg_constraint where conrelid = %s::regclass and conname ~ '_bounds_check$' and convalidated",
                leaf,
            )
            == 1
        )


def test_ensure_takes_no_lock_when_nothing_is_missing(cli: Cli, migrated: Database) -> None:
    before = attached(migrated)
    with migrated.connect() as reader:
        reader.execute("begin; lock table public.messages, public.message_statuses in access exclusive mode")
        result = cli("partition", "ensure", "--url", migrated.url)
    assert (result.code, result.out) == (0, "nothing to do: no month is missing\n")
    assert attached(migrated) == before


def test_ensure_does_not_stop_readers_and_writers(cli: Cli, seeded: Database) -> None:
    """A transaction that has read and written both tables stays open, and months are still attached."""
    with seeded.connect() as client:
        client.execute("begin; select count(*) from public.messages; select count(*) from public.message_statuses")
        result = cli("partition", "ensure", "--from", "2025-01", "--url", seeded.url)
        assert result.code == 0, result.err
        client.execute("select count(*) from public.messages; commit")
    assert seeded.one("select to_regclass('chat_partitions.messages_y2025m01') is not null")


@long
def test_a_lock_in_the_way_ends_busy_and_leaves_no_half_month(cli: Cli, migrated: Database) -> None:
    before = attached(migrated)
    with migrated.connect() as blocker:
        blocker.execute("begin; lock table public.message_statuses in access exclusive mode")
        result = cli("partition", "ensure", "--from", "2025-01", "--url", migrated.url)
    assert result.code == 5
    assert attached(migrated) == before
    assert migrated.one("select to_regclass('chat_partitions.messages_y2025m01') is null")


def test_two_at_once_make_each_month_once(migrated: Database, tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "chatschema", "partition", "ensure", "--from", "2023-01", "--json", "--url", migrated.url],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    results = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], results
    assert len(attached(migrated)) == len({name for name, _ in attached(migrated)})
    assert migrated.one("select to_regclass('chat_partitions.messages_y2023m01') is not null")


def test_a_foreign_keys_rows_in_the_catalog_grow_with_the_months_and_not_with_their_square(cli: Cli, migrated: Database) -> None:
    count = "select count(*) from pg_constraint where contype = 'f'"
    before, months_before = migrated.one(count), len(attached(migrated))
    assert cli("partition", "ensure", "--from", "2022-01", "--url", migrated.url).code == 0
    added = migrated.one(count) - before
    assert added <= 8 * (len(attached(migrated)) - months_before) / 2


def test_ensure_without_the_tables_is_no_success(cli: Cli, empty: Database) -> None:
    result = cli("partition", "ensure", "--url", empty.url)
    assert result.code == 1
    assert "chatschema migrate" in result.err


def test_status_check_fails_when_the_months_run_out(cli: Cli, migrated: Database) -> None:
    assert cli("status", "--check", "--url", migrated.url).code == 0
    for (name,) in migrated.all(
        "select relname from pg_class where relname ~ '^message_statuses_y....m..$' order by 1 desc limit 6"
    ):
        migrated.run(f"drop table chat_partitions.{name}")
    result = cli("status", "--check", "--url", migrated.url)
    assert result.code == 3
    assert "message_statuses has partitions for" in result.out


@pytest.mark.parametrize("month", ["2024", "2024-13", "december", "1890-01", "2026-1", "2999-01"])
def test_from_wants_a_month(cli: Cli, migrated: Database, month: str) -> None:
    assert cli("partition", "ensure", "--from", month, "--url", migrated.url).code == 2
