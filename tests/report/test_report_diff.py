"""Two snapshots compared: what became slower is named with its cause, and what the counters do not cover is said."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.moments import add_notes, ask, compared, edited, explained_blocks, index_of, query_of, snapshot
from tests.support.pace import long

# Newest of what somebody has not read yet; served by idx_message_statuses_user_status_time.
UNREAD = (
    "select message_id from public.message_statuses where user_id = %s and status = 'delivered' order by created_at desc limit 20"
)
ONE = "select title from public.conversations where id = %s"


@pytest.fixture
def noted(empty: Database) -> Database:
    add_notes(empty)
    return empty


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


@long
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
    snapshot(cli, watched, "during.json")
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
    assert "an index of its table was dropped: public.idx_message_statuses_user_status_time" in result.out
    assert "fails: " in result.err
    document = compared(cli, "before.json", "--url", watched.url)
    worst = document["queries"][0]
    assert worst["state"] == "regressed"
    assert worst["indexes_gone"] == ["public.idx_message_statuses_user_status_time"]
    assert worst["reasons"][0]["measure"] == "blocks_per_call"
    assert worst["before"]["blocks_per_call"] == pytest.approx(before, rel=0.05)
    assert before < worst["between"]["blocks_per_call"] <= after * 1.01, "some of the calls came before the index went"
    without_index = query_of(compared(cli, "during.json", "--url", watched.url), "from public.message_statuses where user_id = $1")
    assert without_index["between"]["blocks_per_call"] == pytest.approx(after, rel=0.01)
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
    assert (result.code, "fails: no query was called often enough to compare" in result.err) == (3, True)
    assert "without a verdict (too few calls)" in result.out
    assert cli("report", "diff", "a.json", "--fail-on-regression", "--allow-partial", "--url", noted.url).code == 0


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
    edited(b, "hidden.json", hidden=4)
    assert cli("report", "diff", "a.json", "b.json", "--fail-on-regression").code == 0
    hiding = cli("report", "diff", "a.json", "hidden.json", "--fail-on-regression")
    assert (hiding.code, "fails: 4 entries of other roles are hidden and were not compared" in hiding.err) == (3, True)
    assert cli("report", "diff", "a.json", "hidden.json", "--fail-on-regression", "--allow-partial").code == 0
    document = compared(cli, "earlier.json", "evicted.json")
    assert "pg_stat_statements removed entries 5 times" in document["warnings"][0]
    assert query_of(document, "select body")["between"]["calls"] == 60
    document = compared(cli, "earlier.json", "emptied.json")
    (warning,) = document["warnings"]
    assert "pg_stat_statements was emptied at" in warning
    assert document["statements_since"] == at
    assert query_of(document, "select body")["between"]["calls"] == 80, "all that was counted since"
    assert "note: pg_stat_statements was emptied" in cli("report", "diff", "earlier.json", "emptied.json").out


def test_an_index_no_longer_used_and_one_with_a_new_name(cli: Cli, noted: Database) -> None:
    """The query goes on, by another plan."""
    query = (
        "select count(*) from generate_series(1, %s) as g cross join lateral"
        " (select author from public.note where author = mod(g, 3) + 1000 limit 1) as n"
    )

    def load(calls: int, scans: int, *settings: str) -> None:
        with noted.connect() as connection:
            for setting in (*settings, "bitmapscan", "memoize"):
                connection.execute(f"set enable_{setting} = off".encode())
            for _ in range(calls):
                connection.execute(query.encode(), (scans,))

    load(20, 3000, "seqscan")
    noted.run("alter index public.note_pkey rename to note_key")
    snapshot(cli, noted, "a.json")
    noted.run("alter index public.note_key rename to note_pkey")
    load(10, 300, "indexscan", "indexonlyscan")
    ask(noted, "select body from public.note where id = %s", [1] * 5)
    time.sleep(0.5)
    document = compared(cli, "a.json", "--url", noted.url)
    unused = index_of(document, "public.note_author")
    assert unused["scans_before"] >= 60000
    assert (unused["state"], unused["scans_between"]) == ("no longer used", 0)
    assert (index_of(document, "public.note_pkey")["state"], index_of(document, "public.note_pkey")["scans_between"]) == ("same", 5)
