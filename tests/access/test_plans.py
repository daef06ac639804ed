"""No policy makes the planner read a whole conversation for a page: the rows that it reads are counted, with both kinds of plan."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.access import crowd, world
from tests.support.database import Database, create
from tests.support.plans import nodes
from tests.support.servers import PgServer

MESSAGES = 10_000
# As the application of many years ago would ask: a boolean, which the planner takes for true in one row of three.
BOOLEAN = """
    create function chatschema.takes_part(which uuid) returns boolean language plpgsql stable security definer as $$ begin
        return exists (select from public.conversation_participants where conversation_id = which and user_id = chatschema.actor());
    end $$;
    alter policy messages_member_select on public.messages using (chatschema.takes_part(conversation_id));
"""


@pytest.fixture(scope="module")
def crowded(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, str]]:
    prefix = f"crowd_{uuid.uuid4().hex[:6]}"
    with world.dropped(server, prefix):
        for database in create(server, prefix):
            crowd.prepare(database, crowd.Size(6, MESSAGES, 100), prefix, tmp_path_factory.mktemp("crowd"))
            yield database, crowd.url_of(database, prefix)


def read(connection: "psycopg.Connection[Any]", execute: str) -> float:
    """Return how many rows of messages the statement reads, those that a filter removes as well."""
    row = connection.execute(f"explain (analyze, format json) execute {execute}".encode()).fetchone()
    assert row
    plan = row[0][0]["Plan"]
    assert plan["Actual Rows"] == 50
    found: float = sum(
        (float(one["Actual Rows"]) + one.get("Rows Removed by Filter", 0)) * one["Actual Loops"]
        for one in nodes(plan)
        if one.get("Relation Name", "").startswith("messages_")
    )
    return found


def pages(database: Database, url: str, mode: str, user: str = "many", *, is_named: bool = False) -> dict[tuple[str, int], float]:
    """Return the rows read for the newest page and the next one of a large conversation and of an ordinary one.

    `is_named`: the context has the conversation.
    """
    found = {}
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction():
        connection.execute("select set_config('app.user_id', %s, true)", (crowd.people(database)[user],))
        connection.execute(f"set local plan_cache_mode = force_{mode}_plan".encode())
        keyset = crowd.KEYSET.replace("%s", "$1", 1).replace("%s", "$2")
        connection.execute(f"prepare newest (uuid) as {crowd.NEWEST.replace('%s', '$1')}".encode())
        connection.execute(f"prepare keyset (uuid, uuid) as {keyset}".encode())
        for n, skipped in ((0, MESSAGES // 2), (7, 100)):
            id = crowd.conversation(database, n)
            connection.execute("select set_config('app.conversation_id', %s, true)", (id if is_named else "",))
            last = database.one(
                f"select id from public.messages where conversation_id = '{id}' order by id desc offset {skipped} limit 1"
            )
            found["newest", n] = read(connection, f"newest('{id}')")
            found["keyset", n] = read(connection, f"keyset('{id}', '{last}')")
    return found


@pytest.mark.parametrize("is_named", [False, True], ids=["without", "named"])
@pytest.mark.parametrize("user", ["few", "many"])
@pytest.mark.parametrize("mode", ["custom", "generic"])
def test_a_page_reads_no_more_than_its_rows(crowded: tuple[Database, str], mode: str, user: str, is_named: bool) -> None:
    found = pages(*crowded, mode, user, is_named=is_named)
    assert set(found.values()) == {50}, found


def test_a_boolean_in_the_policy_would_be_noticed(crowded: tuple[Database, str]) -> None:
    database, url = crowded
    database.run(BOOLEAN)
    assert pages(database, url, "generic")["keyset", 0] > MESSAGES // 4
