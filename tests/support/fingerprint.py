"""The rows of a database as numbers, for comparing."""

from chatschema.values import TABLES
from tests.support.database import Database


def fingerprint(database: Database) -> dict[str, object]:
    """Return count and content of every table; of the trail without the rows that `seed` and `protect` leave."""
    query = "select count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from public.{} as t"
    own = {"audit_logs": " where action !~ '^(seed|protection)[.]'"}
    return {table: database.one(query.format(table) + own.get(table, "")) for table in TABLES}
