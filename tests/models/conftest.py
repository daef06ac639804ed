"""Fixtures of the tests about models."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.database import Database, create
from tests.support.modelled import Applied, applied
from tests.support.servers import PgServer


@pytest.fixture(scope="module")
def roled(server: PgServer, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    """A migrated database with the roles, which the tests of a module only read."""
    with (
        contextmanager(create)(server, f"roled_{uuid.uuid4().hex[:8]}", migrated_template) as database,
        applied(database, tmp_path_factory.mktemp("roled")) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def typed(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with public.every_types."""
    from tests.support import every_type

    with contextmanager(create)(server, f"typed_{uuid.uuid4().hex[:8]}") as database:
        every_type.create(database)
        yield database
