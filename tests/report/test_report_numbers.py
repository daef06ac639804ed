"""The numbers and verdicts of single reports, where others print wrong ones."""

import re
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import findings, rows


def test_a_parent_has_the_rows_of_its_parts_and_no_age_of_its_own(cli: Cli, aged: Database) -> None:
    tables = rows(cli, aged, "tables")
    assert tables["public.messages"]["rows_est"] == 600
    assert not [name for name in tables if name.startswith("chat_partitions.")]
    assert all(row["used_pct"] < 50 for row in rows(cli, aged, "wraparound").values())


def test_rows_are_not_doubled_by_an_analyze_in_the_session_that_wrote_them(cli: Cli, migrated: Database) -> None:
    migrated.run("create table public.written (id integer)")
    with migrated.connect() as session:
        session.execute("begin; insert into public.written select generate_series(1, 26284)")
        session.execute("analyze public.written; commit; select pg_stat_force_next_flush()")
        session.execute("select 1")
    assert rows(cli, migrated, "tables")["public.written"]["rows_est"] == 26284
    assert rows(cli, migrated, "vacuum")["public.written"]["live"] == 26284


def test_a_tables_parts_add_up_to_its_size(cli: Cli, migrated: Database) -> None:
    """A row of text is kept in the TOAST table: it is no index, however large it is."""
    migrated.run(
        "create table public.texts (id integer primary key, body text);"
        "alter table public.texts alter column body set storage external;"
        "create table public.parted (id integer primary key, body text) partition by range (id);"
        "create table public.parted_1 partition of public.parted for values from (0) to (1000);"
        "create table public.parted_2 partition of public.parted for values from (1000) to (2000);"
        "insert into public.texts select i, repeat('x', 9000) from generate_series(1, 300) as i;"
        "insert into public.parted select id * 6, body from public.texts"
    )
    migrated.run("vacuum (analyze) public.texts, public.parted")
    measure = "select sum(pg_indexes_size(oid)), sum(pg_total_relation_size(reltoastrelid)), sum(pg_total_relation_size(oid)) from pg_class"
    found = rows(cli, migrated, "tables")
    for name, members in {"texts": ["texts"], "parted": ["parted_1", "parted_2"]}.items():
        row = found[f"public.{name}"]
        truth = migrated.one(f"{measure} where relnamespace = 'public'::regnamespace and relname = any(%s)", members)
        assert (row["indexes_bytes"], row["toast_bytes"], row["size_bytes"]) == truth
        assert row["table_bytes"] + row["indexes_bytes"] + row["toast_bytes"] == row["size_bytes"]


def test_reads_of_long_values_count_in_the_verdict_of_the_cache(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.cache]\nmin_blocks = 1000000000000\n")
    migrated.run(
        "create table public.texts (id integer primary key, body text); alter table public.texts alter column body set storage external;"
        "insert into public.texts select i, repeat('x', 9000) from generate_series(1, 300) as i; select sum(hashtext(body)) from public.texts"
    )
    migrated.one("select pg_stat_force_next_flush()")
    for kind, parts in {"heap": ("heap", "toast"), "index": ("idx", "tidx")}.items():
        total = " + ".join(f"coalesce({part}_blks_read + {part}_blks_hit, 0)" for part in parts)
        truth = f"select sum({total}) from pg_statio_user_tables"
        before = migrated.one(truth)
        message = findings(cli, migrated, "cache")[f"cache.{kind}"]["message"]
        # Autovacuum may read in between.
        found = re.match(r"not enough data: (\d+) of ", message)
        assert found, message
        assert before <= int(found[1]) <= migrated.one(truth)


