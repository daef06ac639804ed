"""No output of ours has a row in it, or a value of one: not an error, not its excerpt, not the traceback of --verbose."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.explanations import all_codes
from tests.support import ROOT
from tests.support.cli import Cli, Result
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.months import JANUARY

ADDRESS, HASH, NAME = "erika.secret@example.org", "$2b$12$abcdefghijklmnopqrstuv", "Erika Mustermann"
USER, NOBODY = "018c2f00-0000-7000-8000-00000000abcd", "018c2f00-0000-7000-8000-00000000dcba"
# A value that looks like the words around it.
FORGED = f'x)=({ADDRESS}) is not present in table "{NAME}".'
VERBOSE = pytest.mark.parametrize("verbose", [(), ("--verbose",)], ids=["plain", "verbose"])
ERIKA = f"insert into public.users (id, username, email, password_hash, display_name) values ('{USER}', 'erika', '{ADDRESS}', '{HASH}', '{NAME}')"


def refuse_values(result: Result, *others: str) -> None:
    """Fail when a value of Erika's row, or one of `others`, is in the output of a command that failed."""
    assert result.code == 1, result.out + result.err
    for value in (ADDRESS, HASH, NAME, USER, NOBODY, "Failing row", *others):
        assert value not in result.out + result.err, result.err


@VERBOSE
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update public.users set email = (select min(email) from public.users)", ["users_email_key", 'key (email) already exists in table "users"']),
        (ERIKA.replace(USER, NOBODY), ["users_username_key", "key (username) already exists"]),
        ("create unique index users_once on public.users ((length(email) * 0))", ["users_once", "is duplicated"]),
        ("update public.users set display_name = ''", ["users_display_name_length_check", '"users"']),
        ("update public.users set username = null", ['"username"', '"users"', "not-null"]),
        (
            f"insert into public.auth_sessions (user_id, refresh_token_hash) values ('{NOBODY}', '$2b$12$' || repeat('a', 53))",
            ["auth_sessions_user_id_fkey", 'key (user_id) is not present in table "users"'],
        ),
        ("delete from public.users", ["is still referenced from table"]),
        ("delete from public.strict_users", ["key (id) is ", 'referenced from table "strict_pets"']),
        ("select email::integer from public.users", ["invalid input syntax for type integer"]),
        (
            "do $$ begin raise exception 'refused' using errcode = 'insufficient_privilege', detail = (select min(email) from users); end $$",
            ["refused"],
        ),
        ("insert into public.owned select * from public.owned", ["owned_note_key", 'key (note) already exists in table "owned"']),
        ("alter table public.users add constraint users_tall_check check (email is null)", ["users_tall_check"]),
        ("alter table public.users add constraint users_apart exclude using btree ((1) with =)", ["users_apart", "conflicts with"]),
    ],
)  # fmt: skip
def test_a_migration_that_a_row_refuses_names_constraint_and_columns_only(
    cli: Cli, migrated: Database, sql_dir: Path, verbose: tuple[str, ...], statement: str, says: list[str]
) -> None:
    migrated.run(ERIKA)
    migrated.run("insert into public.users (username, email) values ('another', 'other@example.org')")
    migrated.run(
        f"create table public.owned as select '{USER}'::uuid as owner, '{FORGED}' as note; create table public.pets (owner uuid)"
    )
    migrated.run("alter table public.owned add constraint owned_note_key unique (note)")
    migrated.run("alter table public.pets add constraint pets_owner_fkey foreign key (owner) references public.users")
    migrated.run("alter table public.owned add constraint owned_fkey foreign key (owner) references public.users")
    migrated.run("create table public.strict_users as select id from public.users; alter table public.strict_users add unique (id)")
    migrated.run("create table public.strict_pets as select id from public.strict_users")
    migrated.run("alter table public.strict_pets add foreign key (id) references public.strict_users (id) on delete restrict")
    write(sql_dir, NEXT, f"-- note: a row that is refused.\n{statement};\n")
    result = cli(*verbose, "migrate", "--sql-dir", str(sql_dir), "--url", migrated.url)
    refuse_values(result)
    assert f"{NEXT}.sql line 2" in result.err
    for words in says:
        assert words in result.err
    assert ("Traceback" in result.err) == bool(verbose)


def test_a_detail_that_names_objects_is_still_shown(cli: Cli, migrated: Database, sql_dir: Path) -> None:
    write(sql_dir, NEXT, "-- note: what others depend on.\ndrop table public.users;\n")
    result = cli("migrate", "--sql-dir", str(sql_dir), "--url", migrated.url)
    assert "constraint auth_sessions_user_id_fkey on table auth_sessions depends on table users" in result.err


@VERBOSE
def test_a_month_that_a_row_keeps_away_shows_nothing_of_the_row(cli: Cli, aged: Database, verbose: tuple[str, ...]) -> None:
    left = cli("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes", "--url", aged.url)
    assert left.code == 0, left.err
    aged.run("alter table public.messages add constraint messages_new_check check (length(content_algorithm) <> 8)")
    result = cli(*verbose, "partition", "restore", JANUARY, "--url", aged.url)
    refuse_values(result, "xsalsa20", "00ff0a")
    assert re.search(r"\d+ rows fail the check messages_new_check \(.*\)", result.err)


