"""The structure is recorded with each migration: what was changed by hand since is reported, with the statement that takes it back."""

import re
from pathlib import Path

from tests.support import golden
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.pace import long
from tests.support.servers import PgServer

# What is done, and the object that is named.
DAMAGES = [
    ("alter table public.conversations alter column title type varchar(77)", "column public.conversations.title is"),
    ("alter table public.users alter column status set default 'away'", "column public.users.status is"),
    ("alter table public.messages alter column edit_count drop not null", "column public.messages.edit_count is"),
    ("alter table public.messages alter column edit_history drop default", "column public.messages.edit_history is"),
    ("alter table public.users add column note text", "column public.users.note was added"),
    ("alter table public.users drop constraint users_status_check", "constraint public.users.users_status_check is missing"),
    ("alter table public.users drop constraint users_email_key", "constraint public.users.users_email_key is missing"),
    ("alter table public.messages drop constraint messages_sender_id_fkey", "constraint public.messages.messages_sender_id_fkey is missing"),
    ("drop index public.idx_messages_conversation_created_at", "index public.idx_messages_conversation_created_at is missing"),
    ("create index idx_by_hand on public.users (created_at)", "index public.idx_by_hand was added"),
    ("drop trigger messages_require_reply on public.messages", "trigger public.messages.messages_require_reply is missing"),
    ("alter table public.messages disable trigger messages_keep_identity", "trigger public.messages.messages_keep_identity is disabled"),
    ("alter table public.audit_logs enable trigger audit_logs_refuse_change", "trigger public.audit_logs.audit_logs_refuse_change is enabled"),
    ("alter table public.attachments force row level security", "table public.attachments was changed"),
    ("create policy anybody on public.attachments using (true)", "policy public.attachments.anybody was added"),
    ("grant select on public.users to public", "privilege select on table public.users to public was added"),
    ("grant select (email) on public.users to public", "privilege select (email) on table public.users to public was added"),
    ("revoke usage on schema chatschema from public", "privilege usage on schema chatschema to public is missing"),
]  # fmt: skip


def checked(cli: Cli, database: Database, *options: str) -> Result:
    return cli("status", "--check", "--url", database.url, *options)


def is_clean(cli: Cli, database: Database, *options: str) -> None:
    """Expect no finding, but that the columns of a test's own migrations have no tag."""
    result = checked(cli, database, *options, "--json")
    assert result.code in (0, 3), result.err
    assert [one for one in result.json()["findings"] if " has no tag; " not in one] == []


def restore(database: Database, document: dict[str, object]) -> None:
    """Run what the findings say, columns before what is made of them."""
    order = ["table", "column", "constraint", "index", "function", "view", "trigger", "policy", "privilege"]
    differences = document["structure"]["differences"]  # type: ignore[index]
    for difference in sorted(differences, key=lambda d: order.index(d["kind"])):
        for statement in difference["restore"].split("; "):
            database.run(statement)


def test_what_sequelize_does_to_a_table_is_seen_and_what_is_said_restores_it(cli: Cli, migrated: Database) -> None:
    """sync({alter: true}) with a model of four columns fewer drops them, with their constraints and indexes."""
    is_clean(cli, migrated)
    migrated.run(
        "alter table public.conversations drop column title, drop column avatar_url, drop column retention_days cascade,"
        " drop column is_archived"
    )
    result = checked(cli, migrated)
    assert result.code == 3
    for column in ("title", "avatar_url", "retention_days", "is_archived"):
        assert f"look at: column public.conversations.{column} is missing since the last migration (recorded 20" in result.out
    recorded = re.findall(r"recorded (20\S+ \S+) UTC", result.out)
    golden.check("structure_columns_dropped", _findings(result), {recorded[0]: "2026-11-26 12:00"})
    restore(migrated, cli("status", "--json", "--url", migrated.url).json())
    is_clean(cli, migrated)


