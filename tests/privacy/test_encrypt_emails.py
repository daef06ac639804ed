"""docs/how-to/encrypt-emails.md: its migrations and its example work, and what they cost.

CHATSCHEMA_TEST_FULL=1 (make test-privacy) measures 100,000 users, else 1,000.
"""

import importlib.util
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from nacl.exceptions import CryptoError

from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import blocks

_SPEC = importlib.util.spec_from_file_location("encrypt_emails", ROOT / "examples" / "encrypt_emails.py")
assert _SPEC
assert _SPEC.loader
emails: Any = importlib.util.module_from_spec(_SPEC)
sys.modules["encrypt_emails"] = emails
_SPEC.loader.exec_module(emails)
USERS = 100_000 if os.environ.get("CHATSCHEMA_TEST_FULL") else 1_000
KEYS = emails.Keys(b"k" * 32, b"i" * 32)
DOCUMENT = ROOT / "docs" / "how-to" / "encrypt-emails.md"


@pytest.fixture
def encrypted(cli: Cli, seeded: Database, tmp_path: Path) -> Database:
    """A database with users in plain text, to which the migrations of the document were applied."""
    shutil.copytree(ROOT / "sql", tmp_path / "sql")
    titles = set()
    for block in blocks(DOCUMENT):
        if match := re.search(r'title="<number>_([\w.]+)"', block.title):
            number = ("encrypt", "index", "validate").index(match[1].partition("_")[0])
            (tmp_path / "sql" / "migrations" / f"2099010100000{number}_{match[1]}").write_text(block.text)
            titles.add(match[1])
    assert len(titles) == 6
    done = cli("migrate", "--sql-dir", "sql", "--url", seeded.url)
    assert done.code == 0, done.err
    return seeded


def test_the_migrations_have_no_finding_and_can_be_undone(cli: Cli, encrypted: Database, tmp_path: Path) -> None:
    files = [f"sql/migrations/{path.name}" for path in sorted((tmp_path / "sql" / "migrations").glob("2099*.sql"))]
    linted = cli("lint", *(file for file in files if "rollback" not in file))
    assert linted.code == 0, linted.out + linted.err
    assert cli("status", "--check", "--sql-dir", "sql", "--url", encrypted.url).code == 0
    done = cli("undo", "--steps", "3", "--yes", "--sql-dir", "sql", "--url", encrypted.url)
    assert done.code == 0, done.err
    assert encrypted.one("select count(*) from public.users where email is not null") > 0


def test_addresses_are_encrypted_found_unique_and_erased(cli: Cli, encrypted: Database) -> None:
    plain = dict(encrypted.all("select id, email from public.users where email is not null"))
    alice = encrypted.one("select id from public.users where username = 'alice'")
    before = encrypted.one("select count(*) from public.audit_logs where action like 'user.%'")
    with encrypted.connect() as connection:
        assert emails.encrypt_all(connection, KEYS) == len(plain)
        assert emails.encrypt_all(connection, KEYS) == 0
    stored = encrypted.all("select id, email, email_encrypted from public.users where id = any (%s)", list(plain))
    assert {id: emails.decrypt(KEYS, id, bytes(content)) for id, _, content in stored} == plain
    assert {email for _, email, _ in stored} == {None}
    dump = encrypted.one("select string_agg(u::text, ' ') from public.users as u")
    assert not [email for email in plain.values() if email in dump or email.encode().hex() in dump]
    # One row of the trail for a batch, and none with an address.
    assert encrypted.one("select count(*) from public.audit_logs where action like 'user.%%'") == before + -(
        -len(plain) // emails.BATCH
    )
    found = "select user_id from chatschema.find_login_by_email(%s)"
    assert encrypted.one(found, emails.blind_index(KEYS, " ALICE@example.com")) == alice
    bob = encrypted.one("select id from public.users where username = 'bob'")
    with pytest.raises(psycopg.errors.UniqueViolation):
        encrypted.run(
            "update public.users set email_encrypted = %s, email_index = %s where id = %s",
            emails.encrypt(KEYS, bob, "alice@example.com"), emails.blind_index(KEYS, "alice@example.com"), bob,
        )  # fmt: skip
    content = bytes(encrypted.one("select email_encrypted from public.users where id = %s", alice))
    for user, bytes_, keys in (
        (bob, content, KEYS), (alice, content[:-1] + b"\x00", KEYS), (alice, content, emails.Keys(b"x" * 32, KEYS.index))
    ):  # fmt: skip
        with pytest.raises(CryptoError):
            emails.decrypt(keys, user, bytes_)
    assert cli("privacy", "erase", "alice", "--yes", "--url", encrypted.url).code == 0
    assert encrypted.all("select email_encrypted, email_index from public.users where id = %s", alice) == [(None, None)]


