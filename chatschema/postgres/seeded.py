"""Which rows a bulk seed created: conditions on `t`, a row of one of the nine tables, by what the ledger records."""

from typing import LiteralString

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection

_OWNED = "t.{} in (select o.id from chatschema.bulk_owners as o)"
# Everything in the seed happens before this moment, and whatever the application writes, after it.
_END = "(select s.until::timestamp at time zone 'UTC' from chatschema.bulk_seed as s)"
_BEFORE = f"t.created_at < {_END}"
_ID_BEFORE = "t.{} < (select chatschema.uuid7_floor(s.until::timestamp at time zone 'UTC') from chatschema.bulk_seed as s)"
_IN_TXIDS = (
    "t.txid in (select s.audit_txid from chatschema.bulk_seed as s union all select m.audit_txid from chatschema.bulk_months as m)"
)
_RULES = {
    "users": (_OWNED.format("id"),),
    # A seeded login, key and file has the id of its user or message.
    "auth_sessions": ("t.id = t.user_id", _OWNED.format("user_id")),
    "user_public_keys": ("t.id = t.user_id", _OWNED.format("user_id")),
    "conversations": (_OWNED.format("id"),),
    "conversation_participants": (_BEFORE, _OWNED.format("conversation_id"), _OWNED.format("user_id")),
    "messages": (_ID_BEFORE.format("id"), _OWNED.format("conversation_id")),
    "message_statuses": (_ID_BEFORE.format("message_id"), _OWNED.format("conversation_id"), _OWNED.format("user_id")),
    "attachments": ("starts_with(t.storage_key, 'seed/')", _OWNED.format("conversation_id")),
    "audit_logs": (
        "not starts_with(t.action, 'seed.')",
        _IN_TXIDS,
    ),
}


def exists(connection: Connection) -> bool:
    """Return whether the database has a bulk seed, or a part of one. False for a role that may not read its record."""
    table = "chatschema.bulk_seed"
    readable = "select case when to_regclass(%s) is not null then has_table_privilege(%s, 'select') else false end"
    if not postgres.fetch_one(connection, readable, (table, table))[0]:
        return False
    return bool(postgres.fetch_one(connection, "select exists (select from chatschema.bulk_seed)")[0])


# The rows that are not, found without reading those that are: by id from the end of the seed on, and through the conversations and
# users that the seed did not create. A message has its conversation by foreign key, and a status that of its message by trigger.
_OTHERS: dict[str, LiteralString] = {
    "messages": """
        select t.* from public.messages as t where t.id >= {end}
        union all
        select t.* from public.conversations as c join public.messages as t on t.conversation_id = c.id and t.id < {end}
        where not exists (select from chatschema.bulk_owners as o where o.id = c.id)
    """,
    "message_statuses": """
        select t.* from public.message_statuses as t where t.message_id >= {end}
        union all
        select t.* from public.conversations as c join public.messages as m on m.conversation_id = c.id and m.id < {end}
        join public.message_statuses as t on t.message_id = m.id
        where not exists (select from chatschema.bulk_owners as o where o.id = c.id)
        union all
        select t.* from public.users as u join public.message_statuses as t on t.user_id = u.id and t.message_id < {end}
        where not exists (select from chatschema.bulk_owners as o where o.id = u.id)
            and exists (select from chatschema.bulk_owners as o where o.id = t.conversation_id)
    """,
}
_END_ID = "select chatschema.uuid7_floor(s.until::timestamp at time zone 'UTC')::text from chatschema.bulk_seed as s"


def others(connection: Connection, table: str) -> sql.Composable:
    """Return the rows of one of the nine tables that the bulk seed did not create, as what FROM reads. Only where it exists()."""
    if table not in _OTHERS:
        return sql.SQL("(select t.* from {} as t where not {})").format(sql.Identifier("public", table), is_own(table))
    end = sql.Literal(postgres.fetch_one(connection, _END_ID)[0])
    return sql.SQL("({})").format(sql.SQL(_OTHERS[table]).format(end=end))


def is_own(table: str) -> sql.Composable:
    """Return the condition that the bulk seed created the row `t` of one of the nine tables. Only where it exists()."""
    return sql.SQL(f"({' and '.join(_RULES[table])})")
