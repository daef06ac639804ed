"""A statement on a month passes by the statement triggers of its parent: each month has its own, whichever way it came about."""

import re
from typing import Any

import psycopg
import pytest

from tests.schema.test_reference_statements import add_messages, add_references, counts
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import IDS
from tests.support.months import FEBRUARY, JANUARY, make_months
from tests.support.pace import long

GUARDS = {
    "messages": ["month_refuse_truncate_of_held", "month_remove_references", "month_remove_references_of_truncated",
                 "month_require_owner", "month_require_read_committed"],
    "message_statuses": ["month_refuse_delete_of_held", "month_refuse_truncate_of_held", "month_require_messages", "month_require_owner"],
    "events": ["month_refuse_truncate"],
}  # fmt: skip


def guards(database: Database) -> dict[str, list[str]]:
    """Return for each month that is attached the guards it has, those that are enabled."""
    rows = database.all(
        "select c.relname, array_agg(t.tgname::text order by t.tgname) filter (where t.tgenabled = case p.relname when 'events' then 'A'::\"char\" else 'O' end)"
        " from pg_inherits as i join pg_class as c on c.oid = i.inhrelid and c.relkind = 'r' join pg_class as p on p.oid = i.inhparent"
        " left join pg_trigger as t on t.tgrelid = c.oid and t.tgname like 'month\\_%' group by c.relname"
    )
    return dict(rows)


def are_complete(found: dict[str, list[str]]) -> bool:
    return all(names == GUARDS[re.sub(r"_(y\d{4}m\d{2}|default)$", "", table)] for table, names in found.items())


def months(database: Database) -> list[Any]:
    """Return the tables of messages of this month and of the one before."""
    return [
        f"chat_partitions.messages_{name}"
        for (name,) in database.all(
            "select to_char((now() at time zone 'UTC') - make_interval(months => m), '\"y\"YYYY\"m\"MM') from generate_series(0, 1) as m"
        )
    ]


def test_new_months_and_those_that_come_back_have_their_guards(cli: Cli, aged: Database) -> None:
    # Of messages and statuses those of two months that have been and of seven; of events seven, and the default one.
    assert len(guards(aged)) == 26
    assert are_complete(guards(aged))
    assert cli("partition", "ensure", "--from", "2024-01", "--url", aged.url).code == 0
    all_months = guards(aged)
    assert len(all_months) > 70
    assert are_complete(all_months)
    retire = ("partition", "retire", "--older-than", "12mo", "--url", aged.url)
    assert cli(*retire).code == 0
    assert len(guards(aged)) < len(all_months)
    assert cli("partition", "restore", JANUARY, "--url", aged.url).code == 0
    assert cli(*retire, "--grace", "0d", "--yes").code == 0
    assert cli("partition", "restore", FEBRUARY, "--url", aged.url).code == 0
    back = guards(aged)
    assert {
        f"{table}_y{month.replace('-', 'm')}" for table in ("messages", "message_statuses") for month in (JANUARY, FEBRUARY)
    } <= back.keys()
    assert are_complete(back)


@long
def test_undo_takes_the_guards_and_migrate_gives_the_same(cli: Cli, migrated: Database) -> None:
    before = guards(migrated)
    assert are_complete(before)
    at = next(number for number, id in enumerate(IDS) if id.endswith("_keep_references_by_statement"))
    assert cli("undo", "--to", IDS[at - 1], "--url", migrated.url).code == 0
    assert set(map(str, guards(migrated).values())) == {"None"}
    make_months(migrated, 2)
    assert set(map(str, guards(migrated).values())) == {"None"}
    assert cli("migrate", "--url", migrated.url).code == 0
    after = guards(migrated)
    assert are_complete(after)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2


