"""The primary of a standby: its address, where the standby shows it to this role."""

from typing import TYPE_CHECKING, Any

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

# What the receiver is connected to; without a receiver, or where this role sees only that there is one, what the standby is told.
_RECEIVER = "select sender_host, sender_port from pg_catalog.pg_stat_wal_receiver where sender_host is not null /* chatschema */"
_TOLD = """
    select
        case when pg_catalog.pg_has_role('pg_read_all_settings', 'usage') then pg_catalog.current_setting('primary_conninfo') end,
        pg_catalog.quote_ident(current_user)
    /* chatschema */
"""


def where(connection: "Connection") -> str:
    """Return words for the primary of this standby: its address, or why it cannot be seen. Never its password.

    Raises psycopg.Error.
    """
    if receiving := connection.execute(_RECEIVER).fetchone():
        host, port = receiving
        return _address(host, str(port or ""))
    told, role = connection.execute(_TOLD).fetchone() or (None, "")
    if told is None:
        return f"this role cannot see its address: grant pg_monitor to {role}"
    parts = _parts(told)
    hosts = str(parts.get("host") or parts.get("hostaddr") or "").split(",")
    ports = str(parts.get("port") or "5432").split(",")
    known = [_address(host, ports[number] if len(ports) == len(hosts) else ports[0]) for number, host in enumerate(hosts) if host]
    return " or ".join(known) or "this standby does not say which: it has no host in primary_conninfo"


def _parts(conninfo: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(conninfo)
    except Error:
        return {}


def _address(host: str, port: str) -> str:
    """Return host and port as one writes them; for a folder of a socket they are of the standby's machine."""
    if host.startswith(("/", "@")):
        return f"the socket in {host} of its machine, port {port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
