"""maintain removes sessions some time after their end; never those of a user whom a hold names."""

from pathlib import Path

import pytest

from chatschema.sessions import BATCH
from tests.support.callers import HASH
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.rows import add_user

LEFT = "select device_name from public.auth_sessions order by 1"


def add_session(
    database: Database, user: object, name: str, expires: str, revoked: str | None = None, rotated: str | None = None
) -> None:
    """Add a session whose times are given as intervals from now."""
    database.run(
        "insert into public.auth_sessions (user_id, refresh_token_hash, device_name, expires_at, revoked_at, revoked_reason, rotated_at)"
        " values (%s, %s, %s, now() + %s::interval, now() + %s::interval, case when %s::text is not null then 'logout' end, now() + %s::interval)",
        user, HASH, name, expires, revoked, revoked, rotated,
    )  # fmt: skip


@pytest.fixture
def alice(migrated: Database) -> object:
    user = add_user(migrated, "alice")
    add_session(migrated, user, "live", "1 day")
    add_session(migrated, user, "expired 29 days ago", "-29 days")
    add_session(migrated, user, "expired 31 days ago", "-31 days")
    add_session(migrated, user, "revoked 29 days ago", "1 day", "-29 days")
    add_session(migrated, user, "revoked 31 days ago", "1 day", "-31 days")
    add_session(migrated, user, "rotated 31 days ago", "1 day", None, "-31 days")
    add_session(migrated, user, "rotated and expired", "-31 days", None, "-60 days")
    return user


RECENT = {"live", "expired 29 days ago", "revoked 29 days ago", "rotated 31 days ago"}


def test_sessions_go_thirty_days_after_they_expired_or_were_revoked(cli: Cli, migrated: Database, alice: object) -> None:
    assert alice
    done = cli("maintain", "--url", migrated.url)
    assert done.code == 0, done.err
    assert "removed 3 sessions that ended" in done.out
    # A token that was rotated reveals theft for as long as it would have been valid.
    assert {row[0] for row in migrated.all(LEFT)} == RECENT
    assert cli("maintain", "--json", "--url", migrated.url).json()["sessions"] == []
    audited = "select action, resource_type, details ->> 'sessions' from public.audit_logs where action !~ '^(user|session.start)'"
    assert migrated.all(audited) == [("retention.purge", "auth_session", "3")]


def test_the_time_is_a_setting(cli: Cli, migrated: Database, alice: object, tmp_path: Path) -> None:
    assert alice
    config = tmp_path / "chatschema.toml"
    for wrong, code in (('keep = "soon"', "config.span"), ("keep = 30", "config.unknown"), ('keeps = "1d"', "config.unknown")):
        config.write_text(f"[sessions]\n{wrong}\n")
        refused = cli("maintain", "--url", migrated.url)
        assert (refused.code, f"error[{code}]" in refused.err) == (2, True), refused.err
    config.write_text('[sessions]\nkeep = "0d"\n')
    assert cli("maintain", "--url", migrated.url).code == 0
    assert {row[0] for row in migrated.all(LEFT)} == {"live", "rotated 31 days ago"}


def test_the_sessions_of_a_user_whom_a_hold_names_stay_until_its_release(cli: Cli, migrated: Database, alice: object) -> None:
    bob = add_user(migrated, "bob")
    add_session(migrated, bob, "of bob", "-31 days")
    assert cli("hold", "add", "--user", "alice", "--reason", "case", "--url", migrated.url).code == 0
    assert cli("maintain", "--json", "--url", migrated.url).json()["sessions"] == [1]
    assert len(migrated.all(LEFT)) == 7
    assert cli("hold", "release", "1", "--reason", "closed", "--url", migrated.url).code == 0
    assert cli("maintain", "--json", "--url", migrated.url).json()["sessions"] == [3]
    assert alice
    assert {row[0] for row in migrated.all(LEFT)} == RECENT


def test_many_are_removed_in_batches_around_those_in_use(cli: Cli, migrated: Database) -> None:
    """In chains, as rotation leaves them: each row refers to the one before."""
    user = add_user(migrated, "alice")
    migrated.run(
        "insert into public.auth_sessions (id, user_id, family_id, parent_id, refresh_token_hash, rotated_at, expires_at)"
        " select md5(n::text)::uuid, %s, md5('family')::uuid, case when n > 1 then md5((n - 1)::text)::uuid end, %s, now() - interval '40 days',"
        " now() - interval '31 days' from generate_series(1, %s) as n",
        user, HASH, BATCH + 200,
    )  # fmt: skip
    add_session(migrated, user, "live", "1 day")
    with migrated.connect() as client:
        client.execute("begin; select 1 from public.auth_sessions where id = md5('7')::uuid for update")
        busy = cli("maintain", "--json", "--url", migrated.url)
        assert busy.code == 0, busy.err
        client.execute("rollback")
    # The row in use is left out, and the one before it, whose removal would change it.
    assert sum(busy.json()["sessions"]) == BATCH + 198
    left = (
        "select id = md5('7')::uuid, device_name from public.auth_sessions order by device_name nulls first, id <> md5('7')::uuid"
    )
    assert migrated.all(left) == [(True, None), (False, None), (False, "live")]
    assert cli("maintain", "--json", "--url", migrated.url).json()["sessions"] == [2]
    assert migrated.one(LEFT) == "live"
