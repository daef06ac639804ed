"""From settings to a connection: the embedded server if none is configured, and the notices of the server."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from chatschema import ownership, postgres
from chatschema.postgres import Connection, Say
from chatschema.values import Settings


@contextmanager
def running(settings: Settings, *, say: Say) -> Iterator[Settings]:
    """Yield settings that point at a running server; the embedded one is started, and stopped by its last user."""
    if settings.embedded is None:
        yield settings
        return
    from chatschema.server import lifecycle

    why = "no server is configured: " if settings.source == "embedded" else ""
    with lifecycle.in_use(settings.embedded, say=lambda text: say(why + text)) as conninfo:
        yield lifecycle.pointed_at(settings, conninfo)


@contextmanager
def connected(
    settings: Settings, *, wait_s: float = 0, writes: bool = True, needs_ledger: bool = True, say: Say
) -> Iterator[tuple[Settings, Connection]]:
    """Yield settings and a connection to the configured or the embedded server.

    Raises ChatschemaError if the command `needs_ledger` and the schema chatschema belongs to another program.
    """
    with (
        running(settings, say=say) as live,
        closing(postgres.connect(live, wait_s=wait_s, say=say, writes=writes)) as connection,
    ):
        connection.add_notice_handler(lambda diag: say(f"{(diag.severity or 'notice').lower()}: {diag.message_primary}"))
        if needs_ledger:
            ownership.refuse_foreign(connection)
        yield live, connection
