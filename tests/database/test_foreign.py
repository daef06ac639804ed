"""A database that chatschema did not make: no command drops, fills or changes it unless it is named."""

import pytest

from tests.support import golden
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.terminal import asked, typed

# As `sequelize.sync()` leaves it, with the names that chatschema has too.
SEQUELIZE = """
create table "SequelizeMeta" (name varchar(255) primary key);
create table users (id serial primary key, email varchar(255) not null);
create table conversations (id serial primary key, title varchar(255));
create table messages (id serial primary key, body text, "conversationId" int references conversations, "userId" int references users);
create table orders (id serial primary key, total numeric);
insert into users (email) select 'user' || n || '@example.org' from generate_series(1, 3) as n;
insert into conversations (title) values ('general');
insert into messages (body, "conversationId", "userId") select 'hello', 1, 1 from generate_series(1, 1000);
"""
COMMANDS = {
    "reset": ("reset", "--yes"), "undo": ("undo", "--all", "--yes"), "undo_one": ("undo",), "seed": ("seed",),
    "seed_used": ("seed", "--into-used"), "seed_undo": ("seed", "--undo"),
}  # fmt: skip


@pytest.fixture
def foreign(empty: Database) -> Database:
    empty.run(SEQUELIZE)
    return empty


def test_it_is_refused_by_name_and_count(cli: Cli, foreign: Database) -> None:
    before = dump(foreign)
    for name, command in COMMANDS.items():
        result = cli(*command, "--url", foreign.url)
        golden.check(f"foreign_{name}", result, {foreign.name: "shop"})
        assert result.code in (1, 2), name
    assert dump(foreign) == before
    assert foreign.one("select count(*) from messages") == 1000


def test_reset_drops_it_only_by_its_name(cli: Cli, foreign: Database) -> None:
    wrong = cli("reset", "--yes", "--database", "other", "--url", foreign.url)
    golden.check("reset_wrong_name", wrong, {foreign.name: "shop"})
    assert foreign.one("select count(*) from messages") == 1000
    result = cli("reset", "--database", foreign.name, "--url", foreign.url)
    assert result.code == 0, result.err
    assert foreign.one("select count(*) from public.messages") == 0
    assert foreign.one("select to_regclass('public.orders') is null")


def test_on_a_terminal_its_name_is_typed_also_with_yes(foreign: Database) -> None:
    with asked(foreign, "reset", "--yes") as terminal:
        question = terminal.question()
        assert "5 tables that chatschema did not create" in question
        assert "messages (1000 rows)" in question
        terminal.answer("yes")
        assert terminal.end().code == 1
    assert foreign.one("select count(*) from messages") == 1000
    assert typed(foreign, foreign.name, "reset").code == 0


def test_one_that_was_filled_after_the_question_is_not_dropped(empty: Database) -> None:
    with asked(empty, "reset") as terminal:
        terminal.question()
        empty.run(SEQUELIZE)
        terminal.answer(empty.name)
        result = terminal.end()
    assert (result.code, "did not create" in result.err) == (1, True)
    assert empty.one("select count(*) from messages") == 1000


def test_the_question_names_the_rows_that_no_seeder_made(seeded: Database) -> None:
    with asked(seeded, "reset") as terminal:
        assert "seeder" not in terminal.question()
    seeded.run("insert into public.users (username) values ('not_a_demo'), ('nor_this'); create table public.notes (i int)")
    seeded.run("insert into public.notes values (1)")
    with asked(seeded, "reset") as terminal:
        assert "rows that no seeder created: 2 rows in users, 2 rows in audit_logs, 1 row in notes" in terminal.question()
        terminal.answer("no")
        assert terminal.end().code == 1
    assert seeded.one("select count(*) from public.notes") == 1


def test_demo_data_comes_among_the_rows_of_others_only_by_a_word(cli: Cli, migrated: Database) -> None:
    assert "next: chatschema seed" in cli("status", "--url", migrated.url).out
    migrated.run("insert into public.users (username) values ('not_a_demo')")
    assert "next: chatschema seed" not in cli("status", "--url", migrated.url).out
    golden.check("seed_used", cli("seed", "--url", migrated.url), {migrated.name: "chat"})
    assert migrated.one("select count(*) from public.users") == 1
    assert cli("seed", "users", "--into-used", "--url", migrated.url).code == 0
    assert migrated.one("select count(*) from public.users") > 1
    # What has run is not run again, so there is nothing to refuse.
    assert "nothing to do" in cli("seed", "users", "--url", migrated.url).out


def test_a_seeded_database_can_be_seeded_further(cli: Cli, migrated: Database) -> None:
    assert cli("seed", "users", "--url", migrated.url).code == 0
    assert cli("seed", "conversations", "--url", migrated.url).code == 0


def test_a_cut_off_reset_is_taken_up_whatever_is_answered(cli: Cli, migrated: Database) -> None:
    """A database that a killed reset has closed: asked again, it is opened and looked at."""
    with migrated.server.connect("postgres") as admin:
        admin.execute(f"alter database {migrated.name} allow_connections false".encode())
        digest = admin.execute("select left(encode(sha256(%s::bytea), 'hex'), 16)", (migrated.name,)).fetchone()
        assert digest
        admin.execute(f"create database chatschema_reset_{digest[0]}".encode())
    assert cli("reset", "--url", migrated.url).code == 2
    assert cli("status", "--check", "--url", migrated.url).code == 0


def test_one_with_a_schema_of_our_name_is_dropped_by_its_name_too(cli: Cli, empty: Database) -> None:
    empty.run("create schema chatschema; create table chatschema.migrations (version int); create table users (id int)")
    assert cli("reset", "--yes", "--url", empty.url).code == 1
    assert empty.one("select to_regclass('users') is not null")
    result = cli("reset", "--database", empty.name, "--url", empty.url)
    assert result.code == 0, result.err
