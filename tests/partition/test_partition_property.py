"""For any moment, policy and set of partitions: the plans keep their promises, and the server agrees."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatschema import postgres
from chatschema.partition import catalog, create, grid, retire_plan
from chatschema.partition.values import Partition, PartitionState, RetiredMonth
from chatschema.postgres import Connection
from chatschema.values import Month, Policy, Settings, Span
from tests.support import ROOT
from tests.support.database import Database
from tests.support.pace import long

PARENTS = [parent.table for parent in grid.GROUP]
SQL = ROOT / "sql"

moments = st.datetimes(datetime(1971, 6, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # the time zone follows
# Months around the moment, by distance; and stretches off the grid, as (start, days).
near = st.sets(st.tuples(st.sampled_from(PARENTS), st.integers(-5, 9)))
stretches = st.lists(st.tuples(st.sampled_from(PARENTS), st.integers(-150, 250), st.integers(1, 45)), max_size=3)


def shifted(month: datetime, by: int) -> datetime:
    if by < 0:
        return grid.month_before(month, -by)
    for _ in range(by):
        month = grid.next_month(month)
    return month


def overlap(one: Month, other: Month) -> bool:
    return one.parent == other.parent and one.lower < other.upper and other.lower < one.upper


def existing(now: datetime, months: set[tuple[str, int]], odd: list[tuple[str, int, int]]) -> list[Month]:
    """Return partitions that a server could have: no two of a parent overlap."""
    result = [grid.month(parent, shifted(grid.month_of(now), by)) for parent, by in sorted(months)]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for number, (parent, start, days) in enumerate(odd):
        lower = midnight + timedelta(days=start)
        stretch = Month(parent, f"odd_{number}", lower, lower + timedelta(days=days))
        if not any(overlap(stretch, there) for there in result):
            result.append(stretch)
    return result


def window(now: datetime, since: datetime | None, ahead: int) -> list[datetime]:
    month, last = grid.month_of(min(since or now, now)), shifted(grid.month_of(now), ahead)
    result = []
    while month <= last:
        result.append(month)
        month = grid.next_month(month)
    return result


def check(now: datetime, ahead: int, since: datetime | None, before: list[Month], after: list[Month]) -> None:
    """No gap in the window but where something off the grid lies; no overlap; what was there is there."""
    assert set(before) <= set(after)
    for parent in PARENTS:
        own = sorted((month for month in after if month.parent == parent), key=lambda month: month.lower)
        assert all(one.upper <= other.lower for one, other in pairwise(own))
        for lower in window(now, since, ahead):
            month = grid.month(parent, lower)
            is_there = any((m.lower, m.upper) == (month.lower, month.upper) for m in own)
            assert is_there or any(overlap(month, m) and not grid.is_month(m.lower, m.upper) for m in before), month
    made = [month for month in after if month not in before]
    assert all(grid.is_month(month.lower, month.upper) and month == grid.month(month.parent, month.lower) for month in made)
    assert all(month.lower in window(now, since, ahead) for month in made)
    assert grid.plan(now, after, PARENTS, since, ahead) == []


@settings(max_examples=300, deadline=None, database=None)
@given(now=moments, ahead=st.integers(1, 24), back=st.none() | st.integers(0, 900), months=near, odd=stretches)
def test_the_plan_fills_the_window_and_nothing_else(
    now: datetime, ahead: int, back: int | None, months: set[tuple[str, int]], odd: list[tuple[str, int, int]]
) -> None:
    since = None if back is None else max(now - timedelta(days=back), datetime(1970, 1, 1, tzinfo=UTC))
    before = existing(now, months, odd)
    check(now, ahead, since, before, [*before, *grid.plan(now, before, PARENTS, since, ahead)])


@pytest.fixture
def bare(migrated: Database) -> Iterator[Connection]:
    """A connection to a database whose tables have no months at all."""
    leaves = "select string_agg(inhrelid::regclass::text, ', ') from pg_inherits where inhparent = any (array['public.messages', 'public.message_statuses']::regclass[])"
    migrated.run(f"drop table {migrated.one(leaves)}")
    configured = Settings(migrated.url, "test", None, SQL, ROOT / "seeds", Path())
    with closing(postgres.connect(configured)) as connection:
        connection.execute("set timezone = 'Pacific/Apia'")
        yield connection


class Undone(Exception):
    """Ends a transaction without keeping it."""


@long
@settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(now=moments, ahead=st.integers(1, 4), back=st.none() | st.integers(0, 100), months=near, odd=stretches)
def test_applied_the_server_has_what_the_plan_promises(
    bare: Connection, now: datetime, ahead: int, back: int | None, months: set[tuple[str, int]], odd: list[tuple[str, int, int]]
) -> None:
    since = None if back is None else now - timedelta(days=back)
    try:
        with bare.transaction():
            for month in existing(now, months, odd):
                for statement in create.statements(month):
                    postgres.execute(bare, statement)
            before = catalog.months(bare)
            plan = grid.plan(now, before, PARENTS, since, ahead)
            assert list(create.ensure(bare, plan, say=print)) == plan
            check(now, ahead, since, before, catalog.months(bare))
            assert catalog.detached(bare) == []
            raise Undone
    except Undone:
        pass


STATES: tuple[PartitionState, ...] = ("attached", "detach pending", "detached")
GONE: tuple[PartitionState | None, ...] = ("archived", "dropped", None)
RECORDS: tuple[Literal["attached", "detaching", "detached", "dropped"], ...] = ("attached", "detaching", "detached", "dropped")
spans = st.builds(Span, st.integers(0, 40), st.integers(0, 400))


@st.composite
def situations(draw: st.DrawFn) -> tuple[datetime, list[Partition], dict[datetime, RetiredMonth], Policy]:
    now = draw(moments)
    survey, ledger = [], {}
    for by in draw(st.sets(st.integers(-60, 3), max_size=6)):
        lower = shifted(grid.month_of(now), by)
        is_held = draw(st.booleans())
        gone = draw(st.sampled_from(GONE))
        for parent in PARENTS:
            month = grid.month(parent, lower)
            state: PartitionState = draw(st.sampled_from(STATES)) if gone is None else gone
            survey.append(Partition(parent, month.name, month.lower, month.upper, state, 0, 0, 0, is_held))
        if draw(st.booleans()):
            times = [draw(st.none() | st.timedeltas(timedelta(0), timedelta(500))) for _ in range(2)]
            detached, archived = (None if age is None else now - age for age in times)
            keep = draw(st.none() | st.timedeltas(timedelta(-50), timedelta(50)))
            ledger[lower] = RetiredMonth(
                lower, draw(st.sampled_from(RECORDS)), None if keep is None else now + keep, detached, archived, "x" if archived else None, "x" if archived else None,
                now, None, 1, 1, draw(st.integers(0, 1)), draw(st.none() | st.just(1)),
            )  # fmt: skip
    odd = Partition("messages", "mine", now - timedelta(days=3000), now - timedelta(days=2000), "attached", 0, 0, 0, is_held=False)
    policy = Policy(
        keep=draw(st.none() | spans),
        grace=draw(spans),
        archive=draw(st.booleans()),
        holds=draw(st.sampled_from(["block", "carve"])),
    )
    return now, [*survey, odd], ledger, policy


@settings(max_examples=500, deadline=None, database=None)
@given(situations())
def test_a_retirement_never_names_what_must_stay(
    situation: tuple[datetime, list[Partition], dict[datetime, RetiredMonth], Policy],
) -> None:
    now, survey, ledger, policy = situation
    steps = retire_plan.plan(now, survey, ledger, policy)
    assert [step.month for step in steps] == sorted({step.month for step in steps}), "one step a month, oldest first"
    for step in steps:
        tables = [p for p in survey if p.lower == step.month and p.name != "mine"]
        record = ledger.get(step.month)
        assert tables, "a partition off the grid was named"
        is_half_out = record is not None and record.state == "detaching" and step.action == "detach"
        if step.action in ("detach", "archive", "drop") and not is_half_out:
            assert policy.holds == "carve" or not any(p.is_held for p in tables)
            assert not (record and record.keep_until and record.keep_until > now)
            assert policy.keep is not None
            assert tables[0].upper <= retire_plan.before(now, policy.keep)
            assert not (record and record.state == "dropped")
        if step.action in ("archive", "drop"):
            assert all(p.state not in ("attached", "detach pending") for p in tables)
            assert record is not None
            assert record.detached_at is not None
            assert record.detached_at <= retire_plan.before(now, policy.grace)
        if step.action == "drop" and policy.archive:
            assert record is not None
            assert record.archived_at is not None
            assert record.detached_at is not None
            assert record.archived_at >= record.detached_at
    # Without a policy nothing is archived or dropped; a month that is half out goes all the way out.
    for step in retire_plan.plan(now, survey, ledger, replace(policy, keep=None)):
        assert step.action not in ("archive", "drop", "wait")
        assert step.action != "detach" or ledger[step.month].state == "detaching"


@given(now=moments, span=spans)
def test_a_span_before_a_moment_is_before_it_by_the_calendar(now: datetime, span: Span) -> None:
    then = retire_plan.before(now, span)
    assert then <= now
    assert abs((now - then).days - span.months * 30.44 - span.days) <= 4
