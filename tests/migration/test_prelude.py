"""The prelude of a migration locks what its statements lock, evicts autovacuum, and bounds how long others wait."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatschema import postgres
from chatschema.migration import heads, prelude
from chatschema.migration.heads import Mode
from chatschema.postgres import Connection
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import write
from tests.support.servers import PgServer

# The server's own word on each: its locks after the statement, beside those that the prelude would take. The seeded database has
# rows in all of its tables and in some months.
STATEMENTS = [
    "alter table public.users add column note text",
    "alter table messages add column note text, add column other int not null default (1 + (2))",
    "alter table public.messages alter column content_algorithm set statistics 50",
    "alter table public.users set (fillfactor = 90)",
    "alter table public.users alter column status set (n_distinct = 3)",
    "alter table public.conversations add constraint c foreign key (created_by) references public.users (id)",
    "alter table public.conversations add constraint c check (title <> 'a,b') not valid",
    "alter table public.messages disable trigger messages_keep_held_content",
    "alter table public.messages enable row level security",
    "alter table public.auth_sessions drop constraint auth_sessions_user_id_fkey",
    "alter table public.conversation_participants drop column public_key_id",
    "alter table public.users drop constraint users_pkey cascade",
    "alter table public.users rename column status to state",
    "alter table public.users rename to people",
    "create index on public.messages (created_at)",
    "create index if not exists i on only public.messages (created_at)",
    "create table public.polls (id uuid references public.users (id), c uuid references conversations)",
    "create table public.one partition of public.messages for values from (chatschema.uuid7_floor('1990-01-01'))"
    " to (chatschema.uuid7_floor('1990-02-01'))",
    "create trigger t before update of status, username on public.users for each row execute function chatschema.set_updated_at()",
    "create policy p on public.messages using (true)",
    "alter rule users_kept on public.users rename to users_stay",
    "create statistics chatschema.s on status, username from public.users",
    "comment on table public.messages is 'on public.users; x'",
    "comment on column public.users.status is null",
    "drop index public.idx_messages_sender_id",
    "drop trigger messages_keep_held_content on public.messages",
    "drop trigger if exists users_set_updated_at on users",
    "drop table public.attachments",
    "drop table public.message_statuses, public.audit_logs",
    "drop table public.users cascade",
    "drop function chatschema.set_updated_at() cascade",
    "drop function chatschema.keep_held_content cascade",
    "drop schema chatschema cascade",
    "truncate public.auth_sessions, only public.attachments",
    "truncate public.users cascade",
    "lock table public.messages in share row exclusive mode",
    "lock public.users",
    "reindex table public.users",
    "update public.users set status = 'away'",
    "insert into public.users (username) values (substr('alter table public.messages', 1, 5))",
    "create view public.v as select id from public.users",
    "create or replace function public.f() returns void language sql as 'drop table public.users; drop table public.messages'",
    "select count(*) from public.users",
]
_TABLES = """
    select c.oid, format('%I.%I', n.nspname, c.relname), coalesce(nullif(pg_partition_root(c.oid), c.oid)::oid, 0),
        c.relkind = 'r' and pg_relation_size(c.oid) > 0
        or exists (select from pg_partition_tree(c.oid) as p where p.isleaf and pg_relation_size(p.relid) > 0)
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and c.oid >= 16384
"""
# By number: a table that was dropped has no name any more.
_HELD = """
    select relation, max(array_position(array['ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
        'AccessExclusiveLock'], mode)) + 3
    from pg_locks where pid = pg_backend_pid() and relation is not null group by 1