def test_what_it_costs(encrypted: Database) -> None:
    """Both forms side by side, in turns; printed as ratios."""
    with encrypted.connect() as connection:
        names = [
            [(UUID(int=7 << 76 | 2 << 62 | n << 8 | form), f"u{form}-{n}", f"person-{n}@example.com") for n in range(USERS)]
            for form in (0, 1)
        ]
        seconds = dict.fromkeys(("plain", "encrypted", "plain look-up", "encrypted look-up"), 0.0)
        step = USERS // 10
        for start in range(0, USERS, step):
            seconds["plain"] += _timed(_plain, connection, names[0][start : start + step])
            seconds["encrypted"] += _timed(_encrypted, connection, names[1][start : start + step])
        connection.execute("vacuum analyze public.users")
        for _, _, email in names[0][:: max(1, USERS // 1000)]:
            seconds["plain look-up"] += _timed(_find, connection, email)
            seconds["encrypted look-up"] += _timed(_find_encrypted, connection, email)
        plan = connection.execute("explain select id from public.users where email_index = '\\x00'").fetchall()
    assert "users_email_index_key" in str(plan)
    sizes = [
        encrypted.one(f"select avg(coalesce(pg_column_size({column}), 0)) from public.users where username like '{name}-%%'")
        for column, name in (("email", "u0"), ("email_encrypted", "u1"), ("email_index", "u1"))
    ]
    indexes = [encrypted.one(f"select pg_relation_size('public.{name}')") for name in ("users_email_key", "users_email_index_key")]
    print(
        f"{USERS} users: insert {seconds['encrypted'] / seconds['plain']:.2f} times,"
        f" look-up {seconds['encrypted look-up'] / seconds['plain look-up']:.2f} times,"
        f" {sizes[0]:.0f} bytes became {sizes[1] + sizes[2]:.0f}, index {indexes[1] / indexes[0]:.2f} times"
    )
    assert sizes[1] + sizes[2] < 200


def _timed(work: Callable[["psycopg.Connection[Any]", Any], None], connection: "psycopg.Connection[Any]", given: Any) -> float:
    begun = time.perf_counter()
    work(connection, given)
    return time.perf_counter() - begun


def _find(connection: "psycopg.Connection[Any]", email: str) -> None:
    assert connection.execute("select id from public.users where email = %s", (email,)).fetchone()


def _find_encrypted(connection: "psycopg.Connection[Any]", email: str) -> None:
    sought = (emails.blind_index(KEYS, email),)
    assert connection.execute("select id from public.users where email_index = %s", sought).fetchone()


def _plain(connection: "psycopg.Connection[Any]", rows: list[tuple[UUID, str, str]]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("insert into public.users (id, username, email) values (%s, %s, %s)", rows)


def _encrypted(connection: "psycopg.Connection[Any]", rows: list[tuple[UUID, str, str]]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into public.users (id, username, email_encrypted, email_index) values (%s, %s, %s, %s)",
            ((id, name, emails.encrypt(KEYS, id, email), emails.blind_index(KEYS, email)) for id, name, email in rows),
        )
