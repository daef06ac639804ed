"""Each user's list of conversations follows the conversations: whatever changes them, and whoever kills the relay. Needs Citus."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from chatschema import postgres
from chatschema.cluster import lists
from tests.support.citus import Citus, database, needs_citus
from tests.support.cli import Cli, clean_environment, run_cli

pytestmark = needs_citus
IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
CHANGES, KILLS = (3000, 20) if IS_FULL else (60, 3)
SEND = """
    insert into public.messages (conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version)
    select %(c)s, %(u)s, '\\x0102', '\\x0102030405060708', 'x', 1 from generate_series(1, %(n)s) returning id
"""
LIST = """
    select conversation_id, last_message_id, last_message_at, unread, is_pinned from chatschema.user_conversations
    where user_id = %s order by is_pinned desc, last_message_id desc nulls last limit 50
"""


@pytest.fixture(scope="module")
def citus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Citus]:
    """A distributed database, whose lists were made with it."""
    with database() as made:
        commands = (
            ["migrate"],
            ["seed", "--messages", "1k", "--months", "2"],
            ["roles", "apply"],
            ["cluster", "distribute", "--shards", "4", "--yes"],
        )
        for command in commands:
            done = run_cli(*command, "--url", made.url, cwd=tmp_path_factory.mktemp("citus"), timeout=1200)
            assert done.code == 0, done.err
        yield made


def differences(citus: Citus) -> list[lists.Difference]:
    """Return what differs, by ranges of a few users."""
    connection = postgres.connect(citus.url)
    try:
        return list(lists.compare(connection, 17))
    finally:
        connection.close()


def relay(citus: Citus, cli: Cli, *options: str) -> dict[str, int]:
    done = cli("cluster", "relay", *options, "--json", "--url", citus.url)
    assert done.code == 0, done.err
    found: dict[str, int] = done.json()
    return found


def test_the_list_is_the_conversations_whatever_changes_them(citus: Citus, cli: Cli) -> None:
    assert differences(citus) == []
    ((c, one, two, three),) = citus.rows("""
        select conversation_id::text, (array_agg(user_id::text order by user_id))[1], (array_agg(user_id::text order by user_id))[2],
            (array_agg(user_id::text order by user_id))[3]
        from public.conversation_participants as p join public.conversations as c on c.id = p.conversation_id
        where left_at is null and type = 'group' group by conversation_id having count(*) >= 3 order by conversation_id limit 1
    """)
    row = f"select last_message_id, unread from chatschema.user_conversations where conversation_id = '{c}' and user_id ="
    ((sent,),) = _run(citus, SEND, {"c": c, "u": one, "n": 1})
    assert citus.rows(f"{row} '{two}'")[0][0] != sent
    assert relay(citus, cli)["lists"] == 1
    assert citus.rows(f"{row} '{two}'")[0][0] == sent
    of = f"where conversation_id = '{c}' and user_id"
    citus.run(f"update public.conversation_participants set last_read_message_id = '{sent}' {of} = '{two}'")
    relay(citus, cli)
    assert citus.rows(f"{row} '{two}'") == [(sent, 0)]
    _run(citus, SEND, {"c": c, "u": one, "n": 150})
    citus.run(f"update public.conversation_participants set left_at = now() {of} = '{three}'")
    citus.run(f"delete from public.conversation_participants {of} = '{one}'")
    relay(citus, cli)
    assert citus.rows(f"{row} '{two}'")[0][1] == 100
    assert citus.rows(f"{row} '{three}'") + citus.rows(f"{row} '{one}'") == []
    citus.run(f"delete from public.messages where conversation_id = '{c}' and id > '{sent}'")
    citus.run(f"update public.conversation_participants set left_at = null, joined_at = now() {of} = '{three}'")
    relay(citus, cli)
    assert citus.rows(f"{row} '{two}'") == [(sent, 0)]
    assert citus.rows(f"{row} '{three}'") == [(None, 0)]
    citus.run(f"update public.conversations set deleted_at = now() where id = '{c}'")
    relay(citus, cli)
    assert citus.rows(f"{row} '{two}'") == []
    citus.run(f"update public.conversations set deleted_at = null, title = 'Back' where id = '{c}'")
    relay(citus, cli)
    assert citus.rows(f"select title from chatschema.user_conversations where conversation_id = '{c}' and user_id = '{two}'") == [
        ("Back",)
    ]
    assert differences(citus) == []


def test_a_month_that_is_retired_or_restored_changes_the_lists(citus: Citus, cli: Cli) -> None:
    """The events of the commands, and the rows gone and there again as they leave them, without the commands themselves."""
    ((month, low, high),) = citus.rows("""
        select c.relname, chatschema.uuid7_floor(date_trunc('month', now(), 'UTC')), chatschema.uuid7_floor(
            date_trunc('month', now(), 'UTC') + interval '1 month')
        from pg_class as c where c.relname = 'messages_y' || to_char(now() at time zone 'UTC', 'YYYY"m"MM') and c.relkind = 'r'
    """)
    event = (
        f"insert into chatschema.events (kind, table_name, first_id, last_id) values ('month.%s', 'messages', '{low}', '{high}')"
    )
    sequential = "set citus.multi_shard_modify_mode = 'sequential'"
    citus.run(sequential, f"alter table public.messages detach partition chat_partitions.{month}", event % "retired")
    assert len(differences(citus)) == 0, "what waits for the relay is no difference"
    newest = "select count(*) from chatschema.user_conversations where last_message_id >= "
    assert citus.one(f"{newest} '{low}'") > 0
    relay(citus, cli)
    assert citus.one(f"{newest} '{low}'") == 0
    assert differences(citus) == []
    citus.run(
        sequential,
        f"alter table public.messages attach partition chat_partitions.{month} for values from ('{low}') to ('{high}')",
        event % "restored",
    )
    relay(citus, cli)
    assert citus.one(f"{newest} '{low}'") > 0
    assert differences(citus) == []


def test_what_differs_is_found_named_and_repaired(citus: Citus, cli: Cli) -> None:
    relay(citus, cli)
    removed, stale = citus.rows("select user_id, conversation_id from chatschema.user_conversations order by 1, 2 limit 2")
    extra = "00000000-0000-7000-8000-000000000001"
    where = "where user_id = '{}' and conversation_id = '{}'"
    citus.run(
        f"delete from chatschema.user_conversations {where.format(*removed)}",
        f"update chatschema.user_conversations set unread = 99 {where.format(*stale)}",
        "insert into chatschema.user_conversations (user_id, conversation_id, type, unread, is_pinned, notification_level, is_archived)"
        f" values ('{extra}', '{removed[1]}', 'group', 0, false, 'all', false)",
    )
    found = {(str(one.user_id), one.conversation_id): one.state for one in differences(citus)}
    assert found == {
        (str(removed[0]), removed[1]): "missing",
        (str(stale[0]), stale[1]): "stale",
        (extra, removed[1]): "extra",
    }
    verified = cli("cluster", "verify", "--url", citus.url)
    assert verified.code == 3
    assert "1 extra, 1 missing, 1 stale" in " ".join(verified.out.split())
    assert relay(citus, cli, "--repair")["repaired"] == 3
    assert cli("cluster", "verify", "--url", citus.url).code == 0
    assert differences(citus) == []
    assert relay(citus, cli, "--repair")["repaired"] == 0


def test_only_the_user_reads_the_list_from_one_shard(citus: Citus, cli: Cli) -> None:
    assert cli("roles", "apply", "--url", citus.url).code == 0
    checked = cli("roles", "check", "--url", citus.url).out
    assert [line for line in checked.splitlines() if "user_conversations" in line or "enter(" in line or "pair_id" in line] == []
    one, two = (row[0] for row in citus.rows("select user_id from chatschema.user_conversations group by 1 order by 1 limit 2"))
    with citus.login("chat_app") as url, psycopg.connect(url) as connection:
        assert connection.execute(LIST, (one,)).fetchall() == []
        connection.execute("select chatschema.enter(%s)", (one,))
        assert connection.execute(LIST, (one,)).fetchall() != []
        assert connection.execute(LIST, (two,)).fetchall() == []
        plan = "\n".join(row[0] for row in connection.execute(f"explain {LIST}".encode(), (one,)).fetchall())
        assert "Task Count: 1\n" in plan
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from chatschema.user_conversations where user_id = %s", (one,))


def test_the_relay_may_be_killed_while_others_write(citus: Citus, cli: Cli, tmp_path: Path) -> None:
    pairs = citus.rows("select conversation_id, user_id from public.conversation_participants where left_at is null order by 1, 2")
    is_over = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)
        with psycopg.connect(citus.url, autocommit=True) as connection:
            for _ in range(CHANGES):
                _change(connection, chance, *chance.choice(pairs))

    def kill() -> None:
        chance = random.Random(19)
        while not is_over.is_set():
            running = subprocess.Popen(
                [sys.executable, "-m", "chatschema", "cluster", "relay", "--url", citus.url],
                cwd=tmp_path, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(chance.uniform(0.2, 0.8))
            running.kill()
            running.wait()
            kills.append(running.returncode)

    kills: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        killer = pool.submit(kill)
        for writer in [pool.submit(write, seed) for seed in (1, 2)]:
            writer.result()
        while len(kills) < KILLS:
            time.sleep(0.1)
        is_over.set()
        killer.result()
    assert -signal.SIGKILL in kills
    assert differences(citus) == []
    relay(citus, cli)
    assert citus.one("select count(*) from chatschema.list_changes") == 0
    assert differences(citus) == []
    assert relay(citus, cli, "--repair")["repaired"] == 0


def _change(connection: "psycopg.Connection[object]", chance: random.Random, c: str, u: str) -> None:
    """Change something that a list shows; what the schema refuses, as a sender who left, changes nothing."""
    of = "where conversation_id = %(c)s and user_id = %(u)s"
    statement = chance.choice(
        [
            SEND,
            SEND,
            f"update public.conversation_participants set is_pinned = not is_pinned {of}",
            f"update public.conversation_participants set last_read_message_id = %(now)s {of}",
            f"update public.conversation_participants set left_at = null {of}",
            f"update public.conversation_participants set left_at = now() {of}",
            "delete from public.messages where conversation_id = %(c)s and sender_id = %(u)s and id > %(begun)s",
            "update public.conversations set is_archived = not is_archived where id = %(c)s",
        ]
    )
    try:
        values = {"c": c, "u": u, "n": chance.choice((1, 1, 3)), "now": _id(time.time()), "begun": _id(time.time() - 5)}
        connection.execute(statement.encode(), values)
    except (psycopg.errors.ForeignKeyViolation, psycopg.errors.DeadlockDetected):
        pass


def _id(seconds: float) -> str:
    return str(uuid.UUID(int=int(seconds * 1000) << 80 | 7 << 76 | 8 << 60))


def _run(citus: Citus, statement: str, values: dict[str, object]) -> list[tuple[object, ...]]:
    with psycopg.connect(citus.url, autocommit=True) as connection:
        return connection.execute(statement.encode(), values).fetchall()
