"""Killed at every statement of an undo, client or server, under load: all of a migration is undone and unmarked, or nothing is.

CHATSCHEMA_TEST_FULL=1 (make test-kills) kills at each statement in each way; else every fifth statement is hit in one way.
"""

import os
from pathlib import Path

import pytest

from tests.support import load
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.killing import killed, settled, steps_of
from tests.support.migrations import IDS, NEXT, applied, write
from tests.support.pace import long

IS_FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
WAYS = ("before", "during", "server")
APPLY = """
create table public.note (id int primary key, text text, more text);
insert into public.note select n, 'text ' || n, 'more' from generate_series(1, {rows}) as n;
create index idx_note_text on public.note (text);
create table public.note_tag (note_id int references public.note, tag text);
insert into public.note_tag select id, 'tag' from public.note;
"""
ROLLBACK = """
delete from public.note_tag where note_id > 500;
alter table public.note drop column more;
do $$ begin execute 'drop table public.note_tag'; end $$;
drop index public.idx_note_text;
truncate public.note;
drop table public.note;
"""


def command(sql_dir: Path) -> tuple[str, ...]:
    return ("undo", "--yes", "--to", IDS[-1], "--sql-dir", str(sql_dir))


@long
@pytest.mark.parametrize("rows", [1000, 0])
def test_killed_at_each_statement_it_is_whole_and_converges(
    cli: Cli, migrated: Database, sql_dir: Path, tmp_path: Path, rows: int
) -> None:
    """Without rows on a protected database it runs, is taken back for a look at the tables, and runs again."""
    options = ("--url", migrated.url, "--sql-dir", str(sql_dir))
    write(sql_dir, NEXT, APPLY.format(rows=rows), ROLLBACK)
    if not rows:
        migrated.run("insert into chatschema.protection (reason) values ('production')")
    undone = state(migrated)
    assert cli("migrate", *options).code == 0
    whole = state(migrated)
    steps = steps_of(command(sql_dir), migrated, sql_dir)
    again(cli, migrated, options)
    load.prepare(migrated, {})
    hit = {"undone": 0, "as before": 0, "not reached": 0}
    with load.running(migrated, tmp_path, clients=2, rate=40):
        for nth in range(1, steps + 1, 1 if IS_FULL else 9):
            for way in WAYS if IS_FULL else (WAYS[nth % 2],):
                if way == "server":
                    continue
                hit[one(cli, migrated, sql_dir, nth, way, whole, undone)] += 1
                again(cli, migrated, options)
    for nth in range(1, steps + 1) if IS_FULL else (steps // 2,):
        hit[one(cli, migrated, sql_dir, nth, "server", whole, undone)] += 1
        again(cli, migrated, options)
    print(f"undo, {rows} rows: {steps} statements, {sum(hit.values())} kills: {hit}")
    assert hit["as before"] >= steps / (2 if IS_FULL else 20)


def state(database: Database) -> tuple[object, ...]:
    rows = database.all("select to_regclass('public.note'), to_regclass('public.note_tag')")
    counts = database.one("select count(*) from public.note") if rows[0][0] else None
    return dump(database), applied(database), counts


def one(cli: Cli, database: Database, sql_dir: Path, nth: int, way: str, whole: object, undone: object) -> str:
    """Kill once; return where that left the database, which is one of two states."""
    code = killed(nth, way, command(sql_dir), database, sql_dir).code
    settled(database)
    now = without_load(database)
    options = ("--url", database.url, "--sql-dir", str(sql_dir))
    assert now in (whole, undone), (nth, way)
    assert cli("status", "--json", *options).json()["structure"]["differences"] == [], (nth, way)
    again_undone = cli("undo", "--yes", "--to", IDS[-1], *options)
    assert again_undone.code == 0, again_undone.err
    assert without_load(database) == undone
    return "not reached" if code == 0 else "undone" if now == undone else "as before"


def without_load(database: Database) -> tuple[object, ...]:
    """Return the state without the table that the clients use."""
    text, *rest = state(database)
    return "\n\n".join(part for part in str(text).split("\n\n") if "public.load" not in part), *rest


def again(cli: Cli, database: Database, options: tuple[str, ...]) -> None:
    result = cli("migrate", *options)
    assert result.code == 0, result.err
