"""A worker is added, shards move, the largest conversation gets a shard of its own, a worker dies: while clients send. Needs Citus."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.chatting import Client, chatting
from tests.support.citus import Citus, Worker, database, needs_citus, spares, workers
from tests.support.cli import Cli, Result, run_cli

pytestmark = [
    needs_citus,
    pytest.mark.skipif(
        not os.environ.get("CHATSCHEMA_CITUS_URL") or not spares(), reason="no spare server: start the cluster with up -s 1"
    ),
]
IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
MESSAGES, MONTHS, SHARDS, CLIENTS = ("50k", "12", "32", 4) if IS_FULL else ("500", "1", "4", 2)
PAIRS = """
    select p.conversation_id::text, min(p.user_id::text) from public.conversation_participants as p
    join public.users as u on u.id = p.user_id where p.left_at is null and u.account_state = 'active' group by 1 order by 1
"""
LARGEST = "select conversation_id::text from public.messages group by 1 order by count(*) desc, 1 limit 1"
VERSION = "select extversion from pg_extension where extname = 'citus'"
OTHER = "set allow_system_table_mods = on; update pg_extension set extversion = '{}' where extname = 'citus'"
HOMES = """
    select c.id::text, n.nodeport from public.conversations as c
    join pg_dist_placement as l on l.shardid = get_shard_id_for_distribution_column('public.conversations', c.id)
    join pg_dist_node as n using (groupid)
