"""docs/reference/access.md, tried: everybody on every table, with real logins, their effect looked up as superuser."""

import re
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from chatschema.values import TABLES
from tests.support.access import acting, page, structure
from tests.support.access.acting import Score
from tests.support.access.actions import SUBJECTS
from tests.support.access.files import ACTIONS
from tests.support.access.world import DIRECT, GROUP, LOGINS, World, created, user
from tests.support.servers import PgServer

# What a function in WHERE would be given, of each relation that the API reads.
LEAKS = {
    "public.messages": "sender_id::text", "public.conversation_participants": "user_id::text", "public.users": "email",
    "public.auth_sessions": "user_id::text", "public.message_statuses": "user_id::text", "public.attachments": "uploader_id::text",
    "chatschema.memberships": "user_id::text", "public.conversations": "id::text",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"access_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("access")) as one:
        acting.watch(one)
        yield one


def test_the_page_and_the_actions_are_about_the_same() -> None:
    rows = page.matrix()
    assert {(row.section, row.text) for row in rows} == {*ACTIONS, *SUBJECTS}
    assert {actor for row in rows for actor in row.may} == set(acting.ACTORS)


def test_the_page_has_every_function_that_a_group_may_execute(world: World) -> None:
    granted = world.database.all(
        "select distinct proname::text from pg_proc cross join lateral aclexplode(proacl) as a"
        " where pronamespace = 'chatschema'::regnamespace and starts_with(a.grantee::regrole::text, 'chat_') and a.grantee <> proowner"
    )
    named = {name for row in page.matrix() if row.section == "functions" for name in re.findall(r"(\w+)\(\)", row.text)}
    assert {name for (name,) in granted} == named
    assert len(named) > 25


def test_everybody_may_do_what_the_page_says_and_nothing_else(world: World) -> None:
    score = Score()
    acting.act(world, page.matrix(), score)
    print(f"{score.tried} actions, {len(score.wrong)} wrong")
    assert score.tried > 5000
    assert score.wrong == [], "\n".join(score.wrong)


def test_a_role_reads_the_columns_of_the_page_and_no_other(world: World) -> None:
    roles = {group: login for login, group in LOGINS.items()}
    wrong, tried = [], 0
    for (table, group), (is_read, hidden) in page.columns().items():
        with world.connect(roles[group]) as connection:
            for column in acting.columns_of(world, f"public.{table}", is_written=False):
                tried += 1
                try:
                    connection.execute(f"select {column} from public.{table} limit 1".encode())
                    did = True
                except psycopg.errors.InsufficientPrivilege:
                    did = False
                if did != (is_read and column not in hidden):
                    wrong.append(f"{group} {'reads' if did else 'does not read'} {table}.{column}")
    assert tried > 600
    assert wrong == []


@pytest.mark.parametrize("login", LOGINS)
def test_no_login_changes_the_structure_or_locks_a_table(world: World, login: str) -> None:
    done = []
    with world.connect(login) as connection:
        for statement in structure.statements(world):
            try:
                # In a transaction: a lock is refused before anything else outside of one.
                with connection.transaction(force_rollback=True):
                    connection.execute(statement.encode())
                    done.append(statement)
            except psycopg.errors.Error as error:
                assert error.sqlstate == "42501", f"{statement}: {error}"  # noqa: PT017  # each statement is tried
        connection.execute("set row_security = off")
        told = set()
        for table in TABLES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
                connection.execute(f"select from public.{table}".encode())
            told.add("row-level security" in str(refused.value))
    # Where a login may read a table at all, its policies still decide.
    assert True in told
    assert done == []


def test_a_cheap_function_in_where_sees_no_row_of_others(world: World) -> None:
    """Without a barrier the planner calls the cheapest condition first, and an index would hide that."""
    world.database.run(
        "create function public.leak(text) returns boolean language plpgsql cost 0.0000001 as"
        " $$ begin raise notice '%', $1; return true; end $$; grant execute on function public.leak(text) to public"
    )
    readable = world.database.all(
        "select oid::regclass::text from pg_class where relnamespace in ('public'::regnamespace, 'chatschema'::regnamespace)"
        " and (relrowsecurity or relkind in ('v', 'm')) and has_any_column_privilege('api', oid, 'select')"
    )
    # Those that show some rows only; people, and the keys of their devices, are for everybody who acts.
    assert {str(name).removeprefix("public.") for (name,) in readable} - {name.removeprefix("public.") for name in LEAKS} == {
        "user_public_keys", "chatschema.people",
    }  # fmt: skip
    seen: list[str] = []
    with world.connect("api") as connection, connection.transaction():
        connection.add_notice_handler(lambda diag: seen.append(diag.message_primary or ""))
        connection.execute("select set_config('app.user_id', %s, true)", (user("s"),))
        for setting in ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"):
            connection.execute(f"set local {setting} = off".encode())
        for relation, text in LEAKS.items():
            connection.execute(f"select count(*) from {relation} where public.leak({text})".encode())
        others = {user(letter) for letter in "mxldeabpun"} | {GROUP, DIRECT} | {f"{letter}@example.org" for letter in "mxldeabpun"}
        assert user("s") in seen
        assert others & set(seen) == set()
        connection.execute("select set_config('app.user_id', '', true)")
        seen.clear()
        connection.execute("select count(*) from chatschema.people where public.leak(username)")
        assert seen == []


def test_who_came_back_sees_the_own_messages_of_before_and_cannot_react_to_them(world: World) -> None:
    own, of_another = world.messages["m"], world.messages["x"]
    place = f"public.conversation_participants set left_at = %s where conversation_id = '{GROUP}' and user_id = '{user('m')}'"
    add, remove = (f"select chatschema.{how}_reaction(%s, '{user('m')}', %s)".encode() for how in ("add", "remove"))
    with world.connect("api") as connection, connection.transaction(force_rollback=True):
        run = connection.execute
        run("select set_config('app.user_id', %s, true)", (user("m"),))
        for message in (own, of_another):
            assert run(add, (message, "before")).fetchone() == (True,)
        run(f"update {place}".encode(), ("now",))
        run("select set_config('app.user_id', %s, true)", (user("a"),))
        run(f"update {place}".encode(), (None,))
        run("select set_config('app.user_id', %s, true)", (user("m"),))
        assert run("select id::text from public.messages where id = any (%s)", ([own, of_another],)).fetchall() == [(own,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), connection.transaction():
            run(add, (own, "after"))
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="does not exist"), connection.transaction():
            run(add, (of_another, "after"))
        for message in (own, of_another):
            assert run(remove, (message, "before")).fetchone() == (True,)