SEED = '''"""broken: a seeder that fails."""

import psycopg

NEEDS = ()


def seed(world):
    """Fail as {how}."""
{body}
'''
INSERT = f"world.insert('users', [dict(id='{NOBODY}', username='erika', email='{ADDRESS}', password_hash='{HASH}')])"
BODIES = {
    "the server": f"    {INSERT}",
    "a driver of its own": "    with psycopg.connect(world._connection.info.dsn, password=world._connection.info.password) as own:\n        own.execute(world.statement)",
    "its own words for it": "    try:\n        with world._connection.cursor() as cursor:\n            cursor.execute(world.statement)\n"
    "    except psycopg.Error as error:\n        raise RuntimeError(f'cannot: {error}') from error",
    "words without a cause": "    try:\n        world._connection.execute(world.statement)\n"
    "    except psycopg.Error as error:\n        text = str(error)\n    raise RuntimeError(text)",
}  # fmt: skip


@VERBOSE
@pytest.mark.parametrize("how", BODIES)
def test_a_seeder_that_fails_shows_no_row(cli: Cli, migrated: Database, tmp_path: Path, verbose: tuple[str, ...], how: str) -> None:
    migrated.run(ERIKA)
    (tmp_path / "seeds").mkdir()
    # In pieces, as a traceback prints the line of the file that failed.
    statement = "update public.users set display_name = ''"
    body = BODIES[how].replace("world.statement", f'"{statement}"')
    if how == "the server":
        body = f"    name, address = 'other', '{ADDRESS}'\n    world.insert('users', [dict(id=world.uuid7(world.now), username=name, email=address)])"
    (tmp_path / "seeds" / "01_broken.py").write_text(SEED.format(how=how, body=body))
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    result = cli(*verbose, "seed", "--into-used", "--url", migrated.url)
    refuse_values(result)
    assert "users" in result.err
    assert ("Traceback" in result.err) == bool(verbose)


@VERBOSE
@pytest.mark.parametrize("place", ["seed", "import"])
def test_a_value_that_the_driver_or_a_broken_file_quotes_is_not_shown(
    cli: Cli, migrated: Database, tmp_path: Path, verbose: tuple[str, ...], place: str
) -> None:
    """Either the driver cannot read a value, or the file asks the server already when it is loaded."""
    migrated.run(ERIKA)
    body, top = "    world.fetch(\"select ('infin' || 'ity')::timestamptz\")", ""
    if place == "import":
        top = f"psycopg.connect('{migrated.url}').execute(\"update public.users set display_name = ''\")"
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "01_broken.py").write_text(SEED.format(how=place, body=body).replace("NEEDS", f"{top}\nNEEDS"))
    (tmp_path / "chatschema.toml").write_text('seeds_dir = "seeds"\n')
    result = cli(*verbose, "seed", "--into-used", "--url", migrated.url)
    refuse_values(result, "infinity")
    assert ("users_display_name_length_check" if place == "import" else "timestamp too large") in result.err


def test_the_manual_names_constraints_that_exist_and_finds_their_rules(migrated: Database) -> None:
    (section,) = re.findall(
        r"^# .*?(?=^## Log )", (ROOT / "docs" / "reference" / "application-errors.md").read_text(), re.DOTALL | re.MULTILINE
    )
    named = set(re.findall(r"`([a-z]\w+_(?:key|check))`", section))
    exist = "select conname from pg_constraint union all select relname from pg_class where relkind = 'i' union all select tgname from pg_trigger"
    assert len(named) == 7
    assert named <= {row[0] for row in migrated.all(exist)}
    (query,) = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    assert migrated.all(query)[0][:2] == ("users", "Lower-case, one @, at most 254 characters.")
    for name, table in (("messages_edit_check", "messages"), ("message_statuses_user_id_fkey", "message_statuses")):
        assert [row[0] for row in migrated.all(query.replace("users_email_format_check", name))] == [table]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("select from nowhere", "server.undefined"),
        ("select from", "server.syntax"),
        ("create table public.users (id int)", "server.exists"),
        ("drop table public.users", "server.dependents"),
        ("select 1 / 0", "server.value"),
        ("update public.users set username = null", "server.not-null"),
        ("update public.users set display_name = ''", "server.check"),
        ("insert into public.users select * from public.users", "server.unique"),
        ("begin read only; delete from public.users", "server.read-only"),
        ("do $$ begin raise exception 'no'; end $$", "server.raised"),
        ("set role pg_monitor; select * from public.users", "server.permission"),
        ("set statement_timeout = '10ms'; select pg_sleep(5)", "server.canceled"),
        ("select pg_terminate_backend(pg_backend_pid())", "server.lost"),
        ("do $$ begin raise exception 'no' using errcode = '99999'; end $$", "server.refused"),
    ],
)
def test_an_error_of_the_server_has_the_code_of_its_sqlstate(migrated: Database, statement: str, code: str) -> None:
    migrated.run(ERIKA)
    with closing(postgres.connect(migrated.url)) as connection, pytest.raises(ServerError) as caught:
        postgres.execute_text(connection, statement)
    assert caught.value.code == code
    assert code in all_codes()
