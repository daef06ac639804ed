"""cluster check: every obstacle that is planted is found once, and a clean database has none."""

from typing import Any

from tests.cluster.planted import FINE, ID, OBJECTS, STATEMENTS
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.documents import valid


def found(cli: Cli, database: Database) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = valid("cluster-check", cli, database, "cluster", "check", code=3)["findings"]
    return findings


def forget(database: Database) -> None:
    """Leave no statement but those that the test runs."""
    database.run("create extension if not exists pg_stat_statements")
    database.run("select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()))")


def test_a_clean_database_has_none(cli: Cli, migrated: Database) -> None:
    forget(migrated)
    with migrated.connect() as connection:
        for statement in FINE:
            connection.execute(statement.encode())
    result = cli("cluster", "check", "--url", migrated.url)
    assert result.code == 0, result.out
    assert result.out == f"nothing stands in the way; {len(FINE)} statements on the tables were read\n"


def test_each_planted_object_is_found_once(cli: Cli, migrated: Database) -> None:
    forget(migrated)
    for _, _, statements in OBJECTS:
        migrated.run(statements)
    try:
        rows = found(cli, migrated)
    finally:
        migrated.run("drop subscription imported")
    # The month is another one next month.
    names = [(row["code"], str(row["object"]).removeprefix(f"chat_partitions.{month(row)}.")) for row in rows]
    assert sorted(names) == sorted((f"cluster.{code}", name) for code, name, _ in OBJECTS)
    assert len(OBJECTS) + len(STATEMENTS) >= 20


def month(row: dict[str, Any]) -> str:
    return str(row["object"]).split(".")[1] if str(row["object"]).startswith("chat_partitions.") else ""


def test_each_planted_statement_is_found_once(cli: Cli, migrated: Database) -> None:
    migrated.run(f"insert into public.users (id, username) values ({ID}, 'alice')")
    migrated.run(f"insert into public.conversations (id, created_by) values ({ID}, {ID})")
    forget(migrated)
    migrated.run("create table public.polls (id uuid primary key, conversation_id uuid, message_id uuid)")
    with migrated.connect() as connection:
        for _, statement in STATEMENTS:
            connection.execute(statement.encode())
    rows = found(cli, migrated)
    assert sorted(row["code"] for row in rows) == sorted(f"cluster.{code}" for code, _ in STATEMENTS)
    # A statement of its own for each, so none is there for another's sake.
    assert len({row["id"] for row in rows}) == len(rows)
    assert {row["calls"] for row in rows} == {1}
