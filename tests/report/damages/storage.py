"""Damages of storage: what is empty, dead, or not kept up, in tables and in their TOAST tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from conftest import Database

from damages import Damage, Truth

# A value of 3600 characters that compression cannot make small is stored as two chunks.
_VALUE = "(select string_agg(md5(i::text || j::text), '') from generate_series(1, 112) as j)"
_SMALL = "[report.bloat]\nwarn_bytes = 1000000\n[report.bloat-exact]\nwarn_bytes = 1000000\n[report.vacuum]\ndead_min_bytes = 1000000\noverdue_min_rows = 100\n"


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


DAMAGES = [
    Damage("a toast table that is nearly empty", "bloat", "table", empty_toast, toml=_SMALL),
    Damage("a toast table measured as nearly empty", "bloat-exact", "table", measured_toast, toml=_SMALL),
    Damage("a toast table of dead chunks", "vacuum", "dead", dead_toast, toml=_SMALL),
    Damage("a toast table that autovacuum is behind with", "vacuum", "overdue", overdue_toast, toml=_SMALL),
]
