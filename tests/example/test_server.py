"""The server of the reference application: two API processes, a late standby, a Redis that comes and goes."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.pern.stack import Stack
from examples.pern.stack.application import PACKAGE
from tests.support.cli import run_cli
from tests.support.pace import long

TALK = Path(__file__).with_name("talk.mjs")
MODELS = (("sequelize", "chat_app", "app.cjs"), ("sequelize", "chat_worker", "worker.cjs"), ("typescript", "chat_app", "types.ts"))


class Talk:
    """The script that talks: it tells what came of a step, and waits until it is told to go on."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def hears(self, line: str = "go on") -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def tells(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "it has ended"
        return json.loads(line)


@pytest.fixture
def talk(stack: Stack) -> Iterator[Talk]:
    command = ["node", TALK, *stack.state["api"]]
    with subprocess.Popen(command, cwd=PACKAGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Talk(process)
        process.kill()


def keys(stack: Stack, pattern: str) -> list[str]:
    """Return the keys of Redis of this form."""
    port = str(stack.state["ports"]["redis"])
    return subprocess.run(
        ["redis-cli", "-p", port, "--raw", "keys", pattern], capture_output=True, text=True, check=True
    ).stdout.split()  # fmt: skip


def erase(stack: Stack, message: str, folder: Path) -> None:
    """Erase a message by the command."""
    done = run_cli("privacy", "erase-message", message, "--yes", cwd=folder, env={"DATABASE_URL": stack.state["owner"]})
    assert done.code == 0, done.err


def until(is_so: Any, what: str, patience_s: float = 10) -> None:
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_two_talk_and_nobody_reads_what_was_before(stack: Stack, talk: Talk, tmp_path: Path) -> None:
    first = talk.tells()
    message, second, place = first["message"], first["second"], first["conversation"]
    assert first == {
        "conversation": place, "message": message, "second": second, "isSame": True, "isSentOnce": True, "reply": message, "status": "delivered",
        "presence": True,
    }  # fmt: skip
    talk.hears()
    own = talk.tells()
    print(f"{own['times']} writes: {own['stale']} stale; sent in {own['median']:.0f} ms (median)")
    assert (own["stale"], own["mark"]) == (0, {})
    talk.hears()

    for fault in ("none", "redis-remember", "redis-kill", "redis-empty", "redis-old", "replica-pause", "replica-kill"):
        if fault != "none":
            stack.fault(fault)
        talk.hears(fault)
        found = talk.tells()
        assert (found["error"], found["stale"], found["read"]) == (None, 0, 30), found
    talk.hears("go on")

    device = talk.tells()
    assert device == {
        "devices": [["second", True], ["first", False]], "revoked": True, "after": [401, "session_revoked"], "told": True,
        "isClosed": True, "others": 200,
    }  # fmt: skip
    talk.hears()

    assert talk.tells() == {"cached": True}
    until(lambda: keys(stack, f"chat:cache:v:*:messages:{place}"), "the page is in the cache")
    erase(stack, message, tmp_path)
    until(lambda: not keys(stack, f"chat:cache:v:*:messages:{place}"), "the erasure empties the cache")
    talk.hears()
    assert talk.tells() == {"told": True, "contents": [None, None]}

    # Redis comes back with the page as it was, and nobody reads the events.
    until(lambda: keys(stack, f"chat:cache:v:*:messages:{place}"), "the page is in the cache again")
    stack.fault("redis-remember")
    with stack.away("worker"):
        erase(stack, second, tmp_path)
        stack.fault("redis-old")
        assert keys(stack, f"chat:cache:v:*:messages:{place}"), "Redis has the page from before"
        talk.hears()
        assert talk.tells() == {"contents": [None, None]}


@pytest.mark.parametrize(("target", "role", "name"), MODELS)
def test_the_models_are_those_of_the_schema(stack: Stack, tmp_path: Path, target: str, role: str, name: str) -> None:
    file = PACKAGE / "server" / "models" / name
    arguments = ("models", "--for", target, "--role", role, "--out", str(file), "--check")
    done = run_cli(*arguments, cwd=tmp_path, env={"DATABASE_URL": stack.state["owner"]})
    assert done.code == 0, done.err


@long
def test_the_server_compiles(stack: Stack) -> None:
    del stack  # which has installed the packages
    done = subprocess.run(["npm", "run", "--silent", "check"], cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
