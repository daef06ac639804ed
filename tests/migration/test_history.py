"""Files against ledger: what was edited, lost, renamed or slipped in is found, and nothing is built on it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS, NEXT, applied, write


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (lambda d: (d / f"{IDS[3]}.sql").write_text("select 1;"), 1, f"{IDS[3]}  edited"),
        (lambda d: (d / f"{IDS[3]}.sql").unlink() or (d / f"{IDS[3]}.rollback.sql").unlink(), 1, f"{IDS[3]}  missing"),
        (lambda d: (d / f"{IDS[9]}.rollback.sql").unlink() or (d / f"{IDS[9]}.sql").rename(d / "20241217000099_new_name.sql"),
         1, f"{IDS[9]}  renamed: the file is now 20241217000099_new_name"),
        (lambda d: (d / "20241217000000_0_x.sql").write_text("select 1;"), 1, "is not a valid name for a migration"),
        (lambda d: (d / "20241216000000_add_early.sql").write_text("create table public.early (i int);"), 1, "20241216000000_add_early  out-of-order"),
        (lambda d: (d / "20241217000003_add_twin.sql").write_text("select 1;"), 1, "have the same number"),
        (lambda d: [path.unlink() for path in d.iterdir()], 1, "there are no migrations in"),
        (lambda d: [path.unlink() for path in d.iterdir()] and d.rmdir(), 1, "there is no folder"),
        (lambda d: (d / f"{NEXT}.sql").write_text("-- only words\n"), 1, "has no statement"),
        (lambda d: (d / f"{NEXT}.rollback.sql").write_text("select 1;"), 1, "has no migration"),
        (lambda d: (d / f"{NEXT}.sql").write_text("select 1;\ncommit;\nselect 2;"), 1, "line 2: commit is not allowed"),
        (lambda d: (d / f"{NEXT}.sql").write_text("-- transactional: false\nselect 1; select 2;"), 1, "has 2 statements"),
        (lambda d: (d / f"{NEXT}.sql").write_text("copy public.users from stdin;\n1\n\\.\n"), 1, "copy from stdin and to stdout are not allowed"),
        (lambda d: (d / f"{NEXT}.sql").write_bytes(b"select '\xff';"), 1, "is not UTF-8 text"),
        (lambda d: (d / f"{NEXT}.py").write_text("steps = []"), 1, "is not a valid name for a migration"),
    ],
)  # fmt: skip
def test_a_damaged_history_is_refused_and_the_database_unchanged(
    cli: Cli, migrated: Database, sql_dir: Path, damage: object, code: int, says: str
) -> None:
    before = dump(migrated)
    damage(sql_dir / "migrations")  # type: ignore[operator]
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == code, result.err
    assert says in result.err
    assert "Traceback" not in result.err
    assert dump(migrated) == before
    assert applied(migrated) == IDS


def test_status_names_the_same_states_and_check_exits_3(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    assert cli("status", "--check", *options).code == 0
    folder = sql_dir / "migrations"
    (folder / f"{IDS[3]}.sql").write_text("select 1;")
    (folder / f"{IDS[4]}.sql").rename(folder / "20241217000004_other_name.sql")
    (folder / f"{IDS[4]}.rollback.sql").unlink()
    (folder / f"{IDS[5]}.sql").unlink()
    (folder / f"{IDS[5]}.rollback.sql").unlink()
    write(sql_dir, "20241216000000_add_early", "select 1;")
    write(sql_dir, NEXT, "select 1;")
    result = cli("status", "--check", "--json", *options)
    states = {entry["id"]: entry["state"] for entry in result.json()["migrations"]}
    assert result.code == 3
    assert [states[id] for id in (IDS[3], IDS[4], IDS[5], "20241216000000_add_early", NEXT)] == [
        "edited", "renamed", "missing", "out-of-order", "pending",
    ]  # fmt: skip


def test_bom_and_crlf_are_read_over_and_are_no_edit(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    for path in (sql_dir / "migrations").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    assert cli("status", "--check", *options).code == 0
    write(sql_dir, NEXT, "\ufeff-- note: a note.\r\ncreate table public.note (i int);\r\nselect 1;\r\n")
    assert cli("migrate", *options).code == 0


def test_stock_yoyo_reads_the_same_history(cli: Cli, migrated: Database) -> None:
    url = migrated.url.replace("postgresql://", "postgresql+psycopg://") + "?schema=chatschema"
    listed = subprocess.run(
        [str(Path(sys.executable).parent / "yoyo"), "list", "--batch", "--no-config-file", "--database", url, str(ROOT / "sql" / "migrations")],
        capture_output=True, text=True, check=True, env=clean_environment(),
    )  # fmt: skip
    lines = [line.split()[:2] for line in listed.stdout.splitlines() if line.startswith(("A ", "U "))]
    assert lines == [["A", id] for id in IDS]


def test_a_stock_yoyos_lock_is_respected(cli: Cli, migrated: Database) -> None:
    migrated.run("insert into chatschema.yoyo_lock (pid, ctime) values (4242, now())")
    result = cli("migrate", "--url", migrated.url)
    assert result.code == 1
    assert "pid 4242" in result.err
    assert "yoyo break-lock" in result.err


def test_what_stock_yoyo_applied_is_taken_as_applied(cli: Cli, migrated: Database) -> None:
    migrated.run("delete from chatschema.migrations")
    assert cli("migrate", "--url", migrated.url).out.startswith("nothing to do")
    assert cli("status", "--check", "--url", migrated.url).code == 0
