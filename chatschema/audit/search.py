"""Searching the audit trail: by who, what, when and from where, the newest rows first, by its indexes."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import sql

from chatschema import postgres
from chatschema.audit.entry import COLUMNS, Entry
from chatschema.errors import UsageError
from chatschema.postgres import Connection


@dataclass(frozen=True, slots=True)
class Filter:
    """What a row must have; None for anything. `action` and `resource_id` may end with an asterisk, `ip` may be a network."""

    user: UUID | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    action: str | None = None
    ip: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The newest rows that match, and whether there are older ones."""

    entries: list[Entry]
    has_more: bool


def search(connection: Connection, wanted: Filter, *, limit: int) -> Found:
    """Return at most `limit` rows, the newest first. Raises UsageError for an address that is none."""
    # An index has the rows of a user, or of a resource, by time. Without either, the order of arrival is that of the primary key.
    order = sql.SQL("created_at desc, id desc" if wanted.user or wanted.resource_type else "id desc")
    query = sql.SQL("select {} from public.audit_logs where {} order by {} limit {}").format(
        sql.SQL(COLUMNS), condition(wanted), order, sql.Literal(limit + 1)
    )
    rows = [Entry(*row) for row in postgres.fetch_all(connection, query)]
    return Found(rows[:limit], len(rows) > limit)


def condition(wanted: Filter) -> sql.Composable:
    """Return the condition of a filter, true for one without any. Raises UsageError for an address that is none."""
    parts: list[sql.Composable] = []
    if wanted.user:
        parts.append(sql.SQL("user_id = {}").format(sql.Literal(wanted.user)))
    if wanted.resource_type:
        parts.append(sql.SQL("resource_type = {}").format(sql.Literal(wanted.resource_type)))
    for column, text in (("resource_id", wanted.resource_id), ("action", wanted.action)):
        if text and text.endswith("*"):
            parts.append(sql.SQL("starts_with({}, {})").format(sql.Identifier(column), sql.Literal(text[:-1])))
        elif text:
            parts.append(sql.SQL("{} = {}").format(sql.Identifier(column), sql.Literal(text)))
    if wanted.ip:
        parts.append(sql.SQL("ip_address <<= any ({}::inet[])").format(sql.Literal(_networks(wanted.ip))))
    if wanted.since:
        parts.append(sql.SQL("created_at >= {}").format(sql.Literal(wanted.since)))
    if wanted.until:
        parts.append(sql.SQL("created_at < {}").format(sql.Literal(wanted.until)))
    return sql.SQL(" and ").join(parts) if parts else sql.SQL("true")


def _networks(text: str) -> list[str]:
    """Return an address or a network in both ways of writing: one of version 4 may be stored as ::ffff:10.0.0.1."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        hint = "write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
        raise UsageError(f"--ip {text} is neither an address nor a network", hint, code="audit.ip-syntax") from None
    if isinstance(network, ipaddress.IPv4Network):
        return [str(network), f"::ffff:{network.network_address}/{96 + network.prefixlen}"]
    if network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return [str(network), f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}"]
    return [str(network)]