def _findings(result: Result) -> Result:
    """Return what is said of the structure, without the tables and months of this run."""
    lines = [line for line in result.out.splitlines(keepends=True) if line.startswith(("structure:", "look at:"))]
    return Result(result.code, "".join(lines), result.err)


def test_every_damage_is_named_and_taken_back_by_what_is_said(cli: Cli, migrated: Database) -> None:
    for damage, _ in DAMAGES:
        migrated.run(damage)
    document = cli("status", "--json", "--url", migrated.url).json()
    missed = [expected for _, expected in DAMAGES if not any(finding.startswith(expected) for finding in document["findings"])]
    assert missed == []
    # The shorter title has a check of its own text.
    assert len(document["findings"]) == len(DAMAGES) + 1
    restore(migrated, document)
    is_clean(cli, migrated)


def test_a_function_and_a_view_are_compared_by_their_text(cli: Cli, migrated: Database) -> None:
    migrated.run("""
        create or replace function chatschema.uuid7_time(id uuid) returns timestamptz language sql immutable as $$ select now() $$;
        create or replace view chatschema.held_scopes as select * from chatschema.held_scopes_before""".replace(
            "select * from chatschema.held_scopes_before", migrated.one("select pg_get_viewdef('chatschema.held_scopes'::regclass)").rstrip(";") + " limit 5"
        ))  # fmt: skip
    document = cli("status", "--json", "--url", migrated.url).json()
    kinds = [(d["kind"], d["object"]) for d in document["structure"]["differences"]]
    assert kinds == [("function", "chatschema.uuid7_time(id uuid)"), ("view", "chatschema.held_scopes")]
    for difference in document["structure"]["differences"]:
        migrated.run(difference["restore"])
    is_clean(cli, migrated)


def test_a_dropped_table_is_one_finding(cli: Cli, migrated: Database) -> None:
    migrated.run("drop table public.audit_logs")
    document = cli("status", "--json", "--url", migrated.url).json()
    assert [finding for finding in document["findings"] if "audit" in finding] == [
        f"table public.audit_logs is missing since the last migration (recorded {document['structure']['recorded_at'][:16].replace('T', ' ')} UTC)"
    ]


def test_disabled_triggers_of_foreign_keys_are_seen(cli: Cli, migrated: Database) -> None:
    migrated.run("alter table public.conversation_participants disable trigger all")
    document = cli("status", "--json", "--url", migrated.url).json()
    assert "is not checked, as its triggers are disabled" in "".join(document["findings"])
    migrated.run("alter table public.conversation_participants enable trigger all")
    is_clean(cli, migrated)


