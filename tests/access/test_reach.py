"""The cells that a mutation can change, as tests/support/access/reach.py chooses them: for some mutations all others are tried as well."""

import os
import random
import uuid
from collections.abc import Iterator

import pytest

from tests.support.access import acting, mutations, page, turning
from tests.support.access.world import World, created
from tests.support.servers import PgServer

SAMPLE = 15
SEED = 15
pytestmark = pytest.mark.skipif(not os.environ.get("CHATSCHEMA_TEST_FULL"), reason="minutes: make test-access")


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"reached_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("reached")) as one:
        acting.watch(one)
        yield one


def test_a_mutation_changes_no_cell_but_those_that_are_chosen(world: World) -> None:
    """Drawn from those that are not tried in all cells anyway."""
    every = mutations.every(world)
    some = random.Random(SEED).sample([one for one in every if one.on is not None], SAMPLE)
    with world.database.connect() as connection:
        tries = turning.tries(world, connection, page.matrix())
        wrong: list[str] = []
        for one in some:
            chosen = {id(cell) for cell in turning.reached(tries, one)}
            changed = turning.changed(connection, one, (each.cell for each in tries))
            outside = [cell for cell in changed if id(cell) not in chosen]
            print(
                f"{one.name}: {len(chosen)} of {len(tries)} cells chosen, {len(changed)} changed, {len(outside)} of these not chosen",
                flush=True,
            )
            wrong += [f"{one.name}: {cell.words}, {cell.form}" for cell in outside]
    print(f"{SAMPLE} mutations of {len(every)} in {len(tries)} cells each, seed {SEED}: {len(wrong)} changed that were not chosen")
    assert wrong == []
