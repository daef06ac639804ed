"""Damages of objects that stay when the session ends: indexes, tables, sequences."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.report.damages import Damage, Truth
from tests.support.database import Database


@contextmanager
def invalid_index(database: Database) -> Iterator[Truth]:
    """A concurrent build that failed, as two rows are the same; one of them is deleted then."""
    database.run("create table public.labels (name text)")
    database.run("insert into public.labels values ('once'), ('twice'), ('twice')")
    try:
        database.run("create unique index concurrently labels_name_key on public.labels (name)")
    except psycopg.errors.UniqueViolation:
        database.run("delete from public.labels where ctid = (select max(ctid) from public.labels)")
        yield Truth("public.labels_name_key")
    else:
        raise AssertionError("two labels are the same, so the index must have failed")


@contextmanager
def unfinished_index(database: Database) -> Iterator[Truth]:
    """The last partition without a part of an index is dropped: nothing makes the server look at the index again."""
    database.run(_PARTITIONED)
    database.run("create index numbers_n_idx on only public.numbers (n); create index numbers_1_n on public.numbers_1 (n)")
    database.run("alter index public.numbers_n_idx attach partition public.numbers_1_n; drop table public.numbers_2")
    yield Truth("public.numbers_n_idx", 0, says="all of its parts (1) are valid")


@contextmanager
def index_with_an_invalid_part(database: Database) -> Iterator[Truth]:
    """A part that was left invalid is taken by the statement on the whole table, without an error."""
    database.run(_PARTITIONED)
    database.run("create index numbers_1_n on public.numbers_1 (n)")
    database.run("update pg_index set indisvalid = false where indexrelid = 'public.numbers_1_n'::regclass")
    database.run("create index numbers_n_idx on public.numbers (n)")
    yield Truth("public.numbers_n_idx", 1, says="1 of its 2 parts are invalid")


_PARTITIONED = """
    create table public.numbers (n integer) partition by range (n);
    create table public.numbers_1 partition of public.numbers for values from (0) to (10);
    create table public.numbers_2 partition of public.numbers for values from (10) to (20);
    insert into public.numbers values (1), (11);
"""


@contextmanager
def missing_index(database: Database) -> Iterator[Truth]:
    database.run("create table public.reactions (id integer primary key, user_id uuid references public.users (id), emoji text)")
    database.run("insert into public.reactions select i, null, 'x' from generate_series(1, 12000) as i")
    database.run("analyze public.reactions")
    yield Truth("public.reactions.reactions_user_id_fkey", 12000)


@contextmanager
def worn_out_sequence(database: Database) -> Iterator[Truth]:
    database.run("create sequence public.ticket_seq as integer")
    database.run("select setval('public.ticket_seq', 2040109465)")
    yield Truth("public.ticket_seq", 2040109465 / 2147483647 * 100, within=0.01)


@contextmanager
def unused_index(database: Database) -> Iterator[Truth]:
    database.run("create table public.bulk (id integer primary key, payload text) with (autovacuum_enabled = off)")
    database.run("insert into public.bulk select i, md5(i::text) from generate_series(1, 20000) as i")
    database.run("create index bulk_payload on public.bulk (payload); update public.bulk set id = id where id < 10")
    yield Truth("public.bulk_payload", database.one("select pg_relation_size('public.bulk_payload')"))


@contextmanager
def duplicate_index(database: Database) -> Iterator[Truth]:
    database.run("create table public.bulk (id integer primary key, payload text)")
    database.run("create index bulk_payload on public.bulk (payload); create index bulk_payload_again on public.bulk (payload)")
    yield Truth("public.bulk_payload")
    assert database.one("select count(*) from pg_index where indrelid = 'public.bulk'::regclass") == 2


@contextmanager
def redundant_index(database: Database) -> Iterator[Truth]:
    database.run("create index attachments_conversation_id on public.attachments (conversation_id)")
    yield Truth("public.attachments_conversation_id")


@contextmanager
def old_rows(database: Database) -> Iterator[Truth]:
    """Three thousand transactions have passed since the table was created."""
    database.run("create table public.archive (id integer) with (autovacuum_enabled = off)")
    created = int(database.one("select relfrozenxid::text from pg_class where oid = 'public.archive'::regclass"))
    database.run("do $$ begin for i in 1..3000 loop perform pg_current_xact_id(); commit; end loop; end $$")
    passed = database.one("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint") - created
    assert passed >= 3000
    yield Truth("public.archive", passed, within=0.2)


@contextmanager
def losing_commits(database: Database) -> Iterator[Truth]:
    database.run(f"alter database {database.name} set synchronous_commit = off")
    yield Truth("synchronous_commit")
    assert database.one("show synchronous_commit") == "on"


@contextmanager
def losing_commits_of_a_role(database: Database) -> Iterator[Truth]:
    """Said for this role in this database it is stronger than what is said for the database."""
    role = database.server.user
    database.run(f"alter role {role} in database {database.name} set synchronous_commit = off")
    database.run(f"alter database {database.name} set synchronous_commit = on")
    yield Truth("synchronous_commit")
    assert database.one("show synchronous_commit") == "on"


DAMAGES = [
    Damage(
        "an index that nobody uses",
        "indexes",
        "unused",
        unused_index,
        toml="[report.indexes]\nunused_days = 0\nunused_min_bytes = 100000\n",
    ),
    Damage("an index twice", "indexes", "duplicate", duplicate_index),
    Damage("an index that begins another one", "indexes", "redundant", redundant_index),
    Damage(
        "a table that is overdue for freezing",
        "wraparound",
        "table",
        old_rows,
        toml="[report.wraparound]\noverdue_factor = 0.00001\n",
    ),
    Damage("a database that loses commits", "settings", "safety", losing_commits),
    Damage("a role that loses commits", "settings", "safety", losing_commits_of_a_role),
    Damage("an index whose build failed", "indexes", "invalid", invalid_index),
    Damage("a partitioned index that nothing completed", "indexes", "invalid", unfinished_index),
    Damage("a partitioned index with an invalid part", "indexes", "invalid", index_with_an_invalid_part),
    Damage("a foreign key without an index", "indexes", "missing", missing_index),
    Damage("a sequence near its end", "sequences", "used", worn_out_sequence),
]
