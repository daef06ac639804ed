"""A month leaves and comes back as it was: every type, every plan, every link; what was erased meanwhile stays erased."""

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import FEBRUARY, JANUARY, contents, there

# January and February 2024 both, at once.
OUT = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")


def plans(database: Database) -> list[str]:
    """Return the plans of the spec's queries on January, without costs; a restored month may do without a bitmap, as it lies in order."""
    conversation = database.one("select id from public.conversations where title = 'plain'")
    message = database.one("select min(id::text) from public.messages")
    end = database.one("select chatschema.uuid7_floor('2024-02-01 00:00+00')")
    queries = (
        f"select * from public.messages where conversation_id = '{conversation}' and id < '{end}' order by id desc limit 50",
        f"select * from public.messages where conversation_id = '{conversation}' order by created_at desc limit 50",
        f"select * from public.messages where id = '{message}'",
        f"select * from public.message_statuses where message_id = '{message}'",
    )
    with database.connect() as connection:
        connection.execute("set enable_bitmapscan = off")
        return ["\n".join(row[0] for row in connection.execute(f"explain (costs off) {query}".encode())) for query in queries]


def test_archive_drop_and_restore_give_the_same_rows_plans_and_links(cli: Cli, aged: Database) -> None:
    before, plans_before = contents(aged), plans(aged)
    links = aged.all("select id, message_id from public.attachments where message_id is not null order by id")
    assert before["messages"][JANUARY][0] == 300
    assert before["message_statuses"][FEBRUARY][0] == 600
    assert len(links) > 10
    result = cli(*OUT, "--url", aged.url)
    assert result.code == 0, result.err
    assert there(aged, JANUARY) == there(aged, FEBRUARY) == {}
    assert aged.one("select count(*) from public.messages") == 0
    assert aged.one("select count(*) from public.attachments where message_id is not null") == 0
    for month in (JANUARY, FEBRUARY):
        result = cli("partition", "restore", month, "--url", aged.url)
        assert result.code == 0, result.err
        assert " attachments to their messages again" in result.out
    assert contents(aged) == before
    assert plans(aged) == plans_before
    assert aged.all("select id, message_id from public.attachments where message_id is not null order by id") == links
    assert aged.one("select count(*) from pg_constraint where conrelid::regclass::text ~ '_y2024m' and not convalidated") == 0
    again = cli("partition", "restore", JANUARY, "--url", aged.url)
    assert again.code == 1
    assert "is attached; there is nothing to restore" in again.err
    # It does not leave again at the next run.
    assert "it was restored, and is kept until" in cli(*OUT, "--url", aged.url).out


def test_the_restored_month_is_a_month_like_the_others(cli: Cli, aged: Database) -> None:
    """Indexes, triggers and keys: what is written to it is checked as before."""

    def anatomy() -> list[tuple[object, ...]]:
        return aged.all(
            "select 'index', indexdef from pg_indexes where tablename ~ 'y2024m01$' union all"
            " select 'constraint', conname || pg_get_constraintdef(oid) from pg_constraint where conrelid::regclass::text ~ 'y2024m01$'"
            " union all select 'trigger', tgname::text from pg_trigger where tgrelid::regclass::text ~ 'y2024m01$' and not tgisinternal"
            " order by 1, 2"
        )  # fmt: skip

    before = anatomy()
    assert cli(*OUT, "--url", aged.url).code == 0
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert anatomy() == before


def test_a_detached_month_comes_back_without_its_archive(cli: Cli, aged: Database, tmp_path: Path) -> None:
    before = contents(aged)
    assert cli("partition", "retire", "--older-than", "12mo", "--url", aged.url).code == 0
    assert set(there(aged, JANUARY).values()) == {"detached"}
    assert aged.one("select count(*) from public.messages") == 0
    for month in (JANUARY, FEBRUARY):
        assert cli("partition", "restore", month, "--url", aged.url).code == 0
    assert contents(aged) == before
    assert not (tmp_path / "archives").exists()


@pytest.mark.parametrize("grace", ["0d", "7d"], ids=["from its archive", "from its detached table"])
def test_what_was_erased_meanwhile_stays_erased(cli: Cli, aged: Database, grace: str) -> None:
    alice = aged.one("select id from public.users where username = 'alice'")
    single = aged.one("select id from public.messages where sender_id <> %s and not is_deleted order by id limit 1", alice)
    assert cli("partition", "retire", "--older-than", "12mo", "--grace", grace, "--yes", "--url", aged.url).code == 0
    aged.run(
        "update public.users set account_state = 'erased', erased_at = '2025-05-05', username = 'deleted-' || id where id = %s",
        alice,
    )
    aged.run("insert into chatschema.erasures (subject_type, subject_id) values ('message', %s)", single)
    result = cli("partition", "restore", JANUARY, "--json", "--url", aged.url)
    assert result.code == 0, result.err
    assert result.json()["erased"] > 100
    left = "content_encrypted is not null or content_nonce is not null or edit_history <> '[]' or not is_deleted"
    assert aged.one(f"select count(*) from public.messages where sender_id = %s and ({left})", alice) == 0
    assert aged.one("select is_deleted and content_encrypted is null from public.messages where id = %s", single)
    assert aged.one("select count(*) from public.messages where sender_id <> %s and not is_deleted", alice) > 100
    assert aged.one("select count(*) from public.messages where sender_id = %s", alice) > 50


def test_a_hold_outlives_an_erasure_of_a_restored_month(cli: Cli, aged: Database) -> None:
    alice = aged.one("select id from public.users where username = 'alice'")
    assert cli(*OUT, "--url", aged.url).code == 0
    aged.run(
        "update public.users set account_state = 'erased', erased_at = now(), username = 'deleted-' || id where id = %s", alice
    )
    assert cli("hold", "add", "--user", str(alice), "--reason", "case 7", "--url", aged.url).code == 0
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert aged.one("select count(*) from public.messages where sender_id = %s and content_encrypted is not null", alice) > 50


def test_a_column_added_since_gets_its_default_and_one_that_is_gone_is_named(cli: Cli, aged: Database) -> None:
    before = contents(aged)["messages"]
    assert cli(*OUT, "--url", aged.url).code == 0
    aged.run("alter table public.messages add pinned boolean not null default false")
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert aged.one("select count(*) from public.messages where not pinned") == before[JANUARY][0]
    aged.run("alter table public.messages drop deleted_by")
    result = cli("partition", "restore", FEBRUARY, "--url", aged.url)
    assert result.code == 1
    assert "messages.deleted_by (uuid) no longer exists" in result.err
    assert there(aged, FEBRUARY) == {}


def test_restore_says_what_it_needs(cli: Cli, aged: Database, tmp_path: Path) -> None:
    result = cli("partition", "restore", "2020-01", "--url", aged.url)
    assert result.code == 1
    assert "neither a table nor a recorded archive" in result.err
    assert cli("partition", "restore", "January", "--url", aged.url).code == 2
    assert cli(*OUT, "--url", aged.url).code == 0
    (tmp_path / "archives" / JANUARY).rename(tmp_path / "archives" / "2020-01")
    wrong = cli("partition", "restore", "2020-01", "--dir", "archives", "--url", aged.url)
    assert wrong.code == 1
    assert "is the archive of 2024-01" in wrong.err
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "archives" / "2020-01").rename(tmp_path / "elsewhere" / JANUARY)
    assert json.loads((tmp_path / "elsewhere" / JANUARY / "manifest.json").read_text())["month"] == JANUARY
    assert cli("partition", "restore", JANUARY, "--dir", "elsewhere", "--url", aged.url).code == 0
