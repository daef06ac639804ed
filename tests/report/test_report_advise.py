"""report queries --advise: indexes that the planner is made to believe in, or to forget."""

from pathlib import Path

import pytest

from tests.support.busy import BY_OWNER, ask, explain, keep_busy
from tests.support.cli import Cli, Result
from tests.support.database import Database


@pytest.fixture
def busy(migrated: Database) -> Database:
    """A database whose statistics have one query that reads 40,000 rows to find ten."""
    keep_busy(migrated)
    return migrated


def has_hypopg(database: Database) -> bool:
    return bool(database.one("select count(*) from pg_available_extensions where name = 'hypopg'"))


def advise(cli: Cli, database: Database, *options: str) -> Result:
    return cli("report", "queries", "--advise", *options, "--url", database.url)


def test_without_hypopg_what_to_install_is_said(cli: Cli, busy: Database) -> None:
    result = advise(cli, busy)
    assert result.code == 1
    if has_hypopg(busy):
        assert "hypopg is not created in" in result.err
        assert "create extension hypopg" in result.err
    else:
        assert "hypopg is not installed on the server" in result.err
        assert f"apt-get install postgresql-{busy.server.version // 10000}-hypopg" in result.err


def test_advice_taken_does_what_it_says_and_can_be_undone(cli: Cli, busy: Database) -> None:
    if not has_hypopg(busy):
        assert advise(cli, busy).code == 1
        return
    busy.run("create extension hypopg")
    document = advise(cli, busy, "--json").json()
    assert len(document["indexes"]) == 1, document
    (index,) = document["indexes"]
    assert (index["table"], index["columns"]) == ("public.notes", ["owner", "at"])
    (effect,) = index["queries"]
    assert effect["query"] == BY_OWNER
    assert effect["cost_after"] < effect["cost_before"] / 2
    assert index["saved_ms"] == pytest.approx(effect["total_ms"] * (1 - effect["cost_after"] / effect["cost_before"]), rel=0.01)
    assert "HypoPG 1.3" in (document["not_hidden"] or "HypoPG 1.3")
    # Nothing real was made of it.
    assert busy.one("select count(*) from pg_indexes where tablename = 'notes'") == 1
    shown = advise(cli, busy).out
    assert "create index concurrently idx_notes_owner_at on public.notes (owner, at);" in shown
    assert "on a copy of the database" in shown
    busy.run(index["create"])
    real = explain(cli, busy, "select * from notes", "--json").json()["plan"]["Total Cost"]
    assert real == pytest.approx(effect["cost_after"], rel=0.5)
    size = busy.one("select pg_relation_size('idx_notes_owner_at')")
    # HypoPG does not know that a B-tree keeps a value that repeats once.
    assert size <= index["size_bytes"] < 10 * size
    assert advise(cli, busy, "--json").json()["indexes"] == []
    busy.run(index["undo"])
    assert busy.one("select count(*) from pg_indexes where tablename = 'notes'") == 1


def test_an_index_on_partitions_is_advised_as_a_whole_and_made_part_by_part(cli: Cli, busy: Database) -> None:
    if not has_hypopg(busy):
        assert advise(cli, busy).code == 1
        return
    busy.run("create extension hypopg")
    busy.run('create table "Events" (id int, "Kind" int, body text) partition by range (id)')
    for part in range(2):
        busy.run(f'create table events_{part} partition of "Events" for values from ({part}0000) to ({part + 1}0000)')
    busy.run("""insert into "Events" select g, g % 500, md5(g::text) from generate_series(0, 19999) as g""")
    for part in range(2):
        busy.run(f"vacuum analyze events_{part}")
    ask(busy, 'select body from "Events" where "Kind" = %s', 3)
    result = explain(cli, busy, 'select body from "Events"', "--advise", "--json")
    (index,) = result.json()["indexes"]
    assert (index["table"], index["columns"]) == ('public."Events"', ["Kind"])
    assert len(index["create"].splitlines()) == 5
    for statement in index["create"].splitlines():
        busy.run(statement)
    name = index["undo"].removeprefix("drop index ").removesuffix(";")
    assert busy.one("select indisvalid from pg_index where indexrelid = %s::regclass", name)
    sizes = "select sum(pg_relation_size(inhrelid)) from pg_inherits where inhparent = %s::regclass"
    # HypoPG does not know that a B-tree keeps a value that repeats once.
    assert int(busy.one(sizes, name)) <= index["size_bytes"] < 10 * int(busy.one(sizes, name))
    busy.run(index["undo"])
    assert busy.one("select to_regclass(%s) is null", name)


def test_an_index_called_unused_is_hidden_to_see_who_misses_it(cli: Cli, busy: Database, tmp_path: Path) -> None:
    if not has_hypopg(busy):
        assert advise(cli, busy).code == 1
        return
    (tmp_path / "chatschema.toml").write_text("[report.indexes]\nunused_days = 0\nunused_min_bytes = 0\n")
    busy.run("create extension hypopg")
    # Made after the query ran: no scan is counted, and yet the next plan stands on it.
    busy.run("create index notes_owner on notes (owner); create index notes_body on notes (body); analyze notes")
    document = advise(cli, busy, "--json").json()
    if not busy.one("select to_regprocedure('hypopg_hide_index(oid)') is not null"):
        assert "cannot hide indexes, so unused indexes were not checked" in document["not_hidden"]
        assert document["hidden"] == []
        return
    missed = {one["index"]: [query["query"] for query in one["queries"]] for one in document["hidden"]}
    assert missed["public.notes_owner"] == [BY_OWNER]
    assert missed["public.notes_body"] == []
    shown = advise(cli, busy).out
    assert "public.notes_owner (unused): keep it; these queries need it:" in shown
    assert "public.notes_body (unused): none of these queries needs it" in shown
