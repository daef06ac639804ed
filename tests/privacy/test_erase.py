"""An erasure takes all of a person and nothing of others, stops for a hold, and is finished by the next run after a kill."""

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.privacy.test_export_interrupted import waiting
from tests.support.cli import Cli, Result, clean_environment
from tests.support.database import Database

# What is another person's, or nobody's: it must not change by a byte.
OTHERS = {
    "users": "id <> {0}",
    "auth_sessions": "user_id <> {0}",
    "user_public_keys": "user_id <> {0}",
    "conversations": "true",
    "conversation_participants": "user_id <> {0}",
    "messages": "sender_id is distinct from {0}",
    "message_statuses": "user_id <> {0}",
    "attachments": "uploader_id <> {0}",
    "audit_logs": "user_id is distinct from {0} and concat(resource_id, details) not like '%' || {0} || '%' and details::text not like '%alice%'"
    " and not starts_with(action, 'privacy.') and action not in ('audit.erase', 'session.revoke', 'hold.add', 'hold.release', 'audit.archive',"
    " 'audit.erase_archive')",
}


def alice(database: Database) -> Any:
    return database.one("select id from public.users where username = 'alice'")


def others(database: Database, person: Any) -> dict[str, Any]:
    """Return a checksum of the rows of others, table by table, in the order of their keys."""
    id = f"'{person}'::uuid"
    return {
        table: database.one(
            f"select md5(string_agg(t::text, '|' order by t::text)) from public.{table} as t where {where.format(id)}"
        )
        for table, where in OTHERS.items()
    }


def act_on(database: Database, person: Any) -> None:
    """Let another user, an operator and the application do something about the person, whose keys and sessions it concerns."""
    script = """
        insert into public.auth_sessions (user_id, refresh_token_hash, device_name) values ('HER', '$2b$12$' || repeat('a', 53), 'Her phone');
        insert into public.user_public_keys (user_id, key_type, public_key, device_id) values ('HER', 'one_time_prekey', sha256('k'), gen_random_uuid());
        select set_config('app.user_id', (select id::text from public.users where username = 'bob'), false);
        update public.user_public_keys set status = 'used' where user_id = 'HER' and key_type = 'one_time_prekey';
        update public.conversation_participants set role = case role when 'admin' then 'member' else 'admin' end where user_id = 'HER';
        insert into public.audit_logs (action, resource_type, resource_id, details) values
            ('export.sent', 'file', 'privacy-export-HER', '{"to": "the person"}'), ('report', 'user', '1', '{"about": {"id": "HER"}}');
        reset app.user_id;
        update public.auth_sessions set revoked_at = now(), revoked_reason = 'admin' where user_id = 'HER' and device_name = 'Her phone';
    """
    database.run(script.replace("HER", str(person)))


def erase(cli: Cli, database: Database, *options: str, user: str = "alice") -> Result:
    return cli("privacy", "erase", user, *options, "--url", database.url)


def is_erased(database: Database, person: Any, *values: str) -> None:
    """Look for the values in a dump of all rows and in the statistics, and at each kind of row."""
    tables = database.all(
        "select c.oid::regclass::text from pg_class as c where c.relnamespace::regnamespace::text in ('public', 'chatschema', 'chat_partitions')"
        " and c.relkind = 'r'"
    )
    dump = "\n".join(str(database.one(f"select string_agg(to_jsonb(t)::text, ' ') from {table} as t")) for (table,) in tables)
    stats = str(
        database.all(
            "select most_common_vals::text, histogram_bounds::text, most_common_elems::text from pg_stats where schemaname !~ '^pg_'"
        )
    )
    words = [re.compile(rf"(?<![\w.-]){re.escape(value)}(?![\w-])") for value in values]
    assert [value.pattern for value in words if value.search(dump) or value.search(stats)] == []
    for table, where in {
        "messages": "sender_id = %s and (content_encrypted is not null or edit_history <> '[]' or not is_deleted)",
        "message_statuses": "user_id = %s and (reactions <> '{}' or reacted_at is not null)",
        "attachments": "uploader_id = %s and (state <> 'deleted' or file_name_encrypted is not null or message_id is not null)",
        "auth_sessions": "user_id = %s",
        "user_public_keys": "user_id = %s",
        "conversation_participants": "user_id = %s and encrypted_key is not null",
    }.items():
        assert (table, database.one(f"select count(*) from public.{table} where {where}", person)) == (table, 0)
    entries = database.all(
        "select action, details from public.audit_logs where pii_salt is not null and not starts_with(action, 'privacy.')"
        " and (user_id = %s or concat(resource_id, ' ', details) like '%%' || %s || '%%')", person, str(person),
    )  # fmt: skip
    assert entries == []
    account = database.all(
        "select username, email, display_name, password_hash, account_state from public.users where id = %s", person
    )
    assert account == [(f"deleted-{person}", None, None, None, "erased")]


