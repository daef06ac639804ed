"""A server whose data folder was removed or moved while it ran: it still listens where the next server of its path would."""

import signal
from contextlib import suppress
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.server.embedded import Embedded

_END_TIMEOUT_S = 30


def end_orphan(embedded: Embedded) -> None:
    """End a server that listens in this server's folder of sockets, and whose own data folder is gone.

    It would notice within a minute, and remove the socket, then another's. Raises ChatschemaError when its data are still there,
    in a folder that was moved: whoever uses it can stop it.
    """
    import psutil

    with suppress(OSError, ValueError, psutil.NoSuchProcess):
        process = psutil.Process(int((embedded.sockets / ".s.PGSQL.5432.lock").read_text().split("\n", 1)[0]))
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return
        if not _is_removed(process.pid):
            raise ChatschemaError(
                f"a server of another folder, {process.cwd()}, listens in {embedded.sockets}",
                f"it was started where this folder is now; stop it: kill -INT {process.pid}",
                code="embedded.moved",
            )
        process.send_signal(signal.SIGQUIT)
        with suppress(psutil.TimeoutExpired):
            process.wait(_END_TIMEOUT_S)


def _is_removed(pid: int) -> bool:
    """Return whether the folder that a process works in was removed; its path may have been used again since."""
    folder = Path(f"/proc/{pid}/cwd")
    return folder.is_symlink() and folder.stat().st_nlink == 0
