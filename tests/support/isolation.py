"""A session that refers to messages meets one that deletes them, in every order and isolation; and what is left of both."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.database import Database
from tests.support.rows import add_conversation

KINDS = ("status", "reply", "attachment")
ISOLATIONS = {"RC": b"read committed", "RR": b"repeatable read", "SR": b"serializable"}
# By row, by set: one message, or three in one statement, each with what refers to it.
DELETES = ("row", "set")
TRUNCATES = ("truncate", "truncate both")
ORDERS = {
    "a": "both take their snapshot, insert, commit, delete",
    "b": "insert, delete waits, commit of the insert",
    "c": "delete, insert waits, commit of the delete",
    "d": "the inserter takes its snapshot, delete, commit, insert",
}
OK = "ok"
ALLOWED = {OK, "40001", "23503", "40P01", "0A000"}

_INSERTS = {
    "status": b"insert into public.message_statuses (message_id, user_id, conversation_id) select m, %(user)s, %(conversation)s"
    b" from unnest(%(messages)s::uuid[]) as m",
    "reply": b"insert into public.messages (conversation_id, sender_id, content_encrypted, reply_to_id)"
    b" select %(conversation)s, %(user)s, 'reply', m from unnest(%(messages)s::uuid[]) as m",
    "attachment": b"insert into public.attachments (message_id, conversation_id, uploader_id, storage_key, size_bytes, sha256,"
    b" encryption_algorithm) select m, %(conversation)s, %(user)s, m::text, 1, sha256('x'), 'a' from unnest(%(messages)s::uuid[]) as m",
}
_DELETES = {
    "row": b"delete from public.messages where id = any (%(messages)s)",
    "set": b"delete from public.messages where id = any (%(messages)s)",
    "truncate": b"truncate public.messages",
    "truncate both": b"truncate public.messages, public.message_statuses",
}
ORPHANS = """
    select (select count(*) from public.message_statuses as s
            where not exists (select from public.messages as m where m.id = s.message_id and m.conversation_id = s.conversation_id)),
        (select count(*) from public.messages as r
            where r.reply_to_id is not null and not exists (select from public.messages as m where m.id = r.reply_to_id)),
        (select count(*) from public.attachments as a
            where a.message_id is not null and not exists (select from public.messages as m where m.id = a.message_id))
