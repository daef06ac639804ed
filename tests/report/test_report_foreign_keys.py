"""Foreign keys without an index, and indexes that a foreign key needs: of plain tables, partitions and trees of them."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import findings

TOML = "[report.indexes]\nunused_days = 0\nunused_min_bytes = 0\nmissing_min_rows = 0\nrare_min_bytes = 0\nrare_min_writes = 0\n"
OFFERED = ("unused", "rare", "duplicate", "redundant")

PARENT = "create table public.parent (x integer, y integer, primary key (x, y), unique (x));"


@pytest.fixture(autouse=True)
def thresholds(tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(TOML)


def named(cli: Cli, database: Database, *checks: str) -> dict[str, dict[str, Any]]:
    database.one("select pg_stat_force_next_flush()")
    return {f["object"]: f for f in findings(cli, database, "indexes").values() if f["check"] in checks and f["object"]}


def offered(cli: Cli, database: Database, prefix: str) -> dict[str, str]:
    found = named(cli, database, *OFFERED)
    return {name: f["check"] for name, f in found.items() if name.startswith(prefix) and f["fix"]}


def test_of_a_narrow_and_a_wide_index_one_may_go_and_never_both(cli: Cli, migrated: Database) -> None:
    migrated.run(
        PARENT + "create table public.child (id integer primary key, x integer references public.parent (x), z integer);"
        "create index child_x on public.child (x); create index child_x_z on public.child (x, z);"
        "insert into public.parent values (1, 1); insert into public.child select i, 1, i from generate_series(1, 500) as i;"
        "analyze public.child"
    )
    # The narrow one is used, the wide one is not.
    migrated.run("set enable_seqscan = off; set enable_bitmapscan = off; select count(*) from public.child where x = 1")
    assert offered(cli, migrated, "public.child") == {"public.child_x": "redundant"}
    for finding in named(cli, migrated, *OFFERED).values():
        if finding["object"].startswith("public.child"):
            migrated.run(finding["fix"])
    assert named(cli, migrated, "missing") == {}
    assert offered(cli, migrated, "public.child") == {}


def test_two_unused_indexes_that_support_a_foreign_key_are_not_both_offered(cli: Cli, migrated: Database) -> None:
    migrated.run(
        PARENT + "create table public.child (id integer primary key, x integer references public.parent (x), y integer, z integer);"
        "create index child_x_y on public.child (x, y); create index child_x_z on public.child (x, z);"
        "insert into public.parent values (1, 1); insert into public.child values (1, 1, 1, 1); analyze public.child"
    )
    assert len(offered(cli, migrated, "public.child")) == 1
    for finding in named(cli, migrated, "unused").values():
        migrated.run(finding["fix"])
    assert named(cli, migrated, "missing") == {}
    assert offered(cli, migrated, "public.child") == {}


@pytest.mark.parametrize(
    ("index", "supports"),
    [
        ("(x) where x is not null", True),
        ("(x) where z is not null", False),
        ("using hash (x)", True),
        ("using brin (x)", False),
        ("using gin (x)", False),
    ],
)
def test_what_finds_the_rows_of_a_foreign_key(cli: Cli, migrated: Database, index: str, supports: bool) -> None:
    migrated.run(
        PARENT + "create extension if not exists btree_gin;"
        "create table public.child (id integer primary key, z integer, x integer references public.parent (x));"
        f"create index child_index on public.child {index}"
    )
    assert (named(cli, migrated, "missing") == {}) is supports


TREE = (
    PARENT + "create table public.logs (z integer, day integer, x integer) partition by range (day);"
    "create table public.logs_1 partition of public.logs for values from (0) to (10) partition by list (day);"
    "create table public.logs_1_a partition of public.logs_1 for values in (1);"
    # Its columns have other numbers.
    'create table public."logs 1; b" (x integer, day integer, z integer);'
    'alter table public.logs_1 attach partition public."logs 1; b" for values in (2);'
    "create table public.logs_2 partition of public.logs for values from (10) to (20);"
    "insert into public.parent values (1, 1); insert into public.logs select 1, i, 1 from unnest(array[1, 2, 10]) as i;"
)


def test_an_index_on_a_tree_of_partitions_is_built_from_below_and_may_be_built_again(cli: Cli, migrated: Database) -> None:
    migrated.run(TREE + "alter table public.logs add foreign key (x) references public.parent (x)")
    # A name that is taken is not taken again.
    migrated.run("create table public.idx_logs_x_2 (id integer)")
    (finding,) = named(cli, migrated, "missing").values()
    # What runs twice, and after it had broken off, makes the same.
    lines = finding["fix"].splitlines()
    for line in [*lines[:4], *lines, *lines]:
        migrated.run(line)
    assert named(cli, migrated, "missing", "invalid", "incomplete") == {}
    assert migrated.one("select count(*) from pg_index where not indisvalid and indrelid >= 16384") == 0
    assert migrated.one("select count(*) from pg_indexes where tablename like 'logs%'") == 5
    migrated.run(finding["undo"])
    assert migrated.one("select count(*) from pg_indexes where tablename like 'logs%'") == 0


def test_where_each_partition_has_an_index_they_are_tied_together_and_none_is_offered(cli: Cli, migrated: Database) -> None:
    migrated.run(TREE + "alter table public.logs add foreign key (x) references public.parent (x)")
    for name, table in (("one", "logs_1_a"), ("two", '"logs 1; b"'), ("three", "logs_2")):
        migrated.run(f"create index {name} on public.{table} (x)")
    assert offered(cli, migrated, "public.") == {}
    (finding,) = named(cli, migrated, "missing").values()
    assert finding["severity"] == "info"
    assert "every partition" in finding["message"]
    for line in finding["fix"].splitlines():
        migrated.run(line)
    assert named(cli, migrated, "missing", "invalid", "incomplete") == {}
    # Nothing was built twice; and nothing takes back what was there before.
    assert migrated.one("select count(*) from pg_indexes where tablename like 'logs%'") == 5
    assert finding["undo"] is None


def test_an_index_of_the_whole_supports_the_foreign_key_of_one_partition(cli: Cli, migrated: Database) -> None:
    migrated.run(TREE + "alter table public.logs_2 add foreign key (x) references public.parent (x)")
    assert set(named(cli, migrated, "missing")) == {"public.logs_2.logs_2_x_fkey"}
    migrated.run("create index logs_x on public.logs (x)")
    assert named(cli, migrated, "missing") == {}
    assert offered(cli, migrated, "public.logs") == {}


def test_a_table_that_was_never_analyzed_is_not_empty(cli: Cli, migrated: Database) -> None:
    migrated.run(PARENT + "create table public.child (x integer references public.parent (x)) with (autovacuum_enabled = off)")
    migrated.run("insert into public.parent values (1, 1); insert into public.child select 1 from generate_series(1, 700)")
    (finding,) = named(cli, migrated, "missing").values()
    assert finding["value"] == 700
