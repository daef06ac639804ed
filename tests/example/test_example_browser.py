"""Three people in tabs of one browser: what they write reaches each other, and is found nowhere on the server."""

import base64
import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from examples.pern.stack import Stack
from examples.pern.stack.application import PACKAGE, build_page, install, is_installed
from examples.pern.stack.programs import MissingError, Programs, find
from tests.support.browser import required
from tests.support.pace import LONG, long
from tests.support.traces import Redis, forms, redis_content, traces

IMAGES = PACKAGE / "images"
LARGEST = 100_000
WIDTHS = {375, 1280}


@pytest.fixture(scope="module")
def programs() -> Programs:
    try:
        return find("system" if os.environ.get("CHATSCHEMA_TEST_SERVER") == "system" else "embedded")
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def chromium() -> str:
    return required()


def node(programs: Programs, *command: str, **environment: str) -> str:
    """Run a script of the page and return what it prints."""
    done = subprocess.run(
        [programs.node, "--import", "tsx", *command], cwd=PACKAGE, env={**os.environ, **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def dumped(stack: Stack, programs: Programs) -> bytes:
    """Return all rows of the database, as statements."""
    superuser = stack.state["superuser"]
    where = ("-h", superuser["sockets"], "-p", str(superuser["port"]), "-U", "postgres", "chat")
    command = [programs.postgres / "pg_dump", "--data-only", "--inserts", "--disable-triggers", *where]
    return subprocess.run(command, capture_output=True, check=True).stdout


def logged(stack: Stack) -> bytes:
    """Return what all programs have written to their logs."""
    return b"\n".join(path.read_bytes() for path in sorted(Path(stack.state["folder"], "logs").glob("*.log")))


@long
def test_three_people_write_what_the_server_cannot_read(stack: Stack, programs: Programs, chromium: str) -> None:
    assert build_page(programs)
    said = json.loads(node(programs, "web/e2e/journey.ts", stack.state["api"][0], CHROMIUM=chromium))
    texts, passwords = said["texts"], said["secrets"]
    assert len(texts) >= 8
    assert len(passwords) == 9, "what was typed, what was sent, and the seed of the key, of three people"
    everything = {*texts, *passwords}
    dump, cached = dumped(stack, programs), redis_content(stack.state["ports"]["redis"])
    assert dump.count(b"INSERT INTO chat_partitions.messages_") >= len(texts) - 1, "the dump has the messages"
    assert b"content" in cached, "the caches have messages too"
    assert traces(dump, everything) == set()
    assert traces(cached, everything) == set()
    assert traces(logged(stack), everything) == set()
    proves_the_search(stack, programs, everything)


def proves_the_search(stack: Stack, programs: Programs, everything: set[str]) -> None:
    """Write in clear what must not be there, into columns of each kind and into Redis: the same search finds it."""
    text, blob, json_text, cached = sorted(everything)[:4]
    superuser = stack.state["superuser"]
    url = f"postgresql://postgres@/chat?host={superuser['sockets']}&port={superuser['port']}"
    with psycopg.connect(url, autocommit=True) as connection, Redis("127.0.0.1", stack.state["ports"]["redis"]) as redis:
        connection.execute("set session_replication_role = replica")
        ((conversation, title, settings),) = connection.execute(
            "select id, title, settings::text from public.conversations limit 1"
        )
        ((message, content),) = connection.execute(
            "select id, content_encrypted from public.messages where content_encrypted is not null limit 1"
        )
        change = "update public.conversations set title = %s, settings = %s where id = %s"
        coded = json.dumps({"note": base64.b64encode(f"see: {json_text}".encode()).decode()})
        try:
            connection.execute(change, (f"about {text}"[:200], coded, conversation))
            connection.execute(
                "update public.messages set content_encrypted = %s where id = %s", (b"in clear: " + blob.encode(), message)
            )
            redis.ask("SET", "a key by hand", f"{cached} " * 50)
            assert traces(dumped(stack, programs), everything) == {text, blob, json_text}
            assert traces(redis_content(stack.state["ports"]["redis"]), everything) == {cached}
        finally:
            redis.ask("DEL", "a key by hand")
            connection.execute(change, (title, settings, conversation))
            connection.execute("update public.messages set content_encrypted = %s where id = %s", (content, message))


def test_the_encryption_keeps_its_promises(programs: Programs) -> None:
    if not LONG and not is_installed():
        pytest.skip("the packages of examples/pern are not installed: make example")
    install(programs)
    printed = node(programs, "--test", "web/src/crypto/crypto.test.ts")
    assert "# pass 14" in printed
    assert "# fail 0" in printed


@pytest.mark.parametrize("secret", ["naïve 漢字 heron", "x" * 33, "e4ea61e6cd6fcf4f90"])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_a_secret_is_found_in_each_form(secret: str, before: str) -> None:
    inside = f"{before}{secret} and more".encode()
    written = [
        f"insert into t values ('{inside.decode()}');".encode(),
        rb"insert into t values ('\x" + inside.hex().encode() + b"');",
        rb"insert into t values ('\x" + base64.b64encode(inside).hex().encode() + b"');",
        base64.b64encode(inside),
        base64.urlsafe_b64encode(inside),
        json.dumps({"text": inside.decode()}).encode(),
    ]
    for content in written:
        assert traces(b"before " + content + b" after", [secret, "something else"]) == {secret}
    assert traces(b"nothing of it", [secret]) == set()
    assert all(len(form) > 8 for form in forms(secret))


def test_the_pictures_of_the_page_are_small_and_of_both_widths() -> None:
    sizes = {path.name: path.read_bytes() for path in IMAGES.glob("*.png")}
    assert {int.from_bytes(content[16:20]) for content in sizes.values()} == WIDTHS
    assert {name: len(content) for name, content in sizes.items() if len(content) >= LARGEST} == {}
    shown = (PACKAGE / "README.md").read_text("utf-8") + (PACKAGE / "web" / "README.md").read_text("utf-8")
    assert [name for name in sizes if f"images/{name})" not in shown] == []
