"""migrate --rehearse: the pending files on a copy, beside the queries of a chat; the database itself stays as it is."""

import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatschema.database import scratch
from chatschema.migration.rehearsal import shapes
from tests.support import load
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database, create
from tests.support.documents import validator
from tests.support.dump import dump
from tests.support.migrations import IDS, applied, write
from tests.support.pace import long

ONE, TWO = "20990101000001_one", "20990101000002_two"
REWRITE = "-- one: a column.\nalter table public.messages add column note text default clock_timestamp()::text;"


@pytest.fixture
def talking(aged: Database) -> Database:
    """A database with people who have talked in an old month."""
    load.prepare(aged, {})
    return aged


@pytest.fixture
def copy(talking: Database) -> Iterator[Database]:
    """A restored copy of it."""
    yield from create(talking.server, f"copy_{uuid.uuid4().hex[:8]}", talking.name)


def rehearse(cli: Cli, database: Database, sql_dir: Path, *more: str) -> Any:
    """Run a rehearsal; return its document, once it has the keys of its schema."""
    result = cli("migrate", "--rehearse", "--json", *more, "--sql-dir", str(sql_dir), "--url", database.url, timeout=120)
    assert result.code == 0, result.err
    document = result.json()
    assert [error.message for error in validator("migrate-rehearse").iter_errors(document)] == []
    return document


def state(database: Database) -> tuple[str, list[Any]]:
    return dump(database), database.all("select count(*), max(id::text), min(updated_at) from public.messages")


def databases(database: Database) -> list[str]:
    return [row[0] for row in database.all("select datname from pg_database where starts_with(datname, %s)", scratch.PREFIX)]


def test_a_restored_copy_is_migrated_under_load(cli: Cli, talking: Database, copy: Database, sql_dir: Path) -> None:
    write(sql_dir, ONE, REWRITE, "alter table public.messages drop column note;")
    write(sql_dir, TWO, "-- two: renames.\nalter table public.messages rename column content_encrypted to body;", "select 1;")
    before = state(talking)
    document = rehearse(cli, talking, sql_dir, "--copy", copy.url)
    assert [one["name"] for one in document["load"]["queries"]][:3] == ["page", "send", "upsert"]
    first, second = document["migrations"]
    assert (first["id"], second["id"]) == (ONE, TWO)
    assert first["duration_ms"] > 0
    assert first["wal_bytes"] > 0
    # A client waits for at least a part of the rewrite; all copies are whole, so nothing is scaled.
    assert 0.9 < first["factor"] < 1.1
    # Whoever still sends to the old column fails, and only after the second file.
    assert first["failures"] == []
    (failure,) = second["failures"]
    assert (failure["name"], 'column "content_encrypted"' in failure["error"]) == ("send", True)
    assert document["total"]["longest_wait_ms"] == max(one["longest_wait_ms"] for one in document["migrations"])
    assert state(talking) == before
    assert applied(copy)[-2:] == [ONE, TWO]


@long
def test_the_waits_of_readers_and_writers_are_seen(cli: Cli, talking: Database, copy: Database, sql_dir: Path) -> None:
    one = "-- one: a lock for a while.\nlock table public.messages in access exclusive mode;\nselect pg_sleep(1.5);"
    write(sql_dir, ONE, one, "select 1;")
    # No query of the chat writes into it.
    two = "-- two: a lock for a while.\nlock table public.attachments in share mode;\nselect pg_sleep(1.2);"
    write(sql_dir, TWO, two, "select 1;")
    talking.run("create extension pg_stat_statements")
    talking.run(
        'select "id" from "messages" as "m" where "m"."conversation_id" = gen_random_uuid() order by "m"."created_at" desc limit 3'
    )
    options = ("--copy", copy.url, "--sql-dir", str(sql_dir), "--url", talking.url)
    result = cli("migrate", "--rehearse", *options, env={"NO_COLOR": "1"})
    assert result.code == 0, result.err
    assert "send 20/s, upsert 20/s, write public.attachments 20/s; rates from pg_stat_statements\n" in result.out
    for id, least in ((ONE, 1.3), (TWO, 1.0)):
        ((wait, unit),) = re.findall(rf"{id}: longest wait of others ([\d.]+) (m?s), [\d.]+ k?M?B WAL, \d", result.out)
        assert (unit, float(wait) >= least) == ("s", True), result.out
    assert "the copy is migrated now: restore it before the next rehearsal" in result.err


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("select * from chatschema.page($1, null, $2)", "page"),
        ('SELECT "id" FROM "public"."messages" AS "Message" WHERE "Message"."conversation_id" = $1 ORDER BY "Message"."id" DESC LIMIT $2', "page"),
        ("insert into messages (conversation_id) values ($1) returning id", "send"),
        ("/* app */ INSERT INTO public.message_statuses (message_id) VALUES ($1) ON CONFLICT (message_id) DO NOTHING", "upsert"),
        ("insert into public.messages_archive values ($1)", None),
        ("select count(*) from public.messages", None),
        ("insert into public.message_statuses (message_id) values ($1)", None),
    ],
)  # fmt: skip
def test_a_query_of_the_chat_is_known_by_its_form(text: str, name: str | None) -> None:
    found = shapes.form_of(text)
    assert (found[0] if found else None) == name


@long
def test_some_rows_are_copied_and_dropped_again(cli: Cli, talking: Database, sql_dir: Path) -> None:
    write(sql_dir, ONE, REWRITE, "select 1;")
    before = state(talking)
    document = rehearse(cli, talking, sql_dir, "--scratch", "same")
    (one,) = document["migrations"]
    assert document["copy"]["is_dropped"]
    assert document["notes"] == []
    # Each month has work, and only one was copied.
    assert one["factor"] > 1
    assert one["duration_ms"] == pytest.approx(one["measured"]["duration_ms"] * one["factor"], rel=0.02)
    assert state(talking) == before
    assert databases(talking) == []


