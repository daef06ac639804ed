"""WAL that is not archived although no attempt fails, and checkpoints that it forces."""

from pathlib import Path

from tests.support.cli import Cli
from tests.support.database import Database, create
from tests.support.reports import FSYNC, findings, rows, run_fix, until
from tests.support.servers import PgServer, beside

SETTINGS = "archive_mode = on\narchive_command = ''\nmax_wal_size = '32MB'\nmin_wal_size = '32MB'"


def test_an_archive_without_a_command_and_one_that_is_too_slow(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    (tmp_path / "chatschema.toml").write_text("[report.wal]\nwaiting_files = 2\n" + FSYNC)
    with beside(server, config=SETTINGS) as own:
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
            until(database, "select count(*) < 3 from pg_ls_archive_statusdir() where name like '%.ready'")
            assert not [id for id in findings(cli, database, "wal") if id.startswith(("wal.waiting", "wal.archiver"))]


def test_only_checkpoints_that_the_wal_forces_count(cli: Cli, server: PgServer, tmp_path: Path) -> None:
    """Three that somebody asks for, with 33 MB between, are none of a max_wal_size of 128 MB, which forces one after 64; 32 MB do after 16."""
    (tmp_path / "chatschema.toml").write_text("[report.wal]\nmin_checkpoints = 3\n" + FSYNC)
    config = "max_wal_size = '128MB'\nmin_wal_size = '32MB'\ncheckpoint_timeout = '1h'"
    with beside(server, config=config) as own:
        for database in create(own, "checked"):
            view, column = ("bgwriter", "checkpoints_req") if own.version < 170000 else ("checkpointer", "num_requested")
            requested = f"select {column} from pg_stat_{view}"
            _empty_counters(database, view)
            for _ in range(3):
                _write(database, 33)
                database.run("checkpoint")
            assert database.one(requested) == 3
            assert "wal.requested:checkpoints" not in findings(cli, database, "wal")
            database.run("alter system set max_wal_size = '32MB'")
            database.one("select pg_reload_conf()")
            until(database, "select current_setting('max_wal_size') = '32MB'")
            _empty_counters(database, view)
            for number in range(3):
                _write(database, 18)
                until(database, f"select ({requested}) > {number}")
            counted = database.one(requested)
            found = findings(cli, database, "wal")["wal.requested:checkpoints"]
            run_fix(cli, database, found["fix"])
            until(database, "select current_setting('max_wal_size') <> '32MB'")
            assert "wal.requested:checkpoints" not in findings(cli, database, "wal")
            # Nobody's counters are lost by it, and it can be taken back.
            assert database.one(requested) >= counted
            run_fix(cli, database, found["undo"])
            until(database, "select current_setting('max_wal_size') = '32MB'")
            assert "wal.requested:checkpoints" in findings(cli, database, "wal")


def _empty_counters(database: Database, view: str) -> None:
    database.one("select pg_stat_reset_shared('wal')")
    database.one(f"select pg_stat_reset_shared('{view}')")


def _write(database: Database, megabytes: int) -> None:
    database.one(f"select count(pg_logical_emit_message(false, 'test', repeat('x', 1048576))) from generate_series(1, {megabytes})")


def _set_command(database: Database, command: str) -> None:
    database.run(f"alter system set archive_command = '{command}'")
    database.one("select pg_reload_conf()")
    until(database, f"select current_setting('archive_command') = '{command}'")
