"""cluster verify notices each thing that is not the same on all nodes, and the statements that it prints repair it. Needs Citus."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.citus import Citus, database, needs_citus, nodes
from tests.support.cli import Cli, run_cli
from tests.support.database import Database

pytestmark = needs_citus
SHARD = "select shard_name('public.{0}', min(shardid)) from pg_dist_shard join pg_dist_placement using (shardid) where logicalrelid = 'public.{0}'::regclass and groupid = (select groupid from pg_dist_local_group)"
NAMED = "select quote_ident({0}) from {1} where {2} = '{3}'::regclass and {0} ~ '^{4}(_\\d+)?$'"
LOGIN = f"member_{uuid.uuid4().hex[:12]}"


class Node:
    """A connection to one node, on which nothing is passed on to others."""

    def __init__(self, citus: Citus, host: str, port: int) -> None:
        self.name = f"{host}:{port}"
        self.connection = psycopg.connect(make_conninfo(citus.url, host=host, port=port), autocommit=True)
        # Shards are hidden from others than Citus.
        self.run("set citus.enable_ddl_propagation = off", "set citus.enable_manual_changes_to_shards = on")
        self.run("set citus.override_table_visibility = off")

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement.encode())

    def one(self, query: str) -> Any:
        row = self.connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def shard(self, table: str) -> str:
        return str(self.one(SHARD.format(table)))

    def named(self, shard: str, catalog: str, name: str) -> str:
        kinds = {"pg_constraint": ("conname", "conrelid"), "pg_trigger": ("tgname", "tgrelid")}
        column, of = kinds[catalog]
        found = self.one(NAMED.format(column, catalog, of, shard, name))
        assert found, f"{shard} has no {name}"
        return str(found)


class Damaged:
    """A distributed database that was damaged, and what cluster verify found in it."""

    def __init__(self, citus: Citus, cli: Any) -> None:
        self.citus, self.cli = citus, cli
        self.coordinator, self.first, self.second = (Node(citus, *node) for node in nodes()[:3])
        self.expected: dict[str, tuple[str, str, str]] = {}
        self.findings: list[dict[str, Any]] = []

    def damage(self) -> None:
        for part in (_copies, _shards, _functions, _left):
            part(self)
        self.findings = self.verified()

    def close(self) -> None:
        if self.second.one("select count(*) from pg_prepared_xacts where gid = 'left over'"):
            self.second.run("rollback prepared 'left over'")
        for node in (self.coordinator, self.first, self.second):
            node.run(f"drop role if exists {LOGIN}")
            node.connection.close()

    def verified(self, code: int = 3) -> list[dict[str, Any]]:
        done = self.cli("cluster", "verify", "--json", "--url", self.citus.url, timeout=300)
        assert done.code == code, done.err
        return list(done.json()["findings"])


def _copies(one: Damaged) -> None:
    one.first.run("set session_replication_role = replica")
    users, keys = one.first.shard("users"), one.first.shard("user_public_keys")
    one.first.run(f"update {users} set display_name = 'another' where id = (select min(id::text)::uuid from {users})")
    one.first.run(f"delete from {keys} where id = (select min(id::text)::uuid from {keys})", "reset session_replication_role")
    holds = one.second.one(SHARD.replace("public.", "chatschema.").format("node_holds"))
    one.second.run(f"insert into {holds} (id) values (77)")
    one.expected |= {
        "a row that was changed": ("cluster.copy-differs", one.first.name, "1 rows are others, 0 are missing, 0 are extra"),
        "a row that was deleted": ("cluster.copy-differs", one.first.name, "0 rows are others, 1 are missing, 0 are extra"),
        "a row too many": ("cluster.copy-differs", one.second.name, "0 rows are others, 0 are missing, 1 are extra"),
    }


def _shards(one: Damaged) -> None:
    node, shard = one.first, one.first.shard
    messages, people, files = shard("messages"), shard("conversation_participants"), shard("attachments")
    statuses, rooms = shard("message_statuses"), shard("conversations")
    trigger = node.named(messages, "pg_trigger", "messages_set_updated_at")
    disabled = node.named(rooms, "pg_trigger", "conversations_set_updated_at")
    check = node.named(messages, "pg_constraint", "messages_content_size_check")
    altered = node.named(rooms, "pg_constraint", "conversations_type_check")
    foreign = node.named(people, "pg_constraint", "conversation_participants_user_id_fkey")
    node.run(
        f"drop trigger {trigger} on {messages}",
        f"alter table {rooms} disable trigger {disabled}",
        f"alter table {messages} drop constraint {check}",
        f"alter table {rooms} drop constraint {altered}",
        f"alter table {rooms} add constraint {altered} check (type <> 'x')",
        f"alter table {people} drop constraint {foreign}",
        f"drop policy attachments_entered_select on {files}",
        f"revoke update (title, avatar_url, settings, retention_days, is_archived, updated_at) on {rooms} from chat_app",
        f"grant delete on {statuses} to chat_readonly",
        f"alter table {people} disable row level security",
        "alter table public.attachments drop constraint attachments_size_bytes_check",
    )
    index = node.one(
        f"select i.indexrelid::regclass from pg_index as i where i.indrelid = '{files}'::regclass and not i.indisunique limit 1"
    )
    node.run(f"drop index {index}")
    for name, words in {
        "a trigger of a shard": "trigger messages_set_updated_at is missing: shard ",
        "a trigger that is off": "trigger conversations_set_updated_at is CREATE TRIGGER BEFORE",
        "a check of a shard": "check messages_content_size_check is missing: shard ",
        "another check": "check conversations_type_check is CHECK (",
        "a foreign key of a shard": "foreign key conversation_participants_user_id_fkey is missing: shard ",
        "a policy of a shard": "policy attachments_entered_select is missing: shard ",
        "a grant of a shard": "grant update (avatar_url, is_archived, retention_days, settings, title, updated_at) to chat_app is missing: shard ",
        "a grant too many": "grant delete to chat_readonly is not on the coordinator's table: shard ",
        "row security of a shard": "row security enabled is missing: shard ",
        "an index of a shard": "index idx_attachments_",
        "a check of the table on a worker": "check attachments_size_bytes_check is missing: the table",
    }.items():
        one.expected[name] = ("cluster.shard-differs", node.name, words)


def _functions(one: Damaged) -> None:
    one.second.run(
        "create or replace function chatschema.is_coordinator() returns boolean language sql stable as 'select true'",
        "grant execute on function chatschema.relay(integer) to public",
        "revoke execute on function chatschema.page(uuid, uuid, integer) from chat_app",
        "drop function chatschema.pair_id(uuid, uuid)",
        "create function chatschema.of_nobody() returns int language sql as 'select 1'",
        "revoke usage on schema chatschema from chat_auditor",
    )
    one.coordinator.run(f"create role {LOGIN} login in role chat_app")
    name = one.second.name
    one.expected |= {
        "a function that was altered": ("cluster.function-differs", name, "has another definition"),
        "a grant of a function too many": ("cluster.rights-differ", name, "has beside the grant of execute to public"),
        "a grant of a function": ("cluster.rights-differ", name, "lacks the grant of execute to chat_app"),
        "a function": ("cluster.function-differs", name, "is missing"),
        "a function too many": ("cluster.function-differs", name, "is a function that the coordinator does not have"),
        "a grant of a schema": ("cluster.rights-differ", name, "lacks the grant of usage to chat_auditor"),
        "a role": ("cluster.role-differs", name, "is missing: statements of it"),
    }


def _left(one: Damaged) -> None:
    one.first.run("create table public.messages_999999 (id int)")
    one.second.run("begin", "create table public.of_a_transaction (id int)", "prepare transaction 'left over'")
    one.expected |= {
        "an orphan": ("cluster.orphan", one.first.name, "no node has this shard"),
        "a prepared transaction": ("cluster.prepared", one.second.name, "was prepared by "),
    }


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Damaged]:
    folder = tmp_path_factory.mktemp("damaged")

    def cli(*arguments: str, timeout: float = 300) -> Any:
        return run_cli(*arguments, cwd=folder, timeout=timeout)

    with database() as citus:
        for command in (
            ["migrate"],
            ["seed", "--messages", "500", "--months", "1"],
            ["roles", "apply"],
            ["cluster", "distribute", "--shards", "4", "--yes"],
        ):
            done = cli(*command, "--url", citus.url)
            assert done.code == 0, done.err
        fresh = cli("cluster", "verify", "--url", citus.url)
        assert (fresh.code, "all are equal" in fresh.out) == (0, True), fresh.out
        one = Damaged(citus, cli)
        try:
            one.damage()
            yield one
        finally:
            one.close()


KINDS = [
    "a row that was changed", "a row that was deleted", "a row too many", "a trigger of a shard", "a trigger that is off", "a check of a shard",
    "another check", "a foreign key of a shard", "a policy of a shard", "a grant of a shard", "a grant too many", "row security of a shard",
    "an index of a shard", "a check of the table on a worker", "a function that was altered", "a grant of a function too many",
    "a grant of a function", "a function", "a function too many", "a grant of a schema", "a role", "an orphan", "a prepared transaction",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=[kind.replace(" ", "-") for kind in KINDS])
def test_each_damage_is_noticed(damaged: Damaged, kind: str) -> None:
    code, node, words = damaged.expected[kind]
    found = [one for one in damaged.findings if one["code"] == code and one["node"] == node and one["reason"].startswith(words)]
    also = [one for one in damaged.findings if words in one["reason"] and one["code"] == code]
    assert found or also, [(one["code"], one["node"], one["object"], one["reason"]) for one in damaged.findings]
    assert all(one["do"] for one in found or also)


def test_what_it_prints_repairs_all_and_nothing_else_was_found(damaged: Damaged) -> None:
    assert set(damaged.expected) == set(KINDS)
    for one in damaged.findings:
        host, _, port = one["on"].rpartition(":")
        with psycopg.connect(make_conninfo(damaged.citus.url, host=host, port=port), autocommit=True) as connection:
            for statement in one["do"]:
                connection.execute(statement.encode())
    assert damaged.verified(code=0) == []


def test_one_server_has_no_nodes_to_compare(cli: Cli, migrated: Database) -> None:
    done = cli("cluster", "verify", "--url", migrated.url)
    assert done.code == 1
    assert "error[cluster.not-distributed]" in done.err
    assert "chatschema cluster distribute --dry-run" in done.err
