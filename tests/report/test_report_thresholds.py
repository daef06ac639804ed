"""Every threshold may be 0: no report breaks, just after the statistics began anew and on tables without rows."""

from pathlib import Path

from chatschema.report import definition
from tests.support import ROOT
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.reports import answer


def test_no_report_breaks_when_every_threshold_is_0(cli: Cli, migrated: Database, tmp_path: Path) -> None:
    reports = definition.every(ROOT / "sql")
    zeros = "".join(f"[report.{report.name}]\n" + "".join(f"{name} = 0\n" for name in report.thresholds) for report in reports)
    (tmp_path / "chatschema.toml").write_text(zeros)
    migrated.run(
        "create extension if not exists pg_stat_statements; create extension pgstattuple; create table public.bare (id integer, body text);"
        "create index bare_id on public.bare (id); analyze public.bare; create sequence public.fresh_seq as smallint"
    )
    for reset in ("select pg_stat_reset(), pg_stat_reset_shared('bgwriter'), pg_stat_reset_shared('archiver')", "select 1"):
        migrated.one(f"{reset}")
        found = [
            *answer(cli, migrated.url)["reports"],
            *answer(cli, migrated.url, "security")["reports"],
            *answer(cli, migrated.url, "pool")["reports"],
            *answer(cli, migrated.url, "bloat-exact", "--timeout", "20")["reports"],
        ]
        assert {report.name for report in reports} <= {report["name"] for report in found}
        assert {report["name"]: gap["what"] for report in found for gap in report["gaps"] if "failed" in gap["what"]} == {}
