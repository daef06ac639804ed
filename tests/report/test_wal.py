"""WAL that is not archived although no attempt fails: there is no command, or it is too slow."""

import time
from pathlib import Path

from conftest import Cli, Database, create
from reports import FSYNC, findings, rows
from servers import PgServer, private, programs

SETTINGS = "archive_mode = on\narchive_command = ''\nmax_wal_size = '32MB'\nmin_wal_size = '32MB'"


def test_an_archive_without_a_command_and_one_that_is_too_slow(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.wal]\nwaiting_files = 2\n" + FSYNC)
    kind = server.name if server.name in ("embedded", "system") else "system"
    with private(programs(kind), kind, config=SETTINGS) as own:
        for database in create(own, "archived"):
            for _ in range(6):
                database.one("select pg_logical_emit_message(true, 'test', 'x')")
                database.one("select pg_switch_wal()")
            database.one("select pg_logical_emit_message(true, 'test', 'x')")
            # No file was ever archived, so all that are full wait.
            full = database.one("select count(*) from pg_ls_waldir() where name < pg_walfile_name(pg_current_wal_insert_lsn())")
            assert database.one("select failed_count from pg_stat_archiver") == 0
            found = findings(cli, database, "wal")
            assert (found["wal.archiver:archiver"]["severity"], found["wal.archiver:archiver"]["value"]) == ("critical", full)
            assert "archive_command is empty" in found["wal.archiver:archiver"]["message"]
            assert rows(cli, database, "wal")["server"]["waiting"] == full
            _set_command(database, "sleep 1")
            waiting = findings(cli, database, "wal")["wal.waiting:archiver"]
            assert full - 4 <= waiting["value"] <= full
            assert waiting["severity"] == "warn"
            # What the archive catches up with is no finding any more.
            _set_command(database, "true")
            _until(database, "select count(*) < 3 from pg_ls_archive_statusdir() where name like '%.ready'")
            assert not [id for id in findings(cli, database, "wal") if id.startswith(("wal.waiting", "wal.archiver"))]


def _set_command(database: Database, command: str) -> None:
    database.run(f"alter system set archive_command = '{command}'")
    database.one("select pg_reload_conf()")
    _until(database, f"select current_setting('archive_command') = '{command}'")


def _until(database: Database, query: str) -> None:
    deadline = time.monotonic() + 20
    while not database.one(query):
        assert time.monotonic() < deadline, f"it did not come about: {query}"
        time.sleep(0.05)
