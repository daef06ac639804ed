"""What list says is so: rows, sizes, states, gaps; also of a locked table, off a terminal and for an alert."""

import re

from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.months import JANUARY
from tests.support.pace import long

LIST = ("partition", "list")


def month_of(cli: Cli, database: Database, name: str) -> dict[str, object]:
    found = cli(*LIST, "--json", "--url", database.url).json()["partitions"]
    return next(p for p in found if p["name"] == name)


def test_rows_size_and_indexes_are_those_of_the_server(cli: Cli, aged: Database) -> None:
    month = month_of(cli, aged, "messages_y2024m01")
    assert (month["rows"], month["state"], month["is_held"]) == (300, "attached", False)
    assert month["bytes"] == aged.one("select pg_total_relation_size('chat_partitions.messages_y2024m01')")
    assert month["indexes"] == aged.one("select count(*) from pg_indexes where tablename = 'messages_y2024m01'")
    assert (month["lower"], month["upper"]) == ("2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")


def test_months_between_that_are_missing_are_a_finding(cli: Cli, aged: Database) -> None:
    """The aged database has 2024-01, 2024-02 and then nothing until now."""
    result = cli(*LIST, "--check", "--url", aged.url)
    assert result.code == 3
    assert re.search(r"look at: messages has no partition from 2024-03-01 to 20\d\d-\d\d-01", result.out)
    assert cli("partition", "ensure", "--from", JANUARY, "--url", aged.url).code == 0
    healthy = cli(*LIST, "--check", "--url", aged.url)
    assert (healthy.code, "look at" in healthy.out) == (0, False)
    aged.run("drop table chat_partitions.message_statuses_y2024m07")
    assert "message_statuses has no partition from 2024-07-01 to 2024-08-01" in cli(*LIST, "--check", "--url", aged.url).out


@long
def test_a_month_that_left_on_purpose_is_no_gap(cli: Cli, aged: Database) -> None:
    assert cli("partition", "ensure", "--from", JANUARY, "--url", aged.url).code == 0
    assert cli("hold", "add", "--from", "2024-01-01", "--to", "2024-02-01", "--reason", "x", "--url", aged.url).code == 0
    assert cli("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes", "--url", aged.url).code == 0
    result = cli(*LIST, "--check", "--url", aged.url)
    assert (result.code, "look at" in result.out) == (0, False)


def test_a_group_out_of_step_is_a_finding(cli: Cli, migrated: Database) -> None:
    name = migrated.one(
        "select min(c.relname) from pg_class as c join pg_inherits on c.oid = inhrelid where inhparent = 'public.messages'::regclass"
    )
    migrated.run(f"alter table public.messages detach partition chat_partitions.{name}")
    result = cli(*LIST, "--check", "--url", migrated.url)
    assert result.code == 3
    assert f"{name} is detached, the other table of its month is not; restore it: chatschema partition restore" in result.out
    month = f"{name[10:14]}-{name[15:17]}"
    assert cli("partition", "restore", month, "--url", migrated.url).code == 0
    assert cli(*LIST, "--check", "--url", migrated.url).code == 0


def test_a_detached_table_over_attached_ones_is_a_finding(cli: Cli, migrated: Database) -> None:
    name = migrated.one(
        "select max(c.relname) from pg_class as c join pg_inherits on c.oid = inhrelid where inhparent = 'public.messages'::regclass"
    )
    migrated.run(
        f"alter table public.messages detach partition chat_partitions.{name};"
        f" do $$ begin execute (select format('create table chat_partitions.other partition of public.messages for values from (%L) to (%L)',"
        f" b[1], b[2]) from (select regexp_matches(pg_get_constraintdef(oid), '>= ''([0-9a-f-]+)''.*< ''([0-9a-f-]+)''') as b"
        f" from pg_constraint where conname = '{name}_bounds_check') as t); end $$"
    )
    assert f"{name} is detached, but attached partitions cover its period" in cli(*LIST, "--check", "--url", migrated.url).out


def test_a_retired_month_has_one_word_for_its_state_at_each_step(cli: Cli, aged: Database) -> None:
    """The JSON keeps its values; people read whether a detached or dropped month has an archive."""
    retire = ("partition", "retire", "--older-than", "12mo", "--yes", "--url", aged.url)

    def states() -> tuple[set[str], object]:
        rows = [re.split(r"\s{2,}", line.strip()) for line in cli(*LIST, "--url", aged.url).out.splitlines()]
        return {row[4] for row in rows if row[1:] and row[1].endswith("_y2024m01")}, month_of(cli, aged, "messages_y2024m01")[
            "state"
        ]

    assert cli("partition", "archive", JANUARY, "--url", aged.url).code == 0
    assert states() == ({"attached"}, "attached")
    assert cli(*retire).code == 0
    assert states() == ({"detached"}, "detached"), "sessions could still write after that archive"
    assert cli("partition", "archive", JANUARY, "--url", aged.url).code == 0
    assert states() == ({"detached, archived"}, "detached")
    assert cli("hold", "add", "--everything", "--reason", "x", "--url", aged.url).code == 0
    assert states()[0] == {"detached, archived, held"}
    assert cli("hold", "release", "1", "--reason", "closed", "--url", aged.url).code == 0
    assert cli(*retire, "--grace", "0d").code == 0
    assert states() == ({"dropped (archived)"}, "archived")
    aged.run("update chatschema.retired_months set archive_is_current = false")
    assert states() == ({"dropped"}, "dropped")


def test_a_locked_month_is_listed_without_its_size(cli: Cli, aged: Database) -> None:
    with aged.connect() as owner:
        owner.execute("begin; lock table chat_partitions.messages_y2024m01 in access exclusive mode")
        month = month_of(cli, aged, "messages_y2024m01")
        other = month_of(cli, aged, "messages_y2024m02")
    assert (month["rows"], month["bytes"], month["state"]) == (None, None, "attached")
    assert other["rows"] == 300


def test_a_role_without_rights_sees_the_months(cli: Cli, aged: Database) -> None:
    aged.run("drop role if exists onlooker; create role onlooker login password 'onlooker99'")
    try:
        result = cli(*LIST, "--json", "--url", aged.server.url(aged.name, user="onlooker", password="onlooker99"))
        assert result.code == 0, result.err
        assert len(result.json()["partitions"]) == 18
    finally:
        aged.run("drop role onlooker")


def test_openmetrics_is_what_its_specification_asks_for(cli: Cli, aged: Database) -> None:
    assert cli("partition", "retire", "--older-than", "12mo", "--url", aged.url).code == 0
    text = cli(*LIST, "--openmetrics", "--url", aged.url).out
    lines = text.splitlines()
    assert lines[-1] == "# EOF"
    families = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert len(families) == len(set(families)) >= 4
    for line in lines[:-1]:
        assert re.fullmatch(r'# (TYPE|HELP|UNIT) \S+ .+|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?\d+(\.\d+)?', line), line
    of = f'database="{aged.name}",table'
    assert f'chatschema_partitions{{{of}="messages",state="detached"}} 2' in lines
    assert f'chatschema_partition_gaps{{{of}="messages"}} 0' in lines
    size = aged.one(
        "select sum(pg_total_relation_size(c.oid)) from pg_class as c where relname ~ '^message_statuses_y' and relkind = 'r'"
    )
    assert f'chatschema_partition_bytes{{{of}="message_statuses"}} {size}' in lines
    assert cli(*LIST, "--openmetrics", "--json", "--url", aged.url).code == 2
