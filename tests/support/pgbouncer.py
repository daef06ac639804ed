"""PgBouncer in transaction mode, where it is installed: of all its clients one server process works at a time."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chatschema.server import embedded

# CI installs it where it can.
needs_pgbouncer = pytest.mark.skipif(not shutil.which("pgbouncer"), reason="pgbouncer is not installed")
_PATIENCE_S = 10


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """Yield the URL of the same database through a PgBouncer with one connection to the server."""
    parts = urlsplit(url)
    database = parts.path.lstrip("/")
    settings = (
        f"[databases]\n{database} = host={parts.hostname} port={parts.port} user={parts.username} password={parts.password}\n"
        "[pgbouncer]\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n"
    )
    with started(settings) as port:
        yield f"postgresql://{parts.username}@127.0.0.1:{port}/{database}"


@contextmanager
def started(settings: str, users: dict[str, str] | None = None) -> Iterator[int]:
    """Yield the port of a PgBouncer with these settings, whose last section is [pgbouncer]; `users` are names and passwords.

    Each of the users may ask its console. Raises AssertionError with its log if it does not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("pgbouncer")
    assert program
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "pgbouncer.ini"
        own = f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        if users:
            (folder / "users").write_text("".join(f'"{user}" "{password}"\n' for user, password in users.items()))
            own += f"auth_type = scram-sha-256\nauth_file = {folder / 'users'}\nstats_users = {', '.join(users)}\n"
        file.write_text(f"{settings}\n{own}")
        # It does not run as root, as PostgreSQL does not.
        uid = embedded.locate(folder).uid
        folder.chmod(0o755)
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                [program, str(file)], stdout=log, stderr=log, cwd="/", user=uid, extra_groups=None if uid is None else []
            )
            try:
                _wait(port, process, folder / "log")
                yield port
            finally:
                process.kill()
                process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return
