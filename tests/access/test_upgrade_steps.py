"""An application that owned its tables: migrate, roles apply and the printed steps, while it works; no request fails."""

import os
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support import PASSWORD
from tests.support import load as clients
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import long
from tests.support.released import RELEASES, load, make_months
from tests.support.servers import PgServer

ROUNDS = 10 if os.environ.get("CHATSCHEMA_TEST_FULL") else 1
TRIES = 5
# What the clients of an owner send, in a transaction that names the user.
SCRIPTS = {
    name: f"""
        \\set n random(1, 50)
        begin;
        select conversation_id, user_id from public.load where n = :n \\gset
        select set_config('app.user_id', ':user_id', true);
        {statement}
        commit;
    """
    for name, statement in {
        "send": "insert into public.messages (conversation_id, sender_id, content_encrypted) values (':conversation_id', ':user_id', 'hello');",
        "page": "select * from public.messages where conversation_id = ':conversation_id' order by id desc limit 50;",
        "read": """
            insert into public.message_statuses (message_id, user_id, status)
                select id, ':user_id', 'read' from public.messages where conversation_id = ':conversation_id' order by id desc limit 1
                on conflict (message_id, user_id) do update set status = excluded.status, read_at = now();
        """,
    }.items()
}


@pytest.fixture(params=RELEASES)
def owned(request: pytest.FixtureRequest, empty: Database, prefix: str) -> Database:
    """The database of an earlier release as its login sees it, which owns all of it."""
    login = f"{prefix}_chat"
    empty.run(f"create role {login} login password '{PASSWORD}'; alter database {empty.name} owner to {login}")
    database = Database(replace(empty.server, user=login, password=PASSWORD), empty.name)
    load(database, request.param)
    clients.prepare(empty, dict.fromkeys((f"{month:%Y-%m}" for month in make_months(database, 2)), 1000))
    empty.run(f"alter table public.load owner to {login}")
    return database


def steps(cli: Cli, database: Database, prefix: str) -> list[str]:
    """Return the statements that `roles check` prints for the login that owns the tables."""
    found = cli("roles", "check", "--json", "--url", database.url)
    assert found.code == 3, found.out + found.err
    (finding,) = (one for one in found.json()["findings"] if one["code"] == "roles.owner-login")
    assert finding["object"] == f"{prefix}_chat"
    return [text for text in finding["statements"] if not text.startswith("--")]


def patiently(admin: Database, statements: list[str]) -> int:
    """Run the statements as the DBA does: where a lock is not got in time, once more; return the number of tries."""
    for tries in range(1, TRIES + 1):
        try:
            with admin.connect() as connection:
                for statement in statements:
                    connection.execute(statement.encode())
        except psycopg.errors.LockNotAvailable:
            time.sleep(1)
        else:
            return tries
    raise AssertionError(f"no lock in {TRIES} tries")


@long
@pytest.mark.parametrize("number", range(ROUNDS))
def test_the_application_gets_a_login_of_its_own_while_it_works(
    cli: Cli, owned: Database, empty: Database, server: PgServer, prefix: str, tmp_path: Path, number: int
) -> None:
    login, own = f"{prefix}_chat", f"{prefix}_chat_app"
    with clients.running(owned, tmp_path / "owner") as old:
        time.sleep(0.5)
        migrated = cli("migrate", "--url", owned.url)
        assert migrated.code == 0, migrated.err
        applied = cli("roles", "apply", "--prefix", prefix, "--url", empty.url)
        assert applied.code == 0, applied.err
        said = steps(cli, empty, prefix)
        reassign = next(index for index, text in enumerate(said) if text.startswith("set lock_timeout"))
        patiently(empty, [*said[:reassign], f"alter role {own} password '{PASSWORD}'", f"grant select on public.load to {own}"])
        application = Database(replace(server, user=own, password=PASSWORD), empty.name)
        with clients.running(application, tmp_path / "own", scripts=SCRIPTS) as new:
            time.sleep(1)
    with clients.running(application, tmp_path / "alone", scripts=SCRIPTS) as alone:
        time.sleep(0.5)
        started = time.time()
        tries = patiently(empty, said[reassign:])
        ended = time.time()
        time.sleep(0.5)
    assert (old.failed, new.failed, alone.failed) == (0, 0, 0)
    assert min(len(load.transactions) for load in (old, new, alone)) > 50
    print(f"round {number + 1}: owner changed in try {tries}; longest wait {alone.longest(started, ended) * 1000:.0f} ms")
    checked = cli("roles", "check", "--json", "--url", empty.url)
    assert [one["code"] for one in checked.json()["findings"]] == []
    assert empty.one(f"select count(*) from pg_class where relowner = '{login}'::regrole and relkind in ('r', 'p', 'v')") == 0
    empty.run("drop table public.load")
    assert cli("verify", "--scratch", "same", "--url", empty.url).code == 0


def test_a_login_that_does_not_own_the_tables_is_not_shut_out_without_a_word(
    cli: Cli, owned: Database, empty: Database, prefix: str
) -> None:
    reader = f"{prefix}_reader"
    empty.run(f"create role {reader} login password '{PASSWORD}'; grant select (id) on public.messages to {reader}")
    count = "select count(id) from public.messages"
    with psycopg.connect(empty.server.url(empty.name, user=reader, password=PASSWORD), autocommit=True) as connection:
        refused = cli("migrate", "--url", owned.url)
        assert (refused.code, f"shut out logins that do not own the tables: {reader}" in refused.err) == (1, True), refused.err
        assert "alter role NAME bypassrls" in refused.err
        assert connection.execute(count).fetchone() == (2000,)
        empty.run(f"alter role {reader} bypassrls")
        assert cli("migrate", "--url", owned.url).code == 0
        assert connection.execute(count).fetchone() == (2000,)
        empty.run(f"alter role {reader} nobypassrls")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(count)


def test_a_login_may_be_shut_out_where_the_database_says_so(cli: Cli, owned: Database, empty: Database, prefix: str) -> None:
    empty.run(f"create role {prefix}_reader login; grant select on public.messages to {prefix}_reader")
    empty.run(f"alter database {empty.name} set chatschema.shut_out = 'on'")
    assert cli("migrate", "--url", owned.url).code == 0
