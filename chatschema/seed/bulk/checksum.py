"""The checksum of a bulk seed: of the contents of its rows, as they are in the database."""

import hashlib

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection, seeded
from chatschema.values import TABLES

# What the server or the clock decides, and the number of an entry of the trail.
_LEFT_OUT = {"audit_logs": {"id", "recorded_at", "recorded_by", "txid", "pii_salt", "pii_digest"}}
_COLUMNS = """
    select attname from pg_catalog.pg_attribute
    where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attname
"""


def checksum(connection: Connection) -> str:
    """Return a checksum over all rows of the bulk seed, whatever their order: the same rows have the same, on any server.

    Reads all of them. A column that is added to a table changes it.
    """
    digest = hashlib.sha256()
    with postgres.transaction(connection):
        # As text, and read in parallel.
        postgres.execute(connection, "set local timezone = 'UTC'; set local datestyle = 'ISO'; set local bytea_output = 'hex'")
        for table in TABLES:
            names = [row[0] for row in postgres.fetch_all(connection, _COLUMNS, (f"public.{table}",))]
            columns = [sql.SQL("t.{}").format(sql.Identifier(name)) for name in names if name not in _LEFT_OUT.get(table, ())]
            query = sql.SQL(
                "select count(*), coalesce(sum(hashtextextended(row({columns})::text, 0)::numeric), 0)::text"
                " from {table} as t where {own}"
            ).format(columns=sql.SQL(", ").join(columns), table=sql.Identifier("public", table), own=seeded.is_own(table))
            digest.update(f"{table} {postgres.fetch_one(connection, query)}\n".encode())
    return digest.hexdigest()[:32]
