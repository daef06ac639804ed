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
    with world.database.connect() as connection:
        tries = turning.tries(world, connection, page.matrix())
        cells = [one.cell for one in tries]
        chosen = {one: {*turning.reached(tries, one)} for one in mutations.every(world)}
        some = random.Random(SEED).sample([one for one in chosen if len(chosen[one]) < len(cells)], SAMPLE)
        wrong: list[str] = []
        for one in some:
            changed = turning.changed(connection, one, cells)
            outside = [cell for cell in changed if cell not in chosen[one]]
            print(
                f"{one.name}: {len(changed)} of {len(cells)} cells differ, {len(chosen[one])} were chosen, {len(outside)} others differ"
            )
            wrong += [f"{one.name}: {cell.words}, {cell.form}" for cell in outside]
    print(f"{SAMPLE} mutations of {len(chosen)} in {len(cells)} cells each, seed {SEED}: {len(wrong)} cells outside")
    assert wrong == []
