"""Indexes as a standby sees them: what it does not scan the primary may."""

from pathlib import Path

from tests.report.test_report_servers import KIND
from tests.support.cli import Cli
from tests.support.database import Database, caught_up
from tests.support.reports import findings
from tests.support.servers import private, programs

TOML = "[report.indexes]\nunused_days = 0\nunused_min_bytes = 0\n"


def test_a_standby_does_not_know_what_the_primary_scans(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(TOML)
    with private(programs(KIND), "scanning") as server:
        primary = Database(server, "postgres")
        primary.run("create table public.t (a integer); create index t_a on public.t (a); insert into public.t values (1)")
        with private(programs(KIND), "blind", of=server) as follower:
            standby = Database(follower, "postgres")
            caught_up(primary, standby)
            with standby.connect() as reader:
                reader.execute("select count(*) from public.t")
                reader.execute("select pg_stat_force_next_flush()")
            primary.run("set enable_seqscan = off; select count(*) from public.t where a = 1")
            primary.one("select pg_stat_force_next_flush()")
            alone = findings(cli, standby, "indexes")["indexes.unused:public.t_a"]
            assert alone["severity"] == "info"
            assert alone["message"].endswith("on this standby; add the primary with --replica URL")
            assert "indexes.unused:public.t_a" not in findings(cli, standby, "indexes", "--replica", primary.url)