def test_what_the_owner_does_to_a_month_is_kept_right(migrated: Database) -> None:
    make_months(migrated, 2)
    this, last = months(migrated)
    user, conversation, messages = add_messages(migrated, 6, months=2)
    add_references(migrated, user, conversation, messages)
    assert counts(migrated) == (12, 6, 6, 6, 6)
    statuses = last.replace("messages_", "message_statuses_")
    wrong = f"insert into {statuses} (message_id, user_id, conversation_id) values (chatschema.uuid7(now() - interval '1 month'), %s, %s)"
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="is not in conversation"):
        migrated.run(wrong, user, conversation)
    with migrated.connect() as connection:
        connection.execute("begin isolation level repeatable read")
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute(f"delete from {last}".encode())
    assert counts(migrated) == (12, 6, 6, 6, 6)
    migrated.run(f"delete from {last} where id = %s", messages[0])
    assert counts(migrated) == (11, 5, 5, 6, 5)
    migrated.run(f"delete from {last}")
    assert counts(migrated) == (9, 3, 3, 6, 3)
    migrated.run(f"delete from {this}")
    assert counts(migrated) == (0, 0, 0, 6, 0)


def test_only_the_owner_writes_to_a_month(migrated: Database) -> None:
    """Policies and grants of the parent do not cover a month, so USAGE on their schema and grants on the month are not enough."""
    user, conversation, messages = add_messages(migrated, 2)
    month = months(migrated)[0]
    with migrated.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("create role writer; grant usage on schema chat_partitions to writer")
        connection.execute("grant select, insert, update, delete on all tables in schema chat_partitions, public to writer")
        for table in ("messages", "message_statuses"):
            connection.execute(f"create policy everything on public.{table} to writer using (true)".encode())
        connection.execute("set role writer")
        for statement in (
            f"insert into {month} (conversation_id, sender_id, content_encrypted) values ('{conversation}', '{user}', 'x')",
            f"update {month} set edit_count = edit_count",
            f"delete from {month}",
            f"insert into {month.replace('messages_', 'message_statuses_')} (message_id, user_id, conversation_id)"
            f" values ('{messages[0]}', '{user}', '{conversation}')",
        ):
            connection.execute("savepoint here")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only its owner may write to it directly") as refused:
                connection.execute(statement.encode())
            assert refused.value.diag.message_hint == "Write to public.messages or public.message_statuses."
            connection.execute("rollback to here")
        assert len(connection.execute(f"select from {month}".encode()).fetchall()) == 2
        # Through the parents it may do all of it. A truncate of theirs fires the triggers of each month.
        connection.execute(b"insert into public.message_statuses (message_id, user_id) values (%s, %s)", (messages[0], user))
        connection.execute(b"delete from public.messages where id = %s", (messages[0],))
        connection.execute(
            "reset role; grant truncate on all tables in schema chat_partitions to writer; set role writer; savepoint here"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only its owner"):
            connection.execute(f"truncate {month}".encode())
        connection.execute("rollback to here; reset role; grant truncate on public.messages, public.message_statuses to writer")
        connection.execute("set role writer; truncate public.messages, public.message_statuses")


def test_truncate_of_messages_alone_is_refused_while_statuses_exist(migrated: Database) -> None:
    user, conversation, messages = add_messages(migrated, 5)
    add_references(migrated, user, conversation, messages)
    for statement in ("truncate public.messages", f"truncate {months(migrated)[0]}", "truncate public.conversations cascade"):
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="message_statuses refer to the messages of") as refused:
            migrated.run(statement)
        assert "truncate public.messages, public.message_statuses" in str(refused.value.diag.message_hint)
        assert counts(migrated) == (10, 5, 5, 5, 5)
    migrated.run("truncate public.message_statuses, public.messages")
    assert counts(migrated) == (0, 0, 0, 5, 0)


def test_truncate_of_one_month_unlinks_and_releases_what_refers_to_it(migrated: Database) -> None:
    make_months(migrated, 2)
    _, last = months(migrated)
    user, conversation, messages = add_messages(migrated, 6, months=2)
    add_references(migrated, user, conversation, messages)
    migrated.run(f"truncate {last}, {last.replace('messages_', 'message_statuses_')}")
    assert counts(migrated) == (9, 3, 3, 6, 3)
    migrated.run("delete from public.message_statuses")
    migrated.run("truncate public.messages")
    assert counts(migrated) == (0, 0, 0, 6, 0)