"""


@pytest.fixture(scope="module")
def citus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Citus]:
    """A distributed database, and one of its name on a server that is not a worker yet."""
    folder = tmp_path_factory.mktemp("traffic")
    with database(spare=True) as made:
        for command in (
            ["migrate"],
            ["seed", "--messages", MESSAGES, "--months", MONTHS],
            ["roles", "apply"],
            ["cluster", "distribute", "--shards", SHARDS, "--yes"],
        ):
            done = run_cli(*command, "--url", made.url, cwd=folder, timeout=1200)
            assert done.code == 0, done.err
        yield made


def test_a_server_that_is_no_worker_yet_is_refused_with_what_to_type(citus: Citus, cli: Cli) -> None:
    host, port = spares()[0]

    def refused(code: str, words: str) -> None:
        done = cli("cluster", "add", f"{host}:{port}", "--yes", "--url", citus.url)
        assert done.code in (1, 4), done.err
        assert f"error[{code}]: worker {host}:{port}: " in done.err, done.err
        assert words in done.err

    with psycopg.connect(make_conninfo(citus.url, host=host, port=port), autocommit=True) as spare:
        for broken, code, words, mended in (
            ("drop extension citus", "cluster.no-extension", "create extension citus", "create extension citus"),
            ("create table public.users (id int)", "cluster.worker-used", "move these tables away", "drop table public.users"),
            (OTHER.format("9.0-1"), "cluster.version", "alter extension citus update to", OTHER.format(citus.one(VERSION))),
        ):
            spare.execute(broken.encode())
            refused(code, words)
            spare.execute(mended.encode())
    done = cli("cluster", "add", "127.0.0.1:1", "--yes", "--url", citus.url)
    assert (done.code, "error[cluster.unreachable]: worker 127.0.0.1:1" in done.err) == (4, True), done.err
    assert citus.one("select count(*) from pg_dist_node") == 3


def test_a_worker_is_added_shards_move_and_one_conversation_is_isolated(citus: Citus, cli: Cli, tmp_path: Path) -> None:
    host, port = spares()[0]
    largest = str(citus.one(LARGEST))

    def runs(*command: str, code: int = 0) -> Result:
        done = cli("cluster", *command, "--url", citus.url, timeout=3600)
        assert done.code == code, f"{command}: {done.out}{done.err}"
        return done

    with chatting(citus.url, [(str(a), str(b)) for a, b in citus.rows(PAIRS)], CLIENTS) as clients:
        added = runs("add", f"{host}:{port}", "--yes", "--json").json()
        assert added["is_changed"] is True
        assert runs("add", f"{host}:{port}", "--yes", "--json").json()["is_changed"] is False
        moved = runs("rebalance", "--json").json()
        assert {move["target"] for move in moved["moves"]} == {f"{host}:{port}"}
        assert all(move["shards"] > 7 and move["bytes"] > 100_000 for move in moved["moves"]), moved["moves"]
        assert [node["shards"] for node in moved["after"] if node["port"] == port][0] > 5
        assert runs("rebalance", "--dry-run", "--json").json()["moves"] == []
        isolated = runs("isolate", largest, "--yes", "--json").json()
        assert "shard of its own already" in runs("isolate", largest, "--yes", code=1).err
        _moment(clients)
    print(f"isolating took {isolated['waited_ms']:.0f} ms, the longest turn {max(one.longest for one in clients):.1f} s")
    assert [failure for one in clients for failure in one.failed] == []
    _kept(citus, clients)
    assert runs("verify").code == 0
    where = "select shardminvalue = shardmaxvalue from pg_dist_shard where shardid = get_shard_id_for_distribution_column('public.conversations', '{}'::uuid)"
    assert citus.one(where.format(largest)) is True


def test_a_dead_worker_takes_only_its_conversations_with_it(citus: Citus, cli: Cli) -> None:
    pairs = [(str(a), str(b)) for a, b in citus.rows(PAIRS)]
    homes = {str(conversation): port for conversation, port in citus.rows(HOMES)}
    lost: Worker = workers()[0]
    with chatting(citus.url, pairs, CLIENTS) as clients:
        _moment(clients)
        lost.stop()
        try:
            time.sleep(1)
            _moment(clients, but=lost.port, homes=homes)
            status = cli("cluster", "status", "--json", "--url", citus.url)
            assert status.code == 4, status.err
            assert status.json()["silent"] == [f"{lost.host}:{lost.port}"]
            for command in (["cluster", "verify"], ["cluster", "rebalance"], ["cluster", "relay"]):
                done = cli(*command, "--url", citus.url)
                assert done.code == 4, done.err
                assert f"{lost.host}:{lost.port}" in done.err
                assert "Traceback" not in done.err
        finally:
            lost.start()
        _moment(clients, homes=homes, of=lost.port)
    failures = [failure for one in clients for failure in one.failed]
    assert {homes[conversation] for conversation, _ in failures} == {lost.port}
    assert all(str(lost.port) in text or "server closed the connection" in text or "terminating" in text for _, text in failures), (
        failures[:3]
    )
    _kept(citus, clients)
    assert cli("cluster", "status", "--url", citus.url).code == 0


def _moment(clients: list[Client], *, homes: dict[str, int] | None = None, but: int = 0, of: int = 0) -> None:
    """Wait until each client was served some ten times more, elsewhere than on the node `but`, or on the node `of`."""
    before = [len(one.acknowledged) for one in clients]
    deadline = time.monotonic() + 120

    def served(one: Client, since: int) -> int:
        sent = one.acknowledged[since:]
        return sum(1 for conversation, _ in sent if not homes or (homes[conversation] == of if of else homes[conversation] != but))

    while any(served(one, since) < 10 for one, since in zip(clients, before, strict=True)):
        assert time.monotonic() < deadline, [one.failed[-3:] for one in clients]
        time.sleep(0.05)


def _kept(citus: Citus, clients: list[Client]) -> None:
    """Fail unless each message that was acknowledged is there once, and no client has one that was not sent."""
    sent = [message for one in clients for _, message in one.acknowledged]
    assert len(sent) > 20
    found = dict(citus.rows("select id::text, count(*) from public.messages group by 1"))
    assert [message for message in sent if found.get(message) != 1] == []
    assert [message for message, count in found.items() if count != 1] == []


# What asks a worker, and what the coordinator answers alone, while a worker is lost.
ASKING = [
    "cluster status", "cluster verify", "cluster rebalance", "cluster rebalance --dry-run", "cluster relay", "cluster isolate {room} --dry-run",
    "cluster undistribute --yes", "hold add --user {user} --reason r", "partition ensure --from 2026-08", "privacy export {user} --out person",
    "attachments due",
]  # fmt: skip
ALONE = [
    "status", "partition list", "hold list", "migrate", "history", "roles check", "report", "report locks", "audit verify", "batch list",
    "events record", "retention plan", "maintain", "verify", "undo --yes", "partition plan", "cluster advise", "cluster check",
]  # fmt: skip


def test_each_command_names_the_node_that_is_lost(citus: Citus, cli: Cli) -> None:
    lost: Worker = workers()[0]
    words = {"room": citus.one(LARGEST), "user": citus.one("select username from public.users order by id limit 1")}
    name = f"{lost.host}:{lost.port}"
    lost.stop()
    wrong = []
    try:
        for command in (*ASKING, *ALONE):
            done = cli(*command.format(**words).split(), "--url", citus.url, timeout=300)
            told = name in done.out + done.err
            is_right = done.code == 4 and told if command in ASKING else done.code in (0, 1, 3) or (done.code == 4 and told)
            if not is_right or "Traceback" in done.err or "this is a bug" in done.err:
                wrong.append((command, done.code, done.err[-400:]))
    finally:
        lost.start()
    assert wrong == []
