"""The databases that the pool of tests creates on a server."""

import subprocess
from collections.abc import Callable

from tests.support.servers import PgServer

Runner = Callable[..., "subprocess.CompletedProcess[str]"]
_ALL = "select datname from pg_database where starts_with(datname, 'chatschema_test_')"


def clones(server: PgServer, of: str) -> set[str]:
    """Return the clones of the template that a clone `of` was made from."""
    prefix = of.rpartition("_")[0] + "_"
    return {name for name in databases(server) if name.startswith(prefix)}


def databases(server: PgServer) -> set[str]:
    """Return the names of the databases that pools made, of all tests that run beside this one too."""
    with server.connect("postgres") as connection:
        return {str(name) for (name,) in connection.execute(_ALL)}
