"""The findings of lint in the plan of migrate."""

import subprocess
import sys
from pathlib import Path

from tests.support import ROOT
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.migrations import NEXT, applied, write
from tests.support.servers import programs

TEXT = """\
-- users: sentence.
-- Why: reason.
-- Risk: a moment.
alter table public.users add column plan json;
-- chatschema: ignore index because the table is small
create index idx_users_status on public.users (status);
comment on column public.users.plan is 'x'; comment on index public.idx_users_status is 'none';
"""


def test_findings_are_comments_of_the_plan_and_do_not_change_its_exit_code(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, TEXT, "drop table public.users;")
    (sql_dir / "migrations" / "20990102000000_add_later.sql").write_text(TEXT.replace("plan", "scheme").replace("status", "email"))
    options = ("--dry-run", "--scratch", "none", "--sql-dir", str(sql_dir), "--url", migrated.url)
    before = applied(migrated)
    result = cli("migrate", *options)
    assert (result.code, applied(migrated)) == (0, before), result.err
    first, later = result.out.split("-- migration 20990102000000_add_later")[0].split(f"-- migration {NEXT}")
    assert "-- lint warning, line 4: " in first
    assert "[json]\n--     fix: " in first
    assert "-- lint error, rollback line 1: " in first
    assert "[index]" not in first
    assert "-- lint warning, line 4: " in later
    assert "lint: " in result.err
    assert "2 ignored for a reason" in result.err
    assert "chatschema explain lint." in result.err
    document = cli("migrate", "--json", *options).json()
    found = {(one["code"], one["file"], one["line"], one["ignored_because"]) for one in document["findings"]}
    assert ("lint.json", f"sql/migrations/{NEXT}.sql", 4, None) in found
    assert ("lint.index", f"sql/migrations/{NEXT}.sql", 6, "the table is small") in found


def test_the_comments_do_not_end_before_their_line(cli: Cli, migrated: Database, sql_dir: Path, tmp_path: Path) -> None:
    name = 'public."Ünï ""q""\n; drop table public.users; --"'
    migrated.run(f"create table {name} (i int)")
    write(sql_dir, NEXT, f"-- n: a name.\nalter table {name} add column j json;", f"alter table {name} drop column j;")
    script = cli("migrate", "--dry-run", "--scratch", "none", "--sql-dir", str(sql_dir), "--url", migrated.url)
    assert (script.code, "-- lint warning" in script.out) == (0, True), script.err
    (tmp_path / "plan.sql").write_text(script.out)
    psql = [str(programs("embedded") / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(tmp_path / "plan.sql"), migrated.url]
    done = subprocess.run(psql, capture_output=True, text=True, check=False, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert migrated.one("select to_regclass('public.users') is not null")


def test_the_live_table_decides_the_level(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, TEXT.replace("-- chatschema: ignore index because the table is small\n", ""), "select 1;")
    out = cli("migrate", "--dry-run", "--scratch", "none", "--sql-dir", str(sql_dir), "--url", migrated.url).out
    # Without a database it is a warning.
    assert "-- lint info, line 5: create index blocks writes to public.users until the index is built (public.users: " in out


def test_a_plan_without_the_extra_says_so_in_one_line(migrated: Database, sql_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "postgast.py").write_text("raise ImportError")
    write(sql_dir, NEXT, TEXT, "select 1;")
    env = {**clean_environment(), "PYTHONPATH": f"{broken}:{ROOT}"}
    options = ["--scratch", "none", "--sql-dir", str(sql_dir), "--url", migrated.url]
    words = [sys.executable, "-m", "chatschema", "migrate", "--dry-run", *options]
    result = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert (result.returncode, "-- lint" in result.stdout) == (0, False)
    assert "the files were not checked: lint needs PostgreSQL's parser, postgast, which is not installed" in result.stderr
    assert "pip install 'chatschema[lint]'" in result.stderr
    document = subprocess.run([*words, "--json"], env=env, capture_output=True, text=True, check=False)
    assert '"findings": null' in document.stdout


def test_a_broken_lint_toml_and_a_large_file_do_not_stop_a_plan(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, TEXT, "select 1;")
    options = ("migrate", "--dry-run", "--scratch", "none", "--sql-dir", str(sql_dir), "--url", migrated.url)
    (sql_dir / "lint.toml").write_text("off = 7")
    broken = cli(*options)
    assert (broken.code, "the files were not checked: " in broken.err, "lint.toml" in broken.err) == (0, True, True)
    (sql_dir / "lint.toml").unlink()
    write(sql_dir, NEXT, TEXT + "-- " + "x" * 4_100_000, "select 1;")
    large = cli(*options)
    assert (large.code, f"not checked by lint, because they are large: {NEXT}" in large.err) == (0, True), large.err
