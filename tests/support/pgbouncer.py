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
def pooled(url: str, size: int = 1) -> Iterator[str]:
    """Yield the URL of the same database through a PgBouncer with so many connections to the server."""
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = parts.path.lstrip("/")
    program = shutil.which("pgbouncer")
    assert program
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n{database} = host={parts.hostname} port={parts.port} user={parts.username} password={parts.password}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {size}\nmax_client_conn = 200\n"
        )
        # It does not run as root, as PostgreSQL does not.
        uid = embedded.locate(folder).uid
        folder.chmod(0o755)
        with (folder / "log").open("w+") as log:
            process = subprocess.Popen(
                [program, str(settings)], stdout=log, stderr=log, cwd="/", user=uid, extra_groups=None if uid is None else []
            )
            try:
                _wait(port, process, folder / "log")
                yield f"postgresql://{parts.username}@127.0.0.1:{port}/{database}"
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
