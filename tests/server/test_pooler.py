"""Behind a pooler that gives each transaction another server process nothing is set, locked or changed."""

import threading
import time

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.pooling import pooled


@pytest.mark.parametrize(("size", "in_turn"), [(1, False), (5, False), (2, True)])
def test_a_pooler_that_keeps_no_sessions_is_refused_and_learns_nothing(
    cli: Cli, migrated: Database, size: int, in_turn: bool
) -> None:
    before = dump(migrated)
    with pooled(migrated, size=size, in_turn=in_turn) as shared:
        port = shared.server.port
        result = cli("migrate", "--url", shared.url)
        golden.check("pooler_transaction_mode", result, {str(port): "6432"})
        if size == 5:
            for command in (("status",), ("report",), ("partition", "list"), ("reset", "--yes")):
                other = cli(*command, "--url", shared.url)
                assert (other.code, other.err) == (result.code, result.err), command
        # What the next client of the pooler finds.
        settings = "select name, setting from pg_settings where source = 'session' and name not like 'application%'"
        for _ in range(size):
            assert shared.all(settings) == []
    assert migrated.all("select * from pg_locks where locktype = 'advisory'") == []
    assert dump(migrated) == before


def test_it_is_noticed_among_busy_clients_too(cli: Cli, migrated: Database) -> None:
    with pooled(migrated, size=4, in_turn=True) as shared:
        is_over = threading.Event()

        def work() -> None:
            with shared.connect() as connection:
                # It would be prepared on one process and asked for on another.
                connection.prepare_threshold = None
                while not is_over.is_set():
                    connection.execute("select pg_sleep(random() * 0.002)")

        clients = [threading.Thread(target=work) for _ in range(3)]
        for client in clients:
            client.start()
        try:
            for _ in range(5):
                assert cli("migrate", "--url", shared.url).code == 4
        finally:
            is_over.set()
            for client in clients:
                client.join()


def test_a_pooler_that_keeps_sessions_is_as_good_as_none(cli: Cli, empty: Database) -> None:
    with pooled(empty, keeps_sessions=True) as kept:
        result = cli("migrate", "--url", kept.url)
        assert (result.code, result.err) == (0, "")


def test_one_that_has_no_second_process_to_give_is_not_waited_for_long(cli: Cli, migrated: Database) -> None:
    with pooled(migrated, size=1, keeps_sessions=True) as kept:
        started = time.monotonic()
        result = cli("status", "--check", "--url", kept.url)
    assert result.code == 0, result.err
    assert time.monotonic() - started < 10
