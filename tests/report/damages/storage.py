"""Damages of storage: what is empty, dead, or not kept up, in tables and in their TOAST tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.report.damages import Damage, Truth
from tests.support.database import Database

# A value of 3600 characters that compression cannot make small is stored as two chunks.
_VALUE = "(select string_agg(md5(i::text || j::text), '') from generate_series(1, 112) as j)"
# Thresholds for tables of a few megabytes.
SMALL = """
[report.bloat]
warn_bytes = 1000000
[report.bloat-exact]
warn_bytes = 1000000
[report.tables]
hot_min_updates = 1000
[report.vacuum]
dead_min_bytes = 1000000
overdue_min_rows = 100
"""


def _documents(database: Database) -> str:
    """Create a table whose values are nearly all in its TOAST table, delete nine rows of ten, and return the TOAST table's name."""
    database.run(
        "create table public.documents (id integer primary key, body text)"
        " with (autovacuum_enabled = off, toast.autovacuum_enabled = off);"
        "alter table public.documents alter column body set storage external;"
        f"insert into public.documents select i, {_VALUE} from generate_series(1, 1500) as i;"
        "delete from public.documents where id % 10 <> 0; select pg_stat_force_next_flush()"
    )
    return str(database.one("select reltoastrelid::regclass::text from pg_class where oid = 'public.documents'::regclass"))


@contextmanager
def empty_toast(database: Database) -> Iterator[Truth]:
    """The truth is what a copy of the rows that are left takes."""
    toast = _documents(database)
    database.run("vacuum (analyze) public.documents")
    database.run("create table public.copied (like public.documents including storage)")
    database.run("insert into public.copied select * from public.documents")
    size = "select pg_relation_size(reltoastrelid) from pg_class where oid = %s::regclass"
    needed = database.one(size, "public.copied")
    before = database.one("select pg_relation_size(%s::regclass)", toast)
    database.run("drop table public.copied")
    yield Truth("public.documents (TOAST)", 100 * (1 - needed / before), within=0.03)


@contextmanager
def measured_toast(database: Database) -> Iterator[Truth]:
    database.run("create extension pgstattuple")
    with empty_toast(database) as truth:
        yield truth


@contextmanager
def dead_toast(database: Database) -> Iterator[Truth]:
    """Nine of ten values were deleted, so nine of ten chunks are dead."""
    _documents(database)
    yield Truth("public.documents (TOAST)", 90, within=0.001)


@contextmanager
def overdue_toast(database: Database) -> Iterator[Truth]:
    """1350 values of two chunks; autovacuum starts at 50, as no chunk was there when it last looked."""
    _documents(database)
    yield Truth("public.documents (TOAST)", 2700 / 50)


@contextmanager
def full_pages(database: Database) -> Iterator[Truth]:
    """Every row is updated where no page has room; what stayed on its page is known by the place of each row before and after."""
    database.run("create table public.counters (id integer primary key, n integer, pad text) with (autovacuum_enabled = off)")
    database.run("insert into public.counters select i, 0, repeat('x', 200) from generate_series(1, 5000) as i")
    database.run("create table public.places as select id, (ctid::text::point)[0] as page from public.counters")
    database.run("update public.counters set n = 1; select pg_stat_force_next_flush()")
    stayed = database.one(
        "select count(*) from public.counters as c join public.places as p using (id) where (c.ctid::text::point)[0] = p.page"
    )
    database.run("drop table public.places")
    yield Truth("public.counters", 100 - 100 * stayed / 5000)


@contextmanager
def unlogged(database: Database) -> Iterator[Truth]:
    database.run("create unlogged table public.cached (id integer primary key)")
    yield Truth("public.cached")


@contextmanager
def unvalidated(database: Database) -> Iterator[Truth]:
    database.run("create table public.labels (id integer primary key); insert into public.labels values (1)")
    database.run("alter table public.labels add constraint labels_id_check check (id > 0) not valid")
    yield Truth("public.labels.labels_id_check")


