"""The settings of PgBouncer that have the sizes of the report on pools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chatschema.errors import ChatschemaError

# Settings that need no number of this server. The prepared statements are a comment: an older PgBouncer refuses to start with them.
_POOLER = """\
[pgbouncer]
; a connection belongs to a client for one transaction
pool_mode = transaction
; clients that may wait for a connection; the default is 100
max_client_conn = 1000
; named statements need PgBouncer 1.21 or later; 1.18, as in Debian 12, does not start with this line
;max_prepared_statements = 200
; below: listen_addr, listen_port, auth_type, auth_file\
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The server that the pools connect to, as it was reached here, and when it was asked."""

    host: str
    port: int
    database: str
    version: str
    at: datetime


def require_sizes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise ChatschemaError where the sizes are not known, because the cores are not."""
    (pools,) = (row for row in rows if row["kind"] == "server" and row["object"] == "pools")
    if pools["size"] is None:
        raise ChatschemaError(
            "the cores of the server are not known: only a superuser may ask it, and only on Linux",
            "give them: chatschema report pool --suggest --cores 8; or cores = 8 under [report.pool] in chatschema.toml",
            code="report.cores",
        )


def settings(rows: Sequence[Mapping[str, Any]], place: Place) -> str:
    """Return a part of pgbouncer.ini: a database entry a group, with each number's origin as a comment. Raises ChatschemaError."""
    require_sizes(rows)
    numbers = [f"; {row['object']} {row['size']}: {row['source']}" for row in rows if row["kind"] == "server"]
    head = [
        f"; pools for {place.database} on {place.host}:{place.port}, PostgreSQL {place.version}, {place.at:%Y-%m-%d}:",
        *numbers,
        "[databases]",
    ]
    groups = [row for row in rows if row["kind"] == "group"]
    entries = [line for row in groups for line in _entry(row, place)]
    return "\n".join(
        [*head, *(entries or ["; no login has the group of the application yet: chatschema report pool"]), "", _POOLER]
    )


def _entry(group: Mapping[str, Any], place: Place) -> list[str]:
    """Return the lines of a group: PgBouncer has a pool for each pair of entry and user, so the entry limits all of them."""
    each = max(group["size"] // group["logins"], 1)
    kind = group["object"].rpartition("_")[2]
    name = place.database if kind == "app" else f"{place.database}_{kind}"
    server = f"host={place.host} port={place.port} dbname={_quoted(place.database)}"
    return [
        f"; {group['object']} {group['size']}: {group['source']}",
        f"{_name(name)} = {server} pool_size={each} max_db_connections={group['size']}",
    ]


def _quoted(text: str) -> str:
    """Return a value of a connection string of PgBouncer."""
    return text if text.replace("_", "").isalnum() and text.isascii() else "'" + text.replace("'", "''") + "'"


def _name(text: str) -> str:
    """Return a name on the left of an entry."""
    return text if text.replace("_", "").isalnum() and text.isascii() else '"' + text.replace('"', '""') + '"'
