"""The schema is what the migrations add up to, and every object is named and commented as the rules have it."""

import re

import psycopg
import pytest

from chatschema.values import TABLES
from tests.support import ROOT
from tests.support.database import Database
from tests.support.dump import dump

Rows = list[tuple[object, ...]]
OURS = "n.nspname in ('public', 'chatschema')"


def test_schema_sql_is_what_the_migrations_add_up_to(migrated: Database, empty: Database) -> None:
    from chatschema import schema
    from chatschema.server import embedded

    def plain(database: Database) -> str:
        return schema.dump(database.url, database.server.version // 10000, programs=embedded.bin_folder())

    committed = (ROOT / "sql" / "schema.sql").read_text()
    empty.run("create schema if not exists public")
    empty.run(committed)
    assert plain(empty) == plain(migrated)
    # The text itself is pg_dump's of the newest version.
    if migrated.server.version >= 180000:
        assert plain(migrated) == committed, "run: make schema"


def test_options_of_columns_are_dumped_and_the_servers_own_numbers_are_not(migrated: Database) -> None:
    migrated.run("alter table public.users alter column status set (n_distinct = 5)")
    options = [line for line in dump(migrated).splitlines() if " SET (" in line and "ALTER COLUMN" in line]
    assert options == ["ALTER TABLE ONLY public.users ALTER COLUMN status SET (n_distinct=5);"]


def test_public_holds_exactly_the_tables_of_the_list(migrated: Database) -> None:
    found = migrated.all(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')"
    )
    # The identity of audit_logs owns a sequence.
    assert {row[0] for row in found} - {"audit_logs_id_seq"} == set(TABLES)


@pytest.mark.parametrize(
    ("what", "query"),
    [
        ("table", "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
         " and obj_description(oid, 'pg_class') is null"),
        ("ledger table", "select relname from pg_class where relnamespace = 'chatschema'::regnamespace and relkind = 'r'"
         " and obj_description(oid, 'pg_class') is null"),
        ("column", "select attrelid::regclass || '.' || attname from pg_attribute as a join pg_class as c on c.oid = attrelid"
         " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and attnum > 0 and not attisdropped"
         " and col_description(attrelid, attnum) is null"),
        ("constraint", "select conname from pg_constraint as k join pg_class as c on c.oid = k.conrelid"
         " where c.relnamespace = 'public'::regnamespace and contype <> 'n' and conparentid = 0"
         " and obj_description(k.oid, 'pg_constraint') is null"),
        ("index", "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('i', 'I')"
         " and obj_description(oid, 'pg_class') is null"),
        ("function", "select proname from pg_proc where pronamespace = 'chatschema'::regnamespace and obj_description(oid, 'pg_proc') is null"),
        ("trigger", "select tgname from pg_trigger as t join pg_class as c on c.oid = tgrelid where not tgisinternal and tgparentid = 0"
         " and c.relnamespace = 'public'::regnamespace and obj_description(t.oid, 'pg_trigger') is null"),
        ("schema", "select nspname from pg_namespace where nspname in ('chatschema', 'chat_partitions') and obj_description(oid) is null"),
    ],
)  # fmt: skip
def test_every_object_is_commented(migrated: Database, what: str, query: str) -> None:
    assert migrated.all(query) == [], f"{what} without a comment"


def test_every_foreign_key_is_led_by_an_index(migrated: Database) -> None:
    """An index whose first column is the foreign key's own id column; a bare conversation_id would not narrow enough."""
    unindexed = migrated.all("""
        select c.conrelid::regclass || '.' || c.conname from pg_constraint as c
        where c.contype = 'f' and c.connamespace = 'public'::regnamespace and not exists (
            select from pg_index as i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[cardinality(c.conkey)]
        )""")
    assert unindexed == []


def test_constraints_and_indexes_carry_postgres_own_suffixes(migrated: Database) -> None:
    names = migrated.all("""
        select k.conrelid::regclass::text, k.conname, k.contype::text from pg_constraint as k
        where k.connamespace = 'public'::regnamespace and contype <> 'n' and conparentid = 0""")
    suffix = {"p": "_pkey", "u": "_key", "f": "_fkey", "c": "_check"}
    assert [name for table, name, kind in names if not (name.startswith(table) and name.endswith(suffix[kind]))] == []
    indexes = migrated.all("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('i', 'I')")
    assert [name for (name,) in indexes if not re.search(r"^idx_|_p?key$", name)] == []


def test_nobody_but_the_owner_reaches_the_partitions_directly(migrated: Database) -> None:
    with migrated.connect() as connection:
        connection.execute("create role outsider; grant select on all tables in schema public to outsider")
        connection.execute("create policy outside on public.messages for select to outsider using (true); set role outsider")
        connection.execute("select count(*) from public.messages")
        name = connection.execute("select min(relname) from pg_class where relname ~ '^messages_y'").fetchone()
        assert name
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"select count(*) from chat_partitions.{name[0]}".encode())
        connection.execute("reset role; drop owned by outsider; drop role outsider")


def test_the_dump_of_the_tests_sees_a_change(migrated: Database) -> None:
    before = dump(migrated)
    migrated.run("alter table public.users alter column status drop not null")
    assert dump(migrated) != before
