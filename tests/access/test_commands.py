"""Set up from nothing by a login with CREATEROLE, and each command run by the role that docs/reference/access.md names for it."""

import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from chatschema import config, postgres
from chatschema.partition import create as creation
from chatschema.partition import grid
from tests.support import PASSWORD, ROOT
from tests.support.access.world import LOGINS, World, created, user
from tests.support.cli import Cli
from tests.support.migrations import NEXT, write
from tests.support.pace import long
from tests.support.servers import PgServer

MONTH = "2024-01"
OWNERS = """
    select distinct pg_get_userbyid(relowner) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where nspname in ('public', 'chatschema', 'chat_partitions') union select distinct pg_get_userbyid(proowner)
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where nspname = 'chatschema'
"""


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The database of the other tests, which `setup` created, and two more logins: an operator, and a monitor."""
    with created(server, f"commands_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("commands")) as one:
        with server.connect("postgres") as admin:
            for login, group in (("operator", "chat_migrator"), ("watcher", "chat_readonly, pg_monitor")):
                # Roles are of the cluster: another test of this server has created them.
                with suppress(psycopg.errors.DuplicateObject):
                    admin.execute(f"create role {login} login password '{PASSWORD}'".encode())
                admin.execute(f"grant {group} to {login}".encode())
            admin.execute(f"alter role operator in database {one.database.name} set role = chat_owner".encode())
        yield one


def url(world: World, login: str) -> tuple[str, str]:
    """Return the option with the URL of a login."""
    return "--url", world.database.server.url(world.database.name, user=login, password=PASSWORD)


@pytest.fixture
def old_month(world: World) -> None:
    """A month of 2024 with a message in it, created by the operator."""
    settings = config.load(url=url(world, "operator")[1], environ={}, folder=ROOT, sql_dir=ROOT / "sql")
    lower = datetime(2024, 1, 1, tzinfo=UTC)
    with closing(postgres.connect(settings)) as connection:
        list(creation.ensure(connection, [grid.month(parent.table, lower) for parent in grid.GROUP], say=print))
    world.database.run(
        "insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)"
        " select chatschema.uuid7(t), conversation_id, %s, 'x', t from public.conversation_participants,"
        " (select timestamptz '2024-01-02') as s (t) where user_id = %s limit 1",
        user("m"),
        user("m"),
    )


@long
@pytest.mark.usefixtures("old_month")
def test_the_operator_runs_every_command_and_the_monitor_looks(cli: Cli, world: World, sql_dir: Path) -> None:
    own = url(world, "operator")
    write(
        sql_dir,
        NEXT,
        "-- users: a note.\nalter table public.users add column note text",
        "alter table public.users drop column note",
    )

    def runs(*command: str) -> str:
        done = cli(*command, *own)
        assert done.code == 0, f"{command}: {done.out}{done.err}"
        return done.out

    runs("migrate", "--sql-dir", str(sql_dir))
    runs("status", "--sql-dir", str(sql_dir))
    runs("undo", "--yes", "--sql-dir", str(sql_dir))
    runs("seed", "--into-used")
    runs("seed", "--undo")
    runs("partition", "ensure")
    runs("partition", "archive", MONTH)
    retired = ("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")
    runs(*retired)
    assert world.database.one("select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01')") == 0
    runs("partition", "restore", MONTH)
    assert world.database.one("select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01')") == 1
    runs("hold", "add", "--user", user("m"), "--reason", "case 7")
    runs("hold", "list")
    runs("hold", "release", "1", "--reason", "settled")
    runs("partition", "purge")
    runs("maintain")
    runs("batch", "list")
    runs("protect", "--reason", "a test")
    runs("unprotect", "--yes")
    assert "nothing to do" in runs("roles", "apply")
    runs("roles", "check")
    # Whoever migrates, the tables, months and functions have one owner.
    assert world.database.all(OWNERS) == [("chat_owner",)]
    for command in (("report",), ("status",), ("roles", "show"), ("roles", "check"), ("partition", "list")):
        looked = cli(*command, *url(world, "watcher"))
        assert looked.code in (0, 3), f"{command}: {looked.err}"


@pytest.mark.parametrize("login", ["api", "reader"])
def test_the_logins_of_applications_and_people_run_none_of_them(cli: Cli, world: World, sql_dir: Path, login: str) -> None:
    assert login in LOGINS
    write(
        sql_dir,
        NEXT,
        "-- users: a note.\nalter table public.users add column note text",
        "alter table public.users drop column note",
    )
    before = world.database.one("select count(*) from chatschema.migrations"), world.database.one("select count(*) from pg_class")
    for command in (
        ("migrate", "--sql-dir", str(sql_dir)),
        ("undo", "--yes"),
        ("seed",),
        ("partition", "archive", f"{datetime.now(UTC):%Y-%m}"),
        ("hold", "add", "--everything", "--reason", "case 7"),
        ("protect", "--reason", "a test"),
        ("roles", "apply", "--prefix", "other"),
    ):
        done = cli(*command, *url(world, login))
        assert done.code not in (0, 2), f"{command}: {done.out}"
        assert "Traceback" not in done.err
    after = world.database.one("select count(*) from chatschema.migrations"), world.database.one("select count(*) from pg_class")
    assert after == before
