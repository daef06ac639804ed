"""seed --messages: the same rows whatever the way, valid, decryptable, as lively as the demo, and removed without a trace."""

import json
import re
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.errors import UsageError
from chatschema.seed.bulk import talk
from chatschema.seed.bulk.people import People
from chatschema.seed.bulk.plan import Part, Size
from chatschema.task import bulk_seeding
from chatschema.values import Settings
from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.fingerprint import fingerprint

# Before the first month of a migrated database.
SMALL = ("--messages", "1500", "--months", "3", "--until", "2026-04-11")
# Changes when, and only when, plan.VERSION does: a seed that another release began would be continued with other rows.
GOLDEN = "b664055cfa1acc159c029daa99f42482"


def seed(cli: Cli, database: Database, *more: str) -> str:
    result = cli("seed", *SMALL, *more, "--json", "--url", database.url)
    assert result.code == 0, result.err
    checksum: str = result.json()["bulk"]["checksum"]
    return checksum


def paths(database: Database) -> list[str]:
    return [row[0] for row in database.all("select path from chatschema.bulk_months order by month")]


def write_as_carol(database: Database, moment: str) -> None:
    database.run("insert into users (username) values ('carol'); insert into conversations (title) values ('mine')")
    database.run("insert into conversation_participants select c.id, u.id from conversations as c, users as u where title = 'mine'")
    database.run(
        "insert into messages (id, conversation_id, sender_id, content_encrypted, created_at) select chatschema.uuid7(t), c.id, u.id, 'x', t"
        f" from conversations as c, users as u, (select timestamptz '{moment}') as moments (t) where c.title = 'mine'"
    )


