"""What a command loads and asks before it does anything: most runs find nothing to do, and wait for that."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.migrations import write

HEAVY = ("pydantic", "yoyo", "sqlparse", "rich", "faker", "nacl", "bcrypt", "dotenv", "tomllib", "pyarrow", "zstandard")
RUN = """
import sys
import psycopg
asked = [0]
execute = psycopg.Cursor.execute
def counted(self, *arguments, **options):
    asked[0] += 1
    return execute(self, *arguments, **options)
psycopg.Cursor.execute = counted
from chatschema.cli import main
sys.argv = ["chatschema", *{arguments!r}]
try: main()
except SystemExit as end: assert not end.code, end.code
print("loaded", sorted(set(sys.modules) & set({heavy!r})))
print("asked", asked[0])
"""


def run(folder: Path, *arguments: str) -> tuple[str, int]:
    code = RUN.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), cwd=folder, capture_output=True, text=True, check=True
    )
    *_, loaded, asked = done.stdout.splitlines()
    return loaded.removeprefix("loaded "), int(asked.removeprefix("asked "))


@pytest.mark.parametrize(("command", "questions"), [("status", 33), ("migrate", 30)])
def test_a_run_with_nothing_to_do_loads_and_asks_little(migrated: Database, tmp_path: Path, command: str, questions: int) -> None:
    loaded, asked = run(tmp_path, command, "--url", migrated.url)
    assert loaded == "[]"
    assert asked <= questions


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--wait", "3"), 0),
        (("--wait", "x"), 2),
        (("--wait", "-1"), 2),
        (("--sql-dir", "/nowhere"), 2),
        (("--lock-wait", "0.5", "--json"), 0),
    ],
)
def test_values_of_options_are_understood_as_before(cli: Cli, migrated: Database, arguments: tuple[str, ...], code: int) -> None:
    assert cli("migrate", *arguments, "--url", migrated.url).code == code


def test_each_of_many_migrations_is_a_transaction_of_its_own(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, "20990101000000_create_note", "create table public.note (x xid8 default pg_current_xact_id(), i int);")
    for i in range(1, 30):
        write(sql_dir, f"209901010000{i:02}_add_row", f"insert into public.note (i) values ({i});")
    write(sql_dir, "20990101000099_add_wrong", "insert into public.note (i) values ('wrong');")
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert (result.code, len(result.out.splitlines())) == (1, 30)
    assert migrated.one("select count(distinct x) from public.note") == 29
    # Row, mark, log and checksum of each have the same transaction.
    joined = """
        select count(*) from public.note as n
        join chatschema.migrations as m on m.xmin::text = n.x::text
        join chatschema._yoyo_migration as y on y.migration_id = m.migration_id and y.xmin = m.xmin
        join chatschema._yoyo_log as l on l.migration_id = m.migration_id and l.xmin = m.xmin
    """
    assert migrated.one(joined) == 29
