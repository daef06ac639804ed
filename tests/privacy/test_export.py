"""An export has all of a person's data wherever it is, nothing that belongs to somebody else, and no secret."""

import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY

DROP = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


def export(cli: Cli, database: Database, out: Path, *options: str, user: str = "alice") -> dict[str, list[dict[str, Any]]]:
    """Export a person, check the manifest, and return the rows by file."""
    result = cli("privacy", "export", user, "--out", str(out), *options, "--json", "--url", database.url)
    assert result.code == 0, result.err
    manifest = json.loads((out / "manifest.json").read_text())
    assert result.json()["manifest"] == manifest
    assert {path.name for path in out.iterdir()} == {"manifest.json", *(file["name"] for file in manifest["files"])}
    found = {}
    for file in manifest["files"]:
        content = (out / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
        if file["rows"] is not None:
            found[file["name"].removesuffix(".jsonl")] = [json.loads(line) for line in content.splitlines()]
            assert len(found[file["name"].removesuffix(".jsonl")]) == file["rows"]
    return found


def left_out(out: Path) -> dict[str, str]:
    return {one["what"]: one["why"] for one in json.loads((out / "manifest.json").read_text())["left_out"]}


def test_nothing_of_others_and_no_secret_is_in_it(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    alice = seeded.one("select id from public.users where username = 'alice'")
    # Others inside of JSON, as a value, a key and a part of a text; an admin who acted on alice, from an address of their own.
    bob = seeded.one("select id from public.users where username = 'bob'")
    seeded.run(
        "insert into public.audit_logs (user_id, action, resource_type, resource_id, details, ip_address, user_agent) values"
        " (%s, 'user.mention', 'user', %s, jsonb_build_object('to', %s::text, %s::text, 1, 'note', 'met bob at 10', 'n', 7), null, null),"
        " (%s, 'user.warn', 'user', %s, jsonb_build_object('by', 'Bob the admin', 'role', 'admin'), '203.0.113.77', 'BobBrowser/1')",
        alice, bob, bob, bob, bob, alice,
    )  # fmt: skip
    rows = export(cli, seeded, tmp_path / "out")
    assert len(rows["messages"]) == seeded.one("select count(*) from public.messages where sender_id = %s", alice)
    assert len(rows["statuses"]) == seeded.one("select count(*) from public.message_statuses where user_id = %s", alice)
    assert rows["profile"][0]["email"] == seeded.one("select email from public.users where username = 'alice'")
    content = "\n".join(path.read_text() for path in sorted((tmp_path / "out").iterdir()))
    foreign = [
        str(value)
        for row in seeded.all(
            "select id, username, email, display_name, avatar_url, password_hash from public.users where id <> %s", alice
        )
        for value in row
        if value
    ]
    foreign += [
        str(row[0])
        for row in seeded.all("select encode(public_key, 'hex') from public.user_public_keys where user_id <> %s", alice)
    ]
    foreign += [str(row[0]) for row in seeded.all("select encode(encrypted_key, 'hex') from public.conversation_participants"
                                                  " where user_id <> %s and encrypted_key is not null", alice)]  # fmt: skip
    foreign += ["203.0.113.77", "BobBrowser", "met bob", "Bob the admin"]
    assert len(foreign) > 50
    # Most are not there at all; a short name may be a part of another word.
    there = [one for one in foreign if one in content]
    assert [one for one in there if re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", content)] == []
    hashes = [
        *seeded.all("select password_hash from public.users"),
        *seeded.all("select refresh_token_hash from public.auth_sessions"),
    ]
    assert [one for (one,) in hashes if one and str(one) in content] == []
    # The same person has the same pseudonym in all files, and another one in the next export.
    (mention,) = (row for row in rows["audit"] if row["action"] == "user.mention")
    assert mention["resource_id"] == mention["details"]["to"]
    assert re.fullmatch(r"person-[0-9a-f]{16}", mention["resource_id"])
    assert {**mention["details"], "to": ""} == {"to": "", mention["resource_id"]: 1, "note": "[left out]", "n": 7}
    (warning,) = (row for row in rows["audit"] if row["action"] == "user.warn")
    assert warning["user_id"] == mention["resource_id"]
    assert (warning["ip_address"], warning["user_agent"], warning["details"]["role"]) == (None, None, "admin")
    second = export(cli, seeded, tmp_path / "second")
    assert mention["resource_id"] not in (tmp_path / "second" / "audit.jsonl").read_text()
    assert len(second["audit"]) == len(rows["audit"]) + 1  # the first export


def test_nobody_else_can_read_the_files(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    export(cli, seeded, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}
    action, who, details = seeded.all("select action, resource_id, details from public.audit_logs order by id desc limit 1")[0]
    assert (action, who) == ("privacy.export", str(seeded.one("select id from public.users where username = 'alice'")))
    assert details["manifest_sha256"] == hashlib.sha256((tmp_path / "out" / "manifest.json").read_bytes()).hexdigest()


def test_the_smaller_scope_has_what_the_person_provided(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    rows = export(cli, seeded, tmp_path / "out", "--scope", "provided", user=str(seeded.one("select id from public.users limit 1")))
    assert set(rows) == {"profile", "keys", "memberships", "conversations", "messages", "reactions", "attachments"}
    assert {name for row in rows["reactions"] for name in row} <= {"message_id", "conversation_id", "reactions", "reacted_at"}


def test_messages_are_found_in_every_state_of_their_month(cli: Cli, aged: Database, tmp_path: Path) -> None:
    """Attached; detached, and without a later column; dropped, from the archive, the rows under a hold once."""

    def ids(name: str) -> dict[str, list[str]]:
        rows = export(cli, aged, tmp_path / name)
        return {"messages": [row["id"] for row in rows["messages"]], "statuses": [row["message_id"] for row in rows["statuses"]]}

    attached = {name: sorted(found) for name, found in ids("attached").items()}
    assert len(attached["messages"]) > 100
    assert cli("partition", "retire", "--older-than", "12mo", "--url", aged.url).code == 0
    column = "comment on column public.messages.mood is E'Mood.\\npii=content; purpose=chat; basis=contract; keep=message'"
    aged.run(f"alter table public.messages add column mood text; {column}")
    assert {name: sorted(found) for name, found in ids("detached").items()} == attached
    aged.run("alter table public.messages drop column mood")
    assert (
        cli(
            "hold", "add", "--reason", "case", "--user", "alice", "--from", "2024-01-01", "--to", "2024-01-04", "--url", aged.url
        ).code
        == 0
    )
    dropped = cli(*DROP, "--holds", "carve", "--url", aged.url)
    assert dropped.code == 0, dropped.err
    left = aged.all("select relname from pg_class where relkind = 'r' and relname ~ '^messages_y2024m0[12]'")
    assert left == [("messages_y2024m01_held",)]
    assert {name: sorted(found) for name, found in ids("dropped").items()} == attached
    (tmp_path / "archives" / FEBRUARY / "manifest.json").unlink()
    fewer = ids("one-archive-less")["messages"]
    assert 0 < len(fewer) < len(attached["messages"])
    assert any(what == f"messages of {FEBRUARY}" for what in left_out(tmp_path / "one-archive-less"))
    assert JANUARY not in str(left_out(tmp_path / "one-archive-less"))


def test_columns_and_tables_of_ones_own_follow_their_tags(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    seeded.run("""
        alter table public.users add column city text default 'Berlin', add column pin text default 'S3CRET', add column mystery text default 'M';
        comment on column public.users.city is E'City.\npii=profile; purpose=account; basis=consent; keep=account';
        comment on column public.users.pin is E'Pin.\npii=secret; purpose=security; basis=contract; keep=account';
        insert into chatschema.schema_records (kind, object, definition, names, form) values ('table', 'public.polls', '', '{}', '');
        create table public.polls (id int primary key, asked_by uuid references public.users, seconded_by uuid references public.users,
            question text);
        comment on column public.polls.id is 'pii=none';
        comment on column public.polls.asked_by is 'pii=identity; purpose=chat; basis=contract; keep=conversation';
        comment on column public.polls.seconded_by is 'pii=identity; purpose=chat; basis=contract; keep=conversation';
        comment on column public.polls.question is 'pii=content; purpose=chat; basis=contract; keep=conversation';
        insert into public.polls select 1, a.id, b.id, 'Where?' from public.users as a, public.users as b
            where a.username = 'alice' and b.username = 'bob';
        insert into public.polls select 2, id, null, 'Not hers' from public.users where username = 'bob';
    """)
    rows = export(cli, seeded, tmp_path / "out")
    assert rows["profile"][0]["city"] == "Berlin"
    assert not {"pin", "mystery", "password_hash"} & set(rows["profile"][0])
    (poll,) = rows["polls"]
    assert (poll["question"], poll["asked_by"]) == ("Where?", rows["profile"][0]["id"])
    assert poll["seconded_by"].startswith("person-")
    assert left_out(tmp_path / "out")["columns of users: mystery"] == "nothing says whether they are personal data"
    assert left_out(tmp_path / "out")["columns of users: password_hash, pin"] == "secret"


@pytest.mark.parametrize("user", ["nobody-here", "' or true --", "\N{SNOWMAN}", "01a05920-fbe8-70b6-82db-000000000000"])
def test_an_unknown_person_is_an_error_and_leaves_no_folder(cli: Cli, migrated: Database, tmp_path: Path, user: str) -> None:
    result = cli("privacy", "export", user, "--out", "out", "--url", migrated.url)
    assert (result.code, "no user has the name or id" in result.err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_change_nothing(cli: Cli, seeded: Database, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    assert cli("privacy", "export", "alice", "--out", "taken", "--url", seeded.url).code == 2
    assert cli("privacy", "export", "alice", "--out", "new", "--scope", "some", "--url", seeded.url).code == 2
    (tmp_path / "file").write_text("")
    result = cli("privacy", "export", "alice", "--out", "file/new", "--url", seeded.url)
    assert (result.code, "was not written" in result.err) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "taken"]
