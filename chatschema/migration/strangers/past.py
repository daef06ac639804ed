"""What the other tool has applied, read from its table; and its checksums of the files."""

import hashlib
import zlib
from pathlib import Path
from typing import LiteralString

from chatschema import postgres
from chatschema.migration.strangers import files
from chatschema.migration.strangers.values import Kind, Past
from chatschema.postgres import Connection


def _rows(connection: Connection, query: LiteralString) -> list[Past]:
    rows = postgres.fetch_all(connection, query)
    return [Past(str(version), at, None if checksum is None else str(checksum)) for version, at, checksum in rows]


def _sqlx(connection: Connection) -> list[Past]:
    query = "select version, installed_on, encode(checksum, 'hex') from public._sqlx_migrations where success order by version"
    return _rows(connection, query)


def _diesel(connection: Connection) -> list[Past]:
    query = "select version, run_on at time zone 'UTC', null from public.__diesel_schema_migrations order by version"
    return _rows(connection, query)


def _goose(connection: Connection) -> list[Past]:
    # One row for each time that it was applied or undone; the last one counts, and version 0 is none.
    query = """
        select version_id, tstamp at time zone 'UTC', null
        from (select distinct on (version_id) * from public.goose_db_version order by version_id, id desc) as g
        where is_applied and version_id > 0 order by version_id
    """
    return _rows(connection, query)


def _dbmate(connection: Connection) -> list[Past]:
    return _rows(connection, "select version, null::timestamptz, null from public.schema_migrations order by version")


def _flyway(connection: Connection) -> list[Past]:
    query = """
        select version, installed_on at time zone 'UTC', checksum from public.flyway_schema_history
        where version is not null and success and type = 'SQL' order by installed_rank
    """
    return _rows(connection, query)


def _sequelize(connection: Connection) -> list[Past]:
    return _rows(connection, 'select name, null::timestamptz, null from public."SequelizeMeta" order by name')


def _sha384(path: Path) -> str:
    return hashlib.sha384(path.read_bytes()).hexdigest()


def _crc32(path: Path) -> str:
    """Return flyway's checksum: the CRC-32 of the lines without their ends, as a signed number."""
    value = 0
    for line in path.read_text("utf-8-sig").splitlines():
        value = zlib.crc32(line.encode(), value)
    return str(value - (1 << 32) if value >= 1 << 31 else value)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("sqlx", files.sqlx, "public._sqlx_migrations", _sqlx, _sha384),
        Kind("diesel", files.diesel, "public.__diesel_schema_migrations", _diesel),
        Kind("goose", files.goose, "public.goose_db_version", _goose),
        Kind("dbmate", files.dbmate, "public.schema_migrations", _dbmate),
        Kind("flyway", files.flyway, "public.flyway_schema_history", _flyway, _crc32),
        # Its files are programs, which the task taking_over runs.
        Kind("sequelize", None, 'public."SequelizeMeta"', _sequelize),
    )
}
