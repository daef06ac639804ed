"""What somebody should know about the server of the tests: printed once, after the tests of all workers."""

import pytest

NOTES = pytest.StashKey[list[str]]()
