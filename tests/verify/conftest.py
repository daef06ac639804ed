"""What the tests of verify share."""

from pathlib import Path

import pytest

from tests.support.database import Database
from tests.support.verified import GAPS


@pytest.fixture
def old(aged: Database, tmp_path: Path) -> Database:
    """A database with two old months, in a folder where the gap after them is ignored."""
    (tmp_path / "chatschema.toml").write_text(GAPS)
    return aged
