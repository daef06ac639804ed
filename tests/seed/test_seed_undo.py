"""seed --undo: exactly what was seeded goes, and nothing of anybody else."""

import stat
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.fingerprint import fingerprint
from tests.support.pace import long


def test_undo_removes_exactly_what_was_seeded(cli: Cli, migrated: Database) -> None:
    migrated.run("insert into users (username) values ('carol'); insert into audit_logs (action) values ('mine')")
    migrated.run("insert into conversations (title) values ('mine')")
    before = fingerprint(migrated)
    assert cli("seed", "--into-used", "--url", migrated.url).code == 0
    assert fingerprint(migrated) != before
    result = cli("seed", "--undo", "--url", migrated.url)
    assert result.code == 0, result.err
    assert fingerprint(migrated) == before
    assert migrated.one("select count(*) from chatschema.seeded_rows") == 0
    # The trail's guard is back.
    assert migrated.one("select tgenabled = 'A' from pg_trigger where tgname = 'audit_logs_refuse_change'")
    assert cli("seed", "--undo", "--url", migrated.url).out == "nothing to do: nothing is seeded\n"


@pytest.mark.parametrize(
    ("mine", "stays"),
    [
        (
            "insert into message_statuses (message_id, user_id) select id, sender_id from messages where sender_id is not null limit 1",
            "message_statuses",
        ),
        (
            "insert into messages (conversation_id, sender_id, content_encrypted) select conversation_id, user_id, 'x' from conversation_participants where left_at is null limit 1",
            "messages",
        ),
        ("insert into conversations (created_by) select id from users where username = 'alice'", "conversations"),
        (
            """create schema app; create table app.bookmarks (username text references users (username) on delete cascade);
            insert into app.bookmarks values ('alice'); create view bookmarks as select * from app.bookmarks""",
            "bookmarks",
        ),
    ],
)
def test_undo_refuses_to_touch_rows_of_others(cli: Cli, seeded: Database, mine: str, stays: str) -> None:
    """By cascade or by setting a reference to null, removing a seeded row would reach further."""
    seeded.run("insert into users (username) values ('carol')")
    seeded.run(mine)
    before = fingerprint(seeded)
    result = cli("seed", "--undo", "--url", seeded.url)
    assert result.code == 1
    assert f"1 rows of {stays} that were not seeded refer to seeded" in result.err
    assert fingerprint(seeded) == before


def test_undo_of_one_takes_what_depends_on_it(cli: Cli, seeded: Database) -> None:
    result = cli("seed", "--undo", "messages", "--url", seeded.url)
    assert [line.split()[1] for line in result.out.splitlines()] == ["audit_logs", "attachments", "message_statuses", "messages"]
    assert seeded.one("select count(*) from users") == 25


@long
def test_after_undo_and_migrate_seeds_count_as_not_run(cli: Cli, seeded: Database) -> None:
    assert cli("undo", "--all", "--yes", "--url", seeded.url).code == 0
    assert cli("migrate", "--url", seeded.url).code == 0
    assert "seeds: none" in cli("status", "--url", seeded.url).out
    assert cli("seed", "users", "--url", seeded.url).out.startswith("seeded users")


def test_the_demo_keys_of_an_earlier_run_are_replaced_and_go_with_undo(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    keys = tmp_path / ".chatschema" / "demo-keys.json"
    keys.parent.mkdir()
    keys.write_text("old")
    keys.chmod(0o644)
    assert cli("seed", "user_public_keys", "--url", migrated.url).code == 0
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert cli("seed", "--undo", "--url", migrated.url).code == 0
    assert not keys.exists()


def test_undo_leaves_audit_entries_that_are_sealed(cli: Cli, seeded: Database) -> None:
    entries = seeded.one("select count(*) from public.audit_logs")
    assert cli("audit", "seal", "--url", seeded.url).code == 0
    undone = cli("seed", "--undo", "--url", seeded.url)
    assert undone.code == 0, undone.err
    assert "warning: the audit entries of seeder audit_logs are sealed, so they stay" in undone.err
    assert seeded.one("select count(*) from public.users") == 0
    assert seeded.one("select count(*) from public.audit_logs") >= entries
    assert seeded.all("select name from chatschema.seeds") == [("audit_logs",)]
    verified = cli("audit", "verify", "--url", seeded.url)
    assert verified.code == 0, verified.out
