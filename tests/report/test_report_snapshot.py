"""A snapshot of the statistics is one private file without secrets, and only what it is compared with makes sense of it."""

import json
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatschema.report.literals import redacted, without
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.moments import add_notes, ask, compared, edited, query_of, snapshot


@pytest.fixture
def noted(empty: Database) -> Database:
    add_notes(empty)
    return empty


def test_it_is_one_private_file_and_nothing_is_reset(cli: Cli, noted: Database, tmp_path: Path) -> None:
    info = "select stats_reset from pg_stat_statements_info"
    calls = "select calls from pg_stat_statements where query like 'select body%%' and dbid = (select oid from pg_database where datname = current_database())".replace(
        "%%", "%"
    )
    ask(noted, "select body from public.note where id = %s", [1] * 5)
    reset = noted.one(info)
    result = cli("report", "snapshot", "ünï a.json", "--url", noted.url)
    assert result.code == 0, result.err
    assert result.out.startswith("wrote ünï a.json: ")
    assert f"1 tables of {noted.name}" in result.out
    path = tmp_path / "ünï a.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert (noted.one(info), noted.one(calls)) == (reset, 5)
    first = path.read_bytes()
    refused = cli("report", "snapshot", path.name, "--url", noted.url)
    assert refused.code == 2
    assert "already exists" in refused.err
    assert "--force" in refused.err
    assert path.read_bytes() == first
    path.chmod(0o644)
    assert cli("report", "snapshot", path.name, "--force", "--url", noted.url).code == 0
    assert path.read_bytes() != first
    assert path.stat().st_mode & 0o777 == 0o600


def test_places_that_cannot_be_written(cli: Cli, noted: Database, tmp_path: Path) -> None:
    device = cli("report", "snapshot", "/dev/null", "--force", "--url", noted.url)
    assert (device.code, "is not a file" in device.err) == (2, True)
    for name in ("missing/a.json", "/proc/a.json"):
        result = cli("report", "snapshot", name, "--url", noted.url)
        assert result.code == 1
        assert f"{name} cannot be written: " in result.err
        assert "hint: " in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_former_file(noted: Database, tmp_path: Path) -> None:
    """The size a process may write to a file stands for the disk: the write ends half-way with an error as it does there."""
    import resource
    import signal
    import subprocess
    import sys

    from tests.support.cli import clean_environment

    (tmp_path / "a.json").write_text("former")

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = subprocess.run(
        [sys.executable, "-m", "chatschema", "report", "snapshot", "a.json", "--force", "--url", noted.url],
        cwd=tmp_path, env=clean_environment(), preexec_fn=small, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "a.json cannot be written: File too large" in done.stderr
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.json", "former")]


def test_no_password_gets_into_the_file(cli: Cli, noted: Database, tmp_path: Path) -> None:
    role = f"r_{noted.name}"
    noted.run(
        f"create role {role} password 'geheim-1'; alter role {role} password E'geheim-2\\'geheim-3'; set app.key = 'geheim-4'"
    )
    noted.run("do $x$ begin perform 'geheim-5'; end $x$; select 'geheim-6', count(*) from public.note; notify n, 'geheim-7'")
    noted.run("create foreign data wrapper w; create server s foreign data wrapper w")
    noted.run("create user mapping for public server s options (password 'geheim-8')")
    noted.run(f"drop role {role}")
    text = (tmp_path / snapshot(cli, noted, "a.json")).read_text()
    assert f"alter role {role} password '?'…" in text
    assert "geheim" not in text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("select $1, \"it's\" from t where a = $2 -- don't", "select $1, \"it's\" from t where a = $2 -- don't"),
        ("/* it's */ select 'a''b', E'c\\'d', $$e'$$, $q$f$q$, U&'g', x", "/* it's */ select '?', '?', '?', '?', '?', x"),
        ("with a as (select 'x') select 'never closed", "with a as (select '?') select '?'"),
        ("(select 'x') union select 1", "(select '?') union select 1"),
        ("alter role a password 'x' valid until 'y'", "alter role a password '?'…"),
        ("create role a password $$x$$", "create role a password '?'…"),
        ("-- select\ncreate role a password 'x'", "-- select\ncreate role a password '?'…"),
        ("vacuum t", "vacuum t"),
    ],
)
def test_literals_are_left_out(text: str, kept: str) -> None:
    assert without(text) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("select 'x' from t where a = 7", "select '?' from t where a = 7"),
        ("alter role a password 'x", "alter role a password '?'…"),
        ("do $$ begin perform 'x'; end $$", "do '?'…"),
        ("7 waits for 8: alter role a password $x$y$x$ valid until 'z'", "7 waits for 8: alter role a password '?'…"),
        ("it's idle for 5 min: ALTER USER MAPPING FOR a SERVER s OPTIONS (set p 'x')",
         "it's idle for 5 min: ALTER USER MAPPING FOR a SERVER s OPTIONS (set p '?'…"),
        ("12: create subscription s connection 'host=a password=b' publication p", "12: create subscription s connection '?'…"),
        ("the column's type is 'x', it's kept", "the column's type is 'x', it's kept"),
    ],
)  # fmt: skip
def test_queries_and_messages_are_shown_without_secrets(text: str, kept: str) -> None:
    assert redacted(text) == kept


