"""chatschema audit search and report: what they find, in every form, by an auditor's login, and how they say that there is more."""

import csv
import io
import uuid
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from chatschema.audit.search import Filter, condition
from tests.support import PASSWORD
from tests.support.access.world import dropped
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.rows import add_user
from tests.support.servers import PgServer

EVIL = '=HYPERLINK("http://x")\x1b[31m\u202e[/b] Ünïcode'


@pytest.fixture
def trail(migrated: Database) -> tuple[str, str]:
    """The ids of alice and bob, who left some rows."""
    alice, bob = (str(add_user(migrated, name)) for name in ("alice", "bob"))
    insert = (
        "insert into public.audit_logs (user_id, action, resource_type, resource_id, ip_address, user_agent, created_at, severity)"
        " values (%s, %s, %s, %s, %s::inet, %s, now() - %s::interval, %s)"
    )
    for user, action, kind, id, ip, agent, ago, severity in (
        (alice, "session.login_failed", "user", alice, "192.0.2.7", EVIL, "1 hour", "warning"),
        (alice, "session.login", "user", alice, "::ffff:192.0.2.7", "x", "2 hours", "info"),
        (bob, "document.read", "document", "a/1", "198.51.100.1", "x", "3 days", "info"),
        (bob, "document.read", "document", "a/2", None, "x", "4 days", "critical"),
    ):
        migrated.run(insert, user, action, kind, id, ip, agent, ago, severity)
    return alice, bob