def test_what_is_no_drift(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    """A stranger's table, a DBA's settings, comments and statistics, a role's grants, a partial --to, and a tenth table."""
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    migrated.run("""
        create table public.notes (i int);
        create role reporting_reader; grant select on all tables in schema public to reporting_reader;
        alter table public.users set (autovacuum_vacuum_scale_factor = 0.01); alter table public.users alter column status set statistics 500;
        comment on table public.users is 'ours'""")
    try:
        is_clean(cli, migrated)
        tag = "comment on column public.tenth.{} is 'pii=none';"
        created = f"create table public.tenth (id int primary key); {tag.format('id')}"
        write(sql_dir, NEXT, created, "drop table public.tenth")
        write(
            sql_dir,
            "20990101000001_add_more",
            f"alter table public.tenth add column question text; {tag.format('question')}",
            "alter table public.tenth drop column question",
        )
        assert cli("migrate", "--to", NEXT, *options).code == 0
        # Pending is what is left to say.
        findings = cli("status", "--json", *options).json()["findings"]
        assert findings == ["20990101000001_add_more is pending"]
        assert cli("migrate", *options).code == 0
        is_clean(cli, migrated, *options[2:])
        migrated.run("drop table public.notes; revoke all on all tables in schema public from reporting_reader")
        is_clean(cli, migrated, *options[2:])
        migrated.run("alter table public.tenth drop column question")
        assert "column public.tenth.question is missing" in checked(cli, migrated, *options[2:]).out
        migrated.run("alter table public.tenth add column question text")
        assert cli("undo", "--steps", "2", *options).code == 0
        assert migrated.one("select count(*) from chatschema.schema_records where object ~ 'tenth'") == 0
        assert cli("status", "--json", *options).json()["structure"]["differences"] == []
    finally:
        migrated.run("drop owned by reporting_reader; drop role reporting_reader")


@long
def test_the_commands_that_make_and_remove_months_change_no_record(cli: Cli, aged: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[partition]\nkeep = "12mo"\ngrace = "0d"\n')
    recorded = "select md5(string_agg(r::text, '' order by kind, object)) from chatschema.schema_records as r"
    before = aged.one(recorded)
    for command in (
        ("hold", "add", "--reason", "case 7", "--from", "2024-02-01"), ("partition", "ensure", "--from", "2025-01"), ("maintain",),
        ("hold", "release", "1", "--reason", "done"), ("partition", "retire", "--older-than", "12mo", "--yes"),
        ("partition", "restore", "2024-01"), ("report",),
    ):  # fmt: skip
        result = cli(*command, "--url", aged.url)
        assert result.code == 0, (command, result.err)
        if command[0] in ("maintain", "partition"):
            assert cli("status", "--json", "--url", aged.url).json()["structure"]["differences"] == [], command
    assert aged.one(recorded) == before


def test_any_role_sees_the_same(cli: Cli, migrated: Database, server: PgServer) -> None:
    migrated.run("create role passer_by login password 'passer99'")
    url = server.url(migrated.name, user="passer_by", password="passer99")
    try:
        structure = cli("status", "--json", "--url", url).json()["structure"]
        assert (structure["is_compared"], structure["differences"]) == (True, [])
        migrated.run("revoke select on chatschema.schema_records from public")
        note = cli("status", "--json", "--url", url).json()["structure"]["note"]
        assert "this role may not read the record" in note
    finally:
        migrated.run("drop role passer_by")


@long
def test_a_seed_and_its_removal_change_no_record(cli: Cli, seeded: Database) -> None:
    is_clean(cli, seeded)
    assert cli("seed", "--undo", "--url", seeded.url).code == 0
    is_clean(cli, seeded)


def test_a_locked_table_is_named_and_not_waited_for(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "alter table public.conversations add column note text")
    migrated.run("alter table public.users drop column created_at")
    with migrated.connect() as blocker:
        blocker.execute("begin; lock table public.audit_logs, public.auth_sessions in access exclusive mode")
        structure = cli("status", "--json", *options).json()["structure"]
        assert (
            structure["note"] == "not compared where it is locked against readers: public.audit_logs, public.auth_sessions; retry"
        )
        assert [d["object"] for d in structure["differences"]] == ["public.users.created_at"]
        assert cli("status", "--check", *options).code == 3
        # Nor does a migration wait for a table that it does not name, and the record of that stays.
        assert cli("migrate", *options).code == 0
    structure = cli("status", "--json", *options).json()["structure"]
    assert [d["object"] for d in structure["differences"]] == ["public.users.created_at"]


@long
def test_a_lock_that_a_view_waits_for_is_not_waited_for(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, "create view public.names as select username from public.users")
    assert cli("migrate", *options).code == 0
    migrated.run("alter table public.conversations drop column title")
    write(sql_dir, "20990101000009_add_note", "alter table public.conversations add column note text")
    with migrated.connect() as blocker:
        blocker.execute("begin; lock table public.users, public.messages in access exclusive mode")
        structure = cli("status", "--json", *options).json()["structure"]
        assert cli("status", "--check", *options).code == 3
        assert cli("migrate", *options).code == 0
    # A policy of attachments reads messages.
    locked = "chatschema.people, public.attachments, public.messages, public.names, public.users"
    assert structure["note"] == f"not compared where it is locked against readers: {locked}; retry"
    assert [d["object"] for d in structure["differences"]] == [
        "public.conversations.title",
        "public.conversations.conversations_title_length_check",
    ]
