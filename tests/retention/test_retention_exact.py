"""Exactly the rows that are due go: 50 conversations, every kind of row, holds on some; counted by SQL written independently."""

import os
import time
from pathlib import Path

import pytest

from tests.support import kept
from tests.support.cli import Cli
from tests.support.database import Database

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
# So that more than 1,000,000 rows are due.
MESSAGES, SCALE = (2_000_000, 500) if FULL else (3000, 1)


@pytest.fixture
def filled(migrated: Database, tmp_path: Path) -> Database:
    (tmp_path / "chatschema.toml").write_text(kept.TOML)
    kept.fill(migrated, MESSAGES, SCALE)
    return migrated


def by_rule(found: list[dict[str, object]]) -> dict[str, tuple[object, object]]:
    return {str(one["rule"]): (one["due"], one["held"]) for one in found}


def test_exactly_the_rows_that_are_due_go(cli: Cli, filled: Database) -> None:
    chat = filled
    at = str(chat.one("select now()"))
    due = {rule: kept.keys(chat, rule, at) for rule in kept.TRUTHS}
    held = {rule: kept.keys(chat, rule, at, held=True) for rule in kept.TRUTHS}
    expected = {rule: (len(due[rule]), len(held[rule])) for rule in kept.TRUTHS}
    # Every rule has something to do, and something to leave alone.
    assert not [rule for rule in kept.TRUTHS if not due[rule] or not (held[rule] or rule == "erased_names")], expected
    before = kept.every(chat)

    planned = cli("retention", "plan", "--json", "--url", chat.url, timeout=3000)
    assert planned.code == 0, planned.err
    found = by_rule(planned.json()["rules"])
    assert {rule: found[rule] for rule in kept.TRUTHS} == expected

    # Two days ago by default.
    then = str(chat.one("select now() - interval '2 days'"))
    overdue = {rule: len(rows) for rule in kept.TRUTHS if (rows := kept.keys(chat, rule, then))}
    checked = cli("retention", "check", "--json", "--url", chat.url, timeout=3000)
    assert checked.code == 3, checked.err
    said = {one["rule"]: one["due"] for one in checked.json()["overdue"] if one["rule"] != "files"}
    assert said == overdue

    started = time.monotonic()
    pace = ("--pace", "0") if FULL else ("--pace", "0.1")
    done = cli("retention", "run", "--yes", "--json", *pace, "--url", chat.url, timeout=6000)
    seconds = time.monotonic() - started
    assert done.code == 0, done.err + done.out
    removed = {one["rule"]: one["count"] for one in done.json()["removed"]}
    assert removed == {rule: count for rule, (count, _) in expected.items() if count}
    after = kept.every(chat)
    for table in before:
        gone = set().union(*(due[rule] for rule, truth in kept.TRUTHS.items() if truth.table == table))
        assert before[table] - after[table] == gone, table
        assert after[table] <= before[table], table
    total = sum(removed.values())
    print(f"\n{total} rows of {len(kept.TRUTHS)} rules removed in {seconds:.0f} s, {total / seconds:.0f} a second; none other")
    assert not FULL or total >= 1_000_000

    # What is left is what the collector of files has to do.
    again = cli("retention", "check", "--json", "--url", chat.url, timeout=3000)
    assert [one["rule"] for one in again.json()["overdue"]] == ["files"], again.err
    assert again.code == 3
    chat.run("update public.attachments set purged_at = now() where purged_at is null")
    assert cli("retention", "check", "--url", chat.url, timeout=3000).code == 0
    # After the release of the holds, exactly what they had kept.
    chat.run("update chatschema.holds set released_at = now(), released_by = 'x', release_reason = 'x' where released_at is null")
    assert cli("retention", "run", "--yes", *pace, "--url", chat.url, timeout=6000).code == 0
    last = kept.every(chat)
    at_end = str(chat.one("select now() - interval '1 minute'"))
    for rule, truth in kept.TRUTHS.items():
        if rule != "retention_days":
            assert not held[rule] & last[truth.table], rule
    assert not kept.keys(chat, "retention_days", at_end)
