"""report queries --advise on partitions that are partitioned themselves."""

from tests.support.busy import ask, explain, keep_busy
from tests.support.cli import Cli
from tests.support.database import Database


def test_an_index_on_a_tree_of_partitions_is_built_from_below_under_free_names(cli: Cli, migrated: Database) -> None:
    keep_busy(migrated)
    if not migrated.one("select count(*) from pg_available_extensions where name = 'hypopg'"):
        # It says what to install: tests/test_report_advise.py.
        assert explain(cli, migrated, "select * from notes", "--advise").code == 1
        return
    # Letters of two bytes each, which no cut may halve.
    table = "t" + "é" * 23
    migrated.run("create extension hypopg")
    migrated.run(f"create table {table} (id int, kind int, body text) partition by range (id)")
    migrated.run(f"create table low partition of {table} for values from (0) to (10000) partition by range (id)")
    migrated.run("create table low_0 partition of low for values from (0) to (10000)")
    migrated.run(f"create table high partition of {table} for values from (10000) to (20000)")
    migrated.run(f"create table idx_{table[:-1]}_2 (id int)")
    migrated.run(f"insert into {table} select g, g % 500, md5(g::text) from generate_series(0, 19999) as g")
    migrated.run("vacuum analyze low_0")
    migrated.run("vacuum analyze high")
    ask(migrated, f"select body from {table} where kind = %s", 3)
    (index,) = explain(cli, migrated, f"select body from {table}", "--advise", "--json").json()["indexes"]
    lines = index["create"].splitlines()
    for statement in [*lines[:3], *lines, *lines]:
        migrated.run(statement)
    invalid = "select count(*) from pg_index where not indisvalid and indrelid >= 16384"
    built = "select count(*) from pg_indexes where indexdef like '%(kind)'"
    assert (migrated.one(invalid), migrated.one(built)) == (0, 4)
    migrated.run(index["undo"])
    assert migrated.one(built) == 0
