"""Erasing a conversation or a message removes all of it and no other row, with the guarantees of erasing a person."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.pace import long

TABLES = {
    "users": "id", "auth_sessions": "user_id", "user_public_keys": "user_id", "conversations": "id", "messages": "conversation_id",
    "conversation_participants": "conversation_id", "message_statuses": "conversation_id", "attachments": "conversation_id",
}  # fmt: skip


def rest(database: Database, conversation: Any) -> dict[str, Any]:
    """Return a checksum of every row that is not of the conversation; of the trail, of entries that do not name it."""
    found = {
        table: database.one(
            f"select md5(string_agg(t::text, '|' order by t::text)) from public.{table} as t where {column} <> '{conversation}'"
        )
        for table, column in TABLES.items()
    }
    # Whoever acted in it is named by entries about its messages as well.
    return found | {
        "audit_logs": database.one(
            "select md5(string_agg(a::text, '|' order by id)) from public.audit_logs as a where starts_with(action, 'kept.')"
        )
    }


def erase(cli: Cli, database: Database, kind: str, id: Any, *options: str) -> Result:
    return cli("privacy", f"erase-{kind}", str(id), *options, "--url", database.url)


def group(database: Database) -> Any:
    """Return a conversation that has a title, files, keys, reactions and messages, and describe it as the application would."""
    id = database.one("""
        select c.id from public.conversations as c
        where exists (select from public.attachments as a where a.conversation_id = c.id and a.message_id is not null)
            and exists (select from public.message_statuses as s where s.conversation_id = c.id and s.reactions <> '{}')
        order by (select count(*) from public.messages as m where m.conversation_id = c.id) desc limit 1
    """)
    database.run(
        "update public.conversations set title = 'Merger with Initech', avatar_url = 'https://x.example/m.png' where id = %s", id
    )
    database.run(
        "update public.conversation_participants set encrypted_key = '\\x0102030405060708', key_algorithm = 'x', key_version = 1"
        " where conversation_id = %s",
        id,
    )
    message = database.one("select id from public.messages where conversation_id = %s order by id limit 1", id)
    other = database.one("select id from public.messages where conversation_id <> %s order by id limit 1", id)
    for action, kind, resource, details in (
        ("post.conversation", "conversation", id, {}), ("post.message", "message", message, {}), ("mail", "mail", 1, {"about": str(id)}),
        ("kept.message", "message", other, {}), ("kept.mail", "mail", 1, {"about": f"{id}-more"}), ("kept.odd", "message", "no-id", {}),
    ):  # fmt: skip
        database.run(
            "insert into public.audit_logs (action, resource_type, resource_id, details, ip_address) values (%s, %s, %s, %s, '10.0.0.1')",
            action, kind, str(resource), json.dumps(details),
        )  # fmt: skip
    return id


def is_erased(database: Database, conversation: Any) -> None:
    for table, where in {
        "messages": "content_encrypted is not null or content_nonce is not null or edit_history <> '[]' or not is_deleted",
        "message_statuses": "reactions <> '{}' or reacted_at is not null",
        "attachments": "state <> 'deleted' or file_name_encrypted is not null or message_id is not null",
        "conversation_participants": "encrypted_key is not null",
    }.items():
        left = database.one(f"select count(*) from public.{table} where conversation_id = %s and ({where})", conversation)
        assert (table, left) == (table, 0)
    row = "select title, avatar_url, settings, deleted_at is not null from public.conversations where id = %s"
    assert database.all(row, conversation) == [(None, None, {}, True)]
    blank = "select action from public.audit_logs where pii_salt is not null and action in ('post.conversation', 'post.message', 'mail')"
    assert database.all(blank) == []


def test_everything_of_a_conversation_goes_and_nothing_else_changes(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    id = group(seeded)
    seeded.run(f"alter database {seeded.name} set default_transaction_isolation = 'repeatable read'")
    for command in (("seal",), ("archive", "--out", str(tmp_path / "trail")), ("seal",)):
        assert cli("audit", *command, "--url", seeded.url).code == 0
    before, members = rest(seeded, id), seeded.all("select user_id, left_at from public.conversation_participants order by 1, 2")
    counted = erase(cli, seeded, "conversation", id, "--dry-run")
    assert (counted.code, "0 messages" in counted.out, "wrapped keys" in counted.out) == (0, False, True)
    refused = erase(cli, seeded, "conversation", id)
    assert (refused.code, "there is no terminal to confirm it" in refused.err) == (2, True)
    assert rest(seeded, id) == before
    result = erase(cli, seeded, "conversation", id, "--yes")
    assert result.code == 0, result.out + result.err
    is_erased(seeded, id)
    assert rest(seeded, id) == before
    assert seeded.all("select user_id, left_at from public.conversation_participants order by 1, 2") == members
    (file,) = (tmp_path / "trail").iterdir()
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()[1:]]
    personal = {
        line["action"]: line["personal"] for line in lines if line["action"] in ("mail", "kept.mail", "post.message", "kept.odd")
    }
    assert {action: value is None for action, value in personal.items()} == {
        "mail": True, "kept.mail": False, "post.message": True, "kept.odd": False,
    }  # fmt: skip
    verified = cli("audit", "verify", "--url", seeded.url)
    assert verified.code == 0, verified.out
    assert erase(cli, seeded, "conversation", id, "--yes").code == 0
    receipts = [one["receipt"]["sha256"] for one in cli("privacy", "list", "--json", "--url", seeded.url).json()["requests"]]
    trail = "select details->>'receipt_sha256' from public.audit_logs where action = 'privacy.erase_conversation' order by id"
    assert [row[0] for row in seeded.all(trail)] == receipts
    assert len(set(receipts)) == 2


def test_a_message_goes_with_its_earlier_versions_and_its_file(cli: Cli, seeded: Database) -> None:
    id, conversation, content = seeded.all(
        "select m.id, m.conversation_id, m.content_encrypted from public.messages as m join public.attachments as a on a.message_id = m.id"
        " where m.content_encrypted is not null and not m.is_deleted limit 1"
    )[0]
    earlier = b"an earlier version, of which somebody kept a copy"
    history = json.dumps([{"content": base64.b64encode(earlier).decode()}])
    seeded.run("update public.messages set edit_history = %s, edit_count = 1, edited_at = now() where id = %s", history, id)
    kept = "select md5(string_agg(m::text, '|' order by id)) from public.messages as m where id <> %s"
    before = rest(seeded, conversation), seeded.one(kept, id)
    seeded.run("create table public.cache (id int, body text, raw bytea)")
    seeded.run("insert into public.cache values (1, %s, null), (2, 'x', %s)", base64.b64encode(b"head" + earlier).decode(), content)
    found = erase(cli, seeded, "message", id, "--yes")
    assert (found.code, "STILL FOUND: public.cache: 2" in found.out) == (3, True), found.out + found.err
    seeded.run("drop table public.cache")
    row = "select content_encrypted, content_nonce, edit_history, is_deleted from public.messages where id = %s"
    assert seeded.all(row, id) == [(None, None, [], True)]
    assert seeded.one("select count(*) from public.attachments where message_id = %s", id) == 0
    assert seeded.one("select count(*) from public.message_statuses where message_id = %s and reactions <> '{}'", id) == 0
    assert (rest(seeded, conversation), seeded.one(kept, id)) == before
    assert erase(cli, seeded, "message", id, "--yes").code == 0
    unknown = erase(cli, seeded, "message", "019b76da-a800-7000-8000-000000000000", "--yes")
    assert (unknown.code, "no message has the id" in unknown.err) == (1, True)
    assert erase(cli, seeded, "message", "x'; --", "--yes").code == 2
    assert erase(cli, seeded, "conversation", id, "--yes").code == 1


@long
def test_a_hold_prevents_both_and_only_where_it_covers_them(cli: Cli, seeded: Database) -> None:
    """What is held by itself, through a person, or with everything; and what a hold elsewhere leaves free."""
    id = group(seeded)
    message, sender = seeded.all(
        "select id, sender_id from public.messages where conversation_id = %s and not is_deleted and reply_to_id is null"
        " order by id desc limit 1", id,
    )[0]  # fmt: skip
    stranger = seeded.one("insert into public.users (username) values ('stranger') returning id")
    elsewhere = seeded.one("select id from public.conversations where id <> %s limit 1", id)
    before = rest(seeded, id), seeded.one("select count(*) from chatschema.erasures")
    scopes = (
        (("--conversation", str(id)), "conversation message"),
        (("--user", str(sender)), "conversation message"),
        (("--everything",), "conversation message"),
        (("--from", "2000-01-01", "--to", "2001-01-01"), "conversation"),
        (("--conversation", str(elsewhere), "--user", str(sender)), ""),
        (("--user", str(stranger)), ""),
    )
    for number, (scope, held) in enumerate(scopes, 1):
        assert cli("hold", "add", "--reason", "case", *scope, "--url", seeded.url).code == 0
        for kind, subject in (("conversation", id), ("message", message)):
            result = erase(cli, seeded, kind, subject, "--dry-run")
            assert (kind, scope, result.code) == (kind, scope, 3 if kind in held.split() else 0)
            if kind in held.split():
                refused = erase(cli, seeded, kind, subject, "--yes")
                assert (refused.code, f"hold {number} covers the {kind}" in refused.err) == (3, True), refused.err
        assert cli("hold", "release", str(number), "--reason", "closed", "--url", seeded.url).code == 0
    assert (rest(seeded, id), seeded.one("select count(*) from chatschema.erasures")) == before
    assert seeded.one("select count(*) from public.messages where conversation_id = %s and content_encrypted is not null", id) > 0
    shown = cli("status", "--url", seeded.url).out
    assert f"chatschema privacy erase-conversation {id}" in shown
    assert f"chatschema privacy erase-message {message}" in shown
    assert erase(cli, seeded, "message", message, "--yes").code == 0
    assert erase(cli, seeded, "conversation", id, "--yes").code == 0
    assert {row[0] for row in seeded.all("select state from chatschema.privacy_requests")} == {"done"}
