"""A session pins every setting that its correctness rests on: a hostile database or role changes no result."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from psycopg import sql

from chatschema import postgres
from chatschema.postgres import pinned
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.hostile import SETTINGS, make_hostile
from tests.support.months import FEBRUARY, JANUARY, content, there

RETIRE = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


@pytest.mark.parametrize("whom", ["database", "role"])
def test_months_are_archived_dropped_and_restored_unchanged_whatever_is_set(cli: Cli, aged: Database, whom: str) -> None:
    before = {table: content(aged, table) for table in ("messages", "message_statuses")}
    make_hostile(aged, role="postgres" if whom == "role" else None)
    retired = cli(*RETIRE, "--url", aged.url)
    assert retired.code == 0, retired.err
    assert there(aged, JANUARY) == there(aged, FEBRUARY) == {}
    for month in (JANUARY, FEBRUARY):
        restored = cli("partition", "restore", month, "--url", aged.url)
        assert restored.code == 0, restored.err
    undo_hostile(aged, whom)
    assert {table: content(aged, table) for table in before} == before


def undo_hostile(database: Database, whom: str) -> None:
    with database.server.connect("postgres") as admin:
        name = f"role postgres in database {database.name}" if whom == "role" else f"database {database.name}"
        admin.execute(f"alter {name} reset all".encode())


def test_a_database_is_migrated_as_usual_whatever_is_set(cli: Cli, empty: Database, migrated: Database) -> None:
    make_hostile(empty)
    result = cli("migrate", "--url", empty.url)
    assert result.code == 0, result.err
    undo_hostile(empty, "database")
    assert dump(empty) == dump(migrated)


def test_every_command_works_whatever_is_set(cli: Cli, migrated: Database) -> None:
    make_hostile(migrated)
    for command in (("seed",), ("status", "--check"), ("partition", "maintain"), ("hold", "list"), ("report",)):
        result = cli(*command, "--url", migrated.url)
        assert result.code == 0, f"{command}: {result.err}"


def test_triggers_switched_off_for_a_plain_owner_are_refused_with_the_way_out(cli: Cli, migrated: Database) -> None:
    """session_replication_role may be set for a role by a superuser only, and undone by one only."""
    with migrated.server.connect("postgres") as admin:
        admin.execute("drop role if exists plain_owner")
        admin.execute("create role plain_owner login password 'plain'")
        admin.execute(f"grant all on database {migrated.name} to plain_owner".encode())
        admin.execute(f"alter role plain_owner in database {migrated.name} set session_replication_role = 'replica'".encode())
    url = migrated.server.url(migrated.name, user="plain_owner", password="plain")
    try:
        result = cli("migrate", "--url", url)
        assert result.code == 4
        assert "session_replication_role = replica: triggers and foreign keys would not work" in result.err
        assert "alter role plain_owner reset session_replication_role" in result.err
        # Reading needs no trigger.
        assert cli("partition", "list", "--url", url).code in (0, 1)
    finally:
        with migrated.server.connect(migrated.name) as admin:
            admin.execute("drop owned by plain_owner")
            admin.execute("drop role plain_owner")


@pytest.mark.parametrize("timeout", ["statement_timeout", "transaction_timeout"])
def test_timeouts_of_the_role_do_not_hold_while_the_settings_are_put_back(
    empty: Database, monkeypatch: pytest.MonkeyPatch, timeout: str
) -> None:
    """As on a machine so busy that putting them back takes longer than the timeout: it is made slow here."""
    if timeout == "transaction_timeout" and empty.server.version < 170000:
        pytest.skip("PostgreSQL 17 and later have it")
    empty.run(f"alter database {empty.name} set {timeout} = '20ms'")
    monkeypatch.setattr(pinned, "RESET", pinned.RESET.replace(pinned.SETTINGS, f"select pg_sleep(0.1); {pinned.SETTINGS}"))
    with closing(postgres.connect(empty.url)) as connection:
        postgres.reset_session(connection)
        assert postgres.fetch_one(connection, f"select current_setting('{timeout}'), pg_sleep(0.1)::text")[0] == "0"


def test_every_setting_of_the_list_is_known_to_the_server(migrated: Database) -> None:
    """A name that the server does not know would be no test."""
    known = {row[0] for row in migrated.all("select lower(name) from pg_settings")}
    assert {name for name in SETTINGS if "." not in name} <= known


def test_timeouts_of_the_role_do_not_end_a_migration(cli: Cli, empty: Database) -> None:
    empty.run(f"""alter database {empty.name} set statement_timeout = '2ms'; alter database {empty.name} set lock_timeout = '1ms';
        alter database {empty.name} set idle_in_transaction_session_timeout = '1ms'; alter database {empty.name} set timezone = 'Asia/Tokyo'""")
    result = cli("migrate", "--url", empty.url)
    assert result.code == 0, result.err


CANCEL = """
    do $$
    declare
        canceled int[] := array[]::int[];
        hit int;
    begin
        while cardinality(canceled) < 5 and clock_timestamp() < statement_timestamp() + interval '10 s' loop
            perform pg_stat_clear_snapshot();
            select pid into hit from pg_stat_activity
            where datname = {} and state = 'active' and application_name = 'chatschema' and pid <> all (canceled);
            if found and pg_cancel_backend(hit) then
                canceled := canceled || hit;
            end if;
        end loop;
    end $$
"""


def test_a_statement_that_is_canceled_before_the_settings_are_pinned_is_tried_again(empty: Database) -> None:
    """The timer of a role's statement_timeout may end any of them; here another session does, five times."""
    with empty.connect() as other, ThreadPoolExecutor() as beside:
        canceling = beside.submit(lambda: other.execute(sql.SQL(CANCEL).format(empty.name)))
        connections = 0
        while not canceling.done():
            postgres.connect(empty.url).close()
            connections += 1
        canceling.result()
    assert connections > 0
