"""What reports measure when something is locked, hidden, unlogged or old, and whom they name for it."""

import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import answer, findings, rows


@pytest.mark.parametrize("toast", [False, True])
def test_a_lock_on_an_index_or_a_toast_table_is_one_on_its_table(cli: Cli, seeded: Database, toast: bool) -> None:
    index = "select {} from pg_index where indrelid = 'public.messages_kept'::regclass"
    if toast:
        index = "select {} from pg_index join pg_class as c on indrelid = c.reltoastrelid where c.oid = 'public.messages_kept'::regclass"
    seeded.run("create table public.messages_kept (id integer primary key, body text)")
    seeded.run("alter table public.messages_kept alter column body set storage external")
    seeded.run("insert into public.messages_kept select i, repeat('x', 9000) from generate_series(1, 100) as i")
    with seeded.connect() as session:
        session.execute("vacuum (analyze) public.messages_kept")
    kept = rows(cli, seeded, "tables")["public.messages_kept"]
    name = seeded.one(index.format("indexrelid::regclass::text"))
    with seeded.connect() as holder:
        holder.execute(f"begin; reindex index {name}".encode())
        started = time.monotonic()
        reports = {r["name"]: r for r in answer(cli, seeded.url)["reports"]}
        assert time.monotonic() - started < 5
        for report in ("tables", "vacuum", "bloat", "partitions", "indexes"):
            assert not [gap for gap in reports[report]["gaps"] if "lock" in gap["what"]], report
        tables = {row["object"]: row for row in reports["tables"]["rows"]}
        locked = tables["public.messages_kept"]
        assert locked["is_locked"] is True
        # The catalog does not count the pages of the maps.
        for part in ("indexes_bytes", "toast_bytes", "table_bytes"):
            assert kept[part] - 65536 <= locked[part] <= kept[part]
        assert locked["toast_bytes"] > 900_000
        assert tables["public.messages"]["is_locked"] is None


def test_bloat_names_what_it_cannot_estimate(cli: Cli, migrated: Database) -> None:
    migrated.run(
        "create table public.raw (id integer, body text) with (autovacuum_enabled = off);"
        "insert into public.raw select i, repeat('x', 900) from generate_series(1, 3000) as i"
    )
    found = findings(cli, migrated, "bloat")["bloat.unmeasured"]
    assert (found["severity"], "public.raw" in found["message"]) == ("not evaluated", True)
    migrated.run(found["fix"])
    assert findings(cli, migrated, "bloat") == {}
    assert "public.raw" in rows(cli, migrated, "bloat")
    role = f"reader_{time.time_ns()}"
    migrated.run(f"create role {role} login password 'tiger99'; grant select (id) on public.raw to {role}")
    try:
        url = migrated.server.url(migrated.name, user=role, password="tiger99")
        for grant in ("select 1", f"grant select on public.raw to {role}; alter table public.raw enable row level security"):
            migrated.run(grant)
            (report,) = answer(cli, url, "bloat")["reports"]
            assert [f["check"] for f in report["findings"]] == ["unreadable"]
            assert report["rows"] == []
        migrated.run(report["findings"][0]["fix"])
        assert answer(cli, url, "bloat")["reports"][0]["findings"] == []
    finally:
        migrated.run(f"drop owned by {role}; drop role {role}")


def test_who_holds_the_rows_of_another_database_is_not_named(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.vacuum]\nhorizon_warn_xids = 1\n")
    elsewhere = psycopg.connect(migrated.server.url("postgres"), application_name="elsewhere")
    here = psycopg.connect(migrated.url, application_name="here")
    with closing(elsewhere), closing(here):
        for session in (elsewhere, here):
            session.execute("set transaction isolation level repeatable read; select 1")
        for _ in range(3):
            migrated.run("select txid_current()")
        held = [f["object"] for f in findings(cli, migrated, "vacuum").values() if f["check"] == "horizon"]
    assert [name for name in held if "here)" in name]
    assert not [name for name in held if "elsewhere)" in name]


def test_an_unlogged_partition_is_logged_by_its_fix_and_a_constraint_is_named_once(cli: Cli, migrated: Database) -> None:
    migrated.run("""
        create table public.marks (id integer) partition by range (id);
        create unlogged table public.marks_1 partition of public.marks for values from (0) to (10);
        create table public.base (id integer);
        create table public.derived () inherits (public.base);
        alter table public.base add constraint base_id_check check (id > 0) not valid;
    """)
    found = findings(cli, migrated, "tables")
    assert [id for id in found if "unvalidated" in id] == ["tables.unvalidated:public.base.base_id_check"]
    migrated.run(found["tables.unlogged:public.marks"]["fix"])
    migrated.run(found["tables.unvalidated:public.base.base_id_check"]["fix"])
    assert findings(cli, migrated, "tables") == {}


def test_temporary_tables_are_as_old_as_others(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.wraparound]\noverdue_factor = 0.0000001\n")
    with migrated.connect() as session:
        session.execute("create temporary table scratch (id integer)")
        for _ in range(25):
            migrated.run("select txid_current()")
        found = {id: f for id, f in findings(cli, migrated, "wraparound").items() if id.endswith(".scratch")}
    (finding,) = found.values()
    assert "temporary" in finding["message"]
    assert finding["fix"].startswith("drop table pg_temp")


def test_a_setting_is_mended_where_it_was_made(cli: Cli, migrated: Database) -> None:
    migrated.run(
        f"alter database {migrated.name} set enable_nestloop = off; alter database {migrated.name} set password_encryption = md5"
    )
    found = findings(cli, migrated, "settings")
    made = [found["settings.upkeep:enable_nestloop"], found["settings.safety:password_encryption"]]
    for finding in made:
        assert finding["fix"].startswith(f"alter database {migrated.name} ")
        migrated.run(finding["fix"])
    assert not {finding["id"] for finding in made} & set(findings(cli, migrated, "settings"))
    for finding in made:
        migrated.run(finding["undo"])
    assert {finding["id"] for finding in made} <= set(findings(cli, migrated, "settings"))
