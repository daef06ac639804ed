"""Two snapshots compared: what became slower is named with its cause, and what the counters do not cover is said."""

import json
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Cli, Database
from hypothesis import given, settings
from hypothesis import strategies as st

from chatschema.report.counters import ZERO, Counters, squares
from chatschema.report.literals import without

# Newest of what somebody has not read yet; served by idx_message_statuses_user_status_time.
UNREAD = (
    "select message_id from public.message_statuses where user_id = %s and status = 'delivered' order by created_at desc limit 20"
)
ONE = "select title from public.conversations where id = %s"


@pytest.fixture
def watched(migrated: Database) -> Database:
    """A conversation of 40 with 300 messages, most of them read by all."""
    migrated.run("create extension if not exists pg_stat_statements")
    migrated.run(
        "insert into public.users (username) select 'user' || n from generate_series(1, 40) as n;"
        "insert into public.conversations (created_by) select id from public.users limit 1;"
        "insert into public.conversation_participants (conversation_id, user_id)"
        " select c.id, u.id from public.conversations as c, public.users as u;"
        "insert into public.messages (conversation_id, sender_id, content_encrypted)"
        " select c.id, c.created_by, 'x' from public.conversations as c, generate_series(1, 300);"
        "insert into public.message_statuses (message_id, user_id, conversation_id, status, read_at)"
        " select m.id, u.id, m.conversation_id, case when abs(hashtext(m.id::text)) % 10 = 0 then 'delivered' else 'read' end, now()"
        " from public.messages as m, public.users as u;"
        "analyze public.messages; analyze public.message_statuses"
    )
    return migrated


@pytest.fixture
def noted(empty: Database) -> Database:
    """A database with a table of 2,000 rows."""
    empty.run("create extension if not exists pg_stat_statements")
    empty.run(
        "create table public.note (id int primary key, author int not null, body text);"
        "insert into public.note select i, i % 100, repeat('x', 200) from generate_series(1, 2000) as i;"
        "create index note_author on public.note (author); analyze public.note"
    )
    return empty


def snapshot(cli: Cli, db: Database, name: str, *options: str) -> str:
    result = cli("report", "snapshot", name, *options, "--url", db.url)
    assert result.code == 0, result.err
    return name


def compared(cli: Cli, *arguments: str) -> Any:
    result = cli("report", "diff", *arguments, "--json")
    assert result.code == 0, result.err
    return result.json()


def query_of(document: Any, text: str) -> Any:
    queries = [query for query in document["queries"] if not (query["query"] or "").startswith("explain")]
    (found,) = [query for query in queries if text in (query["query"] or "")]
    return found


def index_of(document: Any, name: str) -> Any:
    (found,) = [index for index in document["indexes"] if index["name"] == name]
    return found


def ask(db: Database, query: str, parameters: list[Any]) -> None:
    with db.connect() as connection:
        for parameter in parameters:
            connection.execute(query.encode(), (parameter,))


def explained_blocks(db: Database, query: str, parameter: object) -> int:
    """Return the blocks of a call; the first one of a session also reads the catalog and each index's first page."""
    with db.connect() as connection:
        connection.execute(query.encode(), (parameter,))
        row = connection.execute(f"explain (analyze, buffers, format json) {query}".encode(), (parameter,)).fetchone()
    assert row
    ((plan,),) = row
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


