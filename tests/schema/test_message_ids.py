"""Which ids a message may have, what is said of the others, and that the command named there helps."""

import re

import psycopg
import pytest

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import JANUARY
from tests.support.rows import add_conversation

_INSERT = "insert into public.messages (id, conversation_id, sender_id, content_encrypted) values (%s, %s, %s, 'x')"


def refused(database: Database, id: object, conversation: object, user: object) -> psycopg.errors.CheckViolation:
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        database.run(_INSERT, id, conversation, user)
    return caught.value


def explained(database: Database, id: object) -> str:
    """Return what explain_message_id says, as a role without any grants sees it."""
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("create role anybody; set role anybody")
        row = connection.execute(b"select chatschema.explain_message_id(%s)", (id,)).fetchone()
    assert row
    return str(row[0])


def at(database: Database, moment: str) -> object:
    return database.one(f"select chatschema.uuid7({moment})")


@pytest.mark.parametrize("ahead", ["0 s", "1 hour", "23 hours 59 minutes"])
def test_an_id_up_to_a_day_ahead_is_accepted_and_so_are_its_statuses(migrated: Database, ahead: str) -> None:
    user, conversation = add_conversation(migrated)
    id = at(migrated, f"now() + interval '{ahead}'")
    migrated.run(_INSERT, id, conversation, user)
    migrated.run("insert into public.message_statuses (message_id, user_id) values (%s, %s)", id, user)
    assert migrated.one("select created_at = chatschema.uuid7_time(id) from public.messages")
    assert explained(migrated, id).endswith("a month that has its partition")


@pytest.mark.parametrize("month", ["this", "none"])
def test_an_id_of_another_version_is_refused(migrated: Database, month: str) -> None:
    """Within a month the trigger says so; outside of all of them the server finds no partition, before any trigger."""
    user, conversation = add_conversation(migrated)
    id = at(migrated, "now()") if month == "this" else "fedcba98-7654-7abc-9def-0123456789ab"
    id = f"{str(id)[:14]}4{str(id)[15:]}"
    error = refused(migrated, id, conversation, user)
    if month == "this":
        assert f"message id {id} is not a UUIDv7" in str(error)
        assert error.diag.message_hint == "Leave the id out, or create it with chatschema.uuid7()."
        assert (error.diag.table_name, error.diag.column_name) == ("messages", "id")
    else:
        assert 'no partition of relation "messages" found for row' in str(error)
    assert explained(migrated, id) == f"{id} is not a UUIDv7: leave the id out, or create it with chatschema.uuid7()"


@pytest.mark.parametrize("ahead", ["24 hours 1 minute", "2 days", "20 years"])
def test_an_id_of_the_future_is_refused(migrated: Database, ahead: str) -> None:
    user, conversation = add_conversation(migrated)
    id = at(migrated, f"now() + interval '{ahead}'")
    error = refused(migrated, id, conversation, user)
    if ahead == "20 years":
        assert "no partition of relation" in str(error)
    else:
        assert re.search(f"message id {id} is of .*, more than a day ahead of the server", str(error))
        assert error.diag.message_hint == "Correct the clock of the client, or leave the id out."
    assert "more than a day ahead of the server: correct the clock of the client" in explained(migrated, id)
    assert migrated.one("select count(*) from public.messages") == 0


def test_a_statement_with_one_id_of_the_future_stores_nothing_and_an_update_does_not_help(migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    with pytest.raises(psycopg.errors.CheckViolation, match="more than a day ahead"):
        migrated.run(
            "insert into public.messages (id, conversation_id, sender_id, content_encrypted)"
            " select chatschema.uuid7(now() + n * interval '12 hours'), %s, %s, 'x' from generate_series(0, 3) as n", conversation, user,
        )  # fmt: skip
    migrated.run(_INSERT, at(migrated, "now()"), conversation, user)
    with pytest.raises(psycopg.errors.CheckViolation):
        migrated.run("update public.messages set id = chatschema.uuid7(now() + interval '2 days')")
    assert migrated.one("select count(*) from public.messages") == 1


def command(explanation: str) -> list[str]:
    found = re.search(r": chatschema (.*)$", explanation)
    assert found, explanation
    return found.group(1).split()


def test_the_command_named_makes_the_month_that_is_missing(cli: Cli, migrated: Database) -> None:
    user, conversation = add_conversation(migrated)
    id = at(migrated, "date_trunc('month', now(), 'UTC') - interval '40 days'")
    month = migrated.one("select to_char(chatschema.uuid7_time(%s::uuid) at time zone 'UTC', 'YYYY-MM')", id)
    assert "no partition of relation" in str(refused(migrated, id, conversation, user))
    explanation = explained(migrated, id)
    assert explanation == f"{id} is of {month}, a month without a partition: chatschema partition ensure --from {month}"
    assert cli(*command(explanation), "--url", migrated.url).code == 0
    migrated.run(_INSERT, id, conversation, user)
    assert explained(migrated, id) == f"{id} is of {month}, a month that has its partition"


def test_the_command_named_makes_a_month_that_has_not_begun(cli: Cli, migrated: Database) -> None:
    """On the last day of a month an id may be of the next; partition ensure takes no month that has not begun."""
    months = migrated.all(
        "select relname from pg_class as c join pg_inherits on inhrelid = c.oid where relkind = 'r' order by right(relname, 7) desc, 1"
    )
    migrated.run("drop table " + ", ".join(f"chat_partitions.{name}" for (name,) in months[:-2]))
    # The clock cannot be set here: what is said of the months to come is asked of the function, with a clock of its own.
    definition = migrated.one("select pg_get_functiondef('chatschema.explain_message_id'::regproc)")
    end = "date_trunc('month', pg_catalog.now() + interval '31 days', 'UTC') - interval '1 hour'"
    migrated.run(re.sub(r"\b(now|clock_timestamp)\(\)", f"({end})", definition))
    explanation = explained(migrated, at(migrated, end.replace("- interval '1 hour'", "+ interval '1 hour'")))
    assert explanation.endswith("a month without a partition: chatschema partition ensure")
    assert cli(*command(explanation), "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from pg_inherits where inhparent = 'public.messages'::regclass") == 7


@pytest.mark.parametrize("is_dropped", [False, True])
def test_the_command_named_brings_a_retired_month_back(cli: Cli, aged: Database, is_dropped: bool) -> None:
    id = at(aged, "timestamptz '2024-01-20 00:00+00'")
    conversation, user = aged.one("select conversation_id, sender_id from public.messages where sender_id is not null limit 1")
    now = ("--grace", "0d", "--yes") if is_dropped else ()
    assert cli("partition", "retire", "--older-than", "12mo", *now, "--url", aged.url).code == 0
    assert "no partition of relation" in str(refused(aged, id, conversation, user))
    state = "dropped" if is_dropped else "detached"
    explanation = explained(aged, id)
    assert explanation == f"{id} is of {JANUARY}, a month that is {state}: chatschema partition restore {JANUARY}"
    assert cli(*command(explanation), "--url", aged.url).code == 0
    aged.run(_INSERT, id, conversation, user)
    aged.run("insert into public.message_statuses (message_id, user_id) values (%s, %s)", id, user)
    assert explained(aged, id).endswith("a month that has its partition")