@contextmanager
def dead_rows(database: Database) -> Iterator[Truth]:
    """Six rows of ten were deleted."""
    database.run("create table public.outbox (id integer primary key, payload text) with (autovacuum_enabled = off)")
    database.run("insert into public.outbox select i, repeat(md5(i::text), 6) from generate_series(1, 10000) as i")
    database.run("analyze public.outbox")
    database.run("delete from public.outbox where id % 10 < 6; select pg_stat_force_next_flush()")
    yield Truth("public.outbox", 60)


@contextmanager
def autovacuum_off(database: Database) -> Iterator[Truth]:
    database.run("create table public.outbox (id integer primary key) with (autovacuum_enabled = off)")
    yield Truth("public.outbox")


@contextmanager
def never_analyzed(database: Database) -> Iterator[Truth]:
    database.run("create table public.outbox (id integer primary key, payload text) with (autovacuum_enabled = off)")
    database.run("insert into public.outbox select i, repeat('x', 900) from generate_series(1, 12000) as i")
    yield Truth("public.outbox", database.one("select pg_relation_size('public.outbox')"))


@contextmanager
def empty_table(database: Database) -> Iterator[Truth]:
    """The truth is what a copy of the rows that are left takes."""
    database.run("create table public.outbox (id integer primary key, payload text) with (autovacuum_enabled = off)")
    database.run("insert into public.outbox select i, repeat(md5(i::text), 6) from generate_series(1, 20000) as i")
    database.run("delete from public.outbox where id % 10 <> 0")
    database.run("vacuum (analyze) public.outbox")
    database.run("create table public.copied (like public.outbox)")
    database.run("insert into public.copied select * from public.outbox")
    needed, before = database.one("select pg_relation_size('public.copied'), pg_relation_size('public.outbox')")
    database.run("drop table public.copied")
    yield Truth("public.outbox", 100 * (1 - needed / before), within=0.03)


@contextmanager
def empty_index(database: Database) -> Iterator[Truth]:
    """The truth is what the same index takes that is built after the deletes."""
    database.run("create extension pgstattuple; create table public.outbox (id integer) with (autovacuum_enabled = off)")
    database.run(
        "insert into public.outbox select i from generate_series(1, 100000) as i; create index outbox_id on public.outbox (id)"
    )
    database.run("delete from public.outbox where id % 10 <> 0")
    database.run("vacuum public.outbox")
    database.run("create index copied on public.outbox (id)")
    needed, before = database.one("select pg_relation_size('public.copied'), pg_relation_size('public.outbox_id')")
    database.run("drop index public.copied")
    yield Truth("public.outbox_id", 100 * (1 - needed / before), within=0.03)


DAMAGES = [
    Damage("updates that find no room", "tables", "hot", full_pages, toml=SMALL),
    Damage("a table that a crash empties", "tables", "unlogged", unlogged),
    Damage("a constraint that was never checked", "tables", "unvalidated", unvalidated),
    Damage("a table of dead rows", "vacuum", "dead", dead_rows, toml=SMALL),
    Damage("autovacuum is off for a table", "vacuum", "disabled", autovacuum_off),
    Damage("a table that was never analyzed", "vacuum", "analyze", never_analyzed),
    Damage("a table that is nearly empty", "bloat", "table", empty_table, toml=SMALL),
    Damage("an index that is nearly empty", "bloat-exact", "index", empty_index, toml=SMALL),
    Damage("a toast table that is nearly empty", "bloat", "table", empty_toast, toml=SMALL),
    Damage("a toast table measured as nearly empty", "bloat-exact", "table", measured_toast, toml=SMALL),
    Damage("a toast table of dead chunks", "vacuum", "dead", dead_toast, toml=SMALL),
    Damage("a toast table that autovacuum is behind with", "vacuum", "overdue", overdue_toast, toml=SMALL),
]
