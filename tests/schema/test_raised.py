"""Every error of docs/reference/errors.md is raised on purpose, with the SQLSTATE, name and table that stand there."""

import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from chatschema import raised
from chatschema.raised import Raised
from tests.schema.test_references import wait_for_a_blocked_session
from tests.support.access import world as access
from tests.support.access.world import DIRECT, EMPTY, ENDED_KEY, FOREIGN, GROUP, KEY, World, created, id_of, user
from tests.support.raising import CHECKS, DEEDS, KEYS, NEW, REFERENCES, ROWS
from tests.support.servers import PgServer

_RAISED = {*CHECKS, *KEYS, *REFERENCES, *(name.split(":")[0].split(" of ")[0] for name, *_ in DEEDS)}
_TABLES = {error.table for error in raised.packaged() if error.name in _RAISED}
# Of the tables of a release; a table that somebody adds has none of its errors here.
ERRORS = [error for error in raised.packaged() if error.table in _TABLES]
DECLARED = ("new row for", "duplicate key", "insert or update", "update or delete", "null value")
BY_DEED = [error for error in ERRORS if not error.message.startswith(DECLARED) and error.name != "publish_key_at_once"]
_MONTH = re.compile(r"_y\d{4}m\d{2}")
# The row that is copied: one that has what the keys are about.
_FIRST = {
    "public.attachments": "message_id",
    "public.conversations": "direct_user_low",
    "public.user_public_keys": "status, key_type",
    "public.messages": "is_deleted, id",
}
_COLUMNS = """
    select array_agg(quote_ident(attname) order by attnum) from pg_attribute
    where attrelid = '{}'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
"""


@pytest.fixture(scope="module")
def chat(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"raised_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("raised")) as one:
        one.database.run(ROWS)
        yield one


@pytest.fixture(scope="module")
def owner(chat: World) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    with chat.database.connect() as connection:
        yield connection


def same(error: psycopg.Error, expected: Raised) -> None:
    """Compare what the server raised with what the page says; a month's own keys and tables are known by their parent's."""
    name = _MONTH.sub("", error.diag.constraint_name or "")
    table = f"{error.diag.schema_name}.{_MONTH.sub('', error.diag.table_name or '')}".replace("chat_partitions.", "public.")
    state = "23001" if expected.sqlstate == "23001" and error.sqlstate == "23503" else error.sqlstate
    assert (state, name, table) == (expected.sqlstate, expected.name, expected.table), error
    pattern = ".*".join(re.escape(part) for part in expected.message.split("%"))
    if not expected.message.startswith(DECLARED):
        assert re.fullmatch(pattern, error.diag.message_primary or "", re.DOTALL), error
        assert "_y20" not in (error.diag.table_name or ""), "the name of a month"


def insert(
    connection: "psycopg.Connection[tuple[object, ...]]",
    table: str,
    changed: dict[str, object],
    *,
    replica: bool,
    without: str = "",
) -> None:
    """Insert a copy of a row of the table with these columns changed, in a transaction that is rolled back."""
    row = connection.execute(_COLUMNS.format(table).encode()).fetchone()
    assert row
    columns = ", ".join(row[0])  # type: ignore[arg-type]
    source = f"(select t from {table} as t order by {_FIRST.get(table, 1)} limit 1)"
    with connection.transaction(force_rollback=True):
        if without:
            connection.execute(f"alter table {table} drop constraint {without}".encode())
        if replica:
            connection.execute("set local session_replication_role = replica")
        connection.execute(
            f"insert into {table} ({columns}) overriding system value select {columns} from jsonb_populate_record({source}, %s)".encode(),
            (json.dumps(changed),),
        )


@pytest.mark.parametrize("error", [e for e in ERRORS if e.message.startswith("new row for")], ids=lambda e: e.name)
def test_a_check_is_raised(owner: "psycopg.Connection[tuple[object, ...]]", error: Raised) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        insert(owner, error.table, CHECKS[error.name], replica=True)
    same(refused.value, error)


@pytest.mark.parametrize("error", [e for e in ERRORS if e.message.startswith("duplicate key")], ids=lambda e: e.name)
def test_a_unique_key_is_raised(owner: "psycopg.Connection[tuple[object, ...]]", error: Raised) -> None:
    # A second row of the same id breaks the primary key first.
    without = "messages_pkey" if error.name == "messages_conversation_id_id_key" else ""
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        insert(owner, error.table, KEYS[error.name], replica=True, without=without)
    same(refused.value, error)


@pytest.mark.parametrize("error", [e for e in ERRORS if e.message.startswith("null value")], ids=lambda e: e.message.split('"')[1])
def test_a_missing_value_is_raised(owner: "psycopg.Connection[tuple[object, ...]]", error: Raised) -> None:
    column = error.message.split('"')[1]
    with pytest.raises(psycopg.errors.NotNullViolation) as refused:
        insert(owner, error.table, {column: None}, replica=True)
    same(refused.value, error)
    assert refused.value.diag.column_name == column


def columns_of(owner: "psycopg.Connection[tuple[object, ...]]", error: Raised) -> tuple[str, str, str]:
    """Return the column of a foreign key, and the table and column that it refers to."""
    row = owner.execute(
        "select a.attname, k.confrelid::regclass::text, r.attname from pg_constraint as k"
        " join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]"
        " join pg_attribute as r on r.attrelid = k.confrelid and r.attnum = k.confkey[1]"
        " where k.conname = %s and k.conrelid = %s::regclass", (error.name, error.table),
    ).fetchone()  # fmt: skip
    assert row
    return str(row[0]), str(row[1]), str(row[2])


@pytest.mark.parametrize("error", [e for e in ERRORS if e.message.startswith("insert or update")], ids=lambda e: e.name)
def test_a_reference_to_nothing_is_raised(owner: "psycopg.Connection[tuple[object, ...]]", error: Raised) -> None:
    column, *_ = columns_of(owner, error)
    fresh = str(owner.execute("select chatschema.uuid7()").fetchall()[0][0])
    given = {key: {"{fresh}": fresh, "{empty}": EMPTY}.get(str(value), value) for key, value in REFERENCES[error.name].items()}
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as refused:
        insert(owner, error.table, {column: str(uuid.uuid4()), **given}, replica=False)
    same(refused.value, error)


@pytest.mark.parametrize("error", [e for e in ERRORS if e.message.startswith("update or delete")], ids=lambda e: e.name)
def test_a_deletion_of_what_others_refer_to_is_raised(owner: "psycopg.Connection[tuple[object, ...]]", error: Raised) -> None:
    column, table, key = columns_of(owner, error)
    with owner.transaction(force_rollback=True):
        # The other keys to the same table, which might refuse it first, and the triggers that keep the trail and the holds.
        others = owner.execute(
            "select conname, conrelid::regclass::text from pg_constraint where contype = 'f' and confrelid = %s::regclass and conparentid = 0"
            " and conname <> %s", (table, error.name),
        ).fetchall()  # fmt: skip
        for name, other in others:
            owner.execute(f"alter table {other} drop constraint {name}".encode())
        owner.execute(f"alter table {table} disable trigger user".encode())
        with pytest.raises(psycopg.errors.IntegrityError) as refused:
            owner.execute(
                f"delete from {table} where {key} = (select {column} from {error.table} where {column} is not null limit 1)".encode()
            )
    same(refused.value, error)


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: f"{deed[0]} {deed[1]}".strip().replace(" ", "-"))
def test_an_error_of_a_trigger_or_function_is_raised(chat: World, deed: tuple[str, str, str]) -> None:
    name, who, statements = deed
    (error,) = [one for one in BY_DEED if is_of(one, name)] or [one for one in ERRORS if is_of(one, name)]
    with pytest.raises(psycopg.Error) as refused:
        act(chat, who, statements)
    same(refused.value, error)