def test_an_index_dropped_under_load(cli: Cli, watched: Database, tmp_path: Path) -> None:
    """Issue 4: the regressed query is named first, and its blocks are those of EXPLAIN, before and after."""
    user = watched.one(
        "select user_id from public.message_statuses where status = 'delivered' group by 1 order by count(*) desc limit 1"
    )
    conversation = watched.one("select id from public.conversations limit 1")
    ask(watched, UNREAD, [user] * 60)
    ask(watched, ONE, [conversation] * 60)
    before = explained_blocks(watched, UNREAD, user)
    snapshot(cli, watched, "before.json")
    stop = threading.Event()

    def load() -> None:
        with watched.connect() as connection:
            while not stop.is_set():
                connection.execute(ONE.encode(), (conversation,))
                connection.execute(UNREAD.encode(), (user,))

    readers = [threading.Thread(target=load) for _ in range(2)]
    for reader in readers:
        reader.start()
    watched.run("set lock_timeout = '5s'; drop index public.idx_message_statuses_user_status_time")
    time.sleep(0.3)
    stop.set()
    for reader in readers:
        reader.join()
    ask(watched, UNREAD, [user] * 60)
    after = explained_blocks(watched, UNREAD, user)
    assert after > 3 * before, "else this test has no regression to find"

    result = cli("report", "diff", "before.json", "--fail-on-regression", "--url", watched.url)
    assert result.code == 3
    first = next(line for line in result.out.splitlines() if line.startswith("REGRESSED"))
    assert "from public.message_statuses where user_id = $1" in first
    assert "an index of its table has gone: public.idx_message_statuses_user_status_time" in result.out
    assert "fails: " in result.err
    document = compared(cli, "before.json", "--url", watched.url)
    worst = document["queries"][0]
    assert worst["state"] == "regressed"
    assert worst["indexes_gone"] == ["public.idx_message_statuses_user_status_time"]
    assert worst["reasons"][0]["measure"] == "blocks_per_call"
    assert worst["before"]["blocks_per_call"] == pytest.approx(before, rel=0.05)
    # Some calls came before the index went.
    early = 0.05 * (after - before)
    assert worst["between"]["blocks_per_call"] == pytest.approx(after, abs=early)
    assert query_of(document, "from public.conversations where id")["state"] == "same"
    gone = index_of(document, "public.idx_message_statuses_user_status_time")
    assert gone["state"] == "gone"
    assert document["tables"][0]["name"] == "public.message_statuses"
    assert document["tables"][0]["state"] == "lost an index"

    # The statement that is offered brings it back, and the query is as it was.
    snapshot(cli, watched, "without.json")
    watched.run(gone["definition"])
    ask(watched, UNREAD, [user] * 60)
    document = compared(cli, "without.json", "--url", watched.url)
    mended = query_of(document, "from public.message_statuses where user_id = $1")
    assert mended["between"]["blocks_per_call"] == pytest.approx(explained_blocks(watched, UNREAD, user), abs=0.5)
    assert index_of(document, "public.idx_message_statuses_user_status_time")["state"] == "new"


def test_blocks_a_call_are_those_of_explain(cli: Cli, noted: Database) -> None:
    query = "select count(body) from public.note where author = %s"
    ask(noted, query, [7] * 20)
    before = explained_blocks(noted, query, 7)
    snapshot(cli, noted, "a.json")
    noted.run("drop index public.note_author")
    ask(noted, query, [7] * 60)
    found = query_of(compared(cli, "a.json", "--url", noted.url), "select count(body)")
    assert found["state"] == "regressed"
    assert found["between"]["blocks_per_call"] == explained_blocks(noted, query, 7)
    # Two sessions with a first call each, among 21 calls.
    assert found["before"]["blocks_per_call"] == pytest.approx(before, abs=0.5)
    assert found["extra_blocks"] == pytest.approx(60 * (found["between"]["blocks_per_call"] - found["before"]["blocks_per_call"]))


def test_new_and_gone_queries_and_too_few_calls(cli: Cli, noted: Database) -> None:
    noted.run("select 'first', count(*) from public.note")
    ask(noted, "select body from public.note where id = %s", [1] * 20)
    snapshot(cli, noted, "a.json")
    noted.run("select 'second', max(id) from public.note")
    ask(noted, "select body from public.note where id = %s", [1] * 49)
    document = compared(cli, "a.json", "--url", noted.url)
    assert query_of(document, "$1, count(*)")["state"] == "gone"
    assert query_of(document, "$1, count(*)")["between"]["mean_ms"] is None
    new = query_of(document, "$1, max(id)")
    assert (new["state"], new["before"]["calls"], new["between"]["calls"]) == ("new", 0, 1)
    few = query_of(document, "select body")
    assert (few["state"], few["before"]["calls"], few["between"]["calls"]) == ("no verdict", 20, 49)
    assert document["regressed"] == 0
    result = cli("report", "diff", "a.json", "--fail-on-regression", "--url", noted.url)
    assert result.code == 0
    assert "without a verdict (too few calls)" in result.out


def test_a_table_made_anew_keeps_its_queries(cli: Cli, noted: Database, server: Any) -> None:
    """Before 18 it changes the queryid of each query on it; the text joins them."""
    query = "select body from public.note where author = %s order by id"
    ask(noted, query, [7] * 20)
    snapshot(cli, noted, "a.json")
    noted.run(
        "create table public.copy (like public.note); insert into public.copy select * from public.note;"
        "drop table public.note; alter table public.copy rename to note"
    )
    ask(noted, query, [7] * 60)
    found = query_of(compared(cli, "a.json", "--url", noted.url), "select body")
    assert (found["former_queryid"] is not None) == (server.version < 180000)
    assert (found["before"]["calls"], found["between"]["calls"]) == (20, 60)
    assert found["state"] == "regressed", "the copy has no index"


