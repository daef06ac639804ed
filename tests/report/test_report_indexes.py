"""What other tools get wrong about indexes, on our schema: every case here is a wrong answer of a published report."""

import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import findings, rows, serious

# Small tables are enough, and today's statistics.
TOML = "[report.indexes]\nunused_days = 0\nunused_min_bytes = 0\nmissing_min_rows = 0\n"
FLUSH = "select pg_stat_force_next_flush()"

# Each line: what a comparison of texts, of attribute numbers or of slices that begin at 0 takes for the same, or does not.
PAIRS = """
    create table public.pairs (
        a integer, b integer, c text, d text, e integer, f integer, g integer, h integer, i integer, j integer, k integer, l integer,
        exclude using gist (box(point(a, b), point(a, b)) with &&)
    );
    create index p_c on public.pairs (c);
    create index p_c_collated on public.pairs (c collate "C");
    create index p_ab on public.pairs (a, b);
    create index p_ab_desc on public.pairs (a, b desc);
    create unique index p_d on public.pairs (d);
    create unique index p_d_nulls on public.pairs (d) nulls not distinct;
    create index p_l on public.pairs (l);
    create index p_jk on public.pairs (j, k);
    create index p_g_incl on public.pairs (g) include (h);
    create index p_gh on public.pairs (g, h);
    create index p_h on public.pairs (h);
    create index p_i_pattern on public.pairs (d text_pattern_ops);
    create index p_f on public.pairs (f);
    create index p_f_partial on public.pairs (f) where e > 0;
    create index p_lower on public.pairs (lower(c));
    create index p_upper on public.pairs (upper(c));
    insert into public.pairs (a, d) values (1, 'x');
"""


