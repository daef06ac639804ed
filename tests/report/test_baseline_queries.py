"""A baseline knows a query by its text where its number has moved: before PostgreSQL 18 a table made anew does that."""

import json
import re
from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.pace import long


@long
def test_a_table_made_anew_makes_no_new_finding(cli: Cli, empty: Database, tmp_path: Path) -> None:
    empty.run("create extension if not exists pg_stat_statements; create table public.slow (id int)")
    empty.run("insert into public.slow select generate_series(1, 1)")

    def ask(which: str) -> None:
        with empty.connect() as connection:
            for _ in range(60):
                connection.execute(f"select count(*), {which} as a from public.slow cross join generate_series(1, 200000)".encode())

    (tmp_path / "chatschema.toml").write_text("[report.queries]\nslow_ms = 1\nslow_calls = 50\n")
    ask("max(id)")
    baseline = cli("report", "queries", "--json", "--url", empty.url)
    assert any(finding["check"] == "slow" for finding in baseline.json()["reports"][0]["findings"])
    known = baseline.json()
    for finding in known["reports"][0]["findings"]:
        # A busy machine is no worse query.
        finding["value"] = finding["value"] and finding["value"] * 10
    (tmp_path / "baseline.json").write_text(json.dumps(known))
    gate = ("report", "queries", "--fail-on", "warn", "--allow-partial", "--baseline", "baseline.json", "--url", empty.url)
    empty.run(
        "select pg_stat_statements_reset(0, oid, 0) from pg_database where datname = current_database();"
        "drop table public.slow; create table public.slow (id int); insert into public.slow values (1)"
    )
    ask("max(id)")
    result = cli(*gate)
    assert (result.code, "fails" in result.err) == (0, False), result.err
    # Another number and another text are another query.
    document = json.loads((tmp_path / "baseline.json").read_text())
    for finding in document["reports"][0]["findings"]:
        finding["id"] = re.sub(r":-?\d+: ", ":7: ", finding["id"]).replace("max(id)", "min(id)")
    (tmp_path / "baseline.json").write_text(json.dumps(document))
    assert cli(*gate).code == 3
