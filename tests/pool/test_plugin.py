"""The pytest plugin: each test has a fresh database, that of a failed one is kept, and a killed run leaves nothing behind."""

import re
from pathlib import Path

import psycopg

from tests.support.migrations import NEXT, write
from tests.support.pools import Runner, clones, databases
from tests.support.servers import PgServer

EACH_IS_FRESH = """
import psycopg, pytest

@pytest.mark.parametrize("i", range(6))
def test_url(chat_database, i):
    with psycopg.connect(chat_database) as connection:
        assert connection.execute("select count(*) from public.users").fetchone() == (0,)
        connection.execute("insert into public.users (username) values ('alice')")

@pytest.mark.parametrize("i", range(6))
def test_connection(chat_connection, i):
    assert not chat_connection.autocommit
    chat_connection.execute("insert into public.users (username) values ('alice')")
    chat_connection.commit()

def test_asked_for_late(chat_database, request):
    connection = request.getfixturevalue("chat_connection")
    assert connection.execute("select current_database()").fetchone()[0] in chat_database

def test_fails(chat_connection):
    chat_connection.execute("insert into public.users (username) values ('kept')")
    chat_connection.commit()
    assert chat_connection.info.dbname == "x"
"""


KILLED = """
import os, pathlib, signal

def test_dies(chat_database, chatschema_run):
    while chatschema_run._pool.ready < 2:
        pass
    pathlib.Path("taken").write_text(chat_database.partition("?")[0].rpartition("/")[2])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_each_test_has_a_fresh_database_and_the_next_run_drops_what_is_left(
    run_pytest: Runner, project: Path, server: PgServer
) -> None:
    done = run_pytest(EACH_IS_FRESH, "-n", "2")
    assert "13 passed" in done.stdout, done.stdout
    assert "1 failed" in done.stdout
    (kept,) = re.findall(r"The database of this test is kept: \S+/(\w+)", done.stdout)
    assert "chatschema ci pool stop" in done.stdout
    with psycopg.connect(server.url(kept)) as connection:
        assert connection.execute("select username from public.users").fetchall() == [("kept",)]

    assert run_pytest(KILLED).returncode == -9
    left = clones(server, (project / "taken").read_text())
    assert len(left - {kept}) >= 3
    # A run drops what earlier ones kept, so this one is gone already or with the next.
    again = run_pytest("def test_passes(chat_database): assert chat_database")
    assert again.returncode == 0, again.stdout
    assert not {*left, kept} & databases(server)


UNUSED = """
import sys

def test_nothing_is_loaded():
    loaded = [name for name in sys.modules if name.partition(".")[0] in ("psycopg", "typer", "chatschema", "docker")]
    assert sorted(loaded) == ["chatschema", "chatschema.pytest", "chatschema.pytest.notes"]

def test_that_uses_it(chat_database):
    pass
"""


def test_only_a_test_that_uses_it_loads_it_and_reaches_the_server(run_pytest: Runner) -> None:
    done = run_pytest(UNUSED, place="postgresql://nobody@127.0.0.1:1/none")
    assert "1 passed, 1 error" in done.stdout, done.stdout
    assert "error[connect" in done.stdout
    assert "hint: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


SEEDER = '''\
"""users: one."""

NEEDS = ()


def seed(world):
    """Add one user."""
    world.insert("users", [{"id": world.uuid7(world.ago(1)), "username": "seeded"}])
'''


def test_seeds_and_migrations_are_those_of_the_project(run_pytest: Runner, project: Path, sql_dir: Path) -> None:
    assert sql_dir.parent == project
    write(sql_dir, NEXT, "create table public.own (i int);", "drop table public.own;")
    (project / "seeds").mkdir()
    (project / "seeds" / "01_users.py").write_text(SEEDER)
    (project / "chatschema.toml").write_text('sql_dir = "sql"\nseeds_dir = "seeds"\n')
    text = """
def test_rows(chat_connection):
    assert chat_connection.execute("select count(*) from public.own").fetchone() == (0,)
    rows = chat_connection.execute("select username from public.users").fetchall()
    assert rows == [("seeded",)]
"""
    done = run_pytest(text, "--chatschema-seeds", "users")
    assert done.returncode == 0, done.stdout
