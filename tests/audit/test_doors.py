"""The trail refuses changes, except that its owner erases personal data and removes archived entries, oldest seal first."""

import gzip
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import sealed
from tests.support.cli import Cli
from tests.support.database import Database

BLANK = "update public.audit_logs set pii_salt = null, ip_address = null, user_agent = null, details = null"


@pytest.fixture
def trail(migrated: Database) -> Database:
    sealed.fill(migrated)
    return migrated


@pytest.fixture
def outsider(trail: Database) -> Iterator[str]:
    """A role that was granted everything, but owns nothing."""
    role = f"outsider_{uuid.uuid4().hex[:8]}"
    trail.run(
        f"create role {role}; grant usage on schema public, chatschema to {role}; grant all on all tables in schema public, chatschema to {role}"
    )
    trail.run(
        f"grant execute on all functions in schema chatschema to {role}; create policy every on public.audit_logs to {role} using (true)"
    )
    yield role
    trail.run(f"drop owned by {role}; drop role {role}")


def refused(trail: Database, statement: str, role: str | None = None) -> None:
    with trail.connect() as connection:
        if role:
            connection.execute(f"set role {role}".encode())
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)):
            connection.execute(statement.encode())


@pytest.mark.parametrize("level", ["read committed", "repeatable read", "serializable"])
def test_an_erasure_passes_once_and_names_its_entries(trail: Database, level: str) -> None:
    with trail.connect() as connection:
        connection.execute(f"begin isolation level {level}".encode())
        assert connection.execute(f"{BLANK} where id in (3, 15, 41)".encode()).rowcount == 3
        connection.execute("commit")
    named = trail.one("select details from public.audit_logs where action = 'audit.erase'")
    assert named == {"ids": [3, 15, 41]}
    done = sealed.verified(trail)
    assert (done.findings, done.erased) == ((), 3)
    # Again, and of the entry that names them.
    refused(trail, f"{BLANK} where id = 3")
    refused(trail, f"{BLANK} where action = 'audit.erase'")


def test_an_erasure_of_many_entries_names_them_in_parts(migrated: Database) -> None:
    sealed.add(migrated, 1, 2500)
    migrated.run(BLANK)
    parts = migrated.all(
        "select jsonb_array_length(details -> 'ids') from public.audit_logs where action = 'audit.erase' order by id"
    )
    assert parts == [(1000,), (1000,), (500,)]
    sealed.seal_all(migrated)
    assert sealed.verified(migrated).findings == ()


@pytest.mark.parametrize("change", [
    "ip_address = null", "user_agent = null", "details = null", "pii_salt = null", "pii_salt = null, ip_address = null, user_agent = null",
    f"{BLANK.partition('set ')[2]}, action = 'other'", f"{BLANK.partition('set ')[2]}, user_id = null", f"{BLANK.partition('set ')[2]}, txid = '3'",
    f"{BLANK.partition('set ')[2]}, pii_digest = sha256('')", f"{BLANK.partition('set ')[2]}, created_at = created_at + interval '1 us'",
    f"{BLANK.partition('set ')[2]}, recorded_by = recorded_by || ' '", "details = details", "details = '{}'", "action = action",
    "ip_address = '10.0.0.1', pii_salt = '\\x00'",
])  # fmt: skip
def test_every_other_change_is_refused(trail: Database, change: str) -> None:
    refused(trail, f"update public.audit_logs set {change} where id = 15")
    refused(trail, f"set session_replication_role = replica; update public.audit_logs set {change} where id = 15")
    assert sealed.verified(trail).findings == ()


def test_entries_are_removed_only_of_archived_seals_and_oldest_first(
    cli: Cli, trail: Database, tmp_path: Path, outsider: str
) -> None:
    mark = "update chatschema.audit_seals set removed_at = now() where number = {}"
    delete = "delete from public.audit_logs where id between {} and {}"
    refused(trail, delete.format(1, 10))
    refused(trail, mark.format(1))
    assert cli("audit", "archive", "--out", "a", "--url", trail.url).code == 0
    refused(trail, delete.format(1, 10))
    refused(trail, mark.format(2))
    refused(trail, mark.format(1), outsider)
    trail.run(mark.format(1))
    refused(trail, delete.format(1, 11))
    refused(trail, delete.format(1, 10), outsider)
    refused(trail, "update chatschema.audit_seals set removed_at = null where number = 1")
    refused(
        trail,
        "update chatschema.audit_seals set archive = null, archive_sha256 = null, archived_at = null, removed_at = null where number = 1",
    )
    trail.run(delete.format(1, 5))
    half = sealed.verified(trail)
    assert half.findings == ()
    assert half.notes == ("the removal of seal 1 is not finished: 5 of its 10 entries are left",)
    trail.run(delete.format(6, 10))
    done = sealed.verified(trail)
    assert (done.findings, done.notes, done.removed) == ((), (), 1)
    file = tmp_path / "a" / "seal-0000000001.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-20])
    assert [one.kind for one in sealed.verified(trail).findings] == ["archive"]
    file.unlink()
    assert "are not on this host" in sealed.verified(trail).notes[0]


