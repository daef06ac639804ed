"""How far the build of an index is: read from a second connection while the first one is busy with the build."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from chatschema import postgres, units
from chatschema.errors import ChatschemaError
from chatschema.migration.online.state import Partition
from chatschema.postgres import Connection, Say

_POLL_S = 1.0
# A note after so many seconds, the next after twice as many, up to a minute.
_FIRST_S, _LONGEST_S = 5.0, 60.0
# A build reads the table twice: to fill the index, and to find the rows that were added meanwhile. The share of the work that is
# done when a phase begins, and what the phase adds. Other phases take little time, or wait.
_SHARES = {
    "building index: scanning table": (0.0, 0.5), "building index": (0.5, 0.0), "waiting for writers before validation": (0.5, 0.0),
    "index validation": (0.5, 0.0), "index validation: scanning table": (0.5, 0.5), "waiting for old snapshots": (1.0, 0.0),
}  # fmt: skip
_READ = """
    select phase, blocks_done, blocks_total from pg_catalog.pg_stat_progress_create_index
    where pid = %s and relid = %s
"""

Step = Callable[[Sequence[Partition]], None]


@contextmanager
def told(connection: Connection, name: str, noun: str, say: Say) -> Iterator[Step]:
    """Report the progress while the block runs; `noun` is what is counted, partition or table.

    The yielded function takes the partitions that are left, the next one first. Without a second connection only the beginning
    and the end are reported.
    """
    teller = _Teller(connection, name, noun, say)
    try:
        yield teller.step
        teller.end()
    finally:
        teller.close()


class _Teller:
    """A thread with a connection of its own, started with the first partition."""

    def __init__(self, connection: Connection, name: str, noun: str, say: Say) -> None:
        self._connection, self._name, self._noun, self._say = connection, name, noun, say
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_over = threading.Event()
        self._started, self._pid, self._target = 0.0, 0, ""
        self._left: Sequence[Partition] = ()
        self._count = self._bytes = 0

    def step(self, left: Sequence[Partition]) -> None:
        """Note which partitions are left. Asks the first connection for its process id the first time; raises ServerError."""
        is_first = not self._started
        self._left = left
        # Partitions may be added meanwhile, and grow.
        self._count, self._bytes = max(self._count, len(left)), max(self._bytes, sum(one.size for one in left))
        if not is_first:
            return
        self._started = time.monotonic()
        self._say(f"building {self._name} concurrently: {self._counted()}, {units.size(self._bytes)}, newest first")
        self._pid = postgres.fetch_one(self._connection, "select pg_backend_pid()")[0]
        self._target = postgres.again(self._connection)
        self._thread.start()

    def end(self) -> None:
        """Report that all is built."""
        if self._started:
            self._say(f"built {self._counted()} in {units.duration((time.monotonic() - self._started) * 1000)}")

    def close(self) -> None:
        """Close the second connection."""
        self._is_over.set()
        if self._pid:
            self._thread.join(_POLL_S)

    def _run(self) -> None:
        pause = _FIRST_S
        if self._is_over.wait(pause):
            return
        try:
            with closing(postgres.connect(self._target, writes=False)) as second:
                while True:
                    self._tell(second)
                    pause = min(pause * 2, _LONGEST_S)
                    if self._is_over.wait(pause):
                        return
        except ChatschemaError as error:
            if not self._is_over.is_set():
                self._say(f"the progress cannot be read: {error.message}")

    def _tell(self, second: Connection) -> None:
        left = self._left
        if not left:
            return
        rows = postgres.fetch_all(second, _READ, (self._pid, left[0].oid))
        phase, done, total = rows[0] if rows else ("starting", 0, 0)
        self._say(described(phase, done, total, left, self._count, self._bytes, time.monotonic() - self._started))

    def _counted(self) -> str:
        return f"{self._count} {self._noun}{'' if self._count == 1 else 's'}"


def described(phase: str, done: int, total: int, left: Sequence[Partition], count: int, size: int, passed_s: float) -> str:
    """Return the progress in words: the first of `left` is being built, of `count` partitions with `size` bytes together."""
    before, adds = _SHARES.get(phase) or _SHARES.get(phase.partition(":")[0], (0.0, 0.0))
    share = before + (adds * done / total if total else 0)
    finished = size - sum(one.size for one in left) + left[0].size * share
    time_left = f", about {units.duration(passed_s * 1000 * (size - finished) / finished)} left" if finished > 0 else ""
    blocks = f", {done} of {total} blocks" if total else ""
    return f"{count - len(left) + 1} of {count}, {left[0].name}: {phase}{blocks}{time_left}"
