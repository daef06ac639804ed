"""What a cut-off CREATE INDEX CONCURRENTLY leaves: an index that is there, is kept up, and serves nothing."""

import re

from psycopg import sql

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.migration.files import COMMENTS, MigrationFile
from chatschema.postgres import Connection, Say
from chatschema.sqlfile import SqlFile

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".(]+)'
_CREATE_INDEX = re.compile(
    rf"(?is)\s*create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(?P<name>{_NAME})\s+on\s+"
    rf"(?:only\s+)?(?:(?P<schema>{_NAME})\s*\.)?"
)


def is_concurrent(file: SqlFile) -> bool:
    """Return whether the file's statement is of the kind that waits without making others wait."""
    return bool(re.search(r"(?i)\bconcurrently\b", COMMENTS.sub(" ", file.statements[0].text)))


def take_up(connection: Connection, file: MigrationFile, say: Say) -> bool:
    """Look at what an interrupted run left: True when the index is whole, else it is removed."""
    name = _index(file)
    is_valid = _is_valid(connection, name) if name else None
    if name is None or is_valid is None:
        return False
    if is_valid:
        say(f"{file.id}: the index of the interrupted run is complete")
        return True
    say(f"{file.id}: removing the invalid index of the interrupted run")
    postgres.execute(connection, sql.SQL("drop index concurrently {}").format(name))
    return False


def refuse_invalid(connection: Connection, file: MigrationFile) -> None:
    """Raise when the index exists and is invalid: `if not exists` is content with that, and it enforces nothing."""
    name = _index(file)
    if name and _is_valid(connection, name) is False:
        shown = name.as_string(connection)
        raise ChatschemaError(
            f"{file.id}: index {shown} exists and is invalid, so it is not recorded",
            f"drop it, then run chatschema migrate again: drop index concurrently {shown}",
        )


def _index(file: MigrationFile) -> sql.Identifier | None:
    match = _CREATE_INDEX.match(COMMENTS.sub(" ", file.apply.statements[0].text))
    # An unqualified table is looked for in public, the search_path of every migration.
    return sql.Identifier(_plain(match["schema"] or "public"), _plain(match["name"])) if match else None


def _plain(name: str) -> str:
    """Return a name as PostgreSQL stores it: quoted as it is, unquoted in lower case."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _is_valid(connection: Connection, name: sql.Identifier) -> bool | None:
    query = "select indisvalid from pg_catalog.pg_index where indexrelid = to_regclass(%s)"
    row = postgres.execute(connection, query, (name.as_string(connection),)).fetchone()
    return None if row is None else bool(row[0])
