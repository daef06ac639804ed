"""Setting up, starting and stopping PostgreSQL in a folder. The caller makes sure that no other process does."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from chatschema.errors import CannotConnect, ChatschemaError
from chatschema.server.embedded import DATABASE, SUPERUSER, Embedded
from chatschema.server.orphan import end_orphan

_CONFIG = """
# chatschema: accepts connections through a private socket only; loads the extension that the reports need.
listen_addresses = ''
shared_preload_libraries = 'pg_stat_statements'
track_io_timing = on
"""
# chatschema's servers for tests: nothing on them outlives a crash of the machine, and little WAL is kept.
_NOT_DURABLE = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 512MB
"""
START_TIMEOUT_S = 60
_FIRST_STATEMENTS = {"template1": "create extension pg_stat_statements", "postgres": f"create database {DATABASE}"}


def ensure_running(embedded: Embedded, lock: IO[str]) -> None:
    """Set the server up if it never was, and start it if it is down. Raises CannotConnect when it does not start.

    `lock` is the file whose lock the caller holds.
    """
    if not embedded.is_durable:
        _remove_crashed(embedded)
    if not (embedded.data / "PG_VERSION").exists():
        _initialise(embedded, lock)
    if pid(embedded) is None:
        _start(embedded)
    _wait_until_ready(embedded)


def _remove_crashed(embedded: Embedded) -> None:
    """Remove the data of a server that did not write to the disk, if it was not stopped: it may be damaged."""
    if (embedded.data / "postmaster.pid").exists() and pid(embedded) is None:
        shutil.rmtree(embedded.data, ignore_errors=True)


