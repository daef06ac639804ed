"""The lock table: how many open transactions can have read a page of messages, and what makes room for all connections."""

import os
import re
from contextlib import ExitStack

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.days import make_days
from tests.support.pace import long
from tests.support.reports import findings, rows
from tests.support.servers import private, programs, restart

KIND = os.environ.get("CHATSCHEMA_TEST_SERVER", "embedded")
LOCKS = "settings.locks:max_locks_per_transaction"
CONNECTIONS = 30
PAGE = "select * from public.messages where conversation_id = gen_random_uuid() order by id desc limit 50"


def readers(database: Database) -> int:
    """Return how many transactions that read a page, of at most one a connection, can be open at once."""
    with ExitStack() as stack:
        for count in range(CONNECTIONS):
            try:
                session = stack.enter_context(psycopg.connect(database.url))
                session.execute(PAGE)
            except psycopg.errors.OutOfMemory:  # 53200
                return count
        return CONNECTIONS


@long
@pytest.mark.skipif(KIND == "container", reason="a container's server has no programs here")
def test_as_many_transactions_read_a_page_as_the_report_says_and_all_after_its_fix(cli: Cli) -> None:
    bin = programs(KIND)
    config = f"max_connections = {CONNECTIONS}\nmax_locks_per_transaction = 64\nautovacuum = off"
    with private(bin, "locks", config=config) as server:
        database = Database(server, "postgres")
        assert cli("migrate", "--url", database.url).code == 0
        assert LOCKS not in findings(cli, database, "settings")
        make_days(database, 119)
        # Making them has locked so much at once that there is less room for others until a restart.
        restart(server, bin)
        found = findings(cli, database, "settings")[LOCKS]
        said = re.fullmatch(
            r"about (\d+) of 30 connections can read a page of messages at the same time: 126 partitions x 7 locks;"
            r" the others get 'out of shared memory'",
            found["message"],
        )
        assert (found["severity"], bool(said)) == ("warn", True), found
        assert found["value"] > found["threshold"]
        plan = cli("partition", "plan", "--url", database.url)
        assert found["message"] in plan.out
        assert found["fix"] in plan.out
        assert cli("partition", "plan", "--json", "--url", database.url).json()["findings"] == [
            f"{found['message']}: {found['fix']}"
        ]
        assert said
        predicted, fitted = int(said[1]), readers(database)
        assert fitted * 0.75 <= predicted <= fitted * 1.1

        database.run(found["fix"])
        restart(server, bin)
        assert LOCKS not in findings(cli, database, "settings")
        assert cli("partition", "plan", "--json", "--url", database.url).json()["findings"] == []
        assert readers(database) == CONNECTIONS
        database.run(found["undo"])
        restart(server, bin)
        assert LOCKS in findings(cli, database, "settings")


def test_two_years_of_months_need_no_larger_table(cli: Cli, migrated: Database) -> None:
    since = migrated.one("select to_char(now() - interval '17 months', 'YYYY-MM')")
    assert cli("partition", "ensure", "--from", since, "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass") == 24
    assert LOCKS not in findings(cli, migrated, "settings")
    assert "lock" not in cli("partition", "plan", "--url", migrated.url).out
    assert rows(cli, migrated, "settings")["max_locks_per_transaction"]["setting"] == "64"


def test_without_messages_the_settings_are_still_reported(cli: Cli, empty: Database) -> None:
    assert LOCKS not in findings(cli, empty, "settings")
