"""Sizes of pools: from cores, slots and logins; for a role that only reads, and for somebody who cannot know the cores."""

from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from chatschema.report import pool
from tests.report.damages.pools import login
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid

LIMITED = "alter role {0} set statement_timeout = '10s'; alter role {0} set idle_in_transaction_session_timeout = '15s'"
VALUES = {"per_core": 2, "kept": 10, "worker_pct": 25}


@pytest.fixture
def logins(migrated: Database) -> Iterator[tuple[str, str]]:
    with login(migrated, "app", LIMITED) as api, login(migrated, "worker", LIMITED) as queue:
        yield api, queue


def row(
    object: str, member_of: str | None = None, connections: int = 0, limit: int | None = None, slots: int | None = None
) -> dict[str, object]:
    return {"object": object, "member_of": member_of, "connections": connections, "connection_limit": limit, "slots": slots}


ALL = [row("other sessions", connections=3), row("all clients", slots=97)]
BOTH = [row("api", "chat_app"), row("queue", "chat_worker")]


@pytest.mark.parametrize(
    ("rows", "cores", "poolers", "sizes", "is_short"),
    [
        ([*BOTH, *ALL], 8, 1, {"api": 13, "queue": 4}, False),
        ([*BOTH, *ALL], 8, 3, {"api": 4, "queue": 2}, False),
        ([*BOTH, *ALL], 2, 1, {"api": 4, "queue": 2}, False),
        # Each login has a pool of its own.
        ([*BOTH, row("site", "chat_app"), *ALL], 8, 1, {"api": 6, "site": 6, "queue": 4}, False),
        ([BOTH[0], *ALL], 8, 1, {"api": 17}, False),
        ([row("api", "chat_app", limit=5), *ALL], 8, 1, {"api": 5}, False),
        # 64 cores, and 97 - 10 connections for them.
        ([*BOTH, *ALL], 64, 1, {"api": 65, "queue": 22}, True),
        ([*BOTH, row("other sessions", connections=95), row("all clients", slots=97)], 8, 1, {"api": 2, "queue": 2}, True),
        ([*BOTH, *ALL], 8, 40, {"api": 2, "queue": 2}, True),
        (ALL, 8, 1, {}, False),
    ],
)
def test_sizes_follow_from_cores_slots_and_logins(
    rows: list[dict[str, object]], cores: int, poolers: int, sizes: dict[str, int], is_short: bool
) -> None:
    found = pool.suggest(rows, VALUES, database="chat", cores=cores, poolers=poolers)
    assert {one.login: one.size for one in found.pools} == sizes
    assert found.is_short is is_short
    assert found.wanted == poolers * sum(sizes.values())


def test_a_size_of_the_pooler_belongs_to_a_database() -> None:
    found = pool.suggest([*BOTH, *ALL], VALUES, database="chat", cores=8, poolers=1)
    assert pool.pgbouncer(found, host="db", port=5433, database="chat").splitlines()[:3] == [
        "[databases]",
        "chat = host=db port=5433 dbname=chat pool_size=13",
        "chat_worker = host=db port=5433 dbname=chat pool_size=4",
    ]


def test_who_is_connected_and_what_limits_them(cli: Cli, migrated: Database, logins: tuple[str, str]) -> None:
    url = migrated.server.url(migrated.name, user=logins[0], password="tiger99")
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(closing(psycopg.connect(url))).execute("select 1")
        document = cli("report", "pool", "--json", "--url", migrated.url).json()["reports"][0]
        suggested = valid("report-pool-suggest", cli, migrated, "report", "pool", "--suggest", "--cores", "4")
    api = next(one for one in document["rows"] if one["object"] == logins[0])
    assert (api["connections"], api["idle_in_transaction"], api["statement_timeout"], api["idle_timeout"]) == (3, 3, "10s", "15s")
    mine = {one["login"]: (one["size"], one["connected"]) for one in suggested["suggestion"]["pools"] if one["login"] in logins}
    assert (mine[logins[0]][1], mine[logins[1]][1]) == (3, 0)
    limit = migrated.one("select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int")
    reserved = migrated.one("select coalesce(current_setting('reserved_connections', true), '0')::int")
    assert (suggested["suggestion"]["slots"], suggested["suggestion"]["useful"]) == (limit - reserved, 9)
    assert f"\n{migrated.name} = host=127.0.0.1 port=" in suggested["pgbouncer"]


def test_a_role_without_rights_gets_sizes_and_is_told_what_it_does_not_see(
    cli: Cli, migrated: Database, logins: tuple[str, str]
) -> None:
    result = cli("report", "pool", "--suggest", "--url", migrated.server.url(migrated.name, user=logins[1], password="tiger99"))
    assert result.code == 0, result.err
    assert "connections can work at once" in result.out
    assert "grant pg_read_all_stats to" in result.err


def test_on_a_database_without_a_login_of_the_application(cli: Cli, empty: Database) -> None:
    result = cli("report", "pool", "--suggest", "--url", empty.url)
    assert (result.code, "there is no login of the application" in result.out) == (0, True), result.err
    assert cli("report", "pool", "--url", empty.url).code == 0


def test_no_query_tells_the_cores_of_another_machine(cli: Cli, migrated: Database) -> None:
    host = migrated.server.host
    elsewhere = f"{migrated.url.replace(f'@{host}', '@db.example')}?hostaddr={host}"
    refused = cli("report", "pool", "--suggest", "--url", elsewhere)
    assert (refused.code, "error[report.cores]" in refused.err) == (2, True), refused.err
    assert cli("report", "pool", "--suggest", "--cores", "2", "--url", elsewhere).code == 0


@pytest.mark.parametrize("options", [("--cores", "2"), ("--suggest", "--csv"), ("--suggest", "--fail-on", "warn")])
def test_options_that_would_have_no_effect_are_refused(cli: Cli, options: tuple[str, ...]) -> None:
    result = cli("report", "pool", *options)
    assert (result.code, "error[report.options]" in result.err) == (2, True), result.err
