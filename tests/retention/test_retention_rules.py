"""Each rule by itself: what it removes, what it leaves alone, and that nothing goes without a period or without a word."""

from pathlib import Path

import pytest

from tests.support import kept
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.rows import add_user

KEY = """
    insert into public.user_public_keys (user_id, device_id, key_type, key_id, public_key, signature, status, key_version, superseded_at, expires_at)
    values (%s, md5('d')::uuid, %s, %s, sha256(%s::bytea), '\\x00', %s, %s, case when %s = 'superseded' then now() end, now() + %s::interval)
"""
FOR_EVER = {"keys", "files", "purged_files", "released_attachments", "archives", "exports", "snapshots", "audit", "months"}


def rules(cli: Cli, database: Database) -> dict[str, dict[str, object]]:
    found = cli("retention", "plan", "--json", "--url", database.url)
    assert found.code == 0, found.err
    return {one["rule"]: one for one in found.json()["rules"]}


def test_what_has_no_period_is_kept_for_ever_and_the_setting_is_named(cli: Cli, chat: Database) -> None:
    before = kept.every(chat)
    found = rules(cli, chat)
    assert {name for name, one in found.items() if one["keep"] is None} == FOR_EVER
    shown = cli("retention", "plan", "--url", chat.url).out
    assert all(f"to end it: {found[name]['setting']}" in shown for name in FOR_EVER)
    assert kept.every(chat) == before
    at = str(chat.one("select now()"))
    due = {rule: kept.keys(chat, rule, at) for rule in kept.TRUTHS}
    # What maintain removes by itself, with no setting: rows that name their own end, and sessions.
    assert cli("maintain", "--url", chat.url).code == 0
    after = kept.every(chat)
    assert before["public.user_public_keys"] == after["public.user_public_keys"]
    assert before["public.attachments"] == after["public.attachments"]
    assert before["chatschema.released_attachments"] == after["chatschema.released_attachments"]
    assert before["public.messages"] - after["public.messages"] == due["retention_days"] | due["expires_at"]
    assert before["chatschema.erased_names"] - after["chatschema.erased_names"] == due["erased_names"]


def test_off_a_terminal_it_needs_a_word(cli: Cli, chat: Database) -> None:
    before = kept.every(chat)
    refused = cli("retention", "run", "--url", chat.url)
    assert (refused.code, "error[confirm.terminal]" in refused.err) == (2, True), refused.err
    assert "messages past the period of their conversation" in refused.err
    assert kept.every(chat) == before
    wrong = cli("retention", "run", "--for", "soon", "--yes", "--url", chat.url)
    assert (wrong.code, "error[retention.time-syntax]" in wrong.err) == (2, True)


def test_a_run_whose_time_is_over_says_what_is_left(cli: Cli, chat: Database) -> None:
    due = sum(int(str(one["due"])) for one in rules(cli, chat).values())
    over = cli("retention", "run", "--yes", "--for", "0s", "--url", chat.url)
    assert over.code == 3, over.err
    assert f"{due} were due when this run began and are left, as the time was over" in over.out
    done = cli("retention", "run", "--yes", "--pace", "0", "--for", "10m", "--url", chat.url)
    assert done.code == 0, done.err


