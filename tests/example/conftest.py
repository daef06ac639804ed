"""The reference application, running, for the tests that need it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.pern.stack import Options, Stack, application
from tests.support.pace import LONG

PROGRAMS = ("node", "npm", "redis-server", "pgbouncer")
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
DELAY = "300ms"
FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """All of it but the web page, with a standby 300 ms behind. Left out, by name, where a program is missing."""
    missing = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed")
    if not LONG and not application.is_installed():
        pytest.skip("the packages of examples/pern are not installed: make example")
    server = "system" if os.environ.get("CHATSCHEMA_TEST_SERVER") == "system" else "embedded"
    with tempfile.TemporaryDirectory(prefix="chatschema-example-", ignore_cleanup_errors=True) as folder:
        try:
            with Stack(Options(Path(folder), server, DELAY, port=0, with_page=False, is_durable=FULL)) as running:
                yield running
        except RuntimeError as error:
            if any(code in str(error) for code in OFFLINE):
                pytest.skip("the registry of npm cannot be reached")
            raise
