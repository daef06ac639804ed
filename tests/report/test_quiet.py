"""No false alarm: a demo that works, and one that idles, has nothing that is a warning."""

import os
import time
from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.load import prepare, running
from tests.support.pace import long
from tests.support.reports import FSYNC, findings, serious
from tests.support.servers import PgServer

SECONDS = 60 if os.environ.get("CHATSCHEMA_TEST_FULL") else 6


@long
def test_a_demo_under_load_and_then_idle_has_no_warning(cli: Cli, server: PgServer, seeded_template: str, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text(FSYNC)
    (tmp_path / "load").mkdir()
    for database in create(server, f"quiet_{time.time_ns()}", seeded_template):
        database.run("create extension if not exists pg_stat_statements")
        prepare(database, {})
        with running(database, tmp_path / "load") as load:
            time.sleep(SECONDS / 2)
            assert _alarms(cli, database) == {}
            time.sleep(SECONDS / 2)
            assert _alarms(cli, database) == {}
        assert load.failed == 0
        assert len(load.transactions) > SECONDS * 20
        assert _alarms(cli, database) == {}


def _alarms(cli: Cli, database: Database) -> dict[str, str]:
    return {id: found["message"] for id, found in serious(findings(cli, database)).items()}
