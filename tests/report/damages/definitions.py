"""Damages of definitions: triggers, keys, foreign keys, sort orders."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.report.damages import Damage, Truth
from tests.support.database import Database


@contextmanager
def disabled_trigger(database: Database) -> Iterator[Truth]:
    database.run("alter table public.users disable trigger users_record_erasure")
    yield Truth("public.users.users_record_erasure")


@contextmanager
def disabled_of_all_partitions(database: Database) -> Iterator[Truth]:
    """That of the whole is named, not one of each of its partitions."""
    database.run("alter table public.messages disable trigger messages_keep_identity")
    assert database.one("select count(*) > 5 from pg_trigger where tgname = 'messages_keep_identity' and tgenabled = 'D'")
    yield Truth("public.messages.messages_keep_identity")


@contextmanager
def disabled_always(database: Database) -> Iterator[Truth]:
    """Its fix lets it fire for replicated changes again, as before."""
    state = "select tgenabled::text from pg_trigger where tgname = 'audit_logs_refuse_change'"
    before = database.one(state)
    database.run("alter table public.audit_logs disable trigger audit_logs_refuse_change")
    yield Truth("public.audit_logs.audit_logs_refuse_change")
    assert database.one(state) == before == "A"


@contextmanager
def repeated_foreign_key(database: Database) -> Iterator[Truth]:
    database.run("create table public.likes (id integer primary key, user_id uuid references public.users (id) on delete cascade)")
    database.run("create index on public.likes (user_id)")
    database.run(
        "alter table public.likes add constraint likes_again foreign key (user_id) references public.users on delete cascade"
    )
    # One that does something else when its user goes is no copy.
    database.run(
        "alter table public.likes add constraint likes_other foreign key (user_id) references public.users on delete set null"
    )
    yield Truth("public.likes.likes_again")
    left = database.all("select conname from pg_constraint where conrelid = 'public.likes'::regclass and contype = 'f' order by 1")
    assert left == [("likes_other",), ("likes_user_id_fkey",)]


@contextmanager
def smaller_reference(database: Database) -> Iterator[Truth]:
    database.run("create table public.orders (id bigint primary key)")
    database.run("create table public.lines (id bigint primary key, order_id integer references public.orders (id))")
    yield Truth("public.lines.lines_order_id_fkey")
    assert database.one("select pg_typeof(order_id)::text from (select null) as x left join public.lines on true") == "bigint"


@contextmanager
def other_reference(database: Database) -> Iterator[Truth]:
    """The larger type stays: nothing has to be made smaller."""
    database.run("create table public.orders (id integer primary key)")
    database.run("create table public.lines (id bigint primary key, order_id bigint references public.orders (id))")
    yield Truth("public.lines.lines_order_id_fkey")
    assert database.one("select pg_typeof(id)::text from (select null) as x left join public.orders on true") == "bigint"


@contextmanager
def no_key(database: Database) -> Iterator[Truth]:
    database.run("create table public.notes (body text); insert into public.notes values ('same'), ('same')")
    yield Truth("public.notes")


@contextmanager
def unused_candidate(database: Database) -> Iterator[Truth]:
    """The unique index that is there becomes the key: no second one is built."""
    database.run(
        "create table public.notes (number integer not null, body text); create unique index notes_number on public.notes (number)"
    )
    yield Truth("public.notes")
    assert database.one("select count(*) from pg_index where indrelid = 'public.notes'::regclass") == 1


@contextmanager
def published_without_identity(database: Database) -> Iterator[Truth]:
    database.run("create table public.notes (body text); create publication outward for table public.notes")
    try:
        yield Truth("public.notes")
        if database.one("select current_setting('wal_level')") == "logical":
            database.run("delete from public.notes")
    finally:
        database.run("drop publication outward")


@contextmanager
def outdated_collation(database: Database) -> Iterator[Truth]:
    """The server's library was updated: said of it by the catalog. How many indexes depend on it, pg_depend knows as well."""
    provider = "builtin, locale = 'C.UTF-8'" if database.server.version >= 170000 else "icu, locale = 'de'"
    database.run(f"create collation public.german (provider = {provider})")
    database.run(
        "create table public.names (id integer primary key, name text collate public.german, place text collate public.german) partition by range (id);"
        "create table public.names_1 partition of public.names for values from (0) to (10); create index on public.names (name, place);"
        "create unique index names_1_place on public.names_1 (place)"
    )
    database.run("update pg_collation set collversion = '0.1' where collname = 'german'")
    indexes = database.one(
        "select count(distinct d.objid) from pg_depend as d join pg_class as c on c.oid = d.objid and c.relkind in ('i', 'I')"
        " where d.refclassid = 'pg_collation'::regclass and d.refobjid = 'public.german'::regcollation"
    )
    assert indexes == 3
    rebuilt = "select relfilenode from pg_class where relname = 'names_1_place'"
    before = database.one(rebuilt)
    yield Truth("collation public.german", indexes)
    assert database.one(rebuilt) != before


@contextmanager
def full_key(database: Database) -> Iterator[Truth]:
    database.run("create table public.orders (id integer primary key)")
    database.run("insert into public.orders select 2000000000 + i from generate_series(1, 1000) as i; analyze public.orders")
    yield Truth("public.orders.id", 100 * database.one("select max(id) from public.orders") / (2**31 - 1))


DAMAGES = [
    Damage("a guard that is disabled", "schema", "trigger", disabled_trigger),
    Damage("a trigger disabled for all partitions", "schema", "trigger", disabled_of_all_partitions),
    Damage("a trigger of the audit trail that is disabled", "schema", "trigger", disabled_always),
    Damage("a foreign key twice", "schema", "duplicate", repeated_foreign_key),
    Damage("a reference that ends before its key", "schema", "mismatch", smaller_reference),
    Damage("a reference larger than its key", "schema", "mismatch", other_reference),
    Damage("a table without a primary key", "schema", "key", no_key),
    Damage("a table whose unique index is no key", "schema", "key", unused_candidate),
    Damage("a published table without identity", "schema", "identity", published_without_identity),
    Damage("indexes of an older sort order", "schema", "collation", outdated_collation),
    Damage("an integer key near its end", "sequences", "key", full_key),
]
