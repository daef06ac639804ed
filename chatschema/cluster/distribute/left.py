"""Old rows on the coordinator's disk after distributing: invisible, and removed a table at a time; each run goes on where one ended."""

from collections.abc import Iterator

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection

# Leaves with pages of their own: the rows of a distributed table are in its shards. pg_relation_size() of a table's own files.
_LEFT = """
    select p.logicalrelid::regclass::text from pg_catalog.pg_dist_partition as p
    join pg_catalog.pg_class as c on c.oid = p.logicalrelid
    where c.relkind = 'r' and pg_catalog.pg_relation_size(c.oid) > 0 order by 1
"""


def tables(connection: Connection) -> list[str]:
    """Return the distributed tables that still have old rows on the coordinator, as SQL writes their names."""
    return [row[0] for row in postgres.fetch_all(connection, _LEFT)]


def truncate(connection: Connection) -> Iterator[str]:
    """Remove the old rows, a table in its own transaction; yield the tables. Raises ServerError."""
    for table in tables(connection):
        postgres.execute(connection, sql.SQL("select truncate_local_data_after_distributing_table({})").format(sql.Literal(table)))
        yield table
