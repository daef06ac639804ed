"""What seeding reads, where the planner's statistics are older than the rows; and how long it takes."""

import os

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import long

# The largest statement of the demo, the check of 20,000 statuses as they are stored, reads some 150,000.
BLOCKS = 500_000
# Of the demo on two idle cores, without the start of the program and of the server; and of its longest statement.
DEMO_MS, STATEMENT_MS = 3000, 1000


@long
def test_old_statistics_do_not_make_a_seeder_read_all_for_each_row(cli: Cli, migrated: Database) -> None:
    """A seeder of 40,000 rows once took more than a minute where autovacuum had come just before it; all take three seconds."""
    assert cli("seed", "users", "--url", migrated.url).code == 0
    _stop_autovacuum(migrated)
    _watch(migrated)
    done = cli("seed", "--json", "--url", migrated.url)
    assert done.code == 0, done.err
    assert _largest(migrated) < BLOCKS
    assert sum(one["duration_ms"] for one in done.json()["seeded"]) < DEMO_MS * _crowd()
    assert _longest_ms(migrated) < STATEMENT_MS * _crowd()


def test_rows_of_others_are_found_by_key_whatever_the_statistics_say(cli: Cli, seeded: Database) -> None:
    _stop_autovacuum(seeded)
    record = "chatschema.seeded_rows"
    seeded.run(f"create table kept as select * from {record} where table_name like 'message%'")
    seeded.run(f"delete from {record} where table_name like 'message%'")
    seeded.run(f"analyze {record}")
    seeded.run(f"insert into {record} select * from kept")
    seeded.run("drop table kept")
    seeded.run("delete from chatschema.seeds where name = 'audit_logs'")
    _watch(seeded)
    assert cli("seed", "--url", seeded.url).code == 0
    assert _largest(seeded) < BLOCKS


def _stop_autovacuum(database: Database) -> None:
    database.run("alter table chatschema.seeded_rows set (autovacuum_enabled = off)")


def _watch(database: Database) -> None:
    database.run("create extension if not exists pg_stat_statements")
    database.run("select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)")


def _largest(database: Database) -> int:
    """Return the blocks that the largest statement has read."""
    largest: int = database.one(
        "select max(shared_blks_hit + shared_blks_read) from pg_stat_statements"
        " where dbid = (select oid from pg_database where datname = current_database())"
    )
    return largest


def _longest_ms(database: Database) -> float:
    longest: float = database.one(
        "select max(max_exec_time) from pg_stat_statements"
        " where dbid = (select oid from pg_database where datname = current_database())"
    )
    return longest


def _crowd() -> float:
    """Return 1 on an idle machine; otherwise more: programs that share a core also take its caches and the disk from each other."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)) ** 2