def is_of(error: Raised, name: str) -> bool:
    """Return whether a name of DEEDS means this error: with its table, or the beginning of its message."""
    title, _, start = name.partition(": ")
    title, _, table = title.partition(" of ")
    return error.name == title and error.message.startswith(start) and error.table.endswith(f".{table}" if table else "")


def act(chat: World, who: str, statements: str) -> None:
    """Send the statements in a transaction, as somebody, and roll back."""
    database = chat.database
    names = {
        **{f"u_{letter}": user(letter) for letter in access.PEOPLE}, **chat.messages, "group": GROUP, "foreign": FOREIGN, "direct": DIRECT,
        "fresh": database.one("select chatschema.uuid7()"), "new": NEW, "hash": "$2b$12$" + "a" * 53, "key": id_of(KEY, "m"),
        "ended": id_of(ENDED_KEY, "m"), "month": chat.month, "statuses_month": chat.month.replace("messages_", "message_statuses_"),
    }  # fmt: skip
    is_owner = who in ("", "rr")
    with closing(database.connect() if is_owner else chat.connect("api")) as connection:
        connection.execute("begin" + (" isolation level repeatable read" if who == "rr" else ""))
        if not is_owner:
            context = {"nobody": "", "garbage": "garbage"}.get(who) if who in ("nobody", "garbage") else user(who)
            connection.execute("select set_config('app.user_id', %s, true)", (context,))
        connection.execute(statements.format(**names).encode())


def test_two_who_publish_the_same_key_at_once_are_told_to_repeat(chat: World) -> None:
    (error,) = [one for one in ERRORS if one.name == "publish_key_at_once"]
    publish = b"select chatschema.publish_key(%s, null, 'identity', 'same', sha256('k'))"
    with chat.database.connect() as first, chat.database.connect() as second, ThreadPoolExecutor(1) as pool:
        # Without the lock on the user that publish_key() takes, as a script of the owner may.
        first.execute("begin")
        first.execute(
            b"insert into public.user_public_keys (user_id, key_id, public_key) values (%s, 'same', sha256('k'))", (user("m"),)
        )
        publishing = pool.submit(second.execute, publish, (user("m"),))
        wait_for_a_blocked_session(chat.database)
        first.execute("commit")
        with pytest.raises(psycopg.errors.SerializationFailure) as refused:
            publishing.result(timeout=10)
        first.execute(b"delete from public.user_public_keys where key_id = 'same'")
    same(refused.value, error)


def test_each_error_is_raised_by_one_of_these_tests() -> None:
    done = [name for name, *_ in DEEDS]
    missing = [error for error in BY_DEED if not any(is_of(error, name) for name in done)]
    assert missing == []
    by_kind = {"new row for": CHECKS, "duplicate key": KEYS, "insert or update": REFERENCES}
    for start, data in by_kind.items():
        assert {error.name for error in ERRORS if error.message.startswith(start)} == data.keys()
