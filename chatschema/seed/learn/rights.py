"""Whether the role of the connection sees all rows that a profile is learned from."""

from chatschema import postgres
from chatschema.errors import ChatschemaError
from chatschema.postgres import Connection

_COLUMNS = {
    "users": ("id",),
    "conversations": ("id", "type"),
    "conversation_participants": ("conversation_id", "user_id", "left_at"),
    "messages": (
        "id", "conversation_id", "content_encrypted", "message_type", "reply_to_id", "edit_count", "is_deleted", "created_at",
    ),
    "message_statuses": ("message_id", "read_at", "reacted_at"),
}  # fmt: skip
_UNREADABLE = """
    select w.relation, string_agg(quote_ident(w.attname), ', ' order by w.place)
    from unnest(%s::text[], %s::text[]) with ordinality as w (relation, attname, place)
    where not coalesce(has_column_privilege(to_regclass('public.' || w.relation), w.attname, 'select'), false)
    group by w.relation order by min(w.place)
"""
# A policy that shows all rows to this role, and none that hides some.
_HIDDEN = """
    select w.relation from unnest(%s::text[]) with ordinality as w (relation, place)
    where row_security_active(to_regclass('public.' || w.relation)) and (
        not exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = to_regclass('public.' || w.relation) and p.polpermissive and p.polcmd in ('r', '*')
                and pg_get_expr(p.polqual, p.polrelid) = 'true'
                and exists (select from unnest(p.polroles) as r (id) where r.id = 0 or pg_has_role(r.id, 'usage'))
        ) or exists (
            select from pg_catalog.pg_policy as p
            where p.polrelid = to_regclass('public.' || w.relation) and not p.polpermissive and p.polcmd in ('r', '*')
                and exists (select from unnest(p.polroles) as r (id) where r.id = 0 or pg_has_role(r.id, 'usage'))
        )
    )
    order by w.place
"""


def refuse_blind(connection: Connection) -> None:
    """Raise ChatschemaError, with the statement that changes it, where the role cannot read a column or does not see all rows."""
    role = postgres.fetch_one(connection, "select quote_ident(current_user)")[0]
    pairs = [(table, column) for table, columns in _COLUMNS.items() for column in columns]
    lists = [list(names) for names in zip(*pairs, strict=True)]
    if missing := postgres.fetch_all(connection, _UNREADABLE, lists):
        grants = "; ".join(f"grant select ({columns}) on public.{table} to {role}" for table, columns in missing)
        text = f"role {role} may not read {missing[0][1]} of {missing[0][0]}; nothing was learned"
        raise ChatschemaError(text, grants, code="seed.profile-rights")
    if hidden := postgres.fetch_all(connection, _HIDDEN, (list(_COLUMNS),)):
        raise ChatschemaError(
            f"row level security hides rows of {hidden[0][0]} from role {role}, so nothing was learned",
            "use the owner of the tables, or a member of the group readonly (chatschema roles show)",
            code="seed.profile-rights",
        )
