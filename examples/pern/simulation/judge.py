"""The verdict: compares what the clients were promised and had in the end, what the API answers, and what the database has."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from .answers import Answers
from .truth import Row, Truth

SHOWN = 100
# Refusals that are right, and why: somebody else was faster. Any other is a fault of the application, the schema or the client.
RIGHT: dict[tuple[str, str], str] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One breach. `kind`: lost, duplicated, stale, misplaced or refused."""

    kind: str
    text: str


def judge(record: dict[str, Any], truth: Truth, answers: Sequence[Answers], erased: set[str]) -> list[Finding]:
    """Return all breaches. `erased` are users whose content an erasure removed; their acts are no promises any more."""
    return [
        *_lost_messages(record, truth, erased),
        *_lost_marks(record, truth, erased),
        *_not_received(record, truth),
        *_duplicated(record, truth, answers),
        *_stale(record, truth, answers),
        *_misplaced(record, truth),
        *_refusals(record, erased),
    ]


def _lost_messages(record: dict[str, Any], truth: Truth, erased: set[str]) -> Iterator[Finding]:
    """Yield acknowledged messages, edits and deletions that are not in the database."""
    for sent in record["sent"]:
        row = truth.messages.get(sent["id"])
        if row is None:
            if sent["isAcknowledged"]:
                yield Finding("lost", f"message {sent['id']} was acknowledged and is not in the database")
        elif sent["senderId"] not in erased:
            yield from _lost_change(sent, row)


def _lost_change(sent: Row, row: Row) -> Iterator[Finding]:
    if sent["deletion"] == "acknowledged" and not row["isDeleted"]:
        yield Finding("lost", f"the deletion of {sent['id']} was acknowledged")
    if row["nonce"] not in _possible(sent) and not row["isDeleted"]:
        yield Finding("lost", f"an edit of {sent['id']} was acknowledged")
    if row["isDeleted"] and sent["deletion"] == "none":
        yield Finding("lost", f"message {sent['id']} is deleted, and nobody asked for it")


def _lost_marks(record: dict[str, Any], truth: Truth, erased: set[str]) -> Iterator[Finding]:
    """Yield acknowledged reactions and read marks that are not in the database."""
    for mark in record["marks"]:
        row = truth.messages.get(mark["messageId"])
        if row is None or not mark["isSure"] or {mark["userId"], row["senderId"]} & erased:
            continue
        has = any(mark["reaction"] in one["reactions"] for one in row["reactions"] if one["userId"] == mark["userId"])
        if has != mark["isThere"]:
            yield Finding("lost", f"a reaction of {mark['userId']} to {mark['messageId']} was acknowledged")
    for read in record["reads"]:
        place = truth.places(read["userId"]).get(read["conversationId"])
        if place and (place["last_read_message_id"] or "") < read["messageId"] and read["userId"] not in erased:
            yield Finding("lost", f"{read['userId']} has read {read['messageId']}, which was acknowledged")


def _possible(sent: Row) -> set[str]:
    """Return the nonces that a message may have: that of the last acknowledged version, and of those tried after it."""
    versions = sent["versions"]
    last = max((i for i, one in enumerate(versions) if one["isAcknowledged"]), default=0)
    return {one["nonce"] for one in versions[last:]}


def _not_received(record: dict[str, Any], truth: Truth) -> Iterator[Finding]:
    """Yield messages that did not reach a client whose user may read them, and where it shows other ones than there are."""
    acknowledged = {sent["id"] for sent in record["sent"] if sent["isAcknowledged"]}
    for client in record["clients"]:
        if client["isSignedOut"]:
            continue
        places = truth.places(client["userId"])
        had = {one["id"]: one for one in client["conversations"]}
        for id in places.keys() ^ had.keys():
            yield Finding("stale", f"{client['username']} and the database do not agree about conversation {id}")
        for id in places.keys() & had.keys():
            readable = truth.readable(client["userId"], id)
            received = set(had[id]["received"])
            for row in readable:
                if row["id"] in acknowledged and row["id"] not in received:
                    yield Finding("lost", f"message {row['id']} did not reach {client['username']}")
            shown = [_bare(row) for row in had[id]["shown"][:SHOWN]]
            if shown != [_bare(row) for row in readable[:SHOWN]]:
                yield Finding("stale", f"{client['username']} shows other messages of {id} than the database has")


def _bare(message: Row) -> Row:
    """Return a message without its reactions: no event announces them, so a client shows those of its last fetch."""
    return {name: value for name, value in message.items() if name != "reactions"}


