"""Users talk while parts of the application break: nothing is lost, duplicated or stale. And the judge of that notices each of them.

`make example-test` is the full form: 20 users, 5,000 messages, every fault.
"""

# Each change is given all three.
# ruff: noqa: ARG005
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.pern.simulation import judge, run
from examples.pern.simulation.answers import Answers
from examples.pern.simulation.truth import Row, Truth
from examples.pern.stack import Stack, database
from tests.support import pace

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SIZE = run.Size() if FULL else run.Size(users=4, messages=80, think_ms=40, full=False)


@pace.long
def test_nothing_is_lost_twice_or_stale_and_the_judge_would_notice(stack: Stack, tmp_path: Path) -> None:
    outcome = run.simulate(stack, SIZE, tmp_path)
    findings = run.verdict(stack, outcome)
    print(run.summary(outcome, findings))
    assert [(one.kind, one.text[:500]) for one in findings] == []
    assert sum(sent["isAcknowledged"] for sent in outcome.record["sent"]) >= SIZE.messages
    _mutate(stack, outcome)


def _mutate(stack: Stack, outcome: run.Outcome) -> None:
    """Do what the judge has to notice, in the database and in Redis, and take it back."""
    sql = stack.faults.primary.sql

    def kinds() -> set[str]:
        return {one.kind for one in run.verdict(stack, outcome)}

    victim = next(
        s["id"]
        for s in outcome.record["sent"]
        if s["isAcknowledged"] and s["senderId"] not in outcome.erased and s["deletion"] == "none"
    )
    row = sql(f"select to_jsonb(m) from public.messages as m where id = '{victim}'", "chat").replace("'", "''")
    again = "select * from jsonb_populate_record(null::public.messages, '{}')"
    with _poisoned(stack, "messages"):
        assert kinds() == {"stale"}
    with _poisoned(stack, "conversation"):
        assert kinds() == {"stale"}
    _behind_all(stack, f"insert into public.messages {again.format(row.replace(victim, _other(victim)))}")
    assert kinds() >= {"duplicated"}
    _behind_all(stack, f"delete from public.messages where id in ('{_other(victim)}', '{victim}')")
    assert kinds() >= {"lost"}
    _behind_all(stack, f"insert into public.messages {again.format(row)}")
    assert kinds() == set()


def _behind_all(stack: Stack, statement: str) -> None:
    """Run a statement of which no trigger learns, and so no event and no cache."""
    stack.faults.primary.sql(f"set session_replication_role = replica; {statement}", database.DATABASE)


def _other(id: str) -> str:
    return id[:-1] + ("0" if id[-1] != "0" else "1")


@contextmanager
def _poisoned(stack: Stack, kind: str) -> Iterator[None]:
    """Change the cached values of a kind, as a process that stores old ones would. Those of an earlier epoch nobody reads."""
    epoch = run.redis(stack, "hget", "chat:cache:state", "epoch")
    values = {
        (key, field): run.redis(stack, "hget", key, field)
        for key in run.redis(stack, "keys", f"chat:cache:v:{epoch}:{kind}:*").splitlines()
        for field in run.redis(stack, "hkeys", key).splitlines()
    }
    changed = {place: re.sub(r'"(nonce|title)":("[^"]*"|null)', r'"\1":"AAAA"', value) for place, value in values.items()}
    assert changed != values
    for (key, field), value in changed.items():
        run.redis(stack, "hset", key, field, value)
    yield
    for (key, field), value in values.items():
        run.redis(stack, "hset", key, field, value)


MESSAGE: Row = {
    "id": "m1", "conversationId": "c", "senderId": "a", "content": "x", "nonce": "n1", "algorithm": "x", "keyVersion": 1, "type": "text",
    "replyToId": None, "createdAt": "2026-01-02T00:00:00.000Z", "editedAt": None, "isDeleted": False, "reactions": [],
}  # fmt: skip
PLACES = [
    {"conversation_id": "c", "user_id": user, "role": "member", "has_left": False, "last_read_message_id": None, "key_version": 1, "wrapped": None,
     "since": "2026-01-01T00:00:00.000Z", "since_id": "a", "username": user, "display_name": None}
    for user in ("a", "b")
]  # fmt: skip
SENT = {
    "id": "m1",
    "conversationId": "c",
    "senderId": "a",
    "versions": [{"nonce": "n1", "isAcknowledged": True}],
    "deletion": "none",
    "isAcknowledged": True,
}


