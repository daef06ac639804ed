"""The months of a bulk seed cannot be told from months whose rows were inserted one by one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from chatschema import postgres
from chatschema.partition import build
from chatschema.values import TABLES
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
SIZE = ("--messages", "100000" if FULL else "1000", "--months", "2", "--until", "2026-03-28")
QUERIES = (
    "select * from messages where conversation_id = {conversation} and id < {message} order by id desc limit 50",
    "select * from messages where conversation_id = {conversation} order by created_at desc limit 50",
    "select count(*) from messages where conversation_id = {conversation} and id > {message}",
    "select * from message_statuses where message_id = {message}",
    "select * from messages where sender_id = {sender} order by id desc limit 20",
    "select m.id, s.status from messages m join message_statuses s on s.message_id = m.id where m.id = {message}",
)


@pytest.fixture
def other(server: PgServer, migrated_template: str) -> Iterator[Database]:
    """A second migrated database."""
    yield from create(server, f"other_{uuid.uuid4().hex[:12]}", migrated_template)


def test_rows_inserted_one_by_one_have_the_same_checksum_and_plans(cli: Cli, migrated: Database, other: Database) -> None:
    result = cli("seed", *SIZE, "--json", "--url", migrated.url)
    assert result.code == 0, result.err
    assert cli("partition", "ensure", "--from", "2026-02", "--url", other.url).code == 0
    if FULL:
        assert cli("verify", "--url", migrated.url).code == 0
    copy_row_by_row(migrated, other)
    again = cli("seed", *SIZE, "--json", "--url", other.url)
    assert again.json()["bulk"]["checksum"] == result.json()["bulk"]["checksum"]
    shape = """
        select regexp_replace(p.relname, '_y.*', ''), k.conname, k.contype, k.convalidated, pg_get_constraintdef(k.oid), count(*)
        from pg_constraint k join pg_class p on p.oid = k.conrelid where p.relispartition and k.conname !~ '_y[0-9]{4}'
        group by 1, 2, 3, 4, 5 order by 1, 2
    """
    assert migrated.all(shape) == other.all(shape)
    for kind in (
        "select c.relname, pg_get_indexdef(i.indexrelid), i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid"
        " where c.relname ~ '_y[0-9]{4}' order by 1",
        "select c.relname, t.tgname, t.tgenabled from pg_trigger t join pg_class c on c.oid = t.tgrelid"
        " where c.relname ~ '_y[0-9]{4}' and not t.tgisinternal order by 1, 2",
        "select c.relname, a.attname, a.attnum, a.attstorage, a.attnotnull from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where c.relname ~ '_y[0-9]{4}m[0-9]{2}$' and a.attnum > 0 order by 1, 3",
    ):
        assert migrated.all(kind) == other.all(kind)
    # Pages that were filled by COPY FREEZE are visible to everybody at once, others after the first vacuum.
    other.run("vacuum analyze messages")
    other.run("vacuum analyze message_statuses")
    chosen = "select conversation_id, id, sender_id from messages where reply_to_id is not null order by id limit 1 offset 20"
    conversation, message, sender = (f"'{value}'" for value in migrated.one(chosen))
    for query in QUERIES:
        explain = "explain (costs off) " + query.format(conversation=conversation, message=message, sender=sender)
        assert migrated.all(explain) == other.all(explain), query


def copy_row_by_row(source: Database, target: Database) -> None:
    with source.connect() as reading, target.connect() as writing:
        for table in TABLES:
            columns = [
                row[0] for row in reading.execute(
                    "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
                    " and attgenerated = '' and attidentity = '' order by attnum", (table,)
                )
            ]  # fmt: skip
            # Text in both directions, so that a jsonb or an array comes back as it is.
            read = ", ".join(f"{column}::text" for column in columns)
            rows = reading.execute(f"select {read} from {table} order by created_at, 1".encode()).fetchall()
            places = ", ".join("%s" for _ in columns)
            with writing.transaction():
                writing.execute("select set_config('chatschema.audit_batch', 'on', true)")
                with writing.cursor() as cursor:
                    cursor.executemany(f"insert into {table} ({', '.join(columns)}) values ({places})".encode(), rows)
                txid = writing.execute("select pg_current_xact_id()::text").fetchone()
        for table in ("bulk_seed", "bulk_months", "bulk_owners"):
            rows = reading.execute(f"select t::text from chatschema.{table} as t".encode()).fetchall()
            for row in rows:
                writing.execute(f"insert into chatschema.{table} select (%s::chatschema.{table}).*".encode(), row)
        # The entries of the trail came last.
        assert txid
        writing.execute("update chatschema.bulk_seed set audit_txid = %s::text::xid8", txid)
        writing.execute("update chatschema.bulk_months set audit_txid = %s::text::xid8", txid)


def test_attaching_reads_no_row_and_builds_no_index(migrated: Database) -> None:
    group = build.pair(datetime(2026, 3, 1, tzinfo=UTC))
    notices: list[str] = []
    with closing(postgres.connect(migrated.url)) as connection:
        build.create_bare(connection, group)
        assert len(list(build.build(connection, group, print))) == 2
        files = (
            "select relname, relfilenode from pg_class where relname ~ '^message.*_y2026m03' and relkind in ('r', 'i') order by 1"
        )
        before = migrated.all(files)
        connection.execute("set client_min_messages = debug1")
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        with connection.transaction():
            assert build.attach(connection, group, replace=False)
    implied = [text for text in notices if text.endswith("is implied by existing constraints")]
    assert [text.split('"')[1] for text in implied] == [month.name for month in group]
    # The same indexes, none of them built again, and no second foreign key.
    assert migrated.all(files) == before
    keys = "select count(*) from pg_constraint where conrelid = 'chat_partitions.messages_y2026m03'::regclass and contype = %s"
    assert [migrated.one(keys, kind) for kind in "puf"] == [1, 1, 2]


def test_a_month_that_got_a_row_is_not_replaced(migrated: Database) -> None:
    lower = migrated.one("select date_trunc('month', now(), 'UTC')").astimezone(UTC)
    group = build.pair(lower)
    with closing(postgres.connect(migrated.url)) as connection:
        assert build.path(connection, lower) == "replaced"
        build.create_bare(connection, group)
        list(build.build(connection, group, print))
        migrated.run("insert into users (username) values ('carol'); insert into conversations (title) values ('mine')")
        migrated.run(
            "insert into conversation_participants (conversation_id, user_id) select c.id, u.id from conversations c, users u"
        )
        migrated.run(
            "insert into messages (conversation_id, sender_id, content_encrypted) select c.id, u.id, 'x' from conversations c, users u"
        )
        with connection.transaction():
            assert not build.attach(connection, group, replace=True)
        assert build.path(connection, lower) == "inserted"
    assert migrated.one("select count(*) from messages") == 1


def test_an_owner_who_is_no_superuser_seeds_and_removes(cli: Cli, server: PgServer) -> None:
    name = f"plain_{uuid.uuid4().hex[:12]}"
    with server.connect("postgres") as admin:
        admin.execute(f"create role {name} login password 'secret'".encode())
        admin.execute(f"create database {name} owner {name}".encode())
        admin.execute(f"alter role {name} set default_transaction_isolation = 'repeatable read'".encode())
    url = server.url(name, user=name, password="secret")
    try:
        for command in (("migrate",), ("seed", *SIZE[:2], "--months", "2"), ("seed", "--undo")):
            done = cli(*command, "--url", url)
            assert done.code == 0, done.err
        assert cli("status", "--check", "--url", url).code == 0
    finally:
        with server.connect("postgres") as admin:
            admin.execute(f"drop database {name} with (force)".encode())
            admin.execute(f"drop role {name}".encode())
