"""Foreign keys without an index, and indexes that a foreign key needs: of plain tables, partitions and trees of them."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Database
from reports import findings

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
