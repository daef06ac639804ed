"""Set up from nothing by a login with CREATEROLE, and each command run by the role that docs/reference/access.md names for it."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import psycopg
import pytest

from chatschema import config, postgres
from chatschema.partition import create as creation
from chatschema.partition import grid
from tests.support import PASSWORD, ROOT
from tests.support.access import page
from tests.support.access.world import LOGINS, World, created
from tests.support.cli import Cli
from tests.support.database import Database
from tests.support.migrations import NEXT, write
from tests.support.pace import long
from tests.support.servers import PgServer

MONTH = "2024-01"
NOBODY = "019b76da-a800-7000-8000-000000000000"
OWNERS = """
    select distinct pg_get_userbyid(relowner) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where nspname in ('public', 'chatschema', 'chat_partitions') union select distinct pg_get_userbyid(proowner)
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where nspname = 'chatschema'
"""

SETTINGS = """
    select setrole::regrole::text, setconfig from pg_db_role_setting as s join pg_database as d on d.oid = s.setdatabase
    where datname = current_database() order by 1
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


@dataclass(frozen=True)
class Tour:
    """A run through the commands: the option with the URL of each group's login, and what was run so far."""

    cli: Cli
    database: Database
    urls: dict[str, tuple[str, str]]
    done: set[tuple[str, str]] = field(default_factory=set)

    def runs(self, group: str, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run a command as the login of a group; return what it printed."""
        ran = self.cli(*command, *self.urls[group])
        assert ran.code in codes, f"{group}: {command}: {ran.out}{ran.err}"
        words = [*takewhile(lambda word: re.fullmatch("[a-z]+", word), command)]
        self.done.update((" ".join(words[:count]), group) for count in (1, 2))
        return ran.out

    def old_messages(self) -> object:
        """Return the number of messages of the old month."""
        return self.database.one("select count(*) from public.messages where id < chatschema.uuid7_floor('2024-02-01')")

    def add_old_month(self) -> None:
        """Let the operator create a month of 2024, and put a message into it."""
        settings = config.load(url=self.urls["migrator"][1], environ={}, folder=ROOT, sql_dir=ROOT / "sql")
        lower = datetime(2024, 1, 1, tzinfo=UTC)
        with closing(postgres.connect(settings)) as connection:
            list(creation.ensure(connection, [grid.month(parent.table, lower) for parent in grid.GROUP], say=print))
        self.database.run(
            "insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)"
            " select chatschema.uuid7(t), conversation_id, user_id, 'x', t from public.conversation_participants,"
            " (select timestamptz '2024-01-02') as s (t) limit 1"
        )


def named() -> set[tuple[str, str]]:
    """Return the commands of the page, each with its group; for "any login" that of analysts."""
    part = page.PAGE.read_text("utf-8").partition("## Which command needs which role")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    assert len(rows) > 8
    return {
        (command, match[1] if (match := re.search("`chat_([a-z]+)`", login)) else "readonly")
        for commands, login in rows
        for command in re.findall("`([a-z ]+)`", commands)
    }


def walk(tour: Tour, sql_dir: Path, folder: Path) -> None:
    """Run every command of the page by its role: `sql_dir` has one migration more."""
    write(
        sql_dir,
        NEXT,
        "-- users: a note.\nalter table public.users add column note text",
        "alter table public.users drop column note",
    )

    def runs(*command: str) -> str:
        return tour.runs("migrator", *command)

    runs("migrate", "--sql-dir", str(sql_dir))
    runs("status", "--sql-dir", str(sql_dir))
    runs("undo", "--yes", "--sql-dir", str(sql_dir))
    runs("seed", "--into-used")
    runs("verify", "--scratch", tour.database.url)
    tour.add_old_month()
    runs("partition", "ensure")
    runs("partition", "archive", MONTH)
    runs("partition", "retire", "--older-than", "12mo", "--grace", "0d", "--yes")
    assert tour.old_messages() == 0
    runs("partition", "restore", MONTH)
    assert tour.old_messages() == 1
    someone = str(tour.database.one("select sender_id from public.messages where id < chatschema.uuid7_floor('2024-02-01')"))
    runs("hold", "add", "--user", someone, "--reason", "case 7")
    runs("hold", "list")
    hold = str(tour.database.one("select max(id) from chatschema.holds"))
    runs("hold", "export", hold, "--dir", str(folder / "export"))
    runs("hold", "release", hold, "--reason", "settled")
    runs("partition", "purge")
    runs("retention", "plan")
    runs("retention", "run", "--yes")
    runs("attachments", "due")
    runs("maintain")
    runs("batch", "list")
    runs("events", "record")
    runs("events", "notify")
    runs("privacy", "export", someone, "--out", str(folder / "person"))
    runs("privacy", "erase", someone, "--yes")
    runs("protect", "--reason", "a test")
    runs("unprotect", "--yes")
    runs("audit", "seal")
    runs("audit", "archive", "--out", str(folder / "trail"))
    assert "nothing to do" in runs("roles", "apply")
    key = str(folder / "anchor.key")
    assert tour.cli("audit", "key", "--out", key).code == 0
    entry = str(tour.database.one("select min(id::text) from public.audit_logs"))
    tour.runs("auditor", "audit", "verify")
    tour.runs("auditor", "audit", "anchor", "--key", key)
    tour.runs("auditor", "audit", "prove", entry)
    tour.runs("worker", "events", "tail")
    for command in (
        ("report",), ("status",), ("roles", "show"), ("roles", "check"), ("partition", "list"), ("cluster", "advise"), ("cluster", "check"),
    ):  # fmt: skip
        tour.runs("readonly", *command, codes=(0, 3))
    # On one server the others are refused for what it is, and not for who asks; tests/cluster runs them on a cluster as the owner.
    runs("cluster", "undistribute", "--yes")
    for words in ("distribute --yes", "relay", "status", "verify", "rebalance", f"isolate {NOBODY} --yes"):
        tour.runs("migrator", "cluster", *words.split(), codes=(1,))
    tour.runs("readonly", "cluster", "add", "127.0.0.1:1", "--yes", codes=(1,))


@long
@pytest.mark.parametrize("creates_databases", [False, True], ids=["stays", "createdb"])
def test_each_command_is_run_by_its_role(cli: Cli, world: World, sql_dir: Path, tmp_path: Path, creates_databases: bool) -> None:
    """Set up by a login with CREATEROLE; without CREATEDB the database stays, and its tables are created again."""
    logins = {"migrator": "operator", "readonly": "watcher", "auditor": "auditor", "worker": "queue"}
    tour = Tour(cli, world.database, {group: url(world, login) for group, login in logins.items()})
    with world.database.server.connect("postgres") as admin:
        admin.execute(f"alter role operator {'' if creates_databases else 'no'}createdb".encode())
    walk(tour, sql_dir, tmp_path)
    # Whoever migrates, the tables, months and functions have one owner.
    assert world.database.all(OWNERS) == [("chat_owner",)]
    tour.runs("migrator", "roles", "check")
    settings = world.database.all(SETTINGS)
    assert len(settings) == 2
    # The settings of `setup` in this database are for whoever may alter that role, so the database stays either way.
    assert "its objects were dropped" in tour.runs("migrator", "reset", "--yes", "--seed")
    assert world.database.all(OWNERS) == [("chat_owner",)]
    assert world.database.all(SETTINGS) == settings
    tour.runs("migrator", "roles", "check")
    assert named() <= tour.done
    with world.connect("api") as connection, connection.transaction():
        connection.execute("select set_config('app.user_id', id::text, true) from chatschema.find_login('alice') as f (id)")
        seen = connection.execute("select count(*) > 0 from public.messages").fetchone()
    assert seen == (True,)


@long
def test_one_login_with_every_right_sets_up_and_runs_all(
    cli: Cli, empty: Database, prefix: str, sql_dir: Path, tmp_path: Path
) -> None:
    every = "--url", empty.url
    tour = Tour(cli, empty, {"migrator": every})
    tour.runs("migrator", "migrate")
    tour.runs("migrator", "roles", "apply", "--prefix", prefix)
    for group in ("auditor", "worker", "readonly"):
        more = ", pg_monitor" if group == "readonly" else ""
        empty.run(
            f"create role {prefix}_login_{group} login password '{PASSWORD}'; grant {prefix}_{group}{more} to {prefix}_login_{group}"
        )
        tour.urls[group] = "--url", empty.server.url(empty.name, user=f"{prefix}_login_{group}", password=PASSWORD)
    walk(tour, sql_dir, tmp_path)
    tour.runs("migrator", "reset", "--yes", "--seed")
    assert empty.all(OWNERS) == [(empty.server.user,)]
    # That a login owns the tables is the one finding.
    assert json.loads(tour.runs("migrator", "roles", "check", "--json", codes=(3,)))["findings"][0]["code"] == "roles.owner-login"
    assert named() <= tour.done


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
