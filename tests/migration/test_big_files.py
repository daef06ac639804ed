"""Files of megabytes: time and memory grow with the file, and a statement that fails in the middle of it is shown as any other."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatschema import statements
from chatschema.sqlfile import SqlFile
from chatschema.statements import Statements
from tests.support import ROOT, peak
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import long

LINE = "insert into public.note (i, t) values (%d, 'some text; with a sign %d');\n"
TABLE = "create table public.note (i int, t text);\n"


def lines(count: int) -> str:
    return "".join(LINE % (i, i) for i in range(count))


# Each a piece of text that is repeated, or one that is never closed: what makes a splitter go over the same text again.
SHAPES = {
    "one-line inserts": LINE,
    "comments": "-- a comment; no statement\n/* another; */\n",
    "one long literal": "it''s; ",
    "parentheses": "(f(a, (b)), ",
    "openings": "(",
    "dollar signs": "a$b $1 $ - / ",
    "dollar quotes": "select $a$ ; $a$ || $$ ; $$;",
    "nested comments": "/* ",
    "quotes": "'a' \"b\" ",
    "minus signs": "1 - -1 / 2",
    "words in a body": "select case when a then b end, as end; ",
    "blank lines": "\n \t\n",
}
BEGINNINGS = {"one long literal": "select E'", "words in a body": "create function f() returns int begin atomic "}


@pytest.mark.parametrize("shape", SHAPES)
def test_splitting_takes_time_in_proportion_to_the_text(shape: str) -> None:
    def seconds(size: int) -> float:
        content = (BEGINNINGS.get(shape, "") + SHAPES[shape] * (size // len(SHAPES[shape]))).encode()
        times = []
        for _ in range(2):
            started = time.process_time()
            Statements(content)
            statements.without_literals(content)
            times.append(time.process_time() - started)
        return max(min(times), 0.0005)

    # A splitter that counts, searches or copies from the beginning takes the square of it.
    small, times = (1 << 16, 32) if shape == "one-line inserts" else (1 << 15, 16)
    assert seconds(times * small) / seconds(small) < 3 * times


def test_the_statements_of_a_large_file_are_not_copied() -> None:
    content = lines(20_000).encode()
    found = Statements(content)
    assert len(found) == 20_000
    assert found[12_345].line == 12_346
    assert found[12_345].text == content.decode().split(";\n")[12_345]
    assert [statement.line for statement in found] == list(range(1, 20_001))
    assert found.content is content


def test_the_checksum_is_the_one_of_earlier_releases(tmp_path: Path) -> None:
    """Of the whole text at once, by which every database in the world has recorded its migrations."""
    odd = ["a \t", "", " \x0b", "b\x0cc", "d\x1ce \x85f\u2028g", "\u00a0", "h\r", "\r", "ü👍 ", "", "x" * 70_000]
    for text in ("", "\n\n", "\n".join(odd), "\n".join(odd * 40), "\n\n\nselect 1;\r\n\r\n", lines(20_000)):
        path = tmp_path / "a.sql"
        path.write_bytes(text.encode())
        seen = text.replace("\r\n", "\n")
        expected = "\n".join(line.rstrip() for line in seen.rstrip().splitlines())
        assert SqlFile(path).checksum == hashlib.sha256(expected.encode()).hexdigest()


@pytest.mark.parametrize(
    ("statement", "says", "caret"),
    [
        ("insert into public.note\n    values (1, 2, 3);", "INSERT has more expressions than target columns", "    values (1, 2, 3);\n{}|                   ^"),
        ("alter table public.nowhere add column x int;", 'relation "public.nowhere" does not exist', None),
        ("insert into public.note values ('x;y', 1);", 'invalid input syntax for type integer: "..."', "insert into public.note values (*****, 1);\n{}|                                 ^"),
    ],
)  # fmt: skip
def test_a_statement_that_fails_late_in_a_large_file_is_the_one_that_is_shown(
    cli: Cli, migrated: Database, sql_dir: Path, statement: str, says: str, caret: str | None
) -> None:
    write(sql_dir, NEXT, TABLE + lines(7_321) + statement + "\n" + lines(1_000))
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    line = 7_323 + ("position" if caret is None else statement).count("\n")
    assert result.err.startswith(f"error[migration.failed]: {NEXT}.sql line {line}: {says}"), result.err[:500]
    if caret:
        assert caret.format("      ") in result.err
    assert f"{NEXT} was rolled back" in result.err
    assert migrated.one("select to_regclass('public.note') is null")
    assert applied(migrated) == IDS


def test_statements_that_are_sent_together_act_as_they_do_alone(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    text = r"""
create table public.note (i int, t text, at timestamptz default statement_timestamp());
set local search_path = pg_catalog;
do $$ begin assert current_setting('search_path') = 'pg_catalog'; raise notice 'first'; end $$;
set search_path = public;
create function note_count() returns bigint begin atomic select count(*) from note; end;
create function note_add(n int) returns int language plpgsql as $f$ begin insert into note (i) values (n); return n; end; $f$;
select note_add(1); select note_add(2);
savepoint here;
insert into note (i, t) values (3, E'it\'s; here'), (4, 'back\slash;'), (5, E'a'
'\'; b');
select pg_sleep(0.01);
insert into note (i) values (6);
rollback to here;
release here;
declare c cursor for select * from note; fetch all from c; close c;
prepare p as select $1::int; execute p (1); deallocate p;
select repeat('x', 100000) from generate_series(1, 100);
set constraints all deferred;
do $$ begin raise warning 'second'; assert note_count() = 2; end $$;
insert into note (i, t) values (7, current_query());
"""
    write(sql_dir, NEXT, text)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 0, result.err
    assert [line for line in result.err.splitlines() if "first" in line or "second" in line] == ["notice: first", "warning: second"]
    assert migrated.one("select count(distinct at) from public.note") == 3, "each has a time of its own"
    assert migrated.one("select t from public.note where i = 7") == "insert into note (i, t) values (7, current_query())"


@pytest.mark.parametrize(
    "text",
    ["select 1; select $1;", "begin;", "/* a */ start /* b */ transaction;", "set transaction isolation level serializable;"],
)
def test_what_a_transaction_of_statements_cannot_have_is_refused(cli: Cli, migrated: Database, sql_dir: Path, text: str) -> None:
    write(sql_dir, NEXT, text)
    result = cli("migrate", "--url", migrated.url, "--sql-dir", str(sql_dir))
    assert result.code == 1
    code = "transaction" if "begin" in text or "start" in text else "failed"
    assert result.err.startswith(f"error[migration.{code}]: {NEXT}.sql line 1: ")
    assert "bind message" not in result.err
    assert applied(migrated) == IDS


@long
def test_a_large_file_takes_memory_in_proportion_and_less_than_four_times_its_size(migrated: Database, sql_dir: Path) -> None:
    migrate = [sys.executable, "-m", "chatschema", "migrate", "--url", migrated.url, "--sql-dir", str(sql_dir)]
    write(sql_dir, NEXT, TABLE + lines(10))
    small = peak.memory(migrate, env=clean_environment(), cwd=sql_dir)
    text = lines(60_000)
    write(sql_dir, "20990102000000_add_rows", text)
    large = peak.memory(migrate, env=clean_environment(), cwd=sql_dir)
    # Beyond what a small file takes, less than three times: with that, a large one takes less than four times its size.
    assert large - small < 3 * len(text)


def test_status_and_a_run_with_nothing_to_do_split_no_file(migrated: Database) -> None:
    code = f"""
import sys
from chatschema import statements
def refuse(self, content): raise AssertionError("split")
statements.Statements.__init__ = refuse
from chatschema.cli import main
for arguments in (["status"], ["migrate"], ["migrate", "--dry-run"]):
    sys.argv = ["chatschema", *arguments, "--url", {migrated.url!r}]
    try: main()
    except SystemExit as end: assert not end.code, arguments
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stdout
