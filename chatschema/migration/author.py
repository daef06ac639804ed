"""Who runs a migration: the user and the host that the log names."""

import functools
import getpass
import socket


@functools.cache
def who() -> tuple[str, str]:
    """Return the user, and the host's short name, as looking up the long one may wait for DNS."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # a container's user id without a name
    return user, socket.gethostname()
