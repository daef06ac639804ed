"""Each protection turned off, one by one: the check or the matrix notices it, and `roles apply` repairs it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from chatschema import config, postgres
from chatschema.migration import files as migration_files
from chatschema.roles.values import Finding
from chatschema.task import granting
from tests.support import ROOT
from tests.support.access import acting, mutations, page
from tests.support.access.acting import Score
from tests.support.access.mutations import Mutation
from tests.support.access.world import World, created
from tests.support.servers import PgServer

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
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
    """Let `roles apply` restore what was turned; nothing is left to be found."""
    url = world.database.url
    settings = config.load(url=url, environ={}, folder=ROOT, sql_dir=ROOT / "sql")
    with closing(postgres.connect(url)) as connection:
        granting.grant(settings, connection, FILES, say=print)
        assert granting.look(connection, FILES) == [], [one.name for one in some]


def turn(world: World, mutation: Mutation) -> None:
    for statement in mutation.statements:
        world.database.run(statement)


def repairable(world: World, some: list[Mutation]) -> list[Mutation]:
    return [one for one in some if all(finding.scope != "dba" for finding in found(world, one))]


def test_apply_repairs_what_was_turned(world: World) -> None:
    """In full one after the other, otherwise some, all at once."""
    every = repairable(world, sample(mutations.every(world), 15))
    for some in [[one] for one in every] if FULL else [every]:
        for mutation in some:
            turn(world, mutation)
        repair(world, some)
    print(f"{len(every)} mutations repaired")


@pytest.mark.skipif(not FULL, reason="make test-access")
def test_which_mutations_the_matrix_notices_by_itself(world: World) -> None:
    """Those that only the catalogue shows are covered by another layer: a grant behind a policy, a guard behind a grant."""
    rows = page.matrix()
    by_matrix: list[str] = []
    by_check: list[str] = []
    for one in repairable(world, mutations.every(world)):
        turn(world, one)
        score = Score()
        acting.act(world, [row for row in rows if not one.table or row.section in (one.table, "views and functions")], score)
        (by_matrix if score.wrong else by_check).append(one.name)
        repair(world, [one])
    print(f"noticed by the matrix: {len(by_matrix)}; by roles check alone: {len(by_check)}", *by_check, sep="\n")
    assert len(by_matrix) > len(by_check)