def test_without_the_extension_the_indexes_are_still_compared(cli: Cli, empty: Database, tmp_path: Path) -> None:
    empty.run("create table public.t (i int primary key)")
    result = cli("report", "snapshot", "a.json", "--url", empty.url)
    assert result.code == 0
    assert "no queries, 1 indexes and 1 tables" in result.out
    assert f"not visible: pg_stat_statements is not created in {empty.name}" in result.err
    assert "create extension pg_stat_statements" in result.err
    empty.run("alter table public.t drop constraint t_pkey")
    result = cli("report", "diff", "a.json", "--fail-on-regression", "--url", empty.url)
    assert result.code == 3, "not evaluated is not passed"
    assert "queries: not compared: pg_stat_statements is not created" in result.out
    assert "public.t_pkey" in result.out
    assert "fails: the queries were not compared" in result.err
    empty.run("create extension pg_stat_statements")
    result = cli("report", "diff", "a.json", "--url", empty.url)
    assert f"not compared: when A was taken: pg_stat_statements is not created in {empty.name}" in result.out
    assert "chatschema report snapshot FILE" in result.err


def test_an_old_extension_and_a_role_without_rights(cli: Cli, empty: Database) -> None:
    """pg_upgrade leaves an old view behind; another role's texts are hidden from a plain role."""
    empty.run("create schema ext; create extension pg_stat_statements schema ext version '1.7'")
    role = f"r_{empty.name}"
    empty.run(f"create role {role} login password 'tiger99'")
    try:
        empty.run("create table public.t (i int); select count(*) from public.t")
        url = empty.server.url(empty.name, user=role, password="tiger99")
        result = cli("report", "snapshot", "none.json", "--url", url)
        assert result.code == 0, result.err
        assert "no queries, 0 indexes and 1 tables" in result.out
        assert f'grant usage on schema "ext" to "{role}"' in result.err
        empty.run(f"grant usage on schema ext to {role}")
        result = cli("report", "snapshot", "a.json", "--url", url)
        assert result.code == 0, result.err
        assert f'grant pg_read_all_stats to "{role}"' in result.err
        result = cli("report", "diff", "a.json", "--url", url)
        assert result.code == 0, result.err
        assert "entries of other roles are hidden and left out" in result.out
    finally:
        empty.run(f"drop owned by {role}; drop role {role}")
    snapshot(cli, empty, "b.json")
    empty.run("select count(*) from public.t")
    found = query_of(compared(cli, "b.json", "--url", empty.url), "select count(*) from public.t")
    assert (found["before"]["calls"], found["between"]["calls"]) == (1, 1)


def test_files_that_are_no_snapshot(cli: Cli, noted: Database, tmp_path: Path) -> None:
    good = (tmp_path / snapshot(cli, noted, "good.json")).read_text()
    document = json.loads(good)
    bad = {
        "truncated.json": good[: len(good) // 2],
        "empty.json": "",
        "text.json": "hello",
        "binary.json": "\x00\x01",
        "list.json": "[1, 2]",
        "other.json": '{"reports": []}',
        "deep.json": "[" * 100_000,
        "later.json": json.dumps(document | {"format": 2}),
        "damaged.json": json.dumps(document | {"indexes": [{"name": 1}]}),
        "typed.json": json.dumps(document | {"statements": [document["statements"][0] | {"calls": "many"}]}),
        "time.json": json.dumps(document | {"origin": document["origin"] | {"at": "yesterday"}}),
    }
    for name, text in bad.items():
        (tmp_path / name).write_text(text)
        result = cli("report", "diff", name, "good.json")
        assert result.code == 2, (name, result.err)
        assert name in result.err
        assert "chatschema report snapshot FILE" in result.err
    missing = cli("report", "diff", "good.json", "nothing.json")
    assert (missing.code, "nothing.json cannot be read: No such file" in missing.err) == (2, True)
    assert "format 2; this version of chatschema reads format 1" in cli("report", "diff", "later.json").err


def test_snapshots_that_do_not_follow_each_other(cli: Cli, noted: Database, tmp_path: Path, server: Any) -> None:
    a, b = snapshot(cli, noted, "a.json"), snapshot(cli, noted, "b.json")
    older = cli("report", "diff", b, a)
    assert older.code == 2
    assert "B is older than A" in older.err
    assert cli("report", "diff", a, a).code == 2
    other = cli("report", "diff", a, "--url", server.url("postgres"))
    assert other.code == 2
    assert "different databases and cannot be compared" in other.err
    assert "--force" in other.err
    edited(tmp_path / b, "server.json", system_identifier="7")
    assert "different servers" in cli("report", "diff", a, "server.json").err
    forced = cli("report", "diff", a, "server.json", "--force")
    assert forced.code == 0, forced.err
    assert "the values before are A's totals, the others are B's totals since" in forced.out


def test_a_locked_table_is_not_waited_for(cli: Cli, noted: Database) -> None:
    with psycopg.connect(noted.url) as blocker:
        blocker.execute("lock table public.note in access exclusive mode")
        started = time.monotonic()
        assert cli("report", "snapshot", "a.json", "--url", noted.url).code == 0
        assert time.monotonic() - started < 5