def test_a_table_that_grew_since_it_was_analyzed_is_not_empty(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    migrated.run("create table public.grown (id integer, body text) with (autovacuum_enabled = off)")
    migrated.run("create table public.filled (like public.grown) with (autovacuum_enabled = off)")
    migrated.run("insert into public.grown select i, repeat('x', 100) from generate_series(1, 2000) as i")
    with migrated.connect() as session:
        session.execute("vacuum (analyze) public.grown, public.filled")
    for table in ("grown", "filled"):
        migrated.run(f"insert into public.{table} select i, repeat('x', 100) from generate_series(1, 20000) as i")
    estimated = rows(cli, migrated, "bloat")
    assert estimated["public.grown"]["empty_pct"] < 5
    assert "public.filled" not in estimated
    # What is too small for a warning is no question either: autovacuum will have counted it soon.
    assert findings(cli, migrated, "bloat") == {}
    (tmp_path / "chatschema.toml").write_text("[report.bloat]\nwarn_bytes = 1500000\n")
    (unknown,) = findings(cli, migrated, "bloat").values()
    assert (unknown["check"], unknown["fix"]) == ("unmeasured", "analyze public.filled;")
    migrated.run(unknown["fix"])
    assert rows(cli, migrated, "bloat")["public.filled"]["empty_pct"] < 5


def test_never_analyzed_is_not_empty(cli: Cli, migrated: Database) -> None:
    migrated.run("create table public.fresh (id integer, payload text) with (autovacuum_enabled = off)")
    migrated.run(
        "insert into public.fresh select i, repeat('x', 900) from generate_series(1, 12000) as i; select pg_stat_force_next_flush()"
    )
    assert rows(cli, migrated, "tables")["public.fresh"]["rows_est"] == 12000
    assert "vacuum.analyze:public.fresh" in findings(cli, migrated, "vacuum")


def test_bloat_is_measured_as_a_rebuild_proves_it(cli: Cli, migrated: Database) -> None:
    migrated.run(
        "create extension pgstattuple; create table public.worn (id integer, kind integer) with (autovacuum_enabled = off);"
        "insert into public.worn select i, i % 50 from generate_series(1, 200000) as i;"
        "create index worn_id on public.worn (id); create index worn_kind on public.worn (kind);"
        "delete from public.worn where id % 10 <> 0;"
    )
    with migrated.connect() as session:
        session.execute("vacuum (analyze) public.worn")
    exact = rows(cli, migrated, "bloat-exact")
    for index in ("public.worn_id", "public.worn_kind"):
        before = exact[index]["size_bytes"]
        migrated.run(f"reindex index {index}")
        truth = 100 * (1 - migrated.one(f"select pg_relation_size('{index}')") / before)
        assert exact[index]["empty_pct"] == pytest.approx(truth, abs=3)
    estimated = rows(cli, migrated, "bloat")["public.worn"]["empty_pct"]
    assert estimated == pytest.approx(exact["public.worn"]["empty_pct"], abs=10)
    # Of indexes with many equal keys an estimate is wrong by a factor; there is none.
    assert not [name for name in rows(cli, migrated, "bloat") if "worn_" in name]


def test_a_query_is_judged_whatever_it_begins_with_and_a_bulk_load_is_not(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.queries]\nvery_slow_ms = 0.5\n")
    # It works for its time: some 10,000 blocks.
    work = "select count(*) from pg_attribute as a cross join lateral (select 1 from pg_class as c where c.oid = a.attrelid offset 0) as c"
    migrated.run("create extension if not exists pg_stat_statements; create table public.loaded (id float8)")
    migrated.run(f"-- name: GetUser :one\nselect ({work}), 'comment'")
    migrated.run(f"/* app:web ** */ -- more\n((select ({work}), 'braces') union all select 1, 'x')")
    migrated.run(f"do $$ begin perform ({work}); end $$")
    migrated.run(f"insert into public.loaded select i from generate_series(1, 20) as i, ({work}) as w")
    for _ in range(5):
        migrated.run(f"with x as ({work}) delete from public.loaded using x")
    slow = sorted(
        f["message"].split(", ")[1] + " " + f["object"].split(": ", 1)[1]
        for f in findings(cli, migrated, "queries").values()
        if f["check"] == "slow"
    )
    assert [text[:12] for text in slow] == sorted(
        ["1 call -- na", "1 call /* ap", "5 calls with"]
        if migrated.server.version < 180000
        else ["1 call selec", "1 call ((sel", "5 calls with"]
    )


def test_a_sequence_ends_with_the_column_that_asks_it(cli: Cli, migrated: Database) -> None:
    migrated.run("create sequence public.shared_seq; create table public.asking (id integer default nextval('public.shared_seq'))")
    migrated.one("select setval('public.shared_seq', 2040109465)")
    found = findings(cli, migrated, "sequences")["sequences.used:public.shared_seq"]
    assert round(found["value"]) == 95
    for statement in found["fix"].splitlines()[1:]:
        migrated.run(statement)
    assert "sequences.used:public.shared_seq" not in findings(cli, migrated, "sequences")


def test_a_constraint_that_was_not_validated_and_an_index_of_nulls(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.indexes]\nsparse_min_bytes = 0\n")
    migrated.run(
        "create table public.odd (id integer, gone timestamptz);"
        "insert into public.odd select i, case when i % 20 = 0 then now() end from generate_series(1, 2000) as i;"
        r'create index "my odd \1 idx" on public.odd (gone) with (fillfactor = 70); analyze public.odd;'
        "alter table public.odd add constraint odd_id_check check (id > 0) not valid"
    )
    found = {**findings(cli, migrated, "tables"), **findings(cli, migrated, "indexes")}
    sparse = found[r'indexes.sparse:public."my odd \1 idx"']
    assert "95 % of gone is null" in sparse["message"]
    for statement in (found["tables.unvalidated:public.odd.odd_id_check"]["fix"] + "\n" + sparse["fix"]).splitlines():
        if not statement.startswith("--"):
            migrated.run(statement)
    defined = "select pg_get_indexdef(%s::regclass)"
    made = r'public."my odd \1 idx_present"'
    assert migrated.one(defined, made).endswith("(gone) WITH (fillfactor='70') WHERE (gone IS NOT NULL)")
    # What drops the old one is not run by who pastes all of it: the new one may have failed.
    old = migrated.one(defined, r'public."my odd \1 idx"')
    migrated.run(sparse["fix"].partition("-- then, once queries use it: ")[2])
    left = {**findings(cli, migrated, "tables"), **findings(cli, migrated, "indexes")}
    assert not [id for id in left if "odd" in id]
    create, _, drop = sparse["undo"].partition("\n-- then: ")
    migrated.run(create)
    migrated.run(drop)
    assert migrated.one(defined, r'public."my odd \1 idx"') == old
    assert migrated.one("select to_regclass(%s) is null", made)
