"""Copying a whole database: by the way that is fastest for its size."""

from pathlib import Path
from typing import Literal

from psycopg import sql

from chatschema import postgres
from chatschema.database.catalog import quiet
from chatschema.postgres import Connection

Way = Literal["wal_log", "file_copy", "clone"]
# Up to this size a copy through the WAL is faster: a copy of the files costs two checkpoints.
_LARGE_BYTES = 100 << 20
# ioctl_ficlone(2): let two files share their blocks.
_FICLONE = 0x40049409


def way(connection: Connection, template: str, *, shares_blocks: bool = False) -> Way:
    """Return the fastest way to copy a database. `shares_blocks`: what shares_blocks() returned for the server's folder."""
    size = postgres.fetch_one(connection, "select pg_catalog.pg_database_size(%s::name)", (template,))[0]
    if size <= _LARGE_BYTES:
        return "wal_log"
    return "clone" if shares_blocks and connection.info.server_version >= 180000 else "file_copy"


def copy(connection: Connection, template: str, name: str, how: Way, *, closed: bool = False) -> None:
    """Create the database `name` as a copy of `template`, to which nobody may be connected; `closed` to logins if asked.

    `how` is what way() returned. Raises ServerError.
    """
    query = sql.SQL("create database {} template {} strategy {}{}").format(
        sql.Identifier(name),
        sql.Identifier(template),
        sql.SQL("wal_log") if how == "wal_log" else sql.SQL("file_copy"),
        sql.SQL(" allow_connections false") if closed else sql.SQL(""),
    )
    if how == "clone":
        postgres.execute(connection, "set file_copy_method = clone")
    with quiet(connection):
        postgres.execute(connection, query)
    if how == "clone":
        postgres.execute(connection, "reset file_copy_method")


def shares_blocks(folder: Path) -> bool:
    """Return whether files in this folder can share their blocks, by trying: on ext4 PostgreSQL copies them, without an error."""
    import fcntl
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder) as source, tempfile.TemporaryFile(dir=folder) as copied:
            source.write(b"x" * 4096)
            source.flush()
            fcntl.ioctl(copied.fileno(), _FICLONE, source.fileno())
            return True
    except OSError:
        return False
