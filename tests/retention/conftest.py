"""A chat with something due by every rule, filled once and copied for each test."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support import kept
from tests.support.database import Database, create
from tests.support.servers import PgServer


@pytest.fixture(scope="session")
def chat_template(server: PgServer, migrated_template: str) -> Iterator[str]:
    for database in create(server, f"chat_template_{uuid.uuid4().hex[:8]}", migrated_template):
        kept.fill(database, 400)
        yield database.name


@pytest.fixture
def chat(server: PgServer, chat_template: str) -> Iterator[Database]:
    """A database in which every rule has something due, something not due, and something held."""
    yield from create(server, f"chat_{uuid.uuid4().hex[:12]}", chat_template)
