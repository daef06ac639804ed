"""An erasure reaches detached months, rows kept under a hold, and archives; and is prevented by a hold on rows that are only there."""

from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from chatschema import postgres
from chatschema.partition import retired_months
from chatschema.partition.archive import disk
from chatschema.partition.archive import erase as archives
from chatschema.privacy.erase import rule
from chatschema.privacy.subject import Subject
from tests.privacy.test_erase import alice, is_erased
from tests.privacy.test_erase import erase as erase_user
from tests.privacy.test_erase_content import erase
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY

DROP = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


def rows_of(folder: Path, table: str) -> list[str]:
    data = (folder / f"{table}.csv.zst").read_bytes()
    return sorted(zstandard.ZstdDecompressor().decompressobj().decompress(data).decode().splitlines())


def test_archives_detached_months_and_kept_rows_are_erased_too(
    cli: Cli, aged: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = alice(aged)
    content = aged.one("select count(*) from public.messages where sender_id = %s and content_encrypted is not null", person)
    assert content > 100
    assert cli("hold", "add", "--reason", "case", "--user", "alice", "--to", "2024-01-04", "--url", aged.url).code == 0
    assert cli(*DROP, "--holds", "carve", "--url", aged.url).code == 0
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    folders = [tmp_path / "archives" / month for month in (JANUARY, FEBRUARY)]
    hers = str(person)
    meant = {"messages": rule.messages(Subject("user", person)), "message_statuses": rule.statuses(Subject("user", person))}
    kept = [[row for row in rows_of(folder, "messages") if hers not in row] for folder in folders]
    # Killed after the new archive was recorded, and before it took its place.
    with closing(postgres.connect(aged.url)) as connection, monkeypatch.context() as patched:
        patched.setattr(disk, "put", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        record = next(iter(retired_months.read(connection).values()))
        with pytest.raises(KeyboardInterrupt):
            archives.erase(connection, record, meant, say=print)
    assert (tmp_path / "archives" / f"{JANUARY}.partial").exists()
    result = erase_user(cli, aged, "--yes")
    assert result.code == 0, result.out + result.err
    assert sorted(path.name for path in (tmp_path / "archives").iterdir()) == [JANUARY, FEBRUARY]
    assert [[row for row in rows_of(folder, "messages") if hers not in row] for folder in folders] == kept
    assert cli("partition", "verify-archives", "--url", aged.url).code == 0
    for month in (JANUARY, FEBRUARY):
        restored = cli("partition", "restore", month, "--url", aged.url)
        assert restored.code == 0, restored.err
    is_erased(aged, person, "alice")
    assert aged.one("select count(*) from public.messages where sender_id = %s", person) >= content
    # An archive out of reach is named, and the erasure is not called complete.
    assert cli(*DROP, "--url", aged.url).code == 0
    (folders[0] / "manifest.json").unlink()
    result = erase_user(cli, aged, "--yes", user="bobby")
    assert (result.code, f"NOT REACHED: archive of {JANUARY}" in result.out) == (3, True), result.out


def test_conversations_and_messages_of_archives_and_detached_months_are_erased_too(cli: Cli, aged: Database) -> None:
    id = aged.one("select conversation_id from public.messages group by 1 order by count(*) desc limit 1")
    low, high = (
        aged.one("select chatschema.uuid7_floor('2024-01-01+00')"),
        aged.one("select chatschema.uuid7_floor('2024-02-01+00')"),
    )
    lonely = aged.one(
        "select id from public.messages where id >= %s and id < %s and conversation_id <> %s and content_encrypted is not null"
        " order by id desc limit 1", low, high, id,
    )  # fmt: skip
    # First while its month is detached, where no trigger runs and nobody sees whose it is.
    assert cli(*DROP[:4], "--grace", "30d", "--yes", "--url", aged.url).code == 0
    early = aged.one(
        f"select id from chat_partitions.messages_y2024m01 where content_encrypted is not null and id <> '{lonely}' limit 1"
    )
    assert cli("hold", "add", "--reason", "case", "--user", "bobby", "--from", "2024-01-01", "--url", aged.url).code == 0
    assert erase(cli, aged, "message", early, "--yes").code == 3
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    result = erase(cli, aged, "message", early, "--yes")
    assert (result.code, " 1 messages" in result.out) == (0, True), result.out + result.err
    assert aged.one("select content_encrypted from chat_partitions.messages_y2024m01 where id = %s", early) is None
    # Who took part is deleted, so that only rows in detached months tell who wrote in it; the trail has an entry without its id.
    other = aged.one(
        "select conversation_id from chat_partitions.messages_y2024m02 where conversation_id not in (select conversation_id from"
        f" chat_partitions.messages_y2024m01 where id in ('{early}', '{lonely}') union all select '{id}') limit 1"
    )
    aged.run(
        "alter table public.conversation_participants disable trigger user;"
        f" delete from public.conversation_participants where conversation_id = '{other}'"
    )
    aged.run(
        "insert into public.audit_logs (action, resource_type, resource_id, details) select 'post', 'message', id, '{\"x\": 1}'"
        f" from chat_partitions.messages_y2024m02 where conversation_id in ('{other}', '{id}')"
    )
    for number, (scope, subject) in enumerate(
        ((("--user", "alice"), ("erase-conversation", str(other))), (("--conversation", str(other)), ("erase", "alice"))), 2
    ):
        assert cli("hold", "add", "--reason", "case", *scope, "--url", aged.url).code == 0
        held = cli("privacy", *subject, "--yes", "--url", aged.url)
        assert (held.code, f"hold {number} covers" in held.err) == (3, True), held.out + held.err
        assert cli("hold", "release", str(number), "--reason", "closed", "--url", aged.url).code == 0
    for month in ("2024m01", "2024m02"):
        aged.run(
            f"update chat_partitions.messages_y{month} set content_encrypted = sha256(id::text::bytea) || '\\x00'::bytea"
            f" where conversation_id = '{other}' and content_encrypted is not null"
        )
    result = erase(cli, aged, "conversation", other, "--yes")
    assert (result.code, " 0 messages" in result.out) == (0, False), result.out + result.err
    left = aged.all(
        "select distinct m.conversation_id from public.audit_logs as a join chat_partitions.messages_y2024m02 as m"
        " on m.id::text = a.resource_id where a.pii_salt is not null and a.action = 'post'"
    )
    assert left == [(id,)]
    aged.run(
        f"insert into public.conversation_participants (conversation_id, user_id) select '{other}', id from public.users;"
        " alter table public.conversation_participants enable trigger user"
    )
    assert cli(*DROP, "--url", aged.url).code == 0
    result = erase(cli, aged, "message", lonely, "--yes")
    assert (result.code, f"archive of {JANUARY}: 0" in result.out, "2024-02" in result.out) == (0, False, False), (
        result.out + result.err
    )
    result = erase(cli, aged, "conversation", id, "--yes")
    assert (result.code, f"archive of {JANUARY}: 0" in result.out) == (0, False), result.out + result.err
    assert cli("partition", "verify-archives", "--url", aged.url).code == 0
    # Restored from the archive alone: as if no erasure were recorded.
    aged.run("alter table chatschema.erasures disable trigger user; delete from chatschema.erasures")
    for month in (JANUARY, "2024-02"):
        restored = cli("partition", "restore", month, "--url", aged.url)
        assert restored.code == 0, restored.err
    content = "select count(*) from public.messages where content_encrypted is not null and "
    assert aged.one(f"{content} conversation_id = %s", id) == 0
    assert aged.one(f"{content} id = %s", lonely) == 0
    assert aged.one(f"{content} id >= %s and id < %s", low, high) > 0
