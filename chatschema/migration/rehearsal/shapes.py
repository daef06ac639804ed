"""The queries of a chat that a rehearsal replays, and how often the real database runs them, by pg_stat_statements."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.pq import TransactionStatus

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.postgres import Connection, Query

# Fewer queries would not meet a short lock; more are no more likely to, and one process cannot send them.
LEAST_PER_S, MOST_PER_S = 20.0, 200.0
_PAGE = "select * from public.messages where conversation_id = %s order by id desc limit 50"
_PAGE_BY_TIME = "select * from public.messages where conversation_id = %s order by created_at desc limit 50"
_PAGE_FUNCTION = "select * from chatschema.page(%s, null, 50)"
_SEND = "insert into public.messages (conversation_id, sender_id, content_encrypted) values (%s, %s, '\\x72656865617273616c')"
_UPSERT = """
    insert into public.message_statuses (message_id, user_id, status) values (%s, %s, 'read')
    on conflict (message_id, user_id) do update set status = excluded.status, read_at = now()
"""
# As a statement that writes; it has no rows, and takes no lock that anybody else would notice.
_WRITE = "begin; lock table only {} in row exclusive mode; commit"
# Of the text without quotes, schema and comments, in lower case.
_FORMS = (
    ("page", re.compile(r"\bchatschema\.page ?\("), _PAGE_FUNCTION),
    ("page", re.compile(r"\bfrom messages\b.*\bconversation_id ?=.*\border by \S*\bcreated_at desc\b.*\blimit\b"), _PAGE_BY_TIME),
    ("page", re.compile(r"\bfrom messages\b.*\bconversation_id ?=.*\border by \S*\bid desc\b.*\blimit\b"), _PAGE),
    ("send", re.compile(r"\binsert into messages\b"), _SEND),
    ("upsert", re.compile(r"\binsert into message_statuses\b.*\bon conflict\b"), _UPSERT),
)
_DEFAULTS = (("page", _PAGE), ("send", _SEND), ("upsert", _UPSERT))
_TABLES = ("public.messages", "public.message_statuses")
_SCHEMA = """
    select quote_ident(n.nspname) from pg_catalog.pg_extension as e join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
    where e.extname = 'pg_stat_statements'
"""
_STATEMENTS = """
    select s.query, s.calls,
        greatest(extract(epoch from now() - coalesce((to_jsonb(s) ->> 'stats_since')::timestamptz, i.stats_reset)), 1)::float
    from {schema}.pg_stat_statements as s cross join {schema}.pg_stat_statements_info as i
    where s.dbid = (select oid from pg_catalog.pg_database where datname = current_database()) and s.toplevel
"""
_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|\bpublic\.|\"public\"\.|\"", re.DOTALL)
_PEOPLE = """
    select m.id, m.conversation_id, m.sender_id from public.messages as m
    where exists (
        select from public.conversation_participants as p
        where p.conversation_id = m.conversation_id and p.user_id = m.sender_id and p.left_at is null
    )
    order by m.id desc limit 50
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """A query of the chat, and how often the real database runs it, in calls a second; None if nothing is known of it."""

    name: str
    text: str
    per_s: float | None


@dataclass(frozen=True, slots=True)
class Shape:
    """A query to replay, `per_s` times a second; `arguments` are those of each call, by its number.

    `known_per_s` is the rate of the real database, None if it is not known.
    """

    name: str
    query: Query
    arguments: Callable[[int], Sequence[Any] | None]
    per_s: float
    known_per_s: float | None


def rates(connection: Connection) -> tuple[list[Rate], str]:
    """Return the queries of the chat with their rates on this database, and in words where the rates come from."""
    try:
        with postgres.transaction(connection):
            found = postgres.execute(connection, _SCHEMA).fetchone()
            query = sql.SQL(_STATEMENTS).format(schema=sql.SQL(found[0])) if found else None  # quoted by the server
            rows = postgres.fetch_all(connection, query) if query else []
    except ServerError as error:
        return _assumed(), f"assumed, because pg_stat_statements cannot be read: {error.message}"
    if query is None:
        return _assumed(), "assumed, because the extension pg_stat_statements is missing"
    sums: dict[str, float] = {}
    texts: dict[str, tuple[float, str]] = {}
    for text, calls, seconds in rows:
        if form := form_of(text):
            name, replayed = form
            sums[name] = sums.get(name, 0.0) + calls / seconds
            # Of several forms of a page the most frequent one.
            texts[name] = max(texts.get(name, (0.0, replayed)), (calls / seconds, replayed))
    if not sums:
        return _assumed(), "assumed, because pg_stat_statements has none of these queries, or this role may not read their texts"
    return [Rate(name, texts.get(name, (0, text))[1], sums.get(name)) for name, text in _DEFAULTS], "from pg_stat_statements"


def _assumed() -> list[Rate]:
    return [Rate(name, text, None) for name, text in _DEFAULTS]


def form_of(text: str) -> tuple[str, str] | None:
    """Return which query of the chat a text is, and the query that is replayed for it; None for another one."""
    plain = " ".join(_NOISE.sub(" ", text).lower().split()).replace(" . ", ".")
    return next(((name, replayed) for name, pattern, replayed in _FORMS if pattern.search(plain)), None)


def of_copy(copy: Connection, known: Sequence[Rate], locked: Collection[str]) -> tuple[list[Shape], list[str]]:
    """Return the queries that can be replayed on the copy, and in words those that cannot.

    For each other table in `locked` there is one that takes the lock of a statement that writes.
    """
    shapes, problems = [], []
    people = _people(copy)
    if not people:
        problems.append("the queries of a chat are not replayed: the copy has no table public.messages with messages")
    for rate in known if people else ():
        shape = Shape(rate.name, sql.SQL(rate.text), _arguments(rate.name, people), _within(rate.per_s), rate.per_s)
        if why := _failure(copy, shape):
            problems.append(f"{shape.name} is not replayed: {why}")
        else:
            shapes.append(shape)
    for name in sorted(set(locked) - (set(_TABLES) if shapes else set())):
        query = sql.SQL(_WRITE).format(sql.SQL(name))  # quoted by the server
        shape = Shape(f"write {name}", query, lambda _: None, LEAST_PER_S, None)
        if _failure(copy, shape) is None:
            shapes.append(shape)
    return shapes, problems


def _within(per_s: float | None) -> float:
    return min(max(per_s or 0.0, LEAST_PER_S), MOST_PER_S)


def _people(copy: Connection) -> list[tuple[Any, ...]]:
    try:
        return postgres.fetch_all(copy, _PEOPLE)
    except ServerError:
        return []


def _arguments(name: str, people: Sequence[tuple[Any, ...]]) -> Callable[[int], Sequence[Any]]:
    def chosen(number: int) -> Sequence[Any]:
        message, conversation, sender = people[number % len(people)]
        reader = people[number // len(people) % len(people)][2]
        return {"page": (conversation,), "send": (conversation, sender), "upsert": (message, reader)}[name]

    return chosen


def _failure(copy: Connection, shape: Shape) -> str | None:
    """Run the query once, and take it back; return why it fails."""
    arguments = shape.arguments(0)
    try:
        if arguments is None:
            postgres.execute(copy, shape.query)
            return None
        postgres.execute(copy, "begin")
        postgres.execute(copy, shape.query, arguments)
    except ServerError as error:
        return error.message
    finally:
        if copy.info.transaction_status != TransactionStatus.IDLE:
            postgres.execute(copy, "rollback")
    return None
