"""The audit trail ends with whole seals that have a file, oldest first; both verifiers pass, and what was changed is still found."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatschema.audit import seal
from tests.audit.test_standalone import alone, written
from tests.support import sealed
from tests.support.cli import Cli, Result
from tests.support.database import Database

COUNT = "select count(*) from public.audit_logs where action ~ '^a[0-9]+$'"
EIGHT_YEARS = "interval '8 years'"


@contextmanager
def years_ago(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let seals be made eight years ago, of entries that were recorded then."""
    with sealed.unguarded(database, None) as connection:
        connection.execute(
            f"update public.audit_logs set recorded_at = recorded_at - {EIGHT_YEARS} where recorded_at > now() - interval '1 day'".encode()
        )
    with monkeypatch.context() as patched:
        patched.setattr(seal, "_XMIN", f"select pg_snapshot_xmin(pg_current_snapshot())::text, clock_timestamp() - {EIGHT_YEARS}")
        yield


@pytest.fixture
def old(migrated: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Two seals of ten entries that are eight years old, one of ten that is new, and two entries without a seal."""
    for first in (1, 11):
        sealed.add(migrated, first, first + 9)
        with years_ago(migrated, monkeypatch):
            assert sealed.seal_all(migrated) == [1 + first // 10]
    sealed.add(migrated, 21, 30)
    assert sealed.seal_all(migrated) == [3]
    sealed.add(migrated, 31, 32)
    return migrated


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """The setting that ends the trail after seven years."""
    config = tmp_path / "chatschema.toml"
    config.write_text('[audit]\nkeep = "7y"\n')
    return config


def run(cli: Cli, database: Database, *options: str) -> Result:
    return cli("retention", "run", "--yes", "--json", "--pace", "0", *options, "--url", database.url)


def planned(cli: Cli, database: Database) -> dict[str, object]:
    found = cli("retention", "plan", "--json", "--url", database.url)
    assert found.code == 0, found.err
    (audit,) = [one for one in found.json()["rules"] if one["rule"] == "audit"]
    return {key: audit[key] for key in ("keep", "due", "held", "waiting", "waits_for")}


def archive(cli: Cli, database: Database) -> None:
    assert cli("audit", "archive", "--out", "a", "--url", database.url).code == 0


def test_without_a_period_the_trail_is_kept_for_ever(cli: Cli, old: Database) -> None:
    archive(cli, old)
    assert planned(cli, old) == {"keep": None, "due": 0, "held": 0, "waiting": 0, "waits_for": ""}
    assert run(cli, old).code == 0
    assert cli("maintain", "--url", old.url).code == 0
    assert old.one(COUNT) == 32


def test_what_has_no_file_stays_and_is_overdue(cli: Cli, old: Database, rule: Path) -> None:
    assert rule.exists()
    assert planned(cli, old)["waiting"] == 20
    assert run(cli, old).code == 0
    assert old.one(COUNT) == 32
    checked = cli("retention", "check", "--url", old.url)
    assert checked.code == 3
    assert "chatschema audit archive" in checked.out


def test_whole_seals_go_and_both_verifiers_pass(cli: Cli, old: Database, rule: Path, tmp_path: Path) -> None:
    assert rule.exists()
    archive(cli, old)
    anchored = written(old, tmp_path)
    assert planned(cli, old) == {"keep": "7y", "due": 20, "held": 0, "waiting": 0, "waits_for": ""}
    done = run(cli, old)
    assert (done.code, done.json()["removed"]) == (
        0, [{"rule": "audit", "what": "entries of the audit trail, by their seals", "count": 20}],
    ), done.err  # fmt: skip
    assert [row[0] for row in old.all("select id from public.audit_logs where action ~ '^a[0-9]+$' order by id")] == [
        *range(21, 33)
    ]
    logged = old.all("select resource_id, details ->> 'entries' from public.audit_logs where action = 'audit.remove' order by id")
    assert logged == [("1", "10"), ("2", "10")]
    # The seals stay.
    assert old.one("select count(*), count(removed_at) from chatschema.audit_seals") == (3, 2)

    verified = cli("audit", "verify", *anchored, "--url", old.url)
    assert verified.code == 0, verified.out
    assert "20 entries of 2 seals only in archives" in verified.out
    by_hand = alone("--url", old.url, *anchored, cwd=tmp_path)
    assert (by_hand.code, "20 entries are only in archives" in by_hand.out) == (0, True), by_hand.out
    assert alone("--archive", "a", *anchored, cwd=tmp_path).code == 0

    refused = cli("audit", "prove", "5", "--url", old.url)
    assert (refused.code, "error[audit.in-archive]" in refused.err) == (1, True), refused.err
    assert "seal-0000000001.jsonl.gz" in refused.err
    assert "error[audit.no-entry]" in cli("audit", "prove", "999", "--url", old.url).err
    assert cli("audit", "prove", "25", *anchored, "--url", old.url).code == 0
    assert cli("retention", "check", "--url", old.url).code == 0
    # Sealing goes on, and there is nothing left to do.
    assert cli("audit", "seal", "--url", old.url).code == 0
    assert run(cli, old).json()["removed"] == []
    assert cli("audit", "verify", *anchored, "--url", old.url).code == 0


def test_maintain_archives_and_removes_where_a_folder_is_configured(cli: Cli, old: Database, rule: Path) -> None:
    rule.write_text('[audit]\nkeep = "7y"\narchive_dir = "trail"\n')
    assert planned(cli, old)["due"] == 20
    done = cli("maintain", "--url", old.url)
    assert (done.code, "removed 20 entries of the audit trail" in done.out) == (0, True), done.err
    assert sorted(path.name for path in (rule.parent / "trail").iterdir()) == [f"seal-{n:010}.jsonl.gz" for n in (1, 2)]
    assert sealed.verified(old).findings == ()


# What is done to the entry 5 behind the back of the triggers, and how that is undone.
CHANGES = {
    "action": ("action = 'forged'", "action = 'a5'"),
    "personal": ("user_agent = user_agent || '!'", "user_agent = rtrim(user_agent, '!')"),
    "blank": ("pii_salt = null, ip_address = null, user_agent = null, details = null", ""),
}


def test_nothing_goes_whose_file_or_entry_was_changed(cli: Cli, old: Database, rule: Path) -> None:
    archive(cli, old)
    file = rule.parent / "a" / "seal-0000000001.jsonl.gz"
    whole = file.read_bytes()
    # The same content, but not the bytes that were recorded; a part of it.
    for content in (gzip.compress(gzip.decompress(whole), 1), whole[:-20]):
        file.write_bytes(content)
        differs(cli, old)
        file.write_bytes(whole)
    for change, undo in CHANGES.values():
        behind(old, f"update public.audit_logs set {change} where id = 5")
        differs(cli, old)
        if undo:
            behind(old, f"update public.audit_logs set {undo} where id = 5")
    # The file is on another host.
    file.unlink()
    done = run(cli, old)
    assert (done.code, done.json()["removed"]) == (0, []), done.err
    assert "is not on this host" in done.err
    assert old.one(COUNT) == 32
    assert cli("retention", "check", "--url", old.url).code == 3


def behind(database: Database, statement: str) -> None:
    """Do something with the triggers off."""
    with sealed.unguarded(database, None) as connection:
        connection.execute("alter table public.audit_logs alter column id set generated by default")
        connection.execute(statement.encode())


def differs(cli: Cli, database: Database) -> None:
    refused = run(cli, database)
    assert (refused.code, "error[retention.trail-differs]" in refused.err) == (3, True), refused.err
    assert database.one("select count(*) from public.audit_logs where id <= 32") == 32
    assert database.one("select count(removed_at) from chatschema.audit_seals") == 0


COPY = "insert into public.audit_logs select (jsonb_populate_record(a, {})).* from public.audit_logs as a where id = 25"


def test_tampering_after_the_removal_is_still_found(cli: Cli, old: Database, rule: Path) -> None:
    archive(cli, old)
    assert run(cli, old).code == 0
    into_removed = "jsonb_build_object('id', 9001, 'txid', (select low from chatschema.audit_seals where number = 2))"
    for statement, undo in (
        (
            "update public.audit_logs set action = 'forged' where id = 25",
            "update public.audit_logs set action = 'a25' where id = 25",
        ),
        (COPY.format("jsonb_build_object('id', 9001)"), "delete from public.audit_logs where id = 9001"),
        (COPY.format(into_removed), "delete from public.audit_logs where id = 9001"),
        ("delete from public.audit_logs where id = 25", ""),
    ):
        behind(old, statement)
        found(cli, old)
        if undo:
            behind(old, undo)
            assert sealed.verified(old).findings == ()
    file = rule.parent / "a" / "seal-0000000002.jsonl.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"a15", b"a99")))
    assert {one.kind for one in sealed.verified(old).findings} == {"removed", "archive"}
    assert cli("audit", "verify", "--url", old.url).code == 3


def found(cli: Cli, database: Database) -> None:
    """Verify, and let a further run pass: it does not remove what was inserted."""
    before = {one.kind for one in sealed.verified(database).findings}
    assert before
    rows = database.one("select count(*) from public.audit_logs")
    run(cli, database)
    assert database.one("select count(*) from public.audit_logs") == rows
    assert {one.kind for one in sealed.verified(database).findings} == before


def test_a_hold_keeps_its_seal_and_all_later_ones(cli: Cli, old: Database, rule: Path) -> None:
    assert rule.exists()
    archive(cli, old)
    person = old.one("select user_id from public.audit_logs where id = 15")
    old.run("insert into public.users (id, username) values (%s, 'alice')", person)
    assert cli("hold", "add", "--user", "alice", "--reason", "x", "--url", old.url).code == 0
    assert planned(cli, old) == {"keep": "7y", "due": 10, "held": 10, "waiting": 0, "waits_for": ""}
    done = run(cli, old)
    assert (done.code, done.json()["removed"][0]["count"]) == (0, 10), done.err
    assert "a hold covers them" in done.err
    assert old.one("select count(*) from public.audit_logs where id <= 20") == 10
    assert cli("retention", "check", "--url", old.url).code == 0
    assert cli("hold", "release", "1", "--reason", "x", "--url", old.url).code == 0
    assert run(cli, old).json()["removed"][0]["count"] == 10
    assert sealed.verified(old).findings == ()


def test_a_run_that_was_interrupted_in_a_seal_is_finished(cli: Cli, old: Database, rule: Path) -> None:
    assert rule.exists()
    archive(cli, old)
    old.run("update chatschema.audit_seals set removed_at = now() where number = 1; delete from public.audit_logs where id < 4")
    assert planned(cli, old)["due"] == 17
    assert sealed.verified(old).findings == ()
    # A hold that was placed meanwhile keeps the rest.
    assert cli("hold", "add", "--everything", "--reason", "x", "--url", old.url).code == 0
    assert run(cli, old).json()["removed"] == []
    assert planned(cli, old)["held"] == 17
    assert cli("hold", "release", "1", "--reason", "x", "--url", old.url).code == 0
    assert run(cli, old).json()["removed"][0]["count"] == 17
    assert sealed.verified(old).findings == ()
    assert old.one("select count(*) from public.audit_logs where id <= 20") == 0
