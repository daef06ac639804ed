"""Which step is due: a pure function of the facts, so that its answers can be written down beforehand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from chatschema import units
from chatschema.cluster import thresholds as limits
from chatschema.cluster.facts import Facts, Unseen, a_second

State = Literal["due", "not due", "done", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """A step: its name, whether it is due, the sentence with the number behind it, the number, its threshold, and what to do."""

    name: str
    state: State
    because: str
    value: float | None
    threshold: float | None
    do: str


@dataclass(frozen=True, slots=True)
class Advice:
    """The steps in the order of their cost. `due` are the names of those that are due, the first one first; empty means stay."""

    due: tuple[str, ...]
    steps: tuple[Step, ...]
    unseen: tuple[Unseen, ...]


def advise(facts: Facts) -> Advice:
    """Return the steps, cheapest first."""
    steps = tuple(step(facts) for step in _STEPS)
    return Advice(tuple(one.name for one in steps if one.state == "due"), steps, facts.unseen)


def _bound(facts: Facts) -> Step:
    do = "give pages, counts and searches a lower bound on the id: and id >= chatschema.uuid7_floor($2)"
    largest = facts.largest
    if largest is None:
        return Step("bound", "unknown", "the size of conversations is not known", None, limits.LARGE_CONVERSATION, do)
    text = (
        f"the largest conversation, {largest.id}, has about {_count(largest.messages)} of {_count(largest.of)} messages;"
        f" due from {_count(limits.LARGE_CONVERSATION)}"
    )
    return _judged("bound", largest.messages, limits.LARGE_CONVERSATION, text, do)


def _batch(facts: Facts) -> Step:
    do = "mark all messages of a page as delivered or read in one statement: insert ... select ... on conflict"
    writes = facts.status_writes
    if writes is None:
        return Step("batch", "unknown", "how statuses are written is not known", None, limits.STATUS_ROWS_PER_S, do)
    text = (
        f"{writes.rows_per_s:,.1f} statuses a second are written, {writes.rows_per_statement:,.1f} a statement; due from"
        f" {limits.STATUS_ROWS_PER_S:,.0f} a second with fewer than {limits.STATUS_ROWS_PER_STATEMENT:g} a statement"
    )
    is_single = writes.rows_per_statement < limits.STATUS_ROWS_PER_STATEMENT
    state: State = "due" if is_single and writes.rows_per_s >= limits.STATUS_ROWS_PER_S else "not due"
    return Step("batch", state, text, writes.rows_per_s, limits.STATUS_ROWS_PER_S, do)


def _retention(facts: Facts) -> Step:
    do = "say how long messages are kept, with keep under [partition] in chatschema.toml, and run chatschema maintain"
    monthly = facts.bytes_a_month
    if monthly is None:
        return Step("retention", "unknown", "no month has data yet", None, limits.RETENTION_BYTES_A_MONTH, do)
    grown = f"{units.size(facts.bytes)} in {len(facts.months)} months, {units.size(monthly)} a month"
    if facts.keep_months is not None:
        text = (
            f"{grown}; messages are kept for {facts.keep_months:g} months, {units.size(facts.keep_months * monthly)} at this rate"
        )
        return Step("retention", "done", text, monthly, limits.RETENTION_BYTES_A_MONTH, do)
    text = (
        f"{grown}, and kept for ever; due from {units.size(limits.RETENTION_BYTES_A_MONTH)} a month or"
        f" {units.size(limits.RETENTION_BYTES)}"
    )
    is_due = monthly >= limits.RETENTION_BYTES_A_MONTH or facts.bytes >= limits.RETENTION_BYTES
    return Step("retention", "due" if is_due else "not due", text, monthly, limits.RETENTION_BYTES_A_MONTH, do)


def _memory(facts: Facts) -> Step:
    do = "give the server memory for the two newest months, and set shared_buffers to a quarter of it"
    activity = facts.activity
    if activity is None:
        return Step("memory", "unknown", "how much is read is not known", None, limits.CACHE_HIT_PCT, do)
    if activity.hit_pct is None or activity.blocks < limits.CACHE_BLOCKS:
        text = f"{_count(activity.blocks)} block reads so far; {_count(limits.CACHE_BLOCKS)} are needed for a verdict"
        return Step("memory", "unknown", text, None, limits.CACHE_HIT_PCT, do)
    text = (
        f"{activity.hit_pct:.1f} % of {_count(activity.blocks)} block reads were found in shared buffers; due below"
        f" {limits.CACHE_HIT_PCT:g} %, where the two newest months ({units.size(facts.newest_bytes)}) are larger than"
        f" shared_buffers ({units.size(activity.shared_buffers)})"
    )
    is_due = activity.hit_pct < limits.CACHE_HIT_PCT and facts.newest_bytes > activity.shared_buffers
    return Step("memory", "due" if is_due else "not due", text, activity.hit_pct, limits.CACHE_HIT_PCT, do)


def _replica(facts: Facts) -> Step:
    do = "add a standby, and read pages there after chatschema.wait_for(): docs/how-to/replicas.md"
    if facts.standbys:
        names = ", ".join(f"{one.name} ({_lag(one.behind_bytes, one.behind_ms)})" for one in facts.standbys)
        return Step("replica", "done", f"standbys follow: {names}", float(len(facts.standbys)), None, do)
    rate, reads = facts.messages_a_month, facts.reads
    if reads is None or (rate is None and reads.busy is None):
        return Step("replica", "unknown", "the share of reads is not known", None, limits.REPLICA_READS, do)
    busy = "" if reads.busy is None else f" {reads.busy:.1f} statements run at once;"
    text = (
        f"a replica could do {100 * reads.share:.0f} % of the work ({reads.counted});{busy} {_a_month(rate)};"
        f" due from {100 * limits.REPLICA_READS:.0f} % with {_count(limits.REPLICA_MESSAGES)} messages a month or"
        f" {limits.REPLICA_BUSY:g} statements at once"
    )
    if is_beyond_one_server(facts):
        text += "; every replica would have to replay more writes than one server takes"
        return Step("replica", "not due", text, reads.share, limits.REPLICA_READS, do)
    is_loaded = (rate or 0) >= limits.REPLICA_MESSAGES or (reads.busy or 0) >= limits.REPLICA_BUSY
    is_due = is_loaded and reads.share >= limits.REPLICA_READS
    return Step("replica", "due" if is_due else "not due", text, reads.share, limits.REPLICA_READS, do)


def _citus(facts: Facts) -> Step:
    do = "chatschema cluster check, then docs/how-to/scale-out.md"
    rate = facts.messages_a_month
    if facts.is_distributed:
        return Step("citus", "done", "the tables are distributed", rate, limits.CITUS_MESSAGES, do)
    if rate is None:
        return Step("citus", "unknown", "no month has data yet", None, limits.CITUS_MESSAGES, do)
    text = (
        f"{_a_month(rate)} and {_count(facts.statuses_a_month or 0)} statuses; due from {_count(limits.CITUS_MESSAGES)} messages or"
        f" {_count(limits.CITUS_ROWS)} rows a month"
    )
    if facts.activity:
        text += f"; {facts.activity.rows_per_s:,.1f} rows a second were written over {_observed(facts.activity.observed_s)}"
    return Step("citus", "due" if is_beyond_one_server(facts) else "not due", text, rate, limits.CITUS_MESSAGES, do)


def is_beyond_one_server(facts: Facts) -> bool:
    """Return whether more is written than one server, however large, should take."""
    messages = facts.messages_a_month or 0
    return messages >= limits.CITUS_MESSAGES or messages + (facts.statuses_a_month or 0) >= limits.CITUS_ROWS


_STEPS: tuple[Callable[[Facts], Step], ...] = (_bound, _batch, _retention, _memory, _replica, _citus)


def _judged(name: str, value: float, threshold: float, text: str, do: str) -> Step:
    return Step(name, "due" if value >= threshold else "not due", text, value, threshold, do)


def _a_month(rate: float | None) -> str:
    return "no rate is known" if rate is None else f"{_count(rate)} messages a month ({a_second(rate):,.1f} a second)"


def _observed(seconds: float) -> str:
    return units.duration(seconds * 1000)


def _lag(behind_bytes: int | None, behind_ms: float | None) -> str:
    if behind_bytes is None:
        return "lag not visible"
    return f"{units.size(behind_bytes)} behind" + (f", {units.duration(behind_ms)}" if behind_ms is not None else "")


def _count(number: float) -> str:
    """Return a number for people: with commas, and millions as such."""
    if number >= 10_000_000:
        return f"{number / 1_000_000:,.0f} million"
    return f"{number:,.0f}"
