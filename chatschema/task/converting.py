"""Scratch databases in which the migrations of another tool are tried."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from chatschema import postgres
from chatschema.database import catalog, scratch
from chatschema.errors import ServerError
from chatschema.migration.strangers.sequelize.texts import Converted
from chatschema.postgres import Connection
from chatschema.values import Settings

_READ_ONLY = "25006"


@contextmanager
def empty(server: Settings) -> Iterator[Connection]:
    """Yield a connection to an empty database on the server, which is dropped afterwards. Raises ChatschemaError."""
    with scratch.empty(server) as place, closing(postgres.connect(place)) as connection:
        catalog.ddl(connection, "alter database {} set synchronous_commit = off", connection.info.dbname)
        postgres.execute(connection, "set synchronous_commit = off")
        yield connection


def changes(connection: Connection, query: str) -> bool:
    """Return whether a query has an effect: a read-only transaction refuses it."""
    try:
        with postgres.transaction(connection):
            postgres.execute(connection, "set transaction read only")
            postgres.execute_text(connection, query)
    except ServerError as error:
        return error.sqlstate == _READ_ONLY
    return False


def run(connection: Connection, way: Converted) -> None:
    """Run a converted text as migrate would. Raises ServerError."""
    if way.is_transactional:
        with postgres.transaction(connection):
            postgres.execute_text(connection, way.text)
    else:
        postgres.execute_text(connection, way.text)
    postgres.reset_session(connection)