@pytest.fixture(autouse=True)
def thresholds(tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(TOML)


def named(found: dict[str, dict[str, Any]], *checks: str) -> dict[str, dict[str, Any]]:
    return {f["object"]: f for f in found.values() if f["check"] in checks and f["severity"] != "no verdict"}


def test_look_alikes_are_not_repeated_and_repeats_are(cli: Cli, migrated: Database) -> None:
    migrated.run(PAIRS)
    found = named(findings(cli, migrated, "indexes"), "duplicate", "redundant")
    # (g) include (h) is answered by (g, h); a partial index is only mentioned; nothing else repeats.
    assert {name: f["check"] for name, f in found.items() if f["severity"] == "warn"} == {"public.p_g_incl": "redundant"}
    assert {name for name, f in found.items() if f["severity"] == "info"} == {"public.p_f_partial"}

    migrated.run("create index p_l_desc on public.pairs (l desc); create index p_ab_back on public.pairs (a desc, b desc)")
    migrated.run("create index p_j on public.pairs (j); create index p_lower_too on public.pairs (LOWER( c ))")
    migrated.run("create index p_g_incl_two on public.pairs (g) include (h)")
    found = named(findings(cli, migrated, "indexes"), "duplicate", "redundant")
    warned = {name: f["check"] for name, f in found.items() if f["severity"] == "warn"}
    assert warned.pop("public.p_j") == "redundant"
    assert sorted(warned) == sorted(
        [next(iter(warned.keys() & pair)) for pair in (
            {"public.p_l", "public.p_l_desc"}, {"public.p_ab", "public.p_ab_back"}, {"public.p_lower", "public.p_lower_too"},
        )] + ["public.p_g_incl", "public.p_g_incl_two"]
    )  # fmt: skip


def test_never_both_of_a_pair_and_never_the_one_that_a_constraint_needs(cli: Cli, migrated: Database) -> None:
    migrated.run("create index again on public.users (username); create index twice on public.users (username)")
    found = named(findings(cli, migrated, "indexes"), "duplicate", "redundant")
    assert set(found) == {"public.again", "public.twice"}
    assert all("users_username_key begins with the same keys" in f["message"] or "same as" in f["message"] for f in found.values())
    for finding in found.values():
        migrated.run(finding["fix"])
    assert migrated.one("select count(*) from pg_constraint where conname = 'users_username_key'") == 1


def test_what_must_stay_is_never_offered(cli: Cli, migrated: Database) -> None:
    migrated.run(
        "create table public.kept (id integer primary key, code integer unique, a integer not null, b integer, c text, at tsrange, who uuid"
        " references public.users (id), exclude using gist (at with &&));"
        "create index kept_clustered on public.kept (a); cluster public.kept using kept_clustered;"
        "create unique index kept_identity on public.kept (a, id); alter table public.kept replica identity using index kept_identity;"
        "create unique index kept_unique on public.kept (b); create index kept_who on public.kept (who);"
        "create index kept_lower on public.kept (lower(c)); create index kept_free on public.kept (c);"
        "insert into public.kept values (1, 1, 1, 1, 'x', '[2024-01-01,2024-01-02)', null); analyze public.kept;" + FLUSH
    )  # fmt: skip
    found = {name: f for name, f in named(findings(cli, migrated, "indexes"), "unused").items() if "kept" in name}
    assert {name: f["severity"] for name, f in found.items()} == {"public.kept_free": "warn", "public.kept_lower": "info"}
    assert "uses the statistics of an expression index" in found["public.kept_lower"]["message"]
    # A second index on the foreign key's column: now one of the two may go.
    migrated.run("create index kept_who_more on public.kept (who, a)")
    assert "public.kept_who" in named(findings(cli, migrated, "indexes"), "redundant")


def test_a_partitioned_index_counts_as_one_and_its_parts_are_never_named(cli: Cli, aged: Database) -> None:
    aged.run("create index idx_spare on public.messages (edit_count)")
    aged.run("set enable_seqscan = off; select count(*) from chat_partitions.messages_y2024m01 where reply_to_id is not null")
    aged.run("set enable_seqscan = off; select count(*) from public.messages where sender_id = gen_random_uuid()")
    aged.one(FLUSH)
    found = findings(cli, aged, "indexes")
    assert not [f for f in found.values() if "chat_partitions." in (f["object"] or "")]
    unused = named(found, "unused")
    # Scanned in one partition of many is used.
    assert "public.idx_messages_reply_to_id" not in unused
    assert "public.idx_messages_sender_id" not in unused
    assert unused["public.idx_spare"]["fix"] == "set lock_timeout = '2s';\ndrop index public.idx_spare;"
    listed = rows(cli, aged, "indexes")
    assert not [name for name in listed if name.startswith("chat_partitions.")]
    total = "select sum(pg_relation_size(inhrelid)) from pg_inherits where inhparent = 'public.idx_spare'::regclass"
    assert listed["public.idx_spare"]["size_bytes"] == aged.one(total) == unused["public.idx_spare"]["value"]
    assert listed["public.idx_messages_reply_to_id"]["scans"] >= 1
    # It cannot be dropped concurrently, nor can a part of it; what is printed can be run, and taken back.
    aged.run(unused["public.idx_spare"]["fix"])
    assert "public.idx_spare" not in rows(cli, aged, "indexes")
    aged.run(unused["public.idx_spare"]["undo"])
    assert rows(cli, aged, "indexes")["public.idx_spare"]["size_bytes"] > 0


def test_a_foreign_key_without_index_is_one_line_and_its_fix_builds_part_by_part(cli: Cli, aged: Database) -> None:
    assert named(findings(cli, aged, "indexes"), "missing") == {}
    aged.run("drop index public.idx_messages_sender_id")
    (finding,) = named(findings(cli, aged, "indexes"), "missing").values()
    assert finding["object"] == "public.messages.messages_sender_id_fkey"
    assert finding["value"] == 600
    with aged.connect() as connection:
        for statement in finding["fix"].split(";\n"):
            connection.execute(statement.encode())
    assert named(findings(cli, aged, "indexes"), "missing", "invalid", "incomplete") == {}
    aged.run(finding["undo"])
    assert len(named(findings(cli, aged, "indexes"), "missing")) == 1


@pytest.mark.parametrize(
    ("index", "supports"),
    [
        ("(y, x)", True),
        ("(y, x, z)", True),
        ("(x, z, y)", False),
        ("(x)", False),
        ("(x, y) where x is not null", True),
        ("(x, y) where z > 0", False),
        ("(x, y) where x is not null and z > 0", False),
        ("(x, (y + 0))", False),
    ],
)
def test_which_index_serves_a_foreign_key_of_two_columns(cli: Cli, migrated: Database, index: str, supports: bool) -> None:
    migrated.run(
        "create table public.parent (x integer, y integer, primary key (x, y));"
        "create table public.child (id integer primary key, x integer, y integer, z integer, foreign key (x, y) references public.parent);"
        f"create index child_index on public.child {index}"
    )
    missing = named(findings(cli, migrated, "indexes"), "missing")
    assert ("public.child.child_x_y_fkey" not in missing) is supports


def test_a_failed_build_is_invalid_and_one_that_waits_for_its_parts_is_not(cli: Cli, aged: Database) -> None:
    aged.run("create index idx_parts on only public.messages (edit_count)")
    with aged.connect() as connection, pytest.raises(Exception, match="could not create unique index"):
        connection.execute("create unique index concurrently broken on public.users (status)")
    found = findings(cli, aged, "indexes")
    assert set(named(found, "invalid")) == {"public.broken"}
    assert named(found, "incomplete")["public.idx_parts"]["severity"] == "info"
    assert not [id for id in serious(found) if "idx_parts" in id]
    # A valid twin does its work already: then it is dropped, not built again.
    aged.run("create unique index concurrently_done on public.users (username, status)")
    aged.run("create index concurrently_left on public.users (username, status)")
    aged.run("update pg_index set indisvalid = false where indexrelid = 'public.concurrently_left'::regclass")
    twin = named(findings(cli, aged, "indexes"), "invalid")["public.concurrently_left"]
    assert twin["fix"] == "drop index concurrently public.concurrently_left;"


def test_an_index_being_rebuilt_or_dropped_is_not_invalid(cli: Cli, migrated: Database) -> None:
    migrated.run("create table public.gone as select 1 as id; create index gone_id on public.gone (id)")
    jobs = ("drop index concurrently public.gone_id", "reindex index concurrently public.users_username_key")
    threads = [Thread(target=migrated.run, args=(job,)) for job in jobs]
    reads = "begin; select (select count(*) from public.users), (select count(*) from public.gone)"
    state = "select array_agg(indisvalid || ' ' || indislive) from pg_index where not indisvalid and indrelid >= 16384"
    # Both wait for those that read the tables: first for the one, and then for the other, who came later.
    with migrated.connect() as first, migrated.connect() as later:
        first.execute(reads.encode())
        for thread in threads:
            thread.start()
        wait_for(migrated, state, ["false true", "false true"])
        early = named(findings(cli, migrated, "indexes"), "invalid")
        later.execute(reads.encode())
        first.execute("commit")
        wait_for(migrated, state + " and indrelid = 'public.gone'::regclass", ["false false"])
        late = named(findings(cli, migrated, "indexes"), "invalid")
        later.execute("commit")
    for thread in threads:
        thread.join()
    assert (early, late) == ({}, {})
    assert migrated.one(state) is None


def wait_for(database: Database, query: str, answer: object) -> None:
    deadline = time.monotonic() + 20
    while database.one(query) != answer:
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
