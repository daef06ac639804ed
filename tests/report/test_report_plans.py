"""report queries --explain: generic plans, and what stands out in them."""

from datetime import timedelta
from pathlib import Path

import pytest

from chatschema import config, postgres
from chatschema.errors import ChatschemaError
from chatschema.report.plans import generic, rights
from tests.support.busy import BY_OWNER, explain, keep_busy, number
from tests.support.cli import Cli
from tests.support.database import Database


@pytest.fixture
def busy(migrated: Database) -> Database:
    """A database whose statistics have one query that reads 40,000 rows to find ten."""
    keep_busy(migrated)
    return migrated


def test_the_plan_is_generic_and_what_stands_out_is_said(cli: Cli, busy: Database) -> None:
    result = explain(cli, busy, "select * from notes")
    assert result.code == 0, result.err
    assert f"\n{BY_OWNER}\n" in result.out
    assert "Seq Scan on notes" in result.out
    assert "Filter: (owner = $1)" in result.out
    assert "sequential scan: public.notes: reads about 40,000 rows to return about 10" in result.out
    assert "--advise" in result.out.splitlines()[-1]
    document = explain(cli, busy, "select * from notes", "--json").json()
    assert document["query"] == BY_OWNER
    assert document["numbers"]["calls"] == busy.one("select calls from statements where query = %s", BY_OWNER)
    assert [(remark["kind"], remark["table"]) for remark in document["remarks"]] == [("sequential scan", "public.notes")]
    busy.run("create index on notes (owner, at)")
    assert "nothing stands out" in explain(cli, busy, "select * from notes").out


def test_it_is_not_run_and_leaves_no_trace_among_the_queries(cli: Cli, busy: Database) -> None:
    with busy.connect() as connection:
        connection.execute("update notes set body = %s where owner = %s", ("x", 7))
    texts = "select count(*), sum(calls) filter (where query ~ '^update notes') from statements where query ~ 'notes'"
    before = busy.one(texts)
    written = busy.one("select xmin::text from notes where owner = 7 limit 1")
    assert "Update on notes" in explain(cli, busy, "update notes").out
    assert busy.one("select xmin::text from notes where owner = 7 limit 1") == written
    rows = cli("report", "queries", "--json", "--url", busy.url).json()["reports"][0]["rows"]
    assert not [row for row in rows if row["query"].startswith(("explain", "prepare", "execute"))]
    assert busy.one(texts)[1] == before[1] == 1


def test_n_counts_as_the_report_is_sorted(cli: Cli, busy: Database) -> None:
    with busy.connect() as connection:
        for _ in range(500):
            connection.execute("select id from notes where id = %s", (1,))
    by_calls = cli("report", "queries", "--explain", "1", "--sort", "calls", "--url", busy.url)
    assert "query 1 by calls:\nselect id from notes where id = $1" in by_calls.out
    first = cli("report", "queries", "--json", "--url", busy.url).json()["reports"][0]["rows"][0]["query"]
    assert first in cli("report", "queries", "--explain", "1", "--url", busy.url).out
    assert "there is no query 9999" in cli("report", "queries", "--explain", "9999", "--url", busy.url).err
    refused = cli("report", "queries", "--explain", "1", "--csv", "--url", busy.url)
    assert (refused.code, "--csv cannot be combined with --explain or --advise" in refused.err) == (2, True)


def test_partitions_that_no_condition_leaves_out_are_counted(cli: Cli, migrated: Database) -> None:
    migrated.run("create extension pg_stat_statements")
    with migrated.connect() as connection:
        for _ in range(200):
            connection.execute("select sender_id from messages where sender_id = %s", ("00000000-0000-7000-8000-000000000000",))
            connection.execute("select created_at from messages where id = %s", ("00000000-0000-7000-8000-000000000000",))
            connection.execute("select id from messages where id::text = %s", ("x",))
    count = migrated.one("select count(*) from pg_inherits where inhparent = 'messages'::regclass")
    said = f"all partitions: public.messages: reads {count} of {count} partitions: no condition on the partition key id"
    assert said in explain(cli, migrated, "select sender_id from messages").out
    assert said in explain(cli, migrated, "select id from messages").out
    by_key = explain(cli, migrated, "select created_at from messages")
    # All are shown, to be chosen from: before 16 the server would show none.
    assert by_key.out.count(" on messages_y") == count
    assert "nothing stands out" in by_key.out


def test_what_has_no_plan_is_refused_with_a_way_on(cli: Cli, busy: Database) -> None:
    with busy.connect() as connection:
        connection.execute("vacuum notes")
        connection.execute("create table old (i int)")
        connection.execute("select i from old")
        connection.execute("drop table old")
        connection.execute("select count(*) from notes where at > now() - %s::interval", ("1 day",))
        connection.execute("select max(id) from notes where at > now() - interval '1 day' and extract(hour from at) > %s", (1,))
    assert "utility statement" in explain(cli, busy, "vacuum").err
    gone = explain(cli, busy, "select i from old")
    assert gone.code == 1
    assert 'relation "old" does not exist' in gone.err
    assert "search_path" in gone.err
    assert "Traceback" not in gone.err
    # What normalising broke, interval $1 and extract($1 from ...), is mended.
    assert explain(cli, busy, "select max(id)").code == 0
    assert explain(cli, busy, "select count(*) from notes where at >").code == 0


def test_a_parameter_without_a_type_is_said_to_be_one(cli: Cli, busy: Database) -> None:
    with busy.connect() as connection:
        connection.execute("select count(*) from notes where at > now() - %s", (timedelta(days=1),))
    refused = explain(cli, busy, "select count(*) from notes where at > now()")
    assert refused.code == 1
    assert "select count(*) from notes where at > now() - $1" in refused.err
    assert "$1::interval" in refused.err


def test_two_statements_are_never_sent_as_one(busy: Database, tmp_path: Path) -> None:
    connection = postgres.connect(config.load(url=busy.url, environ={}, folder=tmp_path), writes=False)
    with connection, rights.as_application(connection):
        for text in ("select 1; create table crept_in (i int)", "select 1); create table crept_in (i int); --"):
            with pytest.raises(ChatschemaError):
                generic.explain(connection, rights.Statement(text))
    assert busy.one("select to_regclass('crept_in') is null")


def test_the_text_of_another_role_is_not_there_to_explain(cli: Cli, busy: Database) -> None:
    busy.run("drop role if exists plans_reader")
    busy.run("create role plans_reader login password 'tiger99'")
    try:
        url = busy.server.url(busy.name, user="plans_reader", password="tiger99")
        result = cli("report", "queries", "--explain", "1", "--url", url)
        assert result.code == 1
        assert "grant pg_read_all_stats to plans_reader" in result.err
        busy.run("grant pg_read_all_stats to plans_reader")
        result = cli("report", "queries", "--explain", number(cli, busy, "select * from notes"), "--url", url)
        assert "permission denied" in result.err
        assert "pg_read_all_data" in result.err
    finally:
        busy.run("drop role plans_reader")