"""
# How many of the messages are left, rows that refer to one, and rows that were inserted, whatever they refer to now.
_LEFT = {
    "status": "select (select count(*) from public.messages), count(*), count(*) from public.message_statuses",
    "reply": "select (select count(*) from public.messages where content_encrypted <> 'reply'), count(reply_to_id), count(*)"
    " from public.messages where content_encrypted = 'reply'",
    "attachment": "select (select count(*) from public.messages), count(message_id), count(*) from public.attachments",
}


@dataclass(frozen=True)
class Case:
    """One combination: how many months the messages lie in, who meets how, and how the messages go."""

    months: int
    kind: str
    order: str
    way: str
    inserter: str
    deleter: str


@dataclass(frozen=True)
class Outcome:
    """How each session ended, ok or by which SQLSTATE; whether one waited; rows without their message; what was lost silently."""

    case: Case
    inserted: str
    deleted: str
    has_waited: bool
    orphans: int
    loss: str


def cases(months: Iterable[int], ways: Iterable[str]) -> list[Case]:
    return [Case(*case) for case in itertools.product(months, KINDS, ORDERS, ways, ISOLATIONS, ISOLATIONS)]


class Matrix:
    """Runs cases in one database, one after the other, each from empty tables."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.user, self.conversation = add_conversation(database)

    def run(self, chosen: Iterable[Case]) -> Iterator[Outcome]:
        with (
            self.database.connect() as self.inserter,
            self.database.connect() as self.deleter,
            self.database.connect() as self.observer,
            ThreadPoolExecutor(1) as self.pool,
        ):
            for connection in (self.inserter, self.deleter):
                connection.execute("set statement_timeout = '20s'")
            for case in chosen:
                yield self._outcome(case)

    def _outcome(self, case: Case) -> Outcome:
        count = 1 if case.way == "row" else 3
        # Over all the months there are, the first of them the oldest; or all of this month.
        messages = [
            self.observer.execute(
                b"insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
                b" values (chatschema.uuid7(now() - make_interval(months => %s)), %s, %s, 'x') returning id",
                ((case.months - 1) * (count - number) // count, self.conversation, self.user),
            ).fetchone()[0]  # type: ignore[index]
            for number in range(count)
        ]
        values = {"user": self.user, "conversation": self.conversation, "messages": messages}

        def insert() -> str:
            return _attempt(self.inserter, _INSERTS[case.kind], values)

        def delete() -> str:
            return _attempt(self.deleter, _DELETES[case.way], values)

        self.has_waited = False
        inserted, deleted = self._meet(case, insert, delete)
        found = sum(_row(self.observer, ORPHANS))
        loss = _loss(case, inserted, deleted, count, _row(self.observer, _LEFT[case.kind]))
        self.observer.execute(b"delete from public.attachments; delete from public.message_statuses; delete from public.messages")
        return Outcome(case, inserted, deleted, self.has_waited, found, loss)

    def _meet(self, case: Case, insert: Callable[[], str], delete: Callable[[], str]) -> tuple[str, str]:
        # A truncate waits for whoever has read the table, and a snapshot is one of everything.
        look = b"select 1 from public.users limit 1" if case.way in TRUNCATES else b"select 1 from public.messages limit 1"
        self.inserter.execute(b"begin isolation level " + ISOLATIONS[case.inserter])
        self.deleter.execute(b"begin isolation level " + ISOLATIONS[case.deleter])
        if case.order in ("a", "d"):
            self.inserter.execute(look)
        if case.order == "a":
            self.deleter.execute(look)
            inserted = _end(self.inserter, insert())
            deleted = _end(self.deleter, delete())
        elif case.order == "b":
            inserted = insert()
            waiting = self._wait(self.deleter, self.pool.submit(delete))
            inserted = _end(self.inserter, inserted)
            deleted = _end(self.deleter, waiting.result())
        elif case.order == "c":
            deleted = delete()
            if deleted != OK:
                self.deleter.execute(b"rollback")
            waiting = self._wait(self.inserter, self.pool.submit(insert))
            deleted = _end(self.deleter, deleted)
            inserted = _end(self.inserter, waiting.result())
        else:
            deleted = _end(self.deleter, delete())
            inserted = _end(self.inserter, insert())
        return inserted, deleted

    def _wait(self, session: "psycopg.Connection[tuple[Any, ...]]", statement: "Future[str]") -> "Future[str]":
        """Return when the statement waits for the other session, or has ended without."""
        deadline = time.monotonic() + 15
        while not statement.done():
            blocked = self.observer.execute(b"select cardinality(pg_blocking_pids(%s)) > 0", (session.info.backend_pid,)).fetchone()
            if blocked and blocked[0]:
                self.has_waited = True
                break
            assert time.monotonic() < deadline, "neither waits nor ends"
            time.sleep(0.002)
        return statement


def _row(connection: "psycopg.Connection[tuple[Any, ...]]", query: str) -> tuple[int, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row
    return row


def _attempt(connection: "psycopg.Connection[tuple[Any, ...]]", statement: bytes, values: dict[str, object]) -> str:
    try:
        connection.execute(statement, values)
    except psycopg.Error as error:
        return error.sqlstate or "?"
    return OK


def _end(connection: "psycopg.Connection[tuple[Any, ...]]", outcome: str) -> str:
    """Commit what went well, roll back what did not; a commit may fail too."""
    end = _attempt(connection, b"commit" if outcome == OK else b"rollback", {})
    return end if outcome == OK else outcome


def _loss(case: Case, inserted: str, deleted: str, count: int, left: tuple[int, ...]) -> str:
    """Say what is otherwise than the two outcomes promise; empty when nothing is."""
    messages, referring, rows = left
    if messages != (0 if deleted == OK else count):
        return f"{messages} messages are left"
    if inserted != OK:
        return f"{rows} rows of a refused insert" if rows else ""
    if deleted != OK:
        return "" if referring == count else f"{referring} of {count} rows refer to their message"
    # Deleted: a status goes with its message; a reply and the pointer to a file outlive it, but not the truncate of their table.
    outlive = case.kind == "attachment" or (case.kind == "reply" and case.way not in TRUNCATES)
    # The insert that came after a truncate, or a delete, was refused; so every row was there before.
    return "" if (referring, rows) == (0, count if outlive else 0) else f"{rows} rows are left, {referring} of them refer"


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as text: a line for each kind, order and way, with a column for each pair of isolations."""
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    totals: Counter[str] = Counter()
    for one in outcomes:
        case = one.case
        both = f"{one.inserted}/{one.deleted}" + (f" {one.orphans} ORPHANS" if one.orphans else "")
        lines.setdefault((f"{case.months} mo", case.kind, case.order, case.way), {})[f"{case.inserter}/{case.deleter}"] = both
        totals[f"insert {one.inserted}, delete {one.deleted}"] += 1
    columns = list(next(iter(lines.values())))
    width = max(len(cell) for line in lines.values() for cell in line.values())
    text = [f"{'inserter/deleter':39}" + "  ".join(f"{column:{width}}" for column in columns)]
    for (months, kind, order, way), cells in lines.items():
        text.append(
            f"{months:>5}  {kind:10}  {order}  {way:15}  " + "  ".join(f"{cells.get(column, ''):{width}}" for column in columns)
        )
    text += [f"({order}) {meaning}" for order, meaning in ORDERS.items()]
    text += [f"{count:5}  {what}" for what, count in totals.most_common()]
    return "\n".join(text)
