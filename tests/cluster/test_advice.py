"""The advice for six invented databases, whose answers were written beforehand, and at each threshold."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chatschema.cluster import thresholds
from chatschema.cluster.advice import Advice, advise
from chatschema.cluster.facts import Activity, Conversation, Facts, Month, Reads, Standby, StatusWrites

DAY_S = 86_400.0
MILLION = 1_000_000


def months(messages: int, count: int = 6, statuses: int = 5) -> tuple[Month, ...]:
    """Return months of equal size, the last one half over."""
    size = messages * (440 + 220 * statuses)
    whole = [Month(datetime(2026, 12 - count + i, 1, tzinfo=UTC), messages, messages * statuses, size) for i in range(count)]
    return (*whole, Month(datetime(2026, 12, 1, tzinfo=UTC), messages // 2, messages * statuses // 2, size // 2, 0.5))


def activity(rows_per_s: float, hit_pct: float = 99.5, blocks: int = 500 * MILLION, shared_buffers: int = 32 << 30) -> Activity:
    return Activity(30 * DAY_S, round(rows_per_s * 30 * DAY_S), blocks, round(blocks * hit_pct / 100), shared_buffers)


SMALL = Facts(
    months=months(200_000), activity=activity(1.0), reads=Reads(0.8, "time of statements", 0.05),
    status_writes=StatusWrites(0.4, 1.0), largest=Conversation("c", 40_000, 1_300_000), standbys=(),
)  # fmt: skip
READ_HEAVY = replace(
    SMALL, months=months(60 * MILLION), keep_months=12, activity=activity(140), reads=Reads(0.85, "time of statements", 6.0),
    status_writes=StatusWrites(115, 20.0),
)  # fmt: skip
HUGE = replace(
    SMALL, months=months(1000 * MILLION), keep_months=3, activity=activity(2400), reads=Reads(0.6, "time of statements", 40.0),
    status_writes=StatusWrites(2000, 30.0), standbys=(Standby("a", 1000, 2.0),),
)  # fmt: skip
ONE_CONVERSATION = replace(SMALL, months=months(2 * MILLION), largest=Conversation("c", 9 * MILLION, 13 * MILLION))
FOR_EVER = replace(SMALL, months=months(12 * MILLION), activity=activity(28, shared_buffers=64 << 30))
NO_MEMORY = replace(
    SMALL, months=months(8 * MILLION), keep_months=24, activity=activity(20, hit_pct=81.0, shared_buffers=128 << 20)
)


@pytest.mark.parametrize(
    ("facts", "due"),
    [
        pytest.param(SMALL, (), id="small: stay"),
        pytest.param(READ_HEAVY, ("replica",), id="read-heavy: a replica"),
        pytest.param(HUGE, ("citus",), id="1,000 million messages a month: Citus"),
        pytest.param(ONE_CONVERSATION, ("bound",), id="one huge conversation: bounds on the id"),
        pytest.param(FOR_EVER, ("retention",), id="no retention: retention"),
        pytest.param(NO_MEMORY, ("memory",), id="cache too small: memory"),
    ],
)
def test_the_answer_written_beforehand(facts: Facts, due: tuple[str, ...]) -> None:
    assert advise(facts).due == due


def state(advice: Advice, name: str) -> str:
    return next(step.state for step in advice.steps if step.name == name)


def test_a_hundred_million_a_month_are_one_large_server_with_replicas() -> None:
    facts = replace(READ_HEAVY, months=months(100 * MILLION), standbys=(Standby("page1", 2 << 20, 40.0),))
    found = advise(facts)
    assert (found.due, state(found, "replica"), state(found, "citus")) == ((), "done", "not due")
    assert "page1 (2.0 MB behind, 40.0 ms)" in str(found)


def test_statuses_one_by_one_come_before_a_replica() -> None:
    found = advise(replace(READ_HEAVY, status_writes=StatusWrites(140, 1.0)))
    assert found.due == ("batch", "replica")


def test_a_replica_does_not_help_a_server_that_cannot_write_fast_enough() -> None:
    found = advise(replace(HUGE, standbys=()))
    assert found.due == ("citus",)
    assert "replay more writes" in next(step.because for step in found.steps if step.name == "replica")


def test_many_statuses_are_writes_as_well() -> None:
    found = advise(replace(HUGE, months=months(200 * MILLION, statuses=10)))
    assert state(found, "citus") == "due"


@pytest.mark.parametrize(("share", "busy", "is_due"), [(0.49, 9.0, False), (0.5, 1.9, False), (0.5, 2.0, True), (0.5, None, False)])
def test_the_threshold_of_a_replica(share: float, busy: float | None, is_due: bool) -> None:
    found = advise(replace(SMALL, reads=Reads(share, "time of statements", busy)))
    assert (found.due == ("replica",)) is is_due


def test_a_small_buffer_is_no_harm_where_everything_is_found_or_little_was_read() -> None:
    for good in (activity(20, hit_pct=95.0, shared_buffers=1), activity(20, hit_pct=1.0, blocks=thresholds.CACHE_BLOCKS - 1)):
        assert advise(replace(NO_MEMORY, activity=good)).due == ()


def test_the_running_month_counts_in_proportion_once_a_day_of_it_is_over() -> None:
    begun = datetime(2026, 12, 1, tzinfo=UTC)
    (whole,) = months(MILLION, count=1)[:1]
    assert Facts((whole, Month(begun, MILLION, 0, 0, 0.25))).messages_a_month == 4 * MILLION
    assert Facts((whole, Month(begun, MILLION, 0, 0, 0.01))).messages_a_month == MILLION
    assert Facts((whole, Month(begun, None, None, 0, 0.5))).messages_a_month == MILLION
    assert Facts().messages_a_month is None


def test_nothing_known_is_nothing_due() -> None:
    found = advise(Facts())
    assert found.due == ()
    assert {step.state for step in found.steps} == {"unknown"}
