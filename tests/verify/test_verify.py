"""verify: nothing is found where nobody changed anything, and what it says, ignores, refuses and leaves behind."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import PASSWORD
from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.migrations import IDS, write
from tests.support.pace import long
from tests.support.released import RELEASES, load
from tests.support.servers import PgServer
from tests.support.verified import GAPS, is_clean, names, reconcile, verified

SCRATCH = "select datname from pg_database where starts_with(datname, 'chatschema_scratch_')"


@long
def test_what_chatschema_itself_does_to_months_is_no_drift(cli: Cli, old: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(f'{GAPS}[partition]\nkeep = "12mo"\ngrace = "0d"\nholds = "carve"\n')
    for command in (
        ("hold", "add", "--reason", "case 7", "--from", "2024-02-01"), ("partition", "ensure", "--from", "2025-01"),
        ("partition", "retire", "--yes"), ("partition", "restore", "2024-01"), ("hold", "release", "1", "--reason", "done"),
    ):  # fmt: skip
        result = cli(*command, "--url", old.url)
        assert result.code == 0, (command, result.err)
        if command[:2] in (("hold", "add"), ("partition", "retire"), ("partition", "restore")):
            is_clean(cli, old)
    # A month of which both tables wait for their grace period.
    (tmp_path / "chatschema.toml").write_text(f'{GAPS}[partition]\nkeep = "12mo"\ngrace = "30d"\n')
    assert cli("partition", "retire", "--older-than", "1mo", "--yes", "--url", old.url).code == 0
    assert old.one("select count(*) from chatschema.retired_months where state = 'detached'") > 0
    is_clean(cli, old)


def test_seeded_half_migrated_and_undone_databases_are_clean(cli: Cli, seeded: Database, empty: Database, sql_dir: Path) -> None:
    is_clean(cli, seeded)
    assert cli("migrate", "--to", IDS[6], "--url", empty.url).code == 0
    assert f"{7} applied migrations" in verified(cli, empty)["compared_with"]
    is_clean(cli, empty)
    # Files that are not applied do not matter, wherever their place is.
    write(sql_dir, "20241216000000_a_late_file", "create table public.late (i int)")
    is_clean(cli, empty, "--sql-dir", str(sql_dir))


@pytest.mark.parametrize("release", RELEASES)
def test_an_upgraded_database_is_clean(cli: Cli, empty: Database, release: str) -> None:
    load(empty, release)
    assert cli("migrate", "--url", empty.url).code == 0
    is_clean(cli, empty)


def test_differences_are_ignored_with_a_reason(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run(
        "create role reader_14; grant select on all tables in schema public to reader_14; create table public.notes (i int)"
    )
    try:
        (tmp_path / "chatschema.toml").write_text(
            '[[verify.ignore]]\nobject = "privilege * to reader_14"\nreason = "the platform team grants it"\n'
            '[[verify.ignore]]\nobject = "table public.nothing"\nreason = "old"\n'
        )
        document = verified(cli, migrated)
        assert names(document) == ["table public.notes"]
        assert {one["reason"] for one in document["ignored"]} == {"the platform team grants it"}
        assert len(document["ignored"]) == 9
        shown = cli("verify", "--url", migrated.url)
        assert shown.code == 3
        assert "warning: [[verify.ignore]] table public.nothing in chatschema.toml matches no difference" in shown.err
        assert "ignored: privilege select on table public.users to reader_14 is extra: the platform team grants it" in shown.out
        migrated.run("drop table public.notes")
        assert cli("verify", "--url", migrated.url).code == 0
    finally:
        migrated.run("drop owned by reader_14; drop role reader_14")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('[[verify.ignore]]\nobject = "table *"\n', "needs object and reason, and no other key"),
        ('[[verify.ignore]]\nobject = "table *"\nreason = " "\n', "must be texts that are not empty"),
        ('[verify]\nignore = "table *"\n', "ignore is not a list of tables"),
        ("[verify]\nstrict = true\n", "[verify] strict = True is not a valid setting"),
    ],
)
def test_an_entry_without_a_reason_is_refused(cli: Cli, migrated: Database, tmp_path: Path, entry: str, says: str) -> None:
    (tmp_path / "chatschema.toml").write_text(entry)
    result = cli("verify", "--url", migrated.url)
    assert (result.code, says in result.err) == (2, True), result.err


def test_the_script_has_all_statements_and_the_losses(cli: Cli, migrated: Database) -> None:
    migrated.run(
        "alter table public.users drop column created_at; create table public.notes (i int); drop index public.idx_messages_sender_id"
    )
    statements = [statement for one in verified(cli, migrated)["differences"] for statement in one["sql"]]
    script = cli("verify", "--sql", "--url", migrated.url)
    assert script.code == 3
    for statement in statements:
        assert f"\n{statement}\n" in script.out
    assert "-- table public.notes is extra: its rows are lost" in script.out
    assert "-- column public.users.created_at is missing: comes back without its values" in script.out


def test_two_databases_are_compared(cli: Cli, migrated: Database, server: PgServer, migrated_template: str) -> None:
    for other in create(server, f"{migrated.name}_other", migrated_template):
        other.run("alter table public.users add column nickname text")
        migrated.run("create index idx_by_hand on public.users (created_at)")
        document = verified(cli, migrated, "--against", other.url)
        assert [(one["object"], one["difference"]) for one in document["differences"]] == [
            ("public.idx_by_hand", "extra"),
            ("public.users.nickname", "missing"),
        ]
        assert document["compared_with"] == f"database {other.name}"
        reconcile(migrated, document)
        is_clean(cli, migrated, "--against", other.url)


def test_verify_leaves_nothing_behind(cli: Cli, migrated: Database) -> None:
    migrated.run(f"alter database {migrated.name} set default_transaction_isolation = 'repeatable read'")
    everything = "select md5(string_agg(c::text, '' order by oid)) from pg_class as c where relnamespace > 16000"
    before = migrated.one(everything)
    is_clean(cli, migrated)
    assert migrated.one(everything) == before
    assert migrated.all(SCRATCH) == []


def test_files_that_are_not_the_applied_ones_are_not_replayed(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    file = sql_dir / "migrations" / f"{IDS[-2]}.sql"
    text = file.read_text()
    file.write_text(text + "\nselect 1;\n")
    edited = cli("verify", *options)
    assert (edited.code, "error[history.edited]" in edited.err, "nothing was verified" in edited.err) == (1, True, True)
    file.unlink()
    file.with_suffix(".rollback.sql").unlink()
    missing = cli("verify", *options)
    assert (missing.code, "error[history.missing]" in missing.err) == (1, True)


def test_a_database_without_migrations(cli: Cli, empty: Database) -> None:
    result = cli("verify", "--url", empty.url)
    assert (result.code, "error[verify.not-migrated]" in result.err) == (1, True)


def test_a_locked_table_is_busy_and_not_waited_for_long(cli: Cli, migrated: Database) -> None:
    with migrated.connect() as blocker:
        blocker.execute("begin; lock table public.users in access exclusive mode")
        result = cli("verify", "--url", migrated.url)
    assert (result.code, "error[verify.locked]" in result.err, "public.users" in result.err) == (5, True, True)


@pytest.fixture
def plain(server: PgServer, migrated: Database) -> Iterator[str]:
    """The URL of a login that owns the database and its objects, and may not create databases."""
    role = f"plain_{migrated.name[-8:]}"
    migrated.run(f"create role {role} login password '{PASSWORD}'; alter database {migrated.name} owner to {role}")
    for (statement,) in migrated.all(
        f"select format('alter %s %s owner to {role}', case relkind when 'v' then 'view' else 'table' end, c.oid::regclass)"
        " from pg_class as c join pg_namespace as n on n.oid = relnamespace"
        " where nspname in ('public', 'chatschema', 'chat_partitions') and relkind in ('r', 'p', 'v') union all"
        f" select format('alter routine %s owner to {role}', p.oid::regprocedure)"
        " from pg_proc as p where pronamespace = 'chatschema'::regnamespace union all"
        f" select format('alter schema %I owner to {role}', nspname) from pg_namespace where nspname ~ '^chat'"
    ):
        migrated.run(statement)
    yield server.url(migrated.name, user=role)
    migrated.run(f"reassign owned by {role} to current_user; drop owned by {role}")
    with server.connect("postgres") as admin:
        admin.execute(f"alter database {migrated.name} owner to current_user".encode())
        admin.execute(f"drop role {role}".encode())


@long
def test_a_plain_owner_and_a_superuser_find_the_same(cli: Cli, plain: str, migrated: Database, server: PgServer) -> None:
    is_clean(cli, migrated)
    result = cli("verify", "--url", plain, "--scratch", server.url("postgres"))
    assert result.code == 0, result.out + result.err
    local = cli("verify", "--url", plain)
    if server.version >= 180000:
        assert (local.code, "the migrations are replayed on the embedded server: role plain_" in local.err) == (0, True)
    else:
        assert (local.code, "error[verify.version]" in local.err) == (2, True)


def test_a_clean_database_is_one_line_of_text(cli: Cli, migrated: Database) -> None:
    result = cli("verify", "--url", migrated.url, env={"NO_COLOR": "1", "COLUMNS": "60"})
    assert (result.code, result.err) == (0, "")
    assert re.fullmatch(
        rf"compared \d+ objects and 22 partitions with {len(IDS)} applied migrations, replayed in a scratch database: no difference\n",
        result.out,
    )