def _duplicated(record: dict[str, Any], truth: Truth, answers: Sequence[Answers]) -> Iterator[Finding]:
    """Yield messages that are two rows, or stand twice on the pages."""
    for nonce, times in Counter(row["nonce"] for row in truth.messages.values() if row["nonce"]).items():
        if times > 1:
            yield Finding("duplicated", f"{times} messages have the nonce {nonce}")
    for client in record["clients"]:
        for id in client["doubled"]:
            yield Finding("duplicated", f"message {id} stood twice on the pages of {client['username']}")
    for one in answers:
        for id, page in one.pages.items():
            if len({row["id"] for row in page}) < len(page):
                yield Finding("duplicated", f"a message stands twice on the pages of {id}")


def _stale(record: dict[str, Any], truth: Truth, answers: Sequence[Answers]) -> Iterator[Finding]:
    """Yield answers of the API that differ from the database."""
    names = {client["userId"]: client["username"] for client in record["clients"]}
    for one in answers:
        who = f"{names[one.user_id]} at {one.api}"
        places = truth.places(one.user_id)
        if one.conversations.keys() != places.keys():
            yield Finding("stale", f"other conversations for {who}: {one.conversations.keys() ^ places.keys()}")
        for id in places.keys() & one.conversations.keys():
            if differs := _differing(one.conversations[id], truth.conversation(one.user_id, id)):
                yield Finding("stale", f"conversation {id} for {who}: {differs}")
            page, expected = one.pages[id], truth.page(one.user_id, id)
            if [_sorted(row) for row in page] != [_sorted(row) for row in expected]:
                yield Finding("stale", f"pages of {id} for {who}: {_first_difference(page, expected)}")


def _differing(answer: Row, expected: Row) -> str:
    found = {**answer, "members": sorted(answer["members"], key=lambda row: str(row["userId"]))}
    found["lastMessage"] = answer["lastMessage"] and _sorted(answer["lastMessage"])
    wanted = {**expected, "lastMessage": expected["lastMessage"] and _sorted(expected["lastMessage"])}
    return "; ".join(f"{name} is {found.get(name)}, not {wanted[name]}" for name in wanted if found.get(name) != wanted[name])


def _first_difference(page: list[Row], expected: list[Row]) -> str:
    for i, (one, other) in enumerate(zip(page, expected, strict=False)):
        if _sorted(one) != _sorted(other):
            return f"place {i}: {_sorted(one)}, not {_sorted(other)}"
    return f"{len(page)} messages, not {len(expected)}"


def _sorted(message: Row) -> Row:
    return {**message, "reactions": sorted(message["reactions"], key=lambda row: str(row["userId"]))}


def _misplaced(record: dict[str, Any], truth: Truth) -> Iterator[Finding]:
    """Yield messages where their sender had no place, and those that came to somebody who had left."""
    for attempt in record["intruding"]:
        if attempt["id"] in truth.messages or attempt["answer"] == "stored":
            yield Finding("misplaced", f"message {attempt['id']} was stored after its sender had left: {attempt['answer']}")
    for row in truth.misplaced:
        yield Finding(
            "misplaced", f"message {row['id']} was stored at {row['recorded_at']}, after its sender left at {row['left_at']}"
        )
    for client in record["clients"]:
        for one in client["strange"]:
            yield Finding("misplaced", f"{client['username']} got {one['messageId']} {one['afterMs']} ms after leaving")


def _refusals(record: dict[str, Any], erased: set[str]) -> Iterator[Finding]:
    """Yield what was refused to users who did nothing wrong."""
    for client in record["clients"]:
        if client["isSignedOut"] and client["userId"] not in erased:
            yield Finding("refused", f"{client['username']} was signed out")
    for call, code, user, times in _refused(record):
        if user not in erased and (call, code) not in RIGHT:
            yield Finding("refused", f"{call}: {code}, {times} times")


def explained(record: dict[str, Any], erased: set[str]) -> list[str]:
    """Return what was refused rightly, and what was refused and then done with what there was by then: a line each."""
    counts: Counter[str] = Counter()
    for call, code, user, times in _refused(record):
        if user in erased:
            counts[f"{call} refused, {code}: the user was being erased"] += times
        elif reason := RIGHT.get((call, code)):
            counts[f"{call} refused, {code}: {reason}"] += times
    for key, times in record["repetitions"].items():
        counts["{} refused, {}: done again with what had changed".format(*key.split("; "))] += times
    return [f"{times} times {text}" for text, times in sorted(counts.items())]


def _refused(record: dict[str, Any]) -> Iterator[tuple[str, str, str, int]]:
    for key, times in record["refusals"].items():
        call, code, user = key.split("; ")
        yield call, code, user, times
