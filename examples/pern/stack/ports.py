"""Free ports, and whether something answers on one."""

import socket
import urllib.error
import urllib.request


def free() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def accepts(port: int) -> bool:
    """Whether a connection is accepted."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def says(port: int, request: bytes, answer: bytes) -> bool:
    """Whether the answer to a request begins as expected."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(request)
            return connection.recv(len(answer)) == answer
    except OSError:
        return False


def serves(url: str) -> bool:
    """Whether an HTTP server answers, be it with an error."""
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - an address of this machine
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
