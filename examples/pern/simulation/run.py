"""From the start of the users to the verdict."""

import dataclasses
import json
import subprocess
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from examples.pern.stack import Stack, database

from . import answers, judge
from .faults import Operations, plan
from .truth import Truth
from .users import Users

_DRAIN_S = 300


@dataclasses.dataclass(frozen=True)
class Size:
    """How much happens. `think_ms` is the mean pause between two acts of a user."""

    users: int = 20
    messages: int = 5000
    think_ms: int = 250
    full: bool = True


@dataclasses.dataclass
class Outcome:
    """What a simulation left: what the clients were promised, who was erased, and what happened when (second, name, seconds)."""

    record: dict[str, Any]
    erased: set[str]
    happened: list[tuple[float, str, float]]
    seconds: float

    def times(self) -> tuple[float, float]:
        """Return the median and the 99th percentile of a send in milliseconds, repetitions included."""
        taken = sorted(one["ms"] for one in self.record["times"])
        return taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.99))]


def simulate(stack: Stack, size: Size, folder: Path, say: Any = print) -> Outcome:
    """Let the users talk while it happens, until all is drained. Raises RuntimeError if the users do not come to an end."""
    operations = Operations(stack, folder / "operator")
    options = {
        "apis": stack.state["api"], "users": size.users, "messages": size.messages, "record": str(folder / "record.json"),
        "thinkMs": size.think_ms,
    }  # fmt: skip
    with Users(stack.faults.primary.programs.node, options, folder / "users.log") as users:
        ready = users.wait("ready")
        erased = ready["users"][-1]
        operations.add_old_messages(ready["old"], _old_month())
        happens = plan(stack, operations, erased["username"], full=size.full)
        started, happened = time.monotonic(), []
        users.go_on()
        for number, (name, do) in enumerate(happens, 1):
            users.wait_for_sent(size.messages * number // (len(happens) + 1))
            begun = time.monotonic()
            say(f"{users.sent:6} messages: {name}")
            do()
            happened.append((begun - started, name, time.monotonic() - begun))
        users.go_on()
        took = users.wait("quiet")["seconds"]
        drain(stack)
        users.go_on()
        users.wait("over")
    record = json.loads((folder / "record.json").read_text())
    return Outcome(record, {erased["id"]}, happened, took)


def verdict(stack: Stack, outcome: Outcome) -> list[judge.Finding]:
    """Ask the API and the database, and judge."""
    drain(stack)
    truth = Truth.read(stack.faults.primary)
    clients = outcome.record["clients"]
    outside = {
        client["userId"]: [
            id
            for id, rows in truth.participants.items()
            if any(row["has_left"] and row["user_id"] == client["userId"] for row in rows)
        ]
        for client in clients
    }
    answered, wrong = answers.ask(stack.state["api"], clients, outside)
    found = judge.judge(outcome.record, truth, answered, outcome.erased)
    return [*found, *(judge.Finding("misplaced", text) for text in wrong)]


def drain(stack: Stack) -> None:
    """Wait until events and queue are empty and the standby has all. Raises RuntimeError if that takes five minutes."""
    deadline = time.monotonic() + _DRAIN_S
    lsn = stack.faults.primary.sql("select pg_current_wal_insert_lsn()", database.DATABASE)
    while not _is_drained(stack, lsn):
        if time.monotonic() > deadline:
            raise RuntimeError("events, queue or standby are not drained after five minutes")
        time.sleep(0.2)
    # What was published last is under way to the browsers.
    time.sleep(2)


def _is_drained(stack: Stack, lsn: str) -> bool:
    cursor = redis(stack, "hget", "chat:cache:state", "cursor")
    if (
        not cursor
        or redis(stack, "llen", "bull:message processing:wait") != "0"
        or redis(stack, "llen", "bull:message processing:active") != "0"
    ):
        return False
    waiting = stack.faults.primary.sql(f"select count(*) from chatschema.events_after('{cursor}', 1)", database.DATABASE)
    behind = stack.faults.standby.sql(f"select pg_last_wal_replay_lsn() < '{lsn}'", database.DATABASE)
    return waiting == "0" and behind == "f"


def redis(stack: Stack, *command: str) -> str:
    """Run a command of Redis and return its answer."""
    port = str(stack.state["ports"]["redis"])
    return subprocess.run(["redis-cli", "-p", port, "--raw", *command], capture_output=True, text=True, check=True).stdout.strip()


def summary(outcome: Outcome, findings: list[judge.Finding]) -> str:
    """Return the verdict as text."""
    record, (median, slowest) = outcome.record, outcome.times()
    acknowledged = sum(sent["isAcknowledged"] for sent in record["sent"])
    again = sum(sent["attempts"] > 1 for sent in record["sent"])
    late = sum(one["missingBeforeReconnect"] for client in record["clients"] for one in client["conversations"])
    counts = Counter(finding.kind for finding in findings)
    changes = sum(len(sent["versions"]) - 1 for sent in record["sent"])
    lines = [
        f"{len(record['clients'])} users: {acknowledged} messages acknowledged in {outcome.seconds:.0f} s, {again} sent again;",
        f"{changes} edits, {len(record['marks'])} reactions; {len(record['moved'])} left and came back",
        *(f"  {at:6.1f} s  {name} ({took:.1f} s)" for at, name, took in outcome.happened),
        *(f"  {line}" for line in judge.explained(record, outcome.erased)),
        f"{late} messages came only with the next connection",
        f"send: p50 {median:.0f} ms, p99 {slowest:.0f} ms",
        ", ".join(f"{counts[kind]} {kind}" for kind in ("lost", "duplicated", "stale", "misplaced", "refused")),
    ]
    return "\n".join(lines)


def _old_month() -> str:
    """Return the month that ended just over two months ago."""
    now = datetime.now(UTC)
    months = now.year * 12 + now.month - 1 - 3
    return f"{months // 12}-{months % 12 + 1:02}"
