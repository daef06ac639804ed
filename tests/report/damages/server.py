"""Damages of the server around the database: reads that wait for a snapshot that nobody lets them have."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.report.damages import Damage, Truth
from tests.report.damages.waits import Waiting
from tests.support.database import Database


@contextmanager
def reads_that_wait_for_a_safe_snapshot(database: Database) -> Iterator[Truth]:
    """A serializable transaction was forgotten, and three dumps of the kind that never fails wait for its end."""
    with Waiting(database) as sessions:
        root = sessions.open("forgotten", "begin isolation level serializable", "select count(*) from public.users")
        dump = "begin isolation level serializable read only deferrable; select 1"
        pids = [sessions.work("pg_dump", dump).info.backend_pid for _ in range(3)]
        query = "select count(*) = 3 from pg_stat_activity where pid = any (%s) and wait_event = 'SafeSnapshot'"
        deadline = time.monotonic() + 10
        while not database.one(query, pids):
            assert time.monotonic() < deadline, "they do not wait"
            time.sleep(0.05)
        yield Truth(f"{root.info.backend_pid} (postgres, forgotten)", 3, says="idle in transaction for ")


DAMAGES = [
    Damage(
        "reads that wait for a forgotten serializable transaction", "activity", "snapshot", reads_that_wait_for_a_safe_snapshot,
        toml="[report.activity]\nsnapshot_sessions = 3\n",
    ),
]  # fmt: skip