"""


@pytest.fixture(scope="module")
def full(server: PgServer, seeded_template: str) -> Iterator[Connection]:
    """A connection to a database with demo data; each test rolls its changes back."""
    from tests.support.database import create

    for database in create(server, "full_of_rows", seeded_template):
        database.run("create rule users_kept as on delete to public.users where old.username = '' do instead nothing")
        with closing(postgres.connect(database.url)) as connection:
            yield connection


@pytest.mark.parametrize("text", STATEMENTS)
def test_the_prelude_takes_the_locks_of_the_statement(full: Connection, text: str) -> None:
    with full.cursor() as cursor:
        tables = {oid: rest for oid, *rest in cursor.execute(_TABLES).fetchall()}
    needs = list(heads.of_statement(text))
    with full.transaction(force_rollback=True):
        foretold = {lock.table: lock for lock in reversed(prelude.locks(full, needs))}
        postgres.execute_text(full, text)
        locked = {oid: mode for oid, mode in postgres.fetch_all(full, _HELD) if oid in tables and mode is not None}
    held = {tables[oid][0]: Mode(mode).name for oid, mode in locked.items() if not tables[oid][1] and tables[oid][2]}
    assert held == {name: lock.mode.name for name, lock in foretold.items()}
    assert bool(held) == bool(needs)
    for parent, mode in [(tables[oid][1], mode) for oid, mode in locked.items() if tables[oid][1]]:
        if tables[parent][2]:
            lock = foretold[tables[parent][0]]
            assert not lock.is_only, "the statement locks the months as well"
            assert lock.mode >= mode


def test_a_month_that_is_dropped_locks_no_table_that_it_refers_to(full: Connection) -> None:
    query = "select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'messages'::regclass and pg_relation_size(inhrelid) > 0"
    month = postgres.fetch_one(full, query)[0]
    text = f"drop table {month}"
    with full.transaction(force_rollback=True):
        foretold = {lock.table for lock in prelude.locks(full, list(heads.of_statement(text)))}
        postgres.execute_text(full, text)
        query = (
            "select mode from pg_locks where pid = pg_backend_pid() and relation = 'users'::regclass and mode like '%Exclusive%'"
        )
        assert postgres.fetch_all(full, query) == []
    assert foretold == {"public.messages", month}


def test_referenced_tables_and_parents_come_first(full: Connection) -> None:
    names = ("conversation_participants", "auth_sessions", "messages", "conversations", "users")
    needs = [need for name in names for need in heads.of_statement(f"alter table public.{name} add column note text")]
    with full.transaction(force_rollback=True):
        found = [lock.table.removeprefix("public.") for lock in prelude.locks(full, needs)]
    assert sorted(found) == sorted(names)
    assert found.index("users") < found.index("auth_sessions")
    assert found.index("users") < found.index("conversations") < found.index("messages")
    assert found.index("conversations") < found.index("conversation_participants")
    query = "select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'messages'::regclass and pg_relation_size(inhrelid) > 0"
    month = postgres.fetch_one(full, query)[0]
    needs = [need for table in (month, "messages") for need in heads.of_statement(f"alter table {table} enable row level security")]
    with full.transaction(force_rollback=True):
        assert [lock.table for lock in prelude.locks(full, needs)] == ["public.messages", month]


def locked(database: Database) -> list[Any]:
    query = (
        "select query, calls from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())"
    )
    return database.all(f"{query} and query ~* '^lock table' order by query")


def test_an_empty_table_needs_no_prelude(cli: Cli, empty: Database, sql_dir: Path) -> None:
    empty.run("create extension pg_stat_statements; create table public.a (id int primary key)")
    for path in (sql_dir / "migrations").iterdir():
        path.unlink()
    write(sql_dir, "20990101000000_add_note", "alter table public.a add column note text;")
    write(sql_dir, "20990101000001_create_b", "create table public.b (id int references public.a (id));")
    write(
        sql_dir, "20990101000002_add_other", "alter table public.b add column other int; create index b_other on public.b (other);"
    )
    options = ("--url", empty.url, "--sql-dir", str(sql_dir))
    assert cli("migrate", *options).code == 0
    assert locked(empty) == []
    empty.run("insert into public.a values (1)")
    write(
        sql_dir, "20990101000003_add_third", "alter table public.a add column third int; alter table public.b add column third int;"
    )
    assert cli("migrate", *options).code == 0
    # The stronger lock is taken in a block, whose statements are not counted.
    assert locked(empty) == [("lock table public.a in share update exclusive mode", 1)]