def test_what_became_due_a_moment_ago_is_not_overdue(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("insert into chatschema.erased_names values (sha256('x'), now() - interval '5 days')")
    late = cli("retention", "check", "--url", migrated.url)
    assert (late.code, "erased_names" in late.out) == (3, True), late.err
    (tmp_path / "chatschema.toml").write_text('[retention]\ngrace = "6d"\n')
    assert cli("retention", "check", "--url", migrated.url).out == "nothing has been due for more than 6d\n"


def test_more_time_that_was_given_meanwhile_counts(cli: Cli, chat: Database) -> None:
    """A run that began before reads the period again with each batch."""
    from contextlib import closing

    from chatschema import postgres
    from chatschema.partition import purge

    with closing(postgres.connect(chat.url)) as connection:
        due = purge.conversations(connection)
        assert due
        chat.run("update public.conversations set retention_days = case when id = md5('conversation1')::uuid then 36500 end")
        before = kept.every(chat)
        assert list(purge.purge(connection, due, say=print)) == []
    assert kept.every(chat) == before


def test_the_keys_in_use_stay(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[retention]\nkeys = "1d"\n')
    user = add_user(migrated, "alice")
    for kind, name, status, version, expires in (
        ("signed_prekey", "expired, and superseded", "superseded", 1, "-9 days"),
        ("signed_prekey", "expired, and the newest", "active", 2, "-9 days"),
        ("identity", "superseded, without an end", "superseded", 1, None),
        ("identity", "for a wrapped key", "superseded", 2, "-9 days"),
        ("identity", "active", "active", 3, "9 days"),
        ("one_time_prekey", "expired one-time", "active", 1, "-9 days"),
        ("one_time_prekey", "a moment ago", "used", 1, None),
    ):
        migrated.run(KEY, user, kind, name, name, status, version, status, expires)
    migrated.run(
        "with c as (insert into public.conversations (created_by) values (%s) returning id) insert into public.conversation_participants"
        " (conversation_id, user_id, public_key_id) select c.id, %s, k.id from c, public.user_public_keys as k where k.key_id = 'for a wrapped key'",
        user, user,
    )  # fmt: skip
    done = cli("maintain", "--json", "--url", migrated.url)
    assert (done.code, done.json()["retention"]) == (
        0, [{"rule": "keys", "what": "public keys that were used or expired", "count": 2}],
    ), done.err  # fmt: skip
    left = {row[0] for row in migrated.all("select key_id from public.user_public_keys")}
    assert left == {
        "expired, and the newest", "superseded, without an end", "for a wrapped key", "active", "a moment ago",
    }  # fmt: skip
    audited = migrated.all("select resource_type, details ->> 'rows' from public.audit_logs where action = 'retention.purge'")
    assert audited == [("user_public_key", "2")]


def test_what_a_hold_had_kept_goes_after_its_release(cli: Cli, aged: Database) -> None:
    """Rows of dropped months, and messages that were deleted meanwhile; without a period for months, and nothing of others."""
    bobby = "sender_id = (select id from public.users where username = 'bobby')"
    aged.run(
        f"insert into public.messages (conversation_id, sender_id, content_encrypted) select conversation_id, sender_id, 'new' from public.messages where {bobby} limit 3"
    )
    assert cli("hold", "add", "--user", "bobby", "--reason", "case", "--url", aged.url).code == 0
    aged.run(
        "update public.messages set is_deleted = true, deleted_at = now(), content_encrypted = null where content_encrypted = 'new'"
    )
    retired = cli("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--holds", "carve", "--yes", "--url", aged.url)
    assert retired.code == 0, retired.err
    kept_rows = "select count(*) from (table chat_partitions.messages_y2024m01_held union all table chat_partitions.messages_y2024m02_held) as t"
    others = "select md5(string_agg(m::text, '|' order by id)) from public.messages as m where not is_deleted"
    count, before = int(aged.one(kept_rows)) + 3, aged.one(others)
    assert count > 100
    held = rules(cli, aged)["after_holds"]
    assert (held["due"], held["held"]) == (0, count)
    assert cli("retention", "run", "--yes", "--url", aged.url).code == 0
    assert int(aged.one(kept_rows)) + 3 == count
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    due = rules(cli, aged)["after_holds"]
    assert (due["due"], due["held"]) == (count, 0)
    # Until a moment ago all of it was held.
    assert cli("retention", "check", "--url", aged.url).code == 0
    done = cli("retention", "run", "--yes", "--json", "--url", aged.url)
    assert (done.code, done.json()["removed"]) == (
        0, [{"rule": "after_holds", "what": "rows that a released hold had kept", "count": count}],
    ), done.out + done.err  # fmt: skip
    assert (
        aged.one(
            "select count(*) from pg_class where relname like '%%held' and relkind = 'r' and relnamespace = 'chat_partitions'::regnamespace"
        )
        == 0
    )
    assert aged.one("select count(*) from public.messages where is_deleted and content_encrypted is not null") == 0
    assert aged.one(others) == before
    assert rules(cli, aged)["after_holds"]["due"] == 0


def test_files_wait_for_their_collector(cli: Cli, chat: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('[retention]\nfiles = "10d"\n')
    waiting = chat.one("select count(*) from public.attachments where purged_at is null")
    one = rules(cli, chat)["files"]
    assert (one["due"], one["waiting"], "attachments due" in str(one["waits_for"])) == (0, waiting, True)
    # The setting is that of attachments as well.
    chat.run("update public.attachments set state = 'ready' where purged_at is null")
    chat.run("alter table public.attachments disable trigger attachments_set_updated_at")
    chat.run("update public.attachments set updated_at = now() - interval '5 days'")
    due = ("attachments", "due", "--json", "--url", chat.url)
    assert cli(*due).json()["total"] == 0
    assert cli(*due, "--unattached", "1d").json()["total"] == waiting
    (tmp_path / "chatschema.toml").unlink()
    assert cli(*due).json()["total"] == waiting


@pytest.mark.parametrize(("line", "code"), [
    ('[retention]\nkeys = "0d"', "config.span"), ('[retention]\nkeys = "9999y"', "config.span"), ("[retention]\nkeys = 90", "config.unknown"),
    ('[retention]\nkey = "90d"', "config.unknown"), ('[retention]\nexports = "90d"', "config.unknown"), ('[audit]\nkeep = "0y"', "config.span"),
    ('[audit]\nkept = "7y"', "config.unknown"), ('[retention]\nexport_dirs = "exports"', "config.unknown"),
])  # fmt: skip
def test_a_wrong_setting_removes_nothing(cli: Cli, migrated: Database, tmp_path: Path, line: str, code: str) -> None:
    (tmp_path / "chatschema.toml").write_text(f"{line}\n")
    refused = cli("retention", "run", "--yes", "--url", migrated.url)
    assert (refused.code, f"error[{code}]" in refused.err) == (2, True), refused.err
