"""The specification's own SQL, run as printed where it is valid, and the plans it gets on a grown database."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatschema.values import TABLES
from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.pace import LONG
from tests.support.plans import nodes
from tests.support.servers import PgServer

MONTHS = 24
MESSAGES = 200_000 if LONG else 60_000


@pytest.fixture(scope="module")
def grown(server: PgServer, migrated_template: str) -> Iterator[Database]:
    """24 months of messages in 200 conversations, most of them in one."""
    for database in create(server, "grown", migrated_template):
        now = datetime.now(UTC)
        first = f"{now.year - 2:04}-{now.month:02}"
        done = run_cli("partition", "ensure", "--from", first, "--url", database.url, cwd=Path(sys.prefix))
        assert done.code == 0, done.err
        database.run(f"""
            insert into public.users (username) select 'user' || i from generate_series(1, 5000) as i;
            insert into public.users (username) values ('alice');
            insert into public.conversations (title) select 'c' || i from generate_series(1, 200) as i;
            insert into public.conversation_participants (conversation_id, user_id)
            select c.id, u.id from public.conversations as c, public.users as u where u.username = 'alice';
            insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at, is_deleted, deleted_at)
            select chatschema.uuid7(t), c.id, u.id, '\\x00', t, i % 50 = 0, case when i % 50 = 0 then t end
            from generate_series(1, {MESSAGES}) as i
            cross join lateral (select now() - i * (interval '{MONTHS} months' / {MESSAGES + 1000}) as t) as times
            cross join (select id from public.conversations where title = 'c1') as c
            cross join (select id from public.users where username = 'alice') as u;
            insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
            select chatschema.uuid7(t), c.id, u.id, '\\x00', t
            from generate_series(1, 100) as i
            cross join lateral (select now() - i * interval '7 days' as t) as times
            cross join (select id from public.conversations where title <> 'c1') as c
            cross join (select id from public.users where username = 'alice') as u;
            analyze""")
        yield database


def plan(database: Database, query: str) -> dict[str, Any]:
    rows = database.one(f"explain (analyze, format json, timing off) {query}")
    document = rows if isinstance(rows, list) else json.loads(rows)
    result: dict[str, Any] = document[0]["Plan"]
    return result


def kinds(tree: dict[str, Any]) -> set[str]:
    return {node["Node Type"] for node in nodes(tree)}


def test_backslash_dt_and_the_counts(seeded: Database) -> None:
    tables = seeded.all("""
        select c.relname from pg_catalog.pg_class as c left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', '') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
            and pg_catalog.pg_table_is_visible(c.oid) order by 1""")
    assert {table for (table,) in tables} == set(TABLES)
    assert seeded.one("SELECT COUNT(*) FROM users;") == 25
    assert seeded.one("SELECT COUNT(*) FROM conversations;") > 5
    assert seeded.one("SELECT COUNT(*) FROM messages;") > 2000


def test_username_alice_uses_an_index(grown: Database) -> None:
    tree = plan(grown, "SELECT * FROM users WHERE username = 'alice';")
    assert kinds(tree) == {"Index Scan"}
    assert tree["Index Name"] == "users_username_key"


@pytest.mark.parametrize("condition", ["", "AND is_deleted = false"])
def test_newest_fifty_of_a_conversation_come_in_index_order(grown: Database, condition: str) -> None:
    conversation = grown.one("select id from conversations where title = 'c1'")
    tree = plan(
        grown, f"SELECT * FROM messages WHERE conversation_id = '{conversation}' {condition} ORDER BY created_at DESC LIMIT 50"
    )
    assert kinds(tree) <= {"Limit", "Merge Append", "Append", "Index Scan"}, kinds(tree)
    scans = [node for node in nodes(tree) if node["Node Type"] == "Index Scan"]
    assert len(scans) >= MONTHS
    assert {node["Scan Direction"] for node in scans} == {"Backward"}
    # One row of each month is looked at to merge them, and the fifty; not the 200,000.
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans) < 50 + 10 + 2 * len(scans)


@pytest.mark.parametrize("condition", ["", "and is_deleted = false"])
def test_keyset_pages_stop_after_the_page(grown: Database, condition: str) -> None:
    conversation = grown.one("select id from conversations where title = 'c1'")
    cursor = grown.one(
        f"select id from messages where conversation_id = %s order by id desc offset {MESSAGES // 2} limit 1", conversation
    )
    tree = plan(
        grown,
        f"select * from messages where conversation_id = '{conversation}' and id < '{cursor}' {condition} order by id desc limit 50",
    )
    assert kinds(tree) <= {"Limit", "Append", "Index Scan"}, kinds(tree)
    scans = [node for node in nodes(tree) if node["Node Type"] == "Index Scan"]
    # The months after the cursor are pruned, those before it are planned and never run.
    assert len(scans) < MONTHS
    assert sum(node["Actual Loops"] for node in scans) <= 2


def test_a_lookup_by_id_touches_one_month(grown: Database) -> None:
    id = grown.one("select id from messages order by id limit 1")
    tree = plan(grown, f"select * from messages where id = '{id}'")
    assert kinds(tree) == {"Index Scan"}


def test_a_span_of_time_by_id_prunes_to_its_month(grown: Database) -> None:
    tree = plan(
        grown,
        "select count(*) from messages"
        " where id >= chatschema.uuid7_floor(date_trunc('month', now() at time zone 'UTC') at time zone 'UTC')"
        " and id < chatschema.uuid7_floor((date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC')",
    )
    scanned = [node for node in nodes(tree) if "Relation Name" in node]
    assert len({node["Relation Name"] for node in scanned if node["Actual Loops"]}) == 1


def test_unread_counts_read_the_index_from_the_cursor_on(grown: Database) -> None:
    conversation = grown.one("select id from conversations where title = 'c1'")
    cursor = grown.one("select id from messages where conversation_id = %s order by id desc offset 120 limit 1", conversation)
    query = f"select count(*) from (select from messages where conversation_id = '{conversation}' and id > '{cursor}' limit 100) as unread"
    tree = plan(grown, query)
    assert grown.one(query) == 100
    # The months ahead are empty, and reading an empty table in sequence is right.
    leaves = [node for node in nodes(tree) if "Relation Name" in node]
    assert sum(node["Actual Rows"] for node in leaves) == 100
    assert all(node["Node Type"] != "Seq Scan" or node["Actual Rows"] == 0 for node in leaves)


def test_the_specs_index_names_exist(migrated: Database) -> None:
    for name in ("idx_messages_conversation_created_at", "idx_message_statuses_user_status_time"):
        assert migrated.one("select to_regclass(%s) is not null", f"public.{name}")


def test_the_specs_monthly_partitions_have_the_specs_names(cli: Any, migrated: Database) -> None:
    assert cli("partition", "ensure", "--from", "2024-12", "--url", migrated.url).code == 0
    bound = migrated.one("select pg_get_expr(relpartbound, oid) from pg_class where relname = 'messages_y2024m12'")
    lower, upper = migrated.one(
        "select chatschema.uuid7_floor('2024-12-01 00:00+00'), chatschema.uuid7_floor('2025-01-01 00:00+00')"
    )
    assert bound == f"FOR VALUES FROM ('{lower}') TO ('{upper}')"
    assert migrated.one("select to_regclass('chat_partitions.message_statuses_y2024m12') is not null")
