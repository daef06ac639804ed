"""Removing a bulk seed: its own rows, found by what the ledger records, and no row of others."""

from datetime import datetime
from uuid import UUID

from psycopg import sql

from chatschema import audit, postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection, Say, seeded
from chatschema.seed.runner import REFERENCES
from chatschema.values import TABLES, Month

_PARENTS = ("users", "conversations", "user_public_keys", "auth_sessions", "messages")
# Each row of the nine tables that refers to one of the others names a user or a conversation as well.
_OWNERS = ("users", "conversations")


def refuse_references(connection: Connection) -> None:
    """Raise when rows of others refer to rows of the seed: a removal would change or delete those too."""
    for parent in _PARENTS:
        found = postgres.fetch_all(connection, REFERENCES, {"table": f"public.{parent}"})
        if parent == "conversations":
            # Their foreign keys end at the users.
            found.append(("public", "message_statuses", ["conversation_id"], ["id"]))
        for schema, child, columns, targets in found:
            is_one_of_nine = schema == "public" and child in TABLES
            if is_one_of_nine and parent not in _OWNERS:
                continue
            count = _of_others(connection, schema, child, columns, parent, targets, is_one_of_nine=is_one_of_nine)
            if others := postgres.fetch_one(connection, count)[0]:
                raise ChatschemaError(
                    f"{others} rows of {child} that were not seeded refer to seeded {parent}; no row was removed",
                    f"remove those rows first (by their {', '.join(columns)}), or start over: chatschema reset",
                    code="seed.referenced",
                )


def _of_others(
    connection: Connection, schema: str, child: str, columns: list[str], parent: str, targets: list[str], *, is_one_of_nine: bool
) -> sql.Composed:
    if is_one_of_nine:
        query = "select count(*) from {} as t where t.{} in (select o.id from chatschema.bulk_owners as o)"
        return sql.SQL(query).format(seeded.others(connection, child), sql.Identifier(columns[0]))
    table = sql.Identifier(schema, child)
    join = sql.SQL(" and ").join(
        sql.SQL("t.{} = c.{}").format(sql.Identifier(target), sql.Identifier(column))
        for column, target in zip(columns, targets, strict=True)
    )
    query = "select count(*) from {} as c where exists (select from {} as t where {} and {})"
    return sql.SQL(query).format(table, sql.Identifier("public", parent), join, seeded.is_own(parent))


def count(connection: Connection, month: Month, key: str, lower: UUID, upper: UUID) -> tuple[int, int]:
    """Return how many rows there are in a month, between two ids in the column `key`, and how many of them are of the seed."""
    query = sql.SQL("select count(*), count(*) filter (where {}) from {} as t where t.{key} >= {} and t.{key} < {}").format(
        seeded.is_own(month.parent), sql.Identifier("public", month.parent), sql.Literal(str(lower)), sql.Literal(str(upper)),
        key=sql.Identifier(key),
    )  # fmt: skip
    total, own = postgres.fetch_one(connection, query)
    return total, own


def refuse_more(month: str, own: int, stored: int) -> None:
    """Raise where a seeded conversation has more messages in a month than were seeded: nobody can tell which are others'."""
    if own > stored:
        raise ChatschemaError(
            f"seeded conversations have {own - stored} messages in {month} that were not seeded, with ids of a time before the"
            " seed's end; this month and those after it were not removed",
            "remove those messages first, or start over: chatschema reset",
            code="seed.referenced",
        )


def remove_files(connection: Connection, lower: datetime, upper: datetime) -> int:
    """Remove the seed's attachments of a month; return their number."""
    query = sql.SQL("delete from public.attachments as t where t.created_at >= {} and t.created_at < {} and {}")
    bounds = (sql.Literal(lower), sql.Literal(upper))
    return postgres.execute(connection, query.format(*bounds, seeded.is_own("attachments"))).rowcount


def remove_messages(connection: Connection, lower: UUID, upper: UUID) -> int:
    """Remove the seed's messages from one id to another, with their statuses; return their number."""
    query = sql.SQL("delete from public.messages as t where t.id >= {} and t.id < {} and {}")
    bounds = (sql.Literal(str(lower)), sql.Literal(str(upper)))
    return postgres.execute(connection, query.format(*bounds, seeded.is_own("messages"))).rowcount


def remove_audit(connection: Connection, month: datetime | None, say: Say) -> int:
    """Remove the entries of the trail that were stored with a month, or with the people; return their number.

    Sealed ones stay, and `say` tells it. The caller holds the lock of those who seal.
    """
    of_month = "select m.audit_txid from chatschema.bulk_months as m where m.month = %s"
    of_people = "select s.audit_txid from chatschema.bulk_seed as s"
    rows = postgres.fetch_all(connection, of_month, (month,)) if month else postgres.fetch_all(connection, of_people)
    if not rows or rows[0][0] is None:
        return 0
    txid = rows[0][0]
    if _is_sealed(connection, txid):
        say(f"warning: the audit entries of {f'{month:%Y-%m}' if month else 'the conversations'} are sealed, so they stay")
        return 0
    # No other session sees the table without its trigger: it is disabled and enabled in this transaction.
    postgres.execute(connection, "alter table public.audit_logs disable trigger audit_logs_refuse_change")
    query = "delete from public.audit_logs where txid = %s::text::xid8 and not starts_with(action, 'seed.')"
    removed = postgres.execute(connection, query, (str(txid),)).rowcount
    postgres.execute(connection, "alter table public.audit_logs enable always trigger audit_logs_refuse_change")
    return removed


def _is_sealed(connection: Connection, txid: object) -> bool:
    """Return whether the entries of a transaction are sealed: all of them are, or none."""
    if not postgres.has_table(connection, "chatschema.audit_seals"):
        return False
    query = """
        select chatschema.audit_seal_of(a.id, a.txid) is not null
        from (select id, txid from public.audit_logs where txid = %s::text::xid8 limit 1) as a
    """
    rows = postgres.fetch_all(connection, query, (str(txid),))
    return bool(rows and rows[0][0])


def remove_people(connection: Connection) -> int:
    """Remove users and conversations with what belongs to them, and the record of the seed; return the number of rows."""
    removed = 0
    for table in ("conversation_participants", "conversations", "user_public_keys", "auth_sessions", "users"):
        query = sql.SQL("delete from {} as t where {}").format(sql.Identifier("public", table), seeded.is_own(table))
        removed += postgres.execute(connection, query).rowcount
    postgres.execute(connection, "delete from chatschema.bulk_owners")
    postgres.execute(connection, "delete from chatschema.bulk_seed")
    if audit.is_logged(connection, "audit_users"):
        audit.record(connection, "seed.undo", "seed", "bulk", rows=removed)
    return removed
