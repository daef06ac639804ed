"""The rows of a database as numbers, for comparing."""

from chatschema.values import TABLES
from tests.support.database import Database


def fingerprint(database: Database) -> dict[str, object]:
    """Return count and content of every table."""
    query = "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from public.{} as t"
    return {table: database.one(query.format(table)) for table in TABLES}
