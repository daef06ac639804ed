"""The replay of verify: files run together in one transaction, with the result that they have one by one."""

import os
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import write
from tests.support.verified import names, verified

# Each follows from how the files before it were run; some cannot be run in their transaction.
FILES = (
    "create type public.mood as enum ('calm'); create table public.moods (id int primary key, mood public.mood, other int);",
    "alter type public.mood add value 'happy';",
    "alter table public.moods add constraint moods_mood_check check (mood <> 'happy' or id > 0);",
    "alter table public.moods add constraint moods_other_fkey foreign key (other) references public.moods (id) deferrable initially deferred;",
    "insert into public.moods (id, other) values (1, 1);",
    "alter table public.moods add column note text;",
    "set search_path = chatschema; create table noted (i int);",
    "create table plain (i int);",
    "set local role pg_monitor; reset role; alter table public.plain owner to pg_monitor;",
    "do $$ begin perform set_config('search_path', 'chatschema', true); end $$; create view seen as select 1 as one;",
    "create view shown as select 2 as two;",
    "insert into public.moods (id, mood) values (2, 'happy');",
    "create index idx_moods_mood on public.moods (mood);",
    "alter table public.moods drop constraint moods_other_fkey;",
)  # fmt: skip


def project(tmp_path: Path, texts: tuple[str, ...]) -> Path:
    folder = tmp_path / "own"
    (folder / "migrations").mkdir(parents=True)
    for number, text in enumerate(texts):
        write(folder, f"{20990101000000 + number}_file_{number}", f"-- file {number}: x.\n{text}\n", "select 1;")
    return folder


def test_files_run_together_make_what_they_make_one_by_one(cli: Cli, empty: Database, tmp_path: Path) -> None:
    options = ("--sql-dir", str(project(tmp_path, FILES)))
    assert cli("migrate", "--url", empty.url, *options).code == 0
    tables = "select array_agg(c.oid::regclass::text order by c.oid) from pg_class as c where relname in ('noted', 'plain', 'seen', 'shown')"
    assert empty.one(tables) == ["chatschema.noted", "plain", "chatschema.seen", "shown"]
    assert verified(cli, empty, *options)["differences"] == []
    empty.run("drop view public.shown; alter table public.moods drop column note")
    assert names(verified(cli, empty, *options)) == ["column public.moods.note", "view public.shown"]


def test_a_file_that_fails_in_the_replay_is_named_with_its_line(cli: Cli, empty: Database, tmp_path: Path) -> None:
    options = ("--sql-dir", str(project(tmp_path, ("create table public.a (i int);", "create table public.b (i int);"))))
    assert cli("migrate", "--url", empty.url, *options).code == 0
    folder = tmp_path / "own" / "migrations"
    file = folder / "20990101000001_file_1.sql"
    file.write_text("-- file 1: x.\nselect 1;\ncreate table public.a (i int);\n")
    result = cli("repair", "20990101000001", "--url", empty.url, *options)
    assert '20990101000001_file_1.sql line 3: relation "a" already exists' in result.out + result.err


@pytest.mark.skipif(not os.environ.get("CHATSCHEMA_TEST_FULL"), reason="a measurement; make bench-verify has more")
def test_hundreds_of_files_are_replayed_in_a_few_seconds(cli: Cli, empty: Database, tmp_path: Path) -> None:
    texts = (
        "create table public.notes (i int);",
        *(f"alter table public.notes add column n{number} text;" for number in range(300)),
    )
    options = ("--sql-dir", str(project(tmp_path, texts)))
    started = time.monotonic()
    assert cli("migrate", "--url", empty.url, *options).code == 0
    migrate_s = time.monotonic() - started
    started = time.monotonic()
    assert verified(cli, empty, *options)["differences"] == []
    # One by one it took longer than migrate: it runs the same files, and reads two catalogs.
    assert time.monotonic() - started < max(migrate_s / 2, 3)