def test_statistics_that_were_reset_between(cli: Cli, noted: Database, server: Any) -> None:
    """Only this database's entries are reset here; on 17 each says so, before a counter that fell does."""
    query = "select body from public.note where author = %s order by id"
    ask(noted, query, [7] * 80)
    snapshot(cli, noted, "a.json")
    noted.run(
        "select pg_stat_statements_reset(0, d.oid, 0), pg_stat_reset() from pg_database as d where d.datname = current_database()"
    )
    ask(noted, query, [7] * 50)
    document = compared(cli, "a.json", "--url", noted.url)
    found = query_of(document, "select body")
    assert (found["before"]["calls"], found["between"]["calls"]) == (80, 50)
    assert found["state"] == "same"
    assert (found["restarted_at"] is not None) == (server.version >= 170000)
    assert "the statistics of tables and indexes were reset at" in document["warnings"][0]
    scans = index_of(document, "public.note_author")
    assert 50 <= scans["scans_between"] < 80
    for table in document["tables"]:
        assert min(table["seq_scans_between"], table["writes_between"], table["seq_rows_between"]) >= 0
    for found in document["queries"]:
        assert min(value for value in found["between"].values() if value is not None) >= 0


def edited(path: Path, name: str, **origin: object) -> str:
    document = json.loads(path.read_text())
    document["origin"] |= origin
    (path.parent / name).write_text(json.dumps(document))
    return name


def test_an_emptied_view_and_evictions_are_said(cli: Cli, noted: Database, tmp_path: Path) -> None:
    """The view is every database's, so what its emptying leaves is written into the snapshots."""
    query = "select body from public.note where author = %s order by id"
    ask(noted, query, [7] * 20)
    a = tmp_path / snapshot(cli, noted, "a.json")
    ask(noted, query, [7] * 60)
    b = tmp_path / snapshot(cli, noted, "b.json")
    edited(a, "earlier.json", evictions=3)
    at = json.loads(b.read_text())["origin"]["at"]
    edited(b, "evicted.json", evictions=8)
    edited(b, "emptied.json", evictions=0, statements_reset=at)
    document = compared(cli, "earlier.json", "evicted.json")
    assert "pg_stat_statements made room 5 times" in document["warnings"][0]
    assert query_of(document, "select body")["between"]["calls"] == 60
    document = compared(cli, "earlier.json", "emptied.json")
    (warning,) = document["warnings"]
    assert "pg_stat_statements was emptied at" in warning
    assert document["statements_since"] == at
    assert query_of(document, "select body")["between"]["calls"] == 80, "all that was counted since"
    assert "note: pg_stat_statements was emptied" in cli("report", "diff", "earlier.json", "emptied.json").out


def test_an_index_no_longer_used_and_one_with_a_new_name(cli: Cli, noted: Database) -> None:
    noted.run("set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off;"
              "select count(*) from generate_series(1, 60000) as g cross join lateral"
              " (select author from public.note where author = g %% 3 limit 1) as n".replace("%%", "%"))  # fmt: skip
    noted.run("alter index public.note_pkey rename to note_key")
    snapshot(cli, noted, "a.json")
    noted.run("alter index public.note_key rename to note_pkey")
    ask(noted, "select body from public.note where id = %s", [1] * 5)
    time.sleep(1)
    document = compared(cli, "a.json", "--url", noted.url)
    unused = index_of(document, "public.note_author")
    assert unused["scans_before"] >= 60000
    assert (unused["state"], unused["scans_between"]) == ("no longer used", 0)
    assert (index_of(document, "public.note_pkey")["state"], index_of(document, "public.note_pkey")["scans_between"]) == ("same", 5)


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
    assert "is there already" in refused.err
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

    from conftest import clean_environment

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


def test_without_the_extension_the_indexes_are_still_compared(cli: Cli, empty: Database, tmp_path: Path) -> None:
    empty.run("create table public.t (i int primary key)")
    result = cli("report", "snapshot", "a.json", "--url", empty.url)
    assert result.code == 0
    assert "no queries, 1 indexes and 1 tables" in result.out
    assert f"not seen: pg_stat_statements is not created in {empty.name}" in result.err
    assert "create extension pg_stat_statements" in result.err
    empty.run("alter table public.t drop constraint t_pkey")
    result = cli("report", "diff", "a.json", "--fail-on-regression", "--url", empty.url)
    assert result.code == 3, "not evaluated is not passed"
    assert "queries: not compared: pg_stat_statements is not created" in result.out
    assert "public.t_pkey" in result.out
    assert "fails: the queries were not compared" in result.err