def test_everything_of_the_person_goes_and_nothing_of_others_changes(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    person = alice(seeded)
    seeded.run(
        "insert into public.audit_logs (action, details) values ('mail.sent', '{\"to\": \"alice@example.com\"}'), ('other', '{\"to\": \"malice@example.com\"}')"
    )
    act_on(seeded, person)
    seeded.run(f"alter database {seeded.name} set default_transaction_isolation = 'repeatable read'")
    before = others(seeded, person)
    assert cli("audit", "seal", "--url", seeded.url).code == 0
    # Entries of the first seal are in a file as well; those of the second are in the table alone.
    assert cli("audit", "archive", "--out", str(tmp_path / "trail"), "--url", seeded.url).code == 0
    (file,) = (tmp_path / "trail").iterdir()
    assert b"alice@example.com" in gzip.decompress(file.read_bytes())
    assert cli("audit", "seal", "--url", seeded.url).code == 0
    assert re.search(r"would erase \d+ messages", erase(cli, seeded, "--dry-run").out)
    refused = erase(cli, seeded)
    assert (refused.code, "there is no terminal to confirm it" in refused.err) == (2, True)
    assert others(seeded, person) == before
    assert alice(seeded) == person
    result = erase(cli, seeded, "--yes")
    assert result.code == 0, result.out + result.err
    assert "nothing is left" in result.out
    is_erased(seeded, person, "alice", "alice@example.com")
    assert others(seeded, person) == before
    assert seeded.one("select details from public.audit_logs where action = 'other'") == {"to": "malice@example.com"}
    verified = cli("audit", "verify", "--url", seeded.url)
    assert verified.code == 0, verified.out
    content = gzip.decompress(file.read_bytes())
    assert (bool(re.search(rb"(?<!m)alice@example.com", content)), b"malice@example.com" in content) == (False, True)
    assert not [line for line in content.splitlines()[1:] if str(person) in str(json.loads(line)["personal"])]
    assert (
        seeded.one("select archive_sha256 from chatschema.audit_seals where archive is not null")
        == sha256(file.read_bytes()).digest()
    )
    assert [path.name for path in (tmp_path / "trail").iterdir()] == [file.name]
    # Again: there is nothing to do, and no second erasure is recorded.
    assert erase(cli, seeded, "--yes", user=str(person)).code == 0
    assert [row[0] for row in seeded.all("select state from chatschema.privacy_requests")] == ["done", "done"]
    receipt = cli("privacy", "list", "--json", "--url", seeded.url).json()["requests"][0]["receipt"]
    assert receipt["sha256"] == seeded.one(
        "select details->>'receipt_sha256' from public.audit_logs where action = 'privacy.erase' order by id limit 1"
    )


def test_files_with_data_of_the_person_are_named(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    """An export of hers, and statistics with a statement that names her; not those of others. And nobody takes her name."""
    (tmp_path / "chatschema.toml").write_text('[retention]\nexport_dirs = ["exports"]\nsnapshot_dirs = ["snapshots"]\n')
    for user in ("alice", "bob"):
        assert cli("privacy", "export", user, "--out", f"exports/{user}", "--url", seeded.url).code == 0
    (tmp_path / "snapshots").mkdir()
    for name, text in (("hers", "x = 'Alice@Example.com'"), ("other", "x = 'malice@example.com'")):
        origin = {"database": seeded.name, "at": "2026-01-01T00:00:00Z"}
        content = {"kind": "chatschema statistics", "origin": origin, "queries": [text]}
        (tmp_path / "snapshots" / f"{name}.json").write_text(json.dumps(content))
    person = alice(seeded)
    result = erase(cli, seeded, "--yes")
    found = [line for line in result.out.splitlines() if "STILL FOUND" in line]
    export, statistics = tmp_path / "exports" / "alice", tmp_path / "snapshots" / "hers.json"
    assert result.code == 3, result.out
    assert found == [f"STILL FOUND: export {export}: 1", f"STILL FOUND: statistics {statistics}: 1"]
    shutil.rmtree(export)
    assert erase(cli, seeded, "--yes", user=str(person)).code == 0
    for statement in (
        "insert into public.users (username) values ('alice')",
        "update public.users set username = 'alice' where username = 'bob'",
    ):
        with pytest.raises(psycopg.errors.UniqueViolation) as refused:
            seeded.run(statement)
        assert refused.value.diag.constraint_name == "users_username_key"
    seeded.run("update chatschema.erased_names set reserved_until = now()")
    seeded.run("insert into public.users (username) values ('alice')")


def test_a_hold_prevents_the_whole_and_the_request_waits(cli: Cli, seeded: Database) -> None:
    """On the person, on a conversation of theirs, or on everybody; nothing but the request is recorded."""
    person = alice(seeded)
    conversation = seeded.one("select conversation_id from public.messages where sender_id = %s limit 1", person)
    scopes = (["--user", "alice"], ["--conversation", str(conversation)], ["--everything"], ["--from", "2000-01-01"])
    for number, scope in enumerate(scopes, 1):
        assert cli("hold", "add", "--reason", "case", *scope, "--url", seeded.url).code == 0
        before = (others(seeded, person), seeded.one("select count(*) from chatschema.erasures"))
        result = erase(cli, seeded, "--yes")
        assert (result.code, f"hold {number} covers the person" in result.err) == (3, True), result.err
        assert (others(seeded, person), seeded.one("select count(*) from chatschema.erasures")) == before
        assert seeded.all("select state, holds from chatschema.privacy_requests") == [("waiting", [number])]
        assert "privacy request" not in cli("status", "--url", seeded.url).out
        assert erase(cli, seeded, "--dry-run").code == 3
        assert cli("hold", "release", str(number), "--reason", "closed", "--url", seeded.url).code == 0
    assert cli("maintain", "--url", seeded.url).code == 0
    assert alice(seeded) == person
    assert f"its holds are released: chatschema privacy erase {person}" in cli("status", "--url", seeded.url).out
    assert erase(cli, seeded, "--yes").code == 0
    assert seeded.all("select state from chatschema.privacy_requests") == [("done",)]


def test_killed_and_held_on_the_way_it_is_finished_by_the_next_run(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    person, before = alice(seeded), others(seeded, alice(seeded))
    command = [sys.executable, "-m", "chatschema", "privacy", "erase", "alice", "--yes", "--url", seeded.url]
    for ending in ("kill", "hold"):
        with psycopg.connect(seeded.url, autocommit=True) as blocker, blocker.transaction():
            # One file is in use: messages, reactions and the trail come before it.
            blocker.execute("select id from public.attachments where uploader_id = %s limit 1 for update", (person,))
            running = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE)
            waiting(seeded)
            if ending == "kill":
                running.send_signal(signal.SIGKILL)
            else:
                # It waits for the batch, which is tried again and again.
                adding = subprocess.Popen(
                    [sys.executable, "-m", "chatschema", "hold", "add", "--reason", "case", "--user", str(person), "--url", seeded.url],
                    cwd=tmp_path, env=clean_environment(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                )  # fmt: skip
                assert adding.wait(30) == 0
        _, err = running.communicate(timeout=60)
        assert seeded.one("select count(*) from public.messages where sender_id = %s and not is_deleted", person) == 0
        assert seeded.one("select state from chatschema.privacy_requests") == "running"
        assert alice(seeded) == person
        if ending == "hold":
            assert (running.returncode, b"hold 1 covers" in err) == (3, True), err
            assert "privacy request" in cli("status", "--url", seeded.url).out
            assert cli("hold", "release", "1", "--reason", "closed", "--url", seeded.url).code == 0
    assert erase(cli, seeded, "--yes").code == 0
    is_erased(seeded, person, "alice", "alice@example.com")
    assert others(seeded, person) == before
