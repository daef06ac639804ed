"""How fast batches run: their size by a target time, the pause after each, and limits for WAL, replicas and rows a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from chatschema import postgres
from chatschema.migration.batch.record import Work
from chatschema.postgres import Connection, Say
from chatschema.values import Batching

FIRST_SIZE = 200
_MOST_ROWS, _SMALL, _TOLERATED = 20_000, 50, 3
_POLL_S, _SAY_S, _LONGEST_WAL_PAUSE_S = 0.25, 5.0, 5.0
_MB = 1_000_000
# The standbys; a role without pg_monitor sees that they exist, and no position of theirs.
_POSITIONS = """
    select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
        coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn)), 0)::bigint, count(*) filter (where r.state is null)
    from pg_catalog.pg_stat_replication as r
"""


@dataclass(frozen=True, slots=True)
class _Positions:
    wal: int
    lag: int
    hidden: int


class Pace:
    """The size of the next batch, and the pause before it."""

    def __init__(self, connection: Connection, limits: Batching, work: Work, may_go_on: Callable[[], None], say: Say) -> None:
        """`may_go_on` raises if the batches were paused or canceled, or it is too late, while a replica is waited for."""
        self._connection, self._limits, self._may_go_on, self._say = connection, limits, may_go_on, say
        self.size = work.batch.batch_size
        self._rate = work.batch.rate
        found = self._positions()
        self._wal, self._since = found.wal, time.monotonic()
        self._said_at = 0.0
        if found.hidden:
            say("the lag of the replicas is not seen, so it is no limit: grant pg_monitor to this role")

    def read(self, work: Work) -> int:
        """Take the rate that is set now, and return the size of the next batch."""
        self._rate = work.batch.rate
        return min(self.size, self._rate or self.size)

    def took(self, size: int, rows: int, statement_s: float, seconds: float) -> None:
        """Choose the size of the next batch by the time of the statement of one of `size` that has committed, then pause.

        `seconds` is what the whole batch took.
        """
        target = self._limits.target_ms / 1000
        # A small one may take longer than the target only because planning and a busy machine do; fewer rows would not help.
        if size <= _SMALL and target < statement_s < _TOLERATED * target:
            statement_s = target
        factor = target / max(statement_s, 0.001)
        # At most twice as many: what the last batch took says little about one of another size.
        self.size = max(1, min(int(size * min(max(factor, 0.5), 2.0)), _MOST_ROWS))
        pause = seconds * self._limits.pause
        if self._rate:
            pause = max(pause, rows / self._rate - seconds)
        time.sleep(pause)
        self._slow_down()

    def rest(self, seconds: float) -> None:
        """Pause after a batch that took so long and says nothing about the next one."""
        time.sleep(seconds * self._limits.pause)

    def halve(self) -> None:
        """Choose half the size for the next try."""
        self.size = max(1, self.size // 2)

    def _positions(self) -> _Positions:
        return _Positions(*postgres.fetch_one(self._connection, _POSITIONS))

    def _slow_down(self) -> None:
        """Wait while more WAL was written since the last batch than the limit allows, and while a replica is behind."""
        found = self._positions()
        spent = time.monotonic() - self._since
        if self._limits.wal_mb:
            owed = (found.wal - self._wal) / (self._limits.wal_mb * _MB) - spent
            if owed > 0:
                self._tell(f"slowed down: the server writes more than {self._limits.wal_mb:g} MB of WAL a second")
                time.sleep(min(owed, _LONGEST_WAL_PAUSE_S))
        self._wal, self._since = found.wal, time.monotonic()
        while self._limits.lag_mb and found.lag > self._limits.lag_mb * _MB:
            self._tell(f"waiting: a replica is {found.lag / _MB:.1f} MB behind, more than {self._limits.lag_mb:g} MB")
            time.sleep(_POLL_S)
            self._may_go_on()
            found = self._positions()
            self._wal, self._since = found.wal, time.monotonic()

    def _tell(self, text: str) -> None:
        if time.monotonic() - self._said_at > _SAY_S:
            self._said_at = time.monotonic()
            self._say(text)
