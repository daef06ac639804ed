"""What may go wrong, on purpose: the simulation's kills, pauses and restarts."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

from . import redis
from .child import Child
from .postgres import Postgres


class Faults:
    """Each fault returns when what it hit runs again; `down` is how many seconds that is away."""

    def __init__(self, folder: Path, children: dict[str, Child], primary: Postgres, standby: Postgres) -> None:
        """Know the programs of a stack, by name."""
        self.folder, self.children, self.primary, self.standby = folder, children, primary, standby

    @property
    def known(self) -> dict[str, Callable[[float], None]]:
        """The faults by name. The first sentence of each explains it."""
        return {
            "redis-kill": self.redis_kill,
            "redis-empty": self.redis_empty,
            "redis-remember": self.redis_remember,
            "redis-old": self.redis_old,
            "redis-pause": self.redis_pause,
            "replica-pause": self.replica_pause,
            "replica-resume": self.replica_resume,
            "replica-kill": self.replica_kill,
            "primary-restart": self.primary_restart,
            "primary-kill": self.primary_kill,
            "pgbouncer-restart": self.pgbouncer_restart,
            "api-kill": self.api_kill,
            "worker-kill": self.worker_kill,
        }

    def run(self, name: str, down: float) -> None:
        """Do it. Raises KeyError for an unknown name."""
        self.known[name](down)

    def redis_kill(self, down: float) -> None:
        """Kill Redis; it comes back with what it had written to its disk."""
        self._crash("redis", down)

    def redis_empty(self, down: float) -> None:
        """Kill Redis; it comes back empty."""
        self._crash("redis", down, lambda: redis.forget(self.folder, back_to_remembered=False))

    def redis_remember(self, _down: float) -> None:
        """Remember what Redis has now, for redis-old."""
        redis.remember(self.folder)

    def redis_old(self, down: float) -> None:
        """Kill Redis; it comes back with what it had at redis-remember."""
        self._crash("redis", down, lambda: redis.forget(self.folder, back_to_remembered=True))

    def redis_pause(self, down: float) -> None:
        """Freeze Redis: connections stay open, and nothing is answered."""
        self._freeze("redis", down)

    def replica_pause(self, down: float) -> None:
        """Pause the replay on the standby: until replica-resume, or for `down` seconds if that is not 0."""
        self.standby.sql("select pg_wal_replay_pause()")
        if down:
            time.sleep(down)
            self.replica_resume(0)

    def replica_resume(self, _down: float) -> None:
        """Continue the replay on the standby."""
        self.standby.sql("select pg_wal_replay_resume()")

    def replica_kill(self, down: float) -> None:
        """Crash the standby."""
        self._crash("standby", down)

    def primary_restart(self, down: float) -> None:
        """Restart the primary; open transactions are rolled back."""
        child = self.children["primary"]
        with child.lock:
            child.stop()
            time.sleep(down)
            child.start()

    def primary_kill(self, down: float) -> None:
        """Crash the primary; it recovers from its write-ahead log."""
        self._crash("primary", down)

    def pgbouncer_restart(self, down: float) -> None:
        """Kill PgBouncer and start it again."""
        self._crash("pgbouncer", down)

    def api_kill(self, down: float) -> None:
        """Kill the last API process."""
        self._crash(max(name for name in self.children if name.startswith("api")), down)

    def worker_kill(self, down: float) -> None:
        """Kill the worker."""
        self._crash("worker", down)

    def _crash(self, name: str, down: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        child = self.children[name]
        with child.lock:
            child.crash()
            meanwhile()
            time.sleep(down)
            child.start()

    def _freeze(self, name: str, down: float) -> None:
        child = self.children[name]
        child.send(signal.SIGSTOP)
        time.sleep(down)
        child.send(signal.SIGCONT)
