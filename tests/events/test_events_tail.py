"""chatschema events tail: each event once, also one that commits late; and the client in Node."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.events import SEND, SWITCH_ON, conversations
from tests.support.node import needs_node
from tests.support.pace import long

ADD = "insert into chatschema.events (kind, table_name, row_number) values ('test.added', 'messages', %s)"


def test_the_newest_and_those_behind_a_cursor(cli: Cli, migrated: Database) -> None:
    assert cli("events", "tail", "--url", migrated.url).out == "there is no event\n"
    for number in range(1, 31):
        migrated.run(ADD, number)
    found = cli("events", "tail", "--json", "--url", migrated.url).json()
    assert [event["row_number"] for event in found["events"]] == [*range(11, 31)]
    assert found["cursor"] == found["events"][-1]["cursor"]
    behind = cli("events", "tail", "--after", found["events"][4]["cursor"], "--json", "--url", migrated.url).json()
    assert [event["row_number"] for event in behind["events"]] == [*range(16, 31)]
    table = cli("events", "tail", "-n", "1", "--url", migrated.url).out.splitlines()
    assert table[1].split()[-2:] == ["messages", "30"]
    for text in ("nonsense", "1;2;3"):
        wrong = cli("events", "tail", "--after", text, "--url", migrated.url)
        assert (wrong.code, "error[events.cursor-syntax]" in wrong.err) == (2, True)


def test_following_prints_an_event_that_commits_late(migrated: Database, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chatschema", "events", "tail", "-n", "0", "--follow", "--every", "0.1", "--json"]
    with (
        migrated.connect() as late,
        subprocess.Popen(
            [*command, "--url", migrated.url],
            cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as running,
    ):  # fmt: skip
        assert running.stdout
        assert running.stderr
        late.execute("begin")
        late.execute(ADD, (1,))
        printed: list[int] = []
        # Until it has its first cursor, nothing is printed.
        while not printed:
            migrated.run(ADD, 2)
            if (
                migrated.one(
                    "select count(*) from pg_stat_activity where query like '%events_after%' and datname = current_database()"
                )
                > 1
            ):
                printed.append(json.loads(running.stdout.readline())["row_number"])
            time.sleep(0.1)
        late.execute("commit")
        while printed[-1] != 1:
            printed.append(json.loads(running.stdout.readline())["row_number"])
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130
        assert printed.count(1) == 1
        assert "Traceback" not in running.stderr.read()


def test_a_database_without_events_or_a_role_without_the_right(cli: Cli, empty: Database, migrated: Database) -> None:
    assert "error[events.not-migrated]" in cli("events", "tail", "--url", empty.url).err
    assert "error[events.not-migrated]" in cli("events", "record", "--url", empty.url).err
    name = f"nobody_{migrated.name[-8:]}"
    migrated.run(f"create role {name} login password 'secret'; grant usage on schema chatschema to {name}")
    try:
        refused = cli("events", "tail", "--url", migrated.server.url(migrated.name, user=name, password="secret"))
        assert (refused.code, "error[events.not-allowed]" in refused.err) == (1, True)
    finally:
        migrated.run(f"drop owned by {name}; drop role {name}")


@long
@needs_node
def test_the_client_in_node_follows_is_killed_and_goes_on(migrated: Database, node_modules: Path) -> None:
    room = conversations(migrated, 1)[0]
    migrated.run(SWITCH_ON)
    shutil.copy(ROOT / "examples/events/follow.mjs", node_modules)
    place, output = node_modules / "cursor", node_modules / "events"
    kinds: list[str] = []
    for sent in (1, 2):
        with output.open("a") as file:
            running = subprocess.Popen(["node", "follow.mjs", migrated.url, str(place)], cwd=node_modules, stdout=file)
            try:
                deadline = time.monotonic() + 30
                while not place.exists():
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                migrated.run(SEND, room)
                while kinds.count("message.sent") < sent:
                    assert time.monotonic() < deadline, kinds
                    time.sleep(0.1)
                    kinds = [json.loads(line)["kind"] for line in output.read_text().splitlines()]
                time.sleep(0.3)
            finally:
                running.kill()
                running.wait()
    assert kinds == ["cache.cleared", "message.sent", "message.sent"]