def _wait_until_ready(embedded: Embedded) -> None:
    """Wait for a server that a killed command was starting, or that is recovering."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and pid(embedded) is not None:
        # The eighth line of postmaster.pid (miscadmin.h) has its state.
        with suppress(OSError):
            lines = (embedded.data / "postmaster.pid").read_text().split("\n")
            if len(lines) > 7 and lines[7].strip() == "ready":
                return
        time.sleep(0.05)
    text = f"the embedded server is not ready:\n{_tail(embedded.log)}"
    raise CannotConnect(text, "run the command again in a moment", code="embedded.not-ready")


def sockets(embedded: Embedded) -> Path:
    """Return where the running server listens: the fifth line of postmaster.pid (miscadmin.h)."""
    with suppress(OSError, IndexError):
        return Path((embedded.data / "postmaster.pid").read_text().split("\n")[4])
    return embedded.sockets


def _start(embedded: Embedded) -> None:
    _make_sockets_folder(embedded)
    _remove_stale_files(embedded)
    arguments = ["-D", str(embedded.data), "-l", str(embedded.log), "-w", "-t", str(START_TIMEOUT_S)]
    arguments += ["-o", f"-k {shlex.quote(str(embedded.sockets))}", "start"]
    # After a kill -9 the old server's child processes keep its shared memory for a moment.
    for attempt in range(20):
        if _run(embedded, "pg_ctl", arguments).returncode == 0:
            return
        if "shared memory" not in _tail(embedded.log) or attempt == 19:
            break
        time.sleep(0.5)
    raise CannotConnect(
        f"the embedded server does not start:\n{_tail(embedded.log)}",
        f"free disk space or repair the folder; the complete log is {short(embedded.log)}",
        code="embedded.start",
    )


def _initialise(embedded: Embedded, lock: IO[str]) -> None:
    """Create the data folder under another name and rename it when it is complete, so that a killed initdb does no harm."""
    unfinished = embedded.data.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(mode=0o700)
        if embedded.uid is not None and embedded.gid is not None:
            os.chown(unfinished, embedded.uid, embedded.gid)
            embedded.log.touch()
            os.chown(embedded.log, embedded.uid, embedded.gid)
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8"]
        _checked(embedded, "initdb", ["-D", str(unfinished), "-A", "trust", "-U", SUPERUSER, *locale], lock=lock)
        with (unfinished / "postgresql.conf").open("a") as file:
            file.write(_CONFIG if embedded.is_durable else _CONFIG + _NOT_DURABLE)
        for database, statement in _FIRST_STATEMENTS.items():
            _checked(embedded, "postgres", ["--single", "-j", "-D", str(unfinished), database], statement + ";\n\n", lock=lock)
        unfinished.rename(embedded.data)
    except (OSError, ChatschemaError) as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError):
            text, hint = f"the embedded server cannot be set up: {error.strerror}", "check the free disk space"
            raise ChatschemaError(text, hint, code="embedded.setup") from None
        raise


def _checked(embedded: Embedded, program: str, arguments: Sequence[str], text: str = "", *, lock: IO[str]) -> None:
    # They inherit the lock: when this command is killed, the next one waits until they have ended too.
    result = _run(embedded, program, arguments, text, pass_fds=(lock.fileno(),))
    # Single-user mode reports an error and still ends with 0.
    if result.returncode or "ERROR:" in result.stderr or "FATAL:" in result.stderr:
        # The first error is the cause; initdb may fail to clean up after it.
        lines = [line for line in result.stderr.splitlines() if line.strip()] or [f"{program} failed"]
        cause = next((line for line in lines if re.search(r"(?:error|ERROR|FATAL|PANIC):", line)), lines[-1])
        raise ChatschemaError(
            f"the embedded server cannot be set up: {cause}",
            f"check the free space and your rights in {short(embedded.folder)}; nothing was kept, so run the command again",
            code="embedded.setup",
        )


def _run(
    embedded: Embedded, program: str, arguments: Sequence[str], text: str = "", pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    # Output goes to files: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile("w+") as given:
        given.write(text)
        given.seek(0)
        code = subprocess.run(
            [embedded.bin / program, *arguments], pass_fds=pass_fds, stdin=given, stdout=out, stderr=err, check=False, cwd="/",
            user=embedded.uid, group=embedded.gid, extra_groups=None if embedded.uid is None else [],
            env={**{k: v for k, v in os.environ.items() if not k.startswith("PG")}, "LC_MESSAGES": "C"},
        ).returncode  # fmt: skip
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([program], code, out.read(), err.read())


def pid(embedded: Embedded) -> int | None:
    """Return the id of the running server of this data folder; None if the number now belongs to another process."""
    import psutil

    try:
        number = int((embedded.data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(number)
        # A server works in its data folder; the path it was started with may have changed since.
        is_ours = process.name().startswith("postgres") and Path(process.cwd()).samefile(embedded.data)
        return number if is_ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


def _make_sockets_folder(embedded: Embedded) -> None:
    embedded.sockets.mkdir(mode=0o700, exist_ok=True)
    # Its name can be guessed, and whoever made it first could listen there.
    if embedded.sockets.stat().st_uid not in (os.geteuid(), embedded.uid):
        text, hint = f"{embedded.sockets} belongs to another user", f"remove it: rm -r {embedded.sockets}"
        raise ChatschemaError(text, hint, code="embedded.sockets")
    if embedded.uid is not None and embedded.gid is not None:
        os.chown(embedded.sockets, embedded.uid, embedded.gid)


def _remove_stale_files(embedded: Embedded) -> None:
    end_orphan(embedded)
    # PostgreSQL refuses to start when the process id now belongs to another process, or to a dead one that no parent
    # has waited for, as in a container without an init. pid() has just checked that it is not this server.
    stale = (embedded.data / "postmaster.pid", embedded.sockets / ".s.PGSQL.5432.lock", embedded.sockets / ".s.PGSQL.5432")
    for path in stale:
        path.unlink(missing_ok=True)


def stop(embedded: Embedded) -> None:
    """Stop the server; open transactions are rolled back."""
    _run(embedded, "pg_ctl", ["-D", str(embedded.data), "-m", "fast", "-w", "-t", str(START_TIMEOUT_S), "stop"])
    with suppress(OSError):
        embedded.sockets.rmdir()


def _tail(log: Path, lines: int = 5) -> str:
    try:
        return "\n".join(f"  {line}" for line in log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return "  (no log)"


def short(path: Path) -> str:
    """Return the path as the user would type it in the current folder."""
    return f"./{path.relative_to(Path.cwd())}" if path.is_relative_to(Path.cwd()) else str(path)