def test_an_old_extension_and_a_role_without_rights(cli: Cli, empty: Database) -> None:
    """pg_upgrade leaves an old view behind; another role's texts are hidden from a plain role."""
    empty.run("create schema ext; create extension pg_stat_statements schema ext version '1.7'")
    role = f"r_{empty.name}"
    empty.run(f"create role {role} login")
    try:
        empty.run("create table public.t (i int); select count(*) from public.t")
        url = empty.server.url(empty.name, user=role)
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
    assert "format 2; this chatschema reads format 1" in cli("report", "diff", "later.json").err


def test_snapshots_that_do_not_follow_each_other(cli: Cli, noted: Database, tmp_path: Path, server: Any) -> None:
    a, b = snapshot(cli, noted, "a.json"), snapshot(cli, noted, "b.json")
    older = cli("report", "diff", b, a)
    assert older.code == 2
    assert "B is older than A" in older.err
    assert cli("report", "diff", a, a).code == 2
    other = cli("report", "diff", a, "--url", server.url("postgres"))
    assert other.code == 2
    assert "another database, that does not count on from A" in other.err
    assert "--force" in other.err
    edited(tmp_path / b, "server.json", system_identifier="7")
    assert "another server" in cli("report", "diff", a, "server.json").err
    forced = cli("report", "diff", a, "server.json", "--force")
    assert forced.code == 0, forced.err
    assert "before is all that A counted, between is all that B counted since" in forced.out


durations = st.lists(st.floats(0.001, 10_000), min_size=1, max_size=50)


def counted(times: list[float]) -> Counters:
    """Return what pg_stat_statements keeps of calls of these lengths."""
    calls, total = len(times), sum(times)
    return Counters(calls, total, squares(calls, total, statistics.pstdev(times)), calls, 1, 2, 3, None, 4, 5)


@settings(max_examples=200, deadline=None)
@given(durations, durations)
def test_the_deviation_between_is_exact(first: list[float], second: list[float]) -> None:
    between = counted(first + second).since(counted(first))
    assert between.calls == len(second)
    assert between.mean_ms == pytest.approx(statistics.mean(second), rel=1e-6, abs=1e-6)
    # A difference of squares of up to 1e4 loses half of the digits where the deviation is next to nothing.
    assert between.stddev_ms == pytest.approx(statistics.pstdev(second), rel=1e-4, abs=1e-2)
    together = counted(first) + counted(second) + ZERO
    assert together.stddev_ms == pytest.approx(statistics.pstdev(first + second), rel=1e-6, abs=1e-3)


def test_counters_that_fell_began_anew() -> None:
    earlier = counted([1.0, 2.0])
    assert counted([1.0]).has_restarted(earlier)
    assert not counted([1.0, 2.0, 3.0]).has_restarted(earlier)
    assert ZERO.each(5) is None
    assert ZERO.stddev_ms is None


def test_the_deviation_is_the_servers(cli: Cli, noted: Database) -> None:
    """Each call's time is known to pg_stat_statements only; its own deviation of the calls between is the judge, from a second entry."""
    with noted.connect() as connection:
        for seconds in (0.001, 0.03, 0.002):
            connection.execute("select pg_sleep(%s) as a", (seconds,))
    snapshot(cli, noted, "a.json")
    with noted.connect() as connection:
        for seconds in (0.001, 0.05, 0.02):
            connection.execute("select pg_sleep(%s) as a", (seconds,))
    found = query_of(compared(cli, "a.json", "--url", noted.url), "pg_sleep($1) as a")
    assert found["between"]["calls"] == 3
    assert found["between"]["mean_ms"] == pytest.approx(statistics.mean([1, 50, 20]), rel=0.3)
    assert found["between"]["stddev_ms"] == pytest.approx(statistics.pstdev([1, 50, 20]), rel=0.3)


def test_a_locked_table_is_not_waited_for(cli: Cli, noted: Database) -> None:
    with psycopg.connect(noted.url) as blocker:
        blocker.execute("lock table public.note in access exclusive mode")
        started = time.monotonic()
        assert cli("report", "snapshot", "a.json", "--url", noted.url).code == 0
        assert time.monotonic() - started < 5