@pytest.fixture
def auditor(cli: Cli, server: PgServer, migrated: Database) -> Iterator[Database]:
    """The database as a login of chat_auditor sees it."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    with dropped(server, prefix):
        assert cli("roles", "apply", "--prefix", prefix, "--url", migrated.url).code == 0
        migrated.run(f"create role {prefix}_eve login password '{PASSWORD}'; grant {prefix}_auditor to {prefix}_eve")
        yield Database(replace(server, user=f"{prefix}_eve", password=PASSWORD), migrated.name)


def found(cli: Cli, database: Database, *options: str) -> list[tuple[str, str | None]]:
    done = cli("audit", "search", *options, "--json", "--url", database.url)
    assert done.code == 0, done.err
    return [(one["action"], one["resource_id"]) for one in done.json()["entries"]]


def test_an_auditor_searches_by_each_criterion(cli: Cli, auditor: Database, trail: tuple[str, str]) -> None:
    alice, bob = trail
    failed, login = ("session.login_failed", alice), ("session.login", alice)
    first, second = ("document.read", "a/1"), ("document.read", "a/2")
    assert found(cli, auditor, "--user", alice) == [failed, login]
    assert found(cli, auditor, "--resource", "document") == [first, second]
    assert found(cli, auditor, "--resource", "document:a/2") == [second]
    assert found(cli, auditor, "--resource", "document:a/*", "--since", "84h") == [first]
    assert set(found(cli, auditor, "--action", "session.*")) == {failed, login}
    # An address of version 4 may be stored in either way.
    assert (
        set(found(cli, auditor, "--ip", "192.0.2.0/24")) == {failed, login} == set(found(cli, auditor, "--ip", "::ffff:192.0.2.7"))
    )
    assert found(cli, auditor, "--user", bob, "--since", "2024-01-01", "--until", "84h") == [second]
    assert found(cli, auditor, "--user", alice, "--ip", "198.51.100.1") == []
    refused = cli("audit", "search", "--user", "alice", "--url", auditor.url)
    assert (refused.code, "audit.user-name" in refused.err) == (2, True), refused.err


def test_the_limit_is_said_and_ids_have_no_separators(cli: Cli, migrated: Database, trail: tuple[str, str]) -> None:
    migrated.run("alter sequence public.audit_logs_id_seq restart with 1234567")
    migrated.run("insert into public.audit_logs (action, user_agent) values ('big.id', 'x')")
    assert found(cli, migrated, "--user", "alice") == [("session.login_failed", trail[0]), ("session.login", trail[0])]
    done = cli("audit", "search", "--limit", "2", "--url", migrated.url)
    assert "1234567" in done.out
    assert len(done.out.splitlines()) == 3
    assert "the newest 2 rows, and there are more" in done.err
    everything = cli("audit", "search", "--limit", "100", "--url", migrated.url)
    assert everything.err == ""
    assert cli("audit", "search", "--action", "none", "--url", migrated.url).out == "no row of the audit trail matches\n"


def test_csv_is_read_back_and_runs_nothing_in_a_spreadsheet(cli: Cli, migrated: Database, trail: tuple[str, str]) -> None:
    assert trail
    done = cli("audit", "search", "--action", "session.login_failed", "--csv", "--url", migrated.url)
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert row["user_agent"] == f"'{EVIL}"
    assert row["ip_address"] == "192.0.2.7"
    shown = cli("audit", "tail", "--url", migrated.url)
    assert "\x1b" not in shown.out


def test_each_look_up_reads_an_index(migrated: Database) -> None:
    migrated.run(
        "insert into public.audit_logs (user_id, action, resource_type, resource_id, created_at)"
        " select gen_random_uuid(), 'x', 'message', i::text, now() - i * interval '1 minute' from generate_series(1, 5000) as i;"
        "analyze public.audit_logs"
    )
    somebody = migrated.one("select user_id from public.audit_logs where user_id is not null limit 1")
    for wanted, index in (
        (Filter(user=somebody), "idx_audit_logs_user_id_created_at"),
        (Filter(resource_type="message", resource_id="77"), "idx_audit_logs_resource_created_at"),
    ):
        with migrated.connect() as connection:
            text = condition(wanted).as_string(connection)
            order = "created_at desc, id desc"
            plan = connection.execute(
                f"explain select id from public.audit_logs where {text} order by {order} limit 101".encode()
            ).fetchall()
        assert any(index in line for (line,) in plan), plan


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("search", "--ip", "nope"), "audit.ip-syntax"),
        (("search", "--since", "99999999y"), "audit.time-syntax"),
        (("search", "--since", "999999w"), "audit.time-syntax"),
        (("search", "--resource", ":x"), "audit.resource-syntax"),
        (("search", "--user", "nobody"), "audit.user-name"),
        (("search", "--json", "--csv"), "audit.options"),
        (("report", "--html", "--markdown"), "audit.options"),
        (("report", "--since", "2024-02-01", "--until", "2024-01-01"), "audit.empty-period"),
    ],
)
def test_wrong_options_are_usage_errors(cli: Cli, migrated: Database, options: tuple[str, ...], code: str) -> None:
    done = cli("audit", *options, "--url", migrated.url)
    assert (done.code, f"[{code}]" in done.err) == (2, True), done.err
    assert "Traceback" not in done.err


def test_who_may_not_read_the_trail_is_told_what_is_missing(
    cli: Cli, auditor: Database, migrated: Database, empty: Database
) -> None:
    migrated.run(f"revoke {auditor.server.user.removesuffix('_eve')}_auditor from {auditor.server.user}")
    for command in ("tail", "search", "report"):
        done = cli("audit", command, "--url", auditor.url)
        assert (done.code, "[audit.not-allowed]" in done.err) == (1, True), done.err
    assert "[audit.not-migrated]" in cli("audit", "tail", "--url", empty.url).err


def test_the_report_of_a_period_counts_what_is_in_it(
    cli: Cli, auditor: Database, migrated: Database, trail: tuple[str, str]
) -> None:
    alice, bob = trail
    period = ("--since", "5d", "--until", "24h")
    document = cli("audit", "report", *period, "--json", "--url", auditor.url).json()
    assert (document["rows"], document["users"], document["severe_total"]) == (2, 1, 1)
    tables = {table["name"]: table for table in document["tables"]}
    assert tables["users"]["rows"][0][:3] == [bob, 2, 1]
    assert [row[:2] for row in tables["actions"]["rows"]] == [["document.read", 2]]
    # A row whose time the writer chose is named.
    assert tables["times"]["total"] == 2
    text = cli("audit", "report", "--url", auditor.url)
    assert text.code == 0, text.err
    assert alice in text.out
    assert migrated.one("select count(*) from public.audit_logs where action = 'user.create'") == 2
    assert "Done by nobody who is named" in text.out
    page = cli("audit", "report", "--html", "--url", auditor.url).out
    assert page.startswith("<!doctype html>")
    assert page.isascii()
    assert "<script" not in page
    marks = cli("audit", "report", "--markdown", "--url", auditor.url).out
    assert f"| {bob} | 2 | 1 |" in marks


def test_the_report_counts_the_groups_that_it_does_not_name(cli: Cli, migrated: Database) -> None:
    migrated.run("insert into public.audit_logs (user_id, action) select gen_random_uuid(), 'x' from generate_series(1, 60)")
    done = cli("audit", "report", "--url", migrated.url)
    assert "Who did it (the first 50 of 60)" in done.out


def test_reading_changes_nothing(cli: Cli, auditor: Database, migrated: Database, trail: tuple[str, str]) -> None:
    assert trail
    before = migrated.one("select pg_current_xact_id_if_assigned() is null, count(*) from public.audit_logs")
    with psycopg.connect(auditor.url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("insert into public.audit_logs (action) values ('forged')")
    assert cli("audit", "tail", "--url", auditor.url).code == 0
    assert migrated.one("select pg_current_xact_id_if_assigned() is null, count(*) from public.audit_logs") == before
