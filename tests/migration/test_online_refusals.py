"""What a file with `-- online: index` may not be, and which indexes are in its way: refused before anything is built."""

from pathlib import Path

import pytest

from tests.support import PASSWORD
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, applied
from tests.support.online import APPLY, COLUMNS, INDEX, assert_whole, left, write_index

JANUARY = "chat_partitions.messages_y2024m01"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("add_note", "--unique"),
        ("add_note", "--index", "messages", "id"),
        ("--index", "messages; drop", "id"),
        ("--index", "messages", "()"),
    ],
)
def test_new_migration_refuses_what_is_no_index(cli: Cli, sql_dir: Path, arguments: tuple[str, ...]) -> None:
    before = len(list(sql_dir.rglob("*")))
    result = cli("new", "migration", *arguments, "--sql-dir", str(sql_dir))
    assert (result.code, "error[usage.index]" in result.err) == (2, True), result.err
    assert len(list(sql_dir.rglob("*"))) == before


def test_an_index_that_only_looks_the_same_is_never_adopted(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    for other in ("(sender_id, created_at desc)", "(sender_id, created_at) with (fillfactor = 50)"):
        aged.run(f"create index other on {JANUARY} {other}")
        refused = cli("migrate", *options)
        assert (refused.code, "error[online.differs]" in refused.err) == (1, True), refused.err
        assert "drop index concurrently chat_partitions.other" in refused.err
        assert left(aged) == ["other"], "nothing was built"
        assert NEXT not in applied(aged)
        aged.run("drop index concurrently chat_partitions.other")
    assert "interrupted" not in cli("status", *options).out
    assert cli("migrate", *options).code == 0
    assert_whole(aged)


TAKEN = [
    (f"create index {INDEX} on public.messages (edit_count)", "exists; it is USING btree (edit_count) instead of"),
    (f"create index {INDEX} on public.messages {COLUMNS}", "exists; nothing was changed"),
    (f"create index {INDEX} on only public.messages {COLUMNS}", "exists, and is invalid; nothing was changed"),
]


def test_a_name_that_is_taken_is_refused_before_anything_is_built(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    for before, says in TAKEN:
        aged.run(before)
        refused = cli("migrate", "--url", aged.url, "--sql-dir", str(sql_dir))
        assert (refused.code, "error[online.exists]" in refused.err, says in refused.err) == (1, True, True), refused.err
        assert "building" not in refused.err
        aged.run(f"drop index public.{INDEX}")
    assert aged.one("select count(*) from chatschema.migrations where state = 'running'") == 0


def test_a_table_of_an_earlier_migration_with_the_name_is_no_index(cli: Cli, aged: Database, sql_dir: Path) -> None:
    write_index(sql_dir)
    (sql_dir / "migrations" / "20981231000000_create_first.sql").write_text(f"create table public.{INDEX} (id integer);")
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    assert "already exists" not in cli("migrate", "--to", "20981231", *options).err
    refused = cli("migrate", *options)
    assert (refused.code, f"public.{INDEX} exists, and is not an index" in refused.err) == (1, True), refused.err
    assert "building" not in refused.err


def test_if_not_exists_takes_the_index_only_with_the_same_definition(cli: Cli, aged: Database, sql_dir: Path) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    write_index(sql_dir, APPLY.replace("create index", "create index if not exists"))
    aged.run(f"create index {INDEX} on public.messages (sender_id)")
    assert "error[online.exists]" in cli("migrate", *options).err
    aged.run(f"drop index public.{INDEX}; create index {INDEX} on public.messages {COLUMNS}")
    result = cli("migrate", *options)
    assert (result.code, "building" in result.err) == (0, False), result.err
    assert_whole(aged)


def test_a_statement_that_the_server_refuses_is_refused_with_its_place_before_anything_is_built(
    cli: Cli, aged: Database, sql_dir: Path
) -> None:
    options = ("--url", aged.url, "--sql-dir", str(sql_dir))
    for columns, says in (("(sender_id, nothing)", 'column "nothing" does not exist'), ("(sender_id) using", "syntax error")):
        write_index(sql_dir, APPLY.replace(COLUMNS, columns))
        refused = cli("migrate", *options)
        assert (refused.code, says in refused.err) == (1, True), refused.err
        assert f"{NEXT}.sql line 3" in refused.err
    line = next(line for line in refused.err.splitlines() if line.strip().startswith("3 |"))
    mark = refused.err.splitlines()[refused.err.splitlines().index(line) + 1]
    assert line[mark.index("^") :].startswith("using")
    write_index(sql_dir, APPLY.replace("create index", "create unique index"))
    refused = cli("migrate", *options)
    assert (refused.code, "must include all partitioning columns" in refused.err) == (1, True), refused.err
    assert (left(aged), "building" in refused.err) == ([], False)
    assert "interrupted" not in cli("status", *options).out


REFUSED = [
    ("create index concurrently a on public.messages (id);", "online.form"),
    ("create index on public.messages (id);", "online.form"),
    ("create index a on only public.messages (id);", "online.form"),
    ("drop index concurrently public.a;", "online.form"),
    ("create index a on public.messages (id); alter table public.users add column x text;", "online.statements"),
    ("create index a on public.messages (id); create index b on public.messages (id);", "online.statements"),
    ("drop index public.a cascade;", "online.statements"),
    ("drop index public.a, public.b;", "online.statements"),
    ("comment on table public.messages is 'x';", "online.statements"),
    ("-- transactional: false\ncreate index a on public.messages (id);", "file.header"),
]


def test_other_statements_are_refused_before_anything_runs(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    for text, code in REFUSED:
        write_index(sql_dir, f"-- a: b.\n-- online: index\n{text}", "select 1;")
        result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
        assert (result.code, f"error[{code}]" in result.err) == (1, True), (text, result.err)
    assert NEXT not in applied(migrated)


def test_a_rollback_is_held_to_the_same_form_unless_it_runs_outside_of_a_transaction(
    cli: Cli, seeded: Database, sql_dir: Path
) -> None:
    options = ("--url", seeded.url, "--sql-dir", str(sql_dir))
    create = "-- users: by status.\n-- online: index\ncreate index idx_users_status on public.users (status);"
    write_index(sql_dir, create, "drop index public.idx_users_status; drop table public.users;")
    assert "error[online.statements]" in cli("migrate", *options).err
    write_index(sql_dir, create, "-- transactional: false\ndrop index concurrently public.idx_users_status;")
    assert cli("migrate", *options).code == 0
    assert cli("undo", *options).code == 0
    assert NEXT not in applied(seeded)


def test_another_word_after_online_is_refused(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write_index(sql_dir, APPLY.replace("online: index", "online: table"))
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert "error[file.header]" in result.err


def test_a_role_that_may_not_create_temporary_tables_builds_an_index(cli: Cli, aged: Database, sql_dir: Path) -> None:
    """Nor does a plain create index need that privilege."""
    write_index(sql_dir)
    role = f"owner_{aged.name}"
    aged.run(f"revoke temporary on database {aged.name} from public; create role {role} login password '{PASSWORD}'")
    aged.run(f"""
        do $$ declare r record; begin
            for r in select c.oid::regclass as name from pg_class as c join pg_namespace as s on s.oid = c.relnamespace
                where s.nspname in ('public', 'chatschema', 'chat_partitions') and c.relkind in ('r', 'p') loop
                execute format('alter table %s owner to {role}', r.name);
            end loop;
        end $$;
        alter schema public owner to {role}; alter schema chatschema owner to {role}; alter schema chat_partitions owner to {role};
        grant execute on all functions in schema chatschema to {role};
    """)
    try:
        result = cli("migrate", "--url", aged.server.url(aged.name, user=role), "--sql-dir", str(sql_dir))
        assert result.code == 0, result.err
        assert_whole(aged)
        assert aged.one("select to_regclass('public.chatschema_online') is null")
    finally:
        aged.run(f"drop owned by {role} cascade; drop role {role}")
