"""The suite's time: what `make test` leaves out for it, and a line at the end when it took longer than people wait for it."""

import os
import time
from typing import Any

import pytest

LIMIT_S, CORES = 8 * 60, 2
# CHATSCHEMA_TEST_LONG=1 (make test-long) runs all, each in its small form; CHATSCHEMA_TEST_FULL=1 runs them in full.
LONG = bool(os.environ.get("CHATSCHEMA_TEST_LONG") or os.environ.get("CHATSCHEMA_TEST_FULL"))
# Of a test that takes long, and beside which a shorter one of the same promise runs each time.
long = pytest.mark.skipif(not LONG, reason="make test-long")
_started = time.monotonic()


def verdict(took_s: float, cores: int) -> str | None:
    """Return what to print about a run of the tests; None where its time says nothing, or is good."""
    if took_s <= LIMIT_S or cores < CORES or os.environ.get("CHATSCHEMA_TEST_FULL"):
        return None
    return (
        f"the tests took {took_s / 60:.1f} minutes on {cores} cores; the limit on {CORES} is {LIMIT_S // 60}."
        " The slowest are listed above: make them faster before you add more"
    )


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    if text := verdict(time.monotonic() - _started, os.cpu_count() or 1):
        terminalreporter.write_line(text, yellow=True)
