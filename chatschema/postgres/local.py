"""Settings of a transaction that reach the shards of a distributed database, too."""

from typing import LiteralString

from chatschema import postgres
from chatschema.postgres import Connection, door


def reach_shards(connection: Connection) -> None:
    """Let each SET LOCAL in the text of a statement reach the shards until the transaction ends; nothing on one server."""
    if door.is_distributed(connection):
        postgres.execute(connection, "set local citus.propagate_set_commands = 'local'")


def switch_on(connection: Connection, setting: LiteralString) -> None:
    """Set a setting to on until the transaction ends, on the shards too. Raises ServerError."""
    if door.is_distributed(connection):
        # set_config() is not passed on.
        reach_shards(connection)
        postgres.execute(connection, f"set local {setting} = 'on'")
        return
    postgres.execute(connection, f"select set_config('{setting}', 'on', true)")