def test_who_does_not_own_the_trail_erases_nothing(trail: Database, outsider: str) -> None:
    refused(trail, f"{BLANK} where id = 15", outsider)
    assert trail.one("select count(*) from public.audit_logs where pii_salt is null") == 0


@pytest.mark.parametrize("statement", [
    "update chatschema.audit_seals set root = sha256('') where number = 2", "delete from chatschema.audit_seals where number = 4",
    "truncate chatschema.audit_seals", "delete from chatschema.audit_epochs", "update chatschema.audit_epochs set reason = 'other'",
    "truncate chatschema.audit_epochs cascade", "update chatschema.audit_seals set locator = locator || '\\x00'",
    "set session_replication_role = replica; update chatschema.audit_seals set sealed_at = now()",
])  # fmt: skip
def test_seals_and_epochs_refuse_changes(trail: Database, statement: str) -> None:
    refused(trail, statement)


def test_who_adds_entries_cannot_choose_what_the_stamp_writes(migrated: Database) -> None:
    """Also not with functions and operators of the same names, found first."""
    with migrated.connect() as connection:
        connection.execute("""
            create schema evil;
            create function evil.clock_timestamp() returns timestamptz language sql as $$ select timestamptz '2001-01-01' $$;
            create function evil.sha256(bytea) returns bytea language sql as $$ select decode(repeat('00', 32), 'hex') $$;
            create function evil.cat(text, text) returns text language sql as $$ select 'forged' $$;
            create operator evil.|| (leftarg = text, rightarg = text, function = evil.cat);
            set search_path = evil, pg_catalog, public;
            insert into public.audit_logs (action, ip_address, user_agent) values ('x', '10.0.0.1', 'curl')
        """)
    assert migrated.one("""
        select recorded_at > now() - interval '1 minute',
            pii_digest = chatschema.audit_pii_digest(pii_salt, ip_address, user_agent, details)
        from public.audit_logs""") == (True, True)


def test_the_digest_has_the_bytes_that_it_always_had(migrated: Database) -> None:
    """The function of the first release, beside what the stamp writes now."""
    migrated.run("""
        create function public.first_digest(salt bytea, ip_address inet, user_agent text, details jsonb) returns bytea language sql as $$
            select sha256(salt || convert_to(string_agg(coalesce(octet_length(part) || ':' || part, '-'), ';' order by position), 'UTF8'))
            from unnest(array[host(ip_address) || '/' || masklen(ip_address), user_agent, details::text]) with ordinality as t (part, position)
        $$;
        insert into public.audit_logs (action, ip_address, user_agent, details)
        select 'x', ip, agent, details
        from unnest(array[null, '10.0.0.1', '10.0.0.0/8', '::ffff:10.0.0.1', '2001:db8::/32']::inet[]) as ip,
            unnest(array[null, '', 'ü', 'a;b', '-']) as agent, unnest(array['{}', '{"ß": "\\u0001", "n": 1.50}', '[]']::jsonb[]) as details
    """)
    query = "select count(*), count(*) filter (where pii_digest = public.first_digest(pii_salt, ip_address, user_agent, details)) from public.audit_logs"
    assert migrated.one(query) == (75, 75)


def test_a_file_of_another_trail_is_not_replaced(cli: Cli, trail: Database, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for content in (b"", b"not gzip", gzip.compress(b'{"seal":"another"}\n')):
        file = tmp_path / "a" / "seal-0000000001.jsonl.gz"
        file.write_bytes(content)
        refused = cli("audit", "archive", "--out", "a", "--url", trail.url)
        assert (refused.code, file.read_bytes()) == (3, content)
    file.unlink()
    # What a killed run had left: a part of a file, and a whole one that is not recorded.
    assert cli("audit", "archive", "--out", "a", "--url", trail.url).code == 0
    whole = file.read_bytes()
    with sealed.unguarded(trail, None) as connection:
        connection.execute("update chatschema.audit_seals set archived_at = null, archive = null, archive_sha256 = null")
    file.with_name(file.name + ".part").write_bytes(whole[:50])
    assert cli("audit", "archive", "--out", "a", "--url", trail.url).code == 0
    assert file.read_bytes() == whole
    assert len(list((tmp_path / "a").iterdir())) == 4


def test_changed_entries_are_not_archived(cli: Cli, trail: Database, tmp_path: Path) -> None:
    with sealed.unguarded(trail, None) as connection:
        connection.execute("update public.audit_logs set user_agent = 'b' where id = 15")
    refused = cli("audit", "archive", "--out", "a", "--url", trail.url)
    assert refused.code == 3
    assert "the personal data of entry 15 was changed" in refused.err
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["seal-0000000001.jsonl.gz"]
    assert trail.all("select number from chatschema.audit_seals where archived_at is not null") == [(1,)]
