"""The demo data: believable, really encrypted, repeatable, and removable to the row."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest

from chatschema.seed import hashes
from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.fingerprint import fingerprint


def test_the_demo_is_as_large_and_as_lively_as_promised(seeded: Database) -> None:
    assert seeded.one("select count(*) from users") == 25
    assert seeded.one("select count(*) from users where username in ('alice', 'bob')") == 2
    assert 2000 < seeded.one("select count(*) from messages") < 6000
    days = seeded.one("select extract(day from max(created_at) - min(created_at)) from messages")
    assert 60 < days < 93
    assert seeded.one("select count(distinct tableoid) from messages") >= 3
    for condition in (
        "reply_to_id is not null",
        "edit_count > 0",
        "is_deleted",
        "message_type = 'system'",
        "message_type = 'image'",
    ):
        assert seeded.one(f"select count(*) from messages where {condition}") > 5, condition
    assert seeded.one("select count(*) from message_statuses where reactions <> '{}'") > 100
    assert seeded.one("select count(*) from message_statuses where status = 'delivered'") > 100
    assert {row[0] for row in seeded.all("select type from conversations")} == {"direct", "group"}
    assert {row[0] for row in seeded.all("select role from conversation_participants")} == {"admin", "moderator", "member"}
    assert seeded.one("select count(*) from attachments where message_id is null") == 2
    assert seeded.one("select count(*) from auth_sessions where revoked_reason = 'reuse_detected'") == 1


def test_nothing_in_the_demo_happens_before_it_can(seeded: Database) -> None:
    assert seeded.one("select max(created_at) <= now() from messages")
    assert seeded.one(
        "select bool_and(m.created_at >= c.created_at - interval '1 second') from messages m join conversations c on c.id = m.conversation_id"
    )
    assert (
        seeded.one("select count(*) from messages r join messages m on m.id = r.reply_to_id where r.created_at <= m.created_at")
        == 0
    )
    assert seeded.one(
        "select bool_and(s.delivered_at >= m.created_at) from message_statuses s join messages m on m.id = s.message_id"
    )
    assert seeded.one("select bool_and(updated_at >= created_at) from messages")
    # Who speaks is in the conversation.
    assert (
        seeded.one("""select count(*) from messages m where sender_id is not null and not exists (
        select from conversation_participants p where p.conversation_id = m.conversation_id and p.user_id = m.sender_id)""")
        == 0
    )


def test_the_audit_trail_fits_the_rows(seeded: Database) -> None:
    deleted = seeded.one("select count(*) from messages where is_deleted")
    assert seeded.one("select count(*) from audit_logs where action = 'message.delete'") == deleted
    assert (
        seeded.one("""select count(*) from audit_logs a where resource_type = 'message' and not exists (
        select from messages m where m.id::text = a.resource_id and m.sender_id = a.user_id)""")
        == 0
    )
    assert seeded.one("select count(*) from audit_logs where severity = 'critical'") == 1


def test_hashes_and_ciphertexts_are_real(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    assert cli("seed", "--url", migrated.url).code == 0
    hashed = migrated.one("select password_hash from users where username = 'bob'")
    assert bcrypt.checkpw(hashes.PASSWORD.encode(), hashed.encode())
    stored = {row[0] for row in migrated.all("select refresh_token_hash from auth_sessions")}
    assert {hashed[:7] for hashed in stored} == {"$2b$12$"}
    for number in (0, len(stored) - 1):
        assert hashes.REFRESH_TOKEN_HASHES[number] in stored
        assert bcrypt.checkpw(hashes.refresh_token(number).encode(), hashes.REFRESH_TOKEN_HASHES[number].encode())
    assert migrated.one("select count(distinct refresh_token_hash) = count(*) from auth_sessions")
    keys = tmp_path / ".chatschema" / "demo-keys.json"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert len(json.loads(keys.read_text())["private_keys"]) == 25


def test_the_ten_lines_of_the_docs_decrypt_a_message(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    assert cli("seed", "messages", "--url", migrated.url).code == 0
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "how-to" / "demo-data.md").read_text(), re.DOTALL)
    assert code
    assert len([line for line in code[1].splitlines() if line.strip()]) <= 12
    done = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=tmp_path, env=clean_environment({"DATABASE_URL": migrated.url}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "Hi Bob, did the months get created last night?\n", done.stderr


def test_every_message_can_be_read_by_everybody_who_is_in(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    from nacl.public import PrivateKey, SealedBox
    from nacl.secret import SecretBox

    assert cli("seed", "messages", "--url", migrated.url).code == 0
    private = json.loads((tmp_path / ".chatschema" / "demo-keys.json").read_text())["private_keys"]
    members = migrated.all(
        "select u.username, p.conversation_id, p.encrypted_key from conversation_participants p join users u on u.id = p.user_id"
    )
    opened = {
        (name, conversation): SealedBox(PrivateKey(bytes.fromhex(private[name]))).decrypt(bytes(key))
        for name, conversation, key in members
    }
    by_conversation = {conversation: key for (_, conversation), key in opened.items()}
    assert len(set(opened.values())) == len(by_conversation)
    rows = migrated.all(
        "select conversation_id, content_encrypted, content_nonce from messages where content_encrypted is not null"
    )
    texts = [SecretBox(by_conversation[c]).decrypt(bytes(text), bytes(nonce)).decode() for c, text, nonce in rows]
    assert len(set(texts)) > 0.9 * len(texts)
    assert migrated.one("select count(distinct content_nonce) = count(content_nonce) from messages")


def test_again_is_a_no_op(cli: Cli, seeded: Database) -> None:
    before = fingerprint(seeded)
    result = cli("seed", "--url", seeded.url)
    assert (result.code, result.out) == (0, "nothing to do: already seeded\n")
    assert fingerprint(seeded) == before


def test_the_same_number_makes_the_same_people_and_another_number_others(cli: Cli, migrated: Database) -> None:
    def people(*options: str) -> object:
        assert cli("seed", "users", *options, "--url", migrated.url).code == 0
        names = migrated.all("select username, display_name from users order by id")
        assert cli("seed", "--undo", "--url", migrated.url).code == 0
        return names

    first = people()
    assert people() == first
    assert people("--rng", "7") != first


def test_one_seeder_brings_what_it_needs_and_no_more(cli: Cli, migrated: Database) -> None:
    result = cli("seed", "05_conversation_participants.py", "--url", migrated.url)
    assert [line.split()[1] for line in result.out.splitlines()] == [
        "users",
        "user_public_keys",
        "conversations",
        "conversation_participants",
    ]
    states = {entry["name"]: entry["rows"] for entry in cli("seed", "--list", "--json", "--url", migrated.url).json()["seeds"]}
    assert states["users"] == 25
    assert states["messages"] == 0


def test_seeding_an_unmigrated_database_says_what_to_do(cli: Cli, empty: Database) -> None:
    result = cli("seed", "--url", empty.url)
    assert result.code == 1
    assert "chatschema migrate" in result.err
    assert empty.one("select to_regnamespace('chatschema') is null")


def test_an_unknown_seeder_is_wrong_usage(cli: Cli, migrated: Database) -> None:
    result = cli("seed", "user", "--url", migrated.url)
    assert result.code == 2
    assert "did you mean users" in result.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def seed(world): 1/0\n", "NEEDS"),
        ("NEEDS = ('zzz',)\ndef seed(world): pass\n", "needs zzz"),
        ("import nowhere\n", "nowhere"),
    ],
)
def test_a_broken_seeder_is_named(cli: Cli, migrated: Database, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "01_mine.py").write_text(text)
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    result = cli("seed", "--url", migrated.url)
    assert result.code == 1
    assert says in result.err
    assert "Traceback" not in result.err


def test_a_seeder_that_fails_leaves_nothing(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    assert cli("new", "seeder", "users").code == 2  # the folder is not there yet, which chatschema.toml must not hide
    (tmp_path / "seeds").mkdir()
    assert cli("new", "seeder", "users").out == "seeds/01_users.py\n"
    (tmp_path / "seeds" / "01_users.py").write_text(
        "'''users: two of them.'''\nNEEDS = ()\ndef seed(world):\n"
        "    world.insert('users', [{'id': world.uuid7(world.now), 'username': 'dave'}])\n"
        "    world.insert('users', [{'id': world.uuid7(world.now), 'username': 'dave'}])\n"
    )
    result = cli("seed", "--url", migrated.url)
    assert result.code == 1
    assert "users_username_key" in result.err
    assert migrated.one("select count(*) from users") == 0
    assert migrated.one("select count(*) from chatschema.seeds") == 0