def test_a_seed_is_repeatable_valid_and_removed_whole(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    before = fingerprint(migrated)
    assert seed(cli, migrated, "--workers", "1") == GOLDEN
    assert paths(migrated) == ["created"] * 3
    keys = tmp_path / ".chatschema" / "bulk-keys.json"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    is_lively(migrated)
    happens_in_order(migrated)
    can_be_read(migrated, keys)
    the_docs_decrypt_a_message(migrated, tmp_path)
    assert cli("status", "--check", "--url", migrated.url).code == 0
    listed = cli("seed", "--list", "--json", "--url", migrated.url).json()["seeds"][-1]
    assert (listed["name"], listed["title"], listed["rows"] > 4000) == ("bulk", "bulk: 1500 messages until 2026-04-11", True)
    again = cli("seed", *SMALL[:4], "--url", migrated.url)
    assert again.out.startswith("nothing to do: already seeded\n"), "without --until, that of the seed that was begun"
    other = cli("seed", *SMALL, "--rng", "1", "--url", migrated.url)
    assert (other.code, "error[seed.bulk-other]: this database has another bulk seed: --messages 1500" in other.err) == (1, True)

    undone = cli("seed", "--undo", "--url", migrated.url)
    assert undone.code == 0, undone.err
    assert fingerprint(migrated) == before
    assert not keys.exists()
    for table in ("bulk_seed", "bulk_months", "bulk_owners"):
        assert migrated.one(f"select count(*) from chatschema.{table}") == 0
    assert cli("status", "--check", "--url", migrated.url).code == 0
    assert migrated.one("select tgenabled = 'A' from pg_trigger where tgname = 'audit_logs_refuse_change'")
    assert cli("seed", "--undo", "--url", migrated.url).out == "nothing to do: nothing is seeded\n"


def is_lively(database: Database) -> None:
    assert database.one("select count(*) from messages") == 1500
    assert 2000 < database.one("select count(*) from message_statuses") < 6000
    for condition in ("reply_to_id is not null", "edit_count > 0", "is_deleted", "message_type = 'image'"):
        assert database.one(f"select count(*) from messages where {condition}") > 5, condition
    assert database.one("select count(*) from message_statuses where reactions <> '{}'") > 20
    largest, smallest = database.one(
        "select max(n), min(n) from (select count(*) as n from messages group by conversation_id) as c"
    )
    assert largest > 3 * smallest
    # As many at noon as in a whole night.
    noon, night = database.one(
        "select count(*) filter (where h between 11 and 13), count(*) filter (where h between 1 and 4)"
        " from (select extract(hour from created_at at time zone 'UTC') as h from messages) as hours"
    )
    assert noon > 4 * night
    deleted = database.one("select count(*) from messages where is_deleted")
    assert database.one("select count(*) from audit_logs where action = 'message.delete'") == deleted
    files = database.one("select count(*) from messages where message_type in ('image', 'file', 'audio')")
    assert database.one("select count(*) from attachments where message_id is not null") == files


def happens_in_order(database: Database) -> None:
    """What the triggers of an attached month see to."""
    for broken in (
        "messages m where created_at is distinct from chatschema.uuid7_time(id) or created_at >= '2026-04-11 00:00+00'",
        "messages m join conversations c on c.id = m.conversation_id where m.created_at < c.created_at",
        "messages r left join messages m on m.id = r.reply_to_id and m.conversation_id = r.conversation_id"
        " where r.reply_to_id is not null and (m.id is null or m.id >= r.id)",
        "message_statuses s left join messages m on m.id = s.message_id and m.conversation_id = s.conversation_id"
        " where m.id is null or m.sender_id = s.user_id or s.delivered_at < m.created_at or s.read_at < s.delivered_at",
        "message_statuses where updated_at >= '2026-04-11 00:00+00'",
        "messages m left join conversation_participants p on p.conversation_id = m.conversation_id and p.user_id = m.sender_id"
        " where m.sender_id is not null and p.user_id is null",
        "conversation_participants p join conversations c on c.id = p.conversation_id where p.joined_at < c.created_at",
        "pg_constraint where not convalidated",
        "pg_index where not indisvalid",
    ):
        assert database.one(f"select count(*) from {broken}") == 0, broken
    missing = """
        select count(*) from messages m join conversation_participants p using (conversation_id)
        left join message_statuses s on s.message_id = m.id and s.user_id = p.user_id
        where m.message_type <> 'system' and p.user_id <> m.sender_id and s.message_id is null
    """
    assert database.one(missing) == 0


def can_be_read(database: Database, keys: Path) -> None:
    from nacl.public import PrivateKey, SealedBox
    from nacl.secret import SecretBox

    private = json.loads(keys.read_text())["private_keys"]
    rows = database.all("""
        select distinct on (m.conversation_id, m.edit_count) u.username, p.encrypted_key, m.content_encrypted, m.content_nonce
        from messages m join conversation_participants p using (conversation_id) join users u on u.id = p.user_id
        where m.content_encrypted is not null order by m.conversation_id, m.edit_count, random()
    """)
    assert len(rows) > 20
    for name, wrapped, content, nonce in rows:
        own = private[int(name.rpartition("_")[2]) % len(private)]
        key = SealedBox(PrivateKey(bytes.fromhex(own))).decrypt(bytes(wrapped))
        assert SecretBox(key).decrypt(bytes(content), bytes(nonce)).decode()[0].isupper()


def the_docs_decrypt_a_message(database: Database, folder: Path) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "how-to" / "bulk-seed.md").read_text(), re.DOTALL)
    assert code
    done = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=folder, env=clean_environment({"DATABASE_URL": database.url}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert re.fullmatch(r"[A-Z][\w, ()]*[.?!]( \(sorry, typo\))?\n", done.stdout), done.stderr


def test_months_that_exist_get_the_same_rows_and_keep_those_of_others(cli: Cli, migrated: Database) -> None:
    assert cli("partition", "ensure", "--from", "2026-02", "--url", migrated.url).code == 0
    write_as_carol(migrated, "2026-03-05 12:00+00")
    before = fingerprint(migrated)
    months = migrated.all("select inhrelid::regclass::text from pg_inherits order by 1")
    used = cli("seed", *SMALL, "--url", migrated.url)
    assert (used.code, "error[seed.used]" in used.err) == (1, True)
    assert seed(cli, migrated, "--into-used", "--workers", "3") == GOLDEN
    assert paths(migrated) == ["replaced", "inserted", "replaced"]
    months_after = migrated.all("select inhrelid::regclass::text from pg_inherits order by 1")
    assert months_after == months
    assert cli("seed", "--undo", "--url", migrated.url).code == 0
    assert fingerprint(migrated) == before
    assert migrated.all("select inhrelid::regclass::text from pg_inherits order by 1") == months


def test_a_month_that_fails_ends_the_run_and_the_next_one_continues(
    migrated: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = talk.receipts

    def fail(size: Size, everybody: People, part: Part, slice: int, said: talk.Talk) -> talk.Receipts:
        if part.name == "2026-03":
            raise IndexError
        return original(size, everybody, part, slice, said)

    settings = Settings(migrated.url, "test", None, ROOT / "sql", ROOT / "seeds", tmp_path)
    with postgres.connect(migrated.url) as connection:
        size = bulk_seeding.size(connection, 1500, months=3, until=date(2026, 4, 11))
        monkeypatch.setattr(talk, "receipts", fail)
        with pytest.raises(IndexError):
            bulk_seeding.seed(settings, connection, size, say=print)
        monkeypatch.setattr(talk, "receipts", original)
        assert bulk_seeding.seed(settings, connection, size, say=print).is_new
        assert bulk_seeding.checksum(connection) == GOLDEN


def test_undo_refuses_to_touch_rows_of_others(cli: Cli, migrated: Database) -> None:
    seed(cli, migrated)
    migrated.run("insert into users (username) values ('carol')")
    send = (
        "insert into messages (id, conversation_id, sender_id, content_encrypted, created_at)"
        " select chatschema.uuid7({0}), conversation_id, user_id, 'x', {0} from conversation_participants limit 1"
    )
    conversation = "(select id from conversations limit 1)"
    for mine, remove in (
        (send.format("now()"), "delete from messages where created_at > now() - interval '1 day'"),
        (send.format("timestamptz '2026-03-03'"), "delete from messages where content_encrypted = 'x'"),
        (
            f"insert into conversation_participants (conversation_id, user_id) select {conversation}, id from users where username = 'carol'",
            "delete from conversation_participants where created_at > now() - interval '1 day'",
        ),
        (
            "insert into user_public_keys (user_id, key_type, public_key) select id, 'fallback', '\\x00112233445566778899aabbccddeeff'"
            " from users where username <> 'carol' limit 1",
            "delete from user_public_keys where key_type = 'fallback'",
        ),
    ):
        migrated.run(mine)
        before = fingerprint(migrated)["messages"]
        refused = cli("seed", "--undo", "--url", migrated.url)
        assert (refused.code, "error[seed.referenced]" in refused.err) == (1, True), mine
        if "2026-03" not in mine:
            assert fingerprint(migrated)["messages"] == before
        migrated.run(remove)
    assert cli("seed", "--undo", "--url", migrated.url).code == 0
    assert migrated.all("select username from users") == [("carol",)]


def test_what_a_command_line_gets_wrong_is_explained(cli: Cli, migrated: Database) -> None:
    for arguments, code in (
        (("--messages", "many"), "seed.bulk-size"),
        (("--messages", "0"), "seed.bulk-size"),
        (("--messages", "10", "--users", "3"), "seed.bulk-size"),
        (("--messages", "10", "--months", "601"), "seed.bulk-size"),
        (("--messages", "10", "--until", "tomorrow"), "seed.bulk-size"),
        (("--messages", "10", "--until", "2999-01-01"), "seed.bulk-size"),
        (("--profile", "demo"), "seed.bulk-size"),
        (("--profile", "huge"), "seed.profile"),
        (("--users", "10"), "usage.options"),
        (("users", "--messages", "10"), "usage.options"),
        (("--undo", "--messages", "10"), "usage.options"),
    ):
        result = cli("seed", *arguments, "--url", migrated.url)
        assert (result.code, f"error[{code}]" in result.err) == (2, True), (arguments, result.err)
    assert migrated.one("select count(*) from users") == 0


def test_without_numpy_the_command_to_install_it_is_named(migrated: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with postgres.connect(migrated.url) as connection, pytest.raises(UsageError) as caught:
        bulk_seeding.size(connection, 100)
    assert caught.value.hint == "pip install 'chatschema[bulk]'"
    # Nothing imports it before that.
    code = "import sys; sys.modules['numpy'] = None; import chatschema.cli.bulk; from chatschema.task import bulk_seeding, seeding"
    subprocess.run([sys.executable, "-c", code], env=clean_environment(), check=True)