@long
def test_a_plain_owner_rehearses_on_a_database_that_prefers_another_isolation(cli: Cli, empty: Database, sql_dir: Path) -> None:
    role = f"owner_{uuid.uuid4().hex[:8]}"
    empty.run(f"create role {role} login createdb password 'secret'; alter database {empty.name} owner to {role}")
    empty.run(
        f"grant all on schema public to {role}; alter database {empty.name} set default_transaction_isolation = 'repeatable read'"
    )
    try:
        url = empty.server.url(empty.name, user=role, password="secret")
        assert cli("migrate", "--sql-dir", str(sql_dir), "--url", url).code == 0
        load.prepare(empty, {})
        empty.run(
            "insert into public.messages (conversation_id, sender_id, content_encrypted)"
            " select conversation_id, user_id, 'x' from public.load"
        )
        text = 'create table public."Ünï ""q""" (i int generated always as identity, j int); insert into public."Ünï ""q""" (j) values (1);'
        empty.run(text + f' alter table public."Ünï ""q""" owner to {role}; alter table public.load owner to {role}')
        write(sql_dir, ONE, '-- one: a name.\nalter table public."Ünï ""q""" add column k int default random()::int;', "select 1;")
        result = cli("migrate", "--rehearse", "--scratch", "same", "--sql-dir", str(sql_dir), "--url", url)
        assert result.code == 0, result.err
        assert 'page 20/s, send 20/s, upsert 20/s, write public."Ünï ""q""" 20/s' in result.out
        assert "warning" not in result.err
    finally:
        with empty.server.connect("postgres") as admin:
            admin.execute(f"drop database {empty.name} with (force)".encode())
            admin.execute(f"drop role {role}".encode())


def test_a_file_that_fails_on_the_copy_fails_the_rehearsal(cli: Cli, talking: Database, sql_dir: Path) -> None:
    write(sql_dir, ONE, "-- one: no.\nalter table public.users add constraint c check (username = 'x');", "select 1;")
    result = cli("migrate", "--rehearse", "--scratch", "same", "--sql-dir", str(sql_dir), "--url", talking.url)
    assert (result.code, "error[migration.failed]" in result.err) == (1, True)
    assert (applied(talking)[-1], databases(talking)) == (IDS[-1], [])


@long
def test_the_next_run_drops_what_a_killed_one_left(cli: Cli, talking: Database, sql_dir: Path, tmp_path: Path) -> None:
    write(sql_dir, ONE, "-- one: waits.\nselect pg_sleep(60) where exists (select from public.users);", "select 1;")
    options = ["--rehearse", "--scratch", "same", "--sql-dir", str(sql_dir), "--url", talking.url]
    command = [sys.executable, "-m", "chatschema", "migrate", *options]
    asleep = "select count(*) from pg_stat_activity where query ~ '^select pg_sleep' and datname ~ 'scratch'"
    with subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as killed:
        while killed.poll() is None and not talking.one(asleep):
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    (left,) = databases(talking)
    write(sql_dir, ONE, "-- one: a column.\nalter table public.users add column note text;", "select 1;")
    assert cli("migrate", *options).code == 0
    assert left not in databases(talking)


def test_the_database_itself_is_no_copy(cli: Cli, talking: Database, sql_dir: Path) -> None:
    write(sql_dir, ONE, "-- one: a column.\nalter table public.users add column note text;", "select 1;")
    before = state(talking)
    url = talking.url.replace("127.0.0.1", "localhost")
    result = cli("migrate", "--rehearse", "--copy", url, "--sql-dir", str(sql_dir), "--url", talking.url)
    assert (result.code, "error[rehearse.same]" in result.err) == (2, True)
    assert state(talking) == before


def test_a_copy_that_others_use_or_that_has_another_history_is_refused(
    cli: Cli, talking: Database, copy: Database, sql_dir: Path
) -> None:
    write(sql_dir, ONE, "-- one: a column.\nalter table public.users add column note text;", "select 1;")
    options = ("migrate", "--rehearse", "--copy", copy.url, "--sql-dir", str(sql_dir), "--url", talking.url)
    with copy.connect():
        refused = cli(*options)
        assert (refused.code, "error[rehearse.in-use]: another session uses the copy" in refused.err) == (1, True)
    assert cli("migrate", "--sql-dir", str(sql_dir), "--url", copy.url).code == 0
    refused = cli(*options)
    assert (refused.code, f"{ONE} is applied in the copy, and pending here" in refused.err) == (1, True)
    assert "error[rehearse.history]" in refused.err


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--rehearse"], "rehearse.place", "a rehearsal needs rows"),
        (["--rehearse", "--scratch", "none"], "rehearse.place", "a rehearsal needs rows"),
        (["--copy", "postgresql://127.0.0.1:1/x"], "usage.options", "--copy needs --rehearse"),
        (["--rehearse", "--dry-run", "--scratch", "same"], "usage.options", "cannot be combined"),
    ],
)
def test_options_that_do_not_go_together(
    cli: Cli, migrated: Database, sql_dir: Path, options: list[str], code: str, says: str
) -> None:
    write(sql_dir, ONE, "-- one: a column.\nalter table public.users add column note text;", "select 1;")
    result = cli("migrate", *options, "--sql-dir", str(sql_dir), "--url", migrated.url)
    assert (result.code, f"error[{code}]" in result.err, says in result.err) == (2, True, True)
