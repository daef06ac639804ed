"""The examples of docs/how-to/sessions.md sign in, refresh and sign out, with Express's parts and in Python."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import psycopg
import pytest

from tests.support import ROOT
from tests.support.callers import call, login
from tests.support.cli import clean_environment
from tests.support.database import Database
from tests.support.documents import blocks
from tests.support.node import needs_node

PAGE = ROOT / "docs" / "how-to" / "sessions.md"
PASSWORD = "correct horse"
FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
# What both examples answer, in order.
STORY = [None, None, True, "rotated", "grace", "unknown", "unknown", "rotated", "reused", "revoked"]


# Cost 12 takes a quarter of a second on an idle machine, and each story hashes and compares 18 times: in full only.
QUICK_IN_NODE = """
    const digest = (text) => "$2b$12$" + require("crypto").createHash("sha256").update(text).digest("hex").slice(0, 53);
    const quick = {
      hashSync: digest, hash: async (text) => digest(text), compare: async (text, hash) => digest(text) === hash,
    };
    require.cache[require.resolve("bcrypt")] = { exports: quick };
"""


class Quick:
    """As bcrypt, without its cost."""

    @staticmethod
    def gensalt(cost: int) -> bytes:
        assert cost == 12
        return b""

    @staticmethod
    def hashpw(password: bytes, _: bytes) -> bytes:
        return b"$2b$12$" + hashlib.sha256(password).hexdigest()[:53].encode()

    @staticmethod
    def checkpw(password: bytes, hashed: bytes) -> bool:
        return Quick.hashpw(password, b"") == hashed


@pytest.fixture
def app(migrated: Database) -> Iterator[str]:
    # Hashing takes longer than the grace where the machine is busy.
    migrated.run(f"alter database {migrated.name} set chatschema.session_grace = '5 minutes'")
    with login(migrated) as url:
        stored = (bcrypt if FULL else Quick).hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        call(url, "select chatschema.register_user('alice', %s)", stored)
        yield url


def example(language: str) -> str:
    (found,) = [block.text for block in blocks(PAGE) if block.language == language]
    return found


def check(database: Database) -> None:
    """Two logins, of which the first was revoked for reuse and the second signed out."""
    query = "select revoked_reason from public.auth_sessions where revoked_at is not null order by id"
    assert database.all(query) == [("reuse_detected",), ("logout",)]
    assert database.one("select count(*) from public.auth_sessions where rotated_at is null and revoked_at is null") == 0
    assert database.one("select host(ip_address), device_name from public.auth_sessions where parent_id is null limit 1") == (
        "10.0.0.1",
        "phone",
    )


@pytest.fixture
def age(migrated: Database) -> Callable[[], None]:
    """Let the rotations be an hour ago."""
    return lambda: migrated.run(
        "update public.auth_sessions set rotated_at = rotated_at - interval '1 hour' where rotated_at is not null"
    )


def test_the_example_in_python(app: str, migrated: Database, age: Callable[[], None]) -> None:
    class Pool:
        """As psycopg_pool's, with one connection a call."""

        @contextmanager
        def connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
            with psycopg.connect(app) as connection:
                yield connection

    page = types.ModuleType("page")
    with pytest.MonkeyPatch.context() as patch:
        if not FULL:
            patch.setitem(sys.modules, "bcrypt", Quick)
        exec(compile(example("python"), str(PAGE), "exec"), page.__dict__)  # noqa: S102  # the documented text is what is tested
    pool, device = Pool(), {"device_name": "phone", "ip_address": "10.0.0.1"}
    answers: list[object] = [page.sign_in(pool, "alice", "wrong", {}), page.sign_in(pool, "bob", PASSWORD, {})]
    first = page.sign_in(pool, "alice", PASSWORD, device)
    answers.append(len(first) == 36 + 1 + 43)
    outcome, second = page.refresh(pool, first, "10.0.0.2", "test")
    answers += [outcome, page.refresh(pool, first)[0], page.refresh(pool, first[:-1] + "_")[0], page.refresh(pool, "x")[0]]
    answers.append(page.refresh(pool, second)[0])
    age()
    answers.append(page.refresh(pool, first)[0])
    other = page.sign_in(pool, "alice", PASSWORD, device)
    page.sign_out(pool, other)
    answers.append(page.refresh(pool, other)[0])
    assert answers == STORY
    check(migrated)


@needs_node
def test_the_example_for_express(app: str, migrated: Database, node_modules: Path) -> None:
    story = f"""
        const {{ Pool }} = require("pg");
        const pool = new Pool({{ connectionString: process.env.DATABASE_URL }});
        const owner = new Pool({{ connectionString: process.env.OWNER_URL }});
        const device = {{ device_name: "phone", ip_address: "10.0.0.1" }};
        const password = {json.dumps(PASSWORD)};
        (async () => {{
          const answers = [await signIn(pool, "alice", "wrong", {{}}), await signIn(pool, "bob", password, {{}})];
          const again = async (token) => (await refresh(pool, token)).outcome;
          const {{ refreshToken: first }} = await signIn(pool, "alice", password, device);
          answers.push(first.length === 36 + 1 + 43);
          const {{ outcome, refreshToken: second }} = await refresh(pool, first, {{ ip: "10.0.0.2", userAgent: "test" }});
          answers.push(outcome, await again(first), await again(first.slice(0, -1) + "_"), await again("x"), await again(second));
          await owner.query("update public.auth_sessions set rotated_at = rotated_at - interval '1 hour' where rotated_at is not null");
          answers.push(await again(first));
          const {{ refreshToken: other }} = await signIn(pool, "alice", password, device);
          await signOut(pool, other);
          answers.push(await again(other));
          console.log(JSON.stringify(answers));
          await pool.end();
          await owner.end();
        }})();
    """
    environment = clean_environment({"DATABASE_URL": app, "OWNER_URL": migrated.url})
    done = subprocess.run(
        [shutil.which("node") or "node", "-e", ("" if FULL else QUICK_IN_NODE) + example("js") + story],
        cwd=node_modules, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == STORY
    check(migrated)
