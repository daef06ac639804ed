"""Each protection turned off, one by one: the check or the matrix notices it, and `roles apply` repairs it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from fnmatch import fnmatchcase

import pytest

from chatschema import config, postgres
from chatschema.migration import files as migration_files
from chatschema.roles.values import Finding
from chatschema.task import granting
from tests.support import ROOT
from tests.support.access import acting, mutations, page, turning
from tests.support.access.turning import Mutation
from tests.support.access.world import World, created
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
# What the short form tries, in the cells of one table.
SHOWN = {"row security off on auth_sessions", "a login is a superuser"}
OF_THE_DBA = {"a login owns the events", "a login turns off triggers", "chatschema.wait_for(pg_lsn,interval) of another owner"}
FILES = migration_files.discover(ROOT / "sql" / "migrations")


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"mutated_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("mutated")) as one:
        acting.watch(one)
        yield one


def sample(every: list[Mutation], count: int = 30) -> list[Mutation]:
    """Return all in full, otherwise some from each part of the list."""
    return every if FULL else every[:: len(every) // count]


def found(world: World, mutation: Mutation) -> list[Finding]:
    """Return what `roles check` finds while a transaction has the mutation; it is rolled back."""
    with closing(postgres.connect(world.database.url)) as connection:
        connection.execute("begin")
        for statement in mutation.statements:
            connection.execute(statement.encode())
        return granting.look(connection, FILES)


def test_the_check_finds_nothing_where_nothing_was_changed(world: World) -> None:
    assert found(world, Mutation("nothing", ())) == []


def test_every_mutation_is_noticed_by_the_check(world: World) -> None:
    every = mutations.every(world)
    assert len(every) > 600
    tried = sample(every)
    unnoticed = [one.name for one in tried if not found(world, one)]
    print(f"{len(tried)} mutations of {len(every)}, {len(tried) - len(unnoticed)} noticed by roles check")
    assert unnoticed == []


def repair(world: World, some: list[Mutation]) -> None:
    """Let `roles apply` restore what was turned, and the DBA run what it prints; nothing is left to be found."""
    url = world.database.url
    settings = config.load(url=url, environ={}, folder=ROOT, sql_dir=ROOT / "sql")
    with closing(postgres.connect(url)) as connection:
        granting.grant(settings, connection, FILES, say=print)
        for finding in granting.look(connection, FILES):
            assert finding.scope == "dba", finding
            for statement in finding.statements:
                connection.execute(statement.encode())
        assert granting.look(connection, FILES) == [], [one.name for one in some]
        connection.execute("drop role if exists api_app")


def turn(world: World, mutation: Mutation) -> None:
    for statement in mutation.statements:
        world.database.run(statement)


def test_apply_repairs_what_was_turned(world: World) -> None:
    """In full one after the other, otherwise some, all at once; what belongs to a login or is of another owner by the statements printed."""
    every = mutations.every(world)
    for some in [[one] for one in every] if FULL else [[*sample(every, 12), *(one for one in every if one.name in OF_THE_DBA)]]:
        for mutation in some:
            turn(world, mutation)
        repair(world, some)
    print(f"{len(every)} mutations repaired" if FULL else "some mutations repaired")


def test_which_mutations_the_matrix_notices_by_itself(world: World) -> None:
    """In a transaction each, and in the cells that it can change, until one of them shows it."""
    by_matrix: list[str] = []
    by_check: list[str] = []
    every = mutations.every(world)
    with world.database.connect() as connection:
        cells = turning.tries(world, connection, [row for row in page.matrix() if FULL or row.section == "auth_sessions"])
        for one in every if FULL else [one for one in every if one.name in SHOWN]:
            wrong = turning.noticed(connection, one, turning.reached(cells, one))
            (by_matrix if wrong else by_check).append(one.name)
    print(
        f"{len(by_matrix) + len(by_check)} mutations; noticed by the matrix: {len(by_matrix)}; by roles check alone: {len(by_check)}",
        *by_check,
        sep="\n",
    )
    assert set(by_matrix) >= SHOWN
    patterns = page.covered()
    assert [name for name in by_check if not any(fnmatchcase(name, pattern) for pattern in patterns)] == []
    assert not FULL or [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in by_check)] == []
