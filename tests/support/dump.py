"""A database as text, for comparing: pg_dump of everything but the ledger's rows and tables."""

from chatschema import schema
from chatschema.server import embedded
from tests.support.database import Database


def dump(database: Database) -> str:
    """Return the DDL with the partitions, the same for the same schema."""
    major = database.server.version // 10000
    return schema.dump(database.url, major, programs=embedded.bin_folder(), with_partitions=True)
