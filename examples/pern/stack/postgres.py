"""A primary, and a standby that stays behind by a set time."""

import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .account import Account
from .child import Child
from .programs import Programs

SUPERUSER = "postgres"
# Applications log in with passwords; the superuser through a socket that only its folder's owner reaches.
_HBA = """
local all all trust
local replication all trust
host all all 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = (
    "listen_addresses=127.0.0.1", "max_connections=60", "shared_buffers=64MB",
    # A standby that was away for a while goes on without a new copy.
    "wal_keep_size=512MB",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Postgres:
    """One server: its data folder, its port, its settings."""

    name: str
    folder: Path
    port: int
    programs: Programs
    account: Account
    settings: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / self.name

    @property
    def sockets(self) -> Path:
        """The folder of the socket: short, because a socket's path has at most 107 bytes."""
        return Path(tempfile.gettempdir()) / f"chatschema-{os.geteuid()}-{hashlib.sha256(str(self.data).encode()).hexdigest()[:12]}"

    def child(self, logs: Path) -> Child:
        """Return the program that serves the folder."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        self.account.own(self.sockets)
        options = [word for setting in (*_SETTINGS, *self.settings) for word in ("-c", setting)]
        return Child(
            self.name,
            [self.programs.postgres / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.sockets, *options],
            log=logs / f"{self.name}.log",
            is_ready=self.is_ready,
            cwd=Path("/"),
            account=self.account,
            # "Fast": open transactions are rolled back. "Immediate" is a crash.
            stop_signal=signal.SIGINT,
            kill_signal=signal.SIGQUIT,
        )

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return (
            self._run("pg_isready", "-q", "-h", self.sockets, "-p", str(self.port), "-U", SUPERUSER, "-d", "postgres").returncode
            == 0
        )

    def sql(self, statements: str, database: str = "postgres") -> str:
        """Run statements as superuser and return what they print. Raises RuntimeError with the first error."""
        where: Sequence[str | Path] = ("-h", self.sockets, "-p", str(self.port), "-U", SUPERUSER, "-d", database)
        done = self._run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *where, "-f", "-", text=statements)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout.strip()

    def create(self) -> None:
        """Create the primary's data folder unless it exists."""
        if not (self.data / "PG_VERSION").exists():
            unfinished = self._unfinished()
            locale = ("-E", "UTF8", "--locale=C.UTF-8", *(("-N",) if "fsync=off" in self.settings else ()))
            self._checked("initdb", "-D", unfinished, "-A", "trust", "-U", SUPERUSER, *locale)
            (unfinished / "pg_hba.conf").write_text(_HBA)
            unfinished.rename(self.data)

    def copy(self, primary: "Postgres") -> None:
        """Create the standby's data folder, a copy of the running primary, unless it exists."""
        if not (self.data / "PG_VERSION").exists():
            unfinished = self._unfinished()
            source = f"host='{primary.sockets}' port={primary.port} user={SUPERUSER}"
            self._checked("pg_basebackup", "-R", "-c", "fast", "-D", unfinished, "-d", source)
            unfinished.rename(self.data)
        # It may have another port than at the last start.
        conninfo = f"primary_conninfo = 'host={primary.sockets} port={primary.port} user={SUPERUSER}'\n"
        (self.data / "postgresql.auto.conf").write_text(conninfo)

    def _unfinished(self) -> Path:
        """Return an empty folder, which gets its name when it is complete: one that was interrupted does no harm."""
        unfinished = self.folder / f"{self.name}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.account.own(unfinished)
        return unfinished

    def _checked(self, program: str, *arguments: str | Path) -> None:
        done = self._run(program, *arguments)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")

    def _run(self, program: str, *arguments: str | Path, text: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.programs.postgres / program, *arguments], input=text, capture_output=True, text=True, check=False, cwd="/",
            user=self.account.uid, group=self.account.gid, extra_groups=None if self.account.uid is None else [],
            env={**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, "LC_MESSAGES": "C"},
        )  # fmt: skip
