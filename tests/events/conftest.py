"""Fixtures of the tests about events."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.access.world import dropped
from tests.support.servers import PgServer


@pytest.fixture
def prefix(server: PgServer) -> Iterator[str]:
    """A prefix of this test alone: roles are of the cluster."""
    name = f"t{uuid.uuid4().hex[:8]}"
    with dropped(server, name):
        yield name