def _world() -> tuple[Row, Truth, Answers]:
    """A message of `a` to `b`, and everybody has it."""
    truth = Truth(
        {"m1": dict(MESSAGE)},
        {"c": [dict(MESSAGE)]},
        {"c": PLACES},
        {"c": {"id": "c", "type": "group", "title": None, "current_key_version": 1}},
        [],
    )
    clients = [
        {"userId": user, "username": user, "isSignedOut": False, "doubled": [], "strange": [],
         "conversations": [{"id": "c", "received": ["m1"], "shown": [dict(MESSAGE)]}]}
        for user in ("a", "b")
    ]  # fmt: skip
    record = {
        "sent": [dict(SENT)],
        "intruding": [],
        "marks": [],
        "reads": [],
        "refusals": {},
        "repetitions": {},
        "clients": clients,
    }
    answers = Answers("b", "http://api", {"c": truth.conversation("b", "c")}, {"c": truth.page("b", "c")})
    return json.loads(json.dumps(record)), truth, answers


def test_a_world_in_order_has_no_finding() -> None:
    record, truth, answers = _world()
    assert judge.judge(record, truth, [answers], set()) == []


CHANGES: dict[str, tuple[str, Callable[[Row, Truth, Answers], object]]] = {
    "the message did not reach b": ("lost", lambda record, truth, answers: record["clients"][1]["conversations"][0]["received"].clear()),
    "the row is gone": ("lost", lambda record, truth, answers: truth.messages.clear()),
    "an edit is gone": ("lost", lambda record, truth, answers: record["sent"][0]["versions"].append({"nonce": "n2", "isAcknowledged": True})),
    "a deletion is gone": ("lost", lambda record, truth, answers: record["sent"][0].update(deletion="acknowledged")),
    "a reaction is gone": (
        "lost",
        lambda record, truth, answers: record["marks"].append({"userId": "b", "messageId": "m1", "reaction": "!", "isThere": True, "isSure": True}),
    ),
    "a read mark is gone": ("lost", lambda record, truth, answers: record["reads"].append({"userId": "b", "conversationId": "c", "messageId": "m1"})),
    "two rows": ("duplicated", lambda record, truth, answers: truth.messages.update(m2={**MESSAGE, "id": "m2"})),
    "twice on a page": ("duplicated", lambda record, truth, answers: answers.pages["c"].append(dict(MESSAGE))),
    "an old page": ("stale", lambda record, truth, answers: answers.pages["c"].clear()),
    "an old list": ("stale", lambda record, truth, answers: answers.conversations.clear()),
    "an old mark": ("stale", lambda record, truth, answers: answers.conversations["c"]["members"][0].update(lastReadMessageId="m0")),
    "an old count": ("stale", lambda record, truth, answers: answers.conversations["c"].update(unread=0)),
    "a client shows an old text": ("stale", lambda record, truth, answers: record["clients"][1]["conversations"][0]["shown"][0].update(nonce="n0")),
    "an intruder": (
        "misplaced", lambda record, truth, answers: record["intruding"].append({"id": "m1", "conversationId": "c", "senderId": "a", "answer": "no_answer"}),
    ),
    "stored while out": ("misplaced", lambda record, truth, answers: truth.misplaced.append({"id": "m1", "recorded_at": "2", "left_at": "1"})),
    "an answer of 500": ("refused", lambda record, truth, answers: record["refusals"].update({"send_message; internal; a": 1})),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_the_judge_notices(name: str) -> None:
    record, truth, answers = _world()
    kind, change = CHANGES[name]
    change(record, truth, answers)
    assert kind in {finding.kind for finding in judge.judge(record, truth, [answers], set())}


def test_what_is_refused_to_the_erased_is_counted_and_no_finding() -> None:
    record, truth, answers = _world()
    record["refusals"] = {"send_message; acting_user_inactive; a": 2}
    record["repetitions"] = {"PUT /conversations/:id/keys; share_key_members": 1}
    assert judge.judge(record, truth, [answers], {"a"}) == []
    assert judge.explained(record, {"a"}) == [
        "1 times PUT /conversations/:id/keys refused, share_key_members: done again with what had changed",
        "2 times send_message refused, acting_user_inactive: the user was being erased",
    ]
    assert [one.kind for one in judge.judge(record, truth, [answers], set())] == ["refused"]
