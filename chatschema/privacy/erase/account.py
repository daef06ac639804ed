"""The account of a person: ended first, and erased last, as until then it says whom to search for."""

from uuid import UUID

from chatschema import audit, postgres
from chatschema.postgres import Connection
from chatschema.privacy.erase.values import Values

_READ = "select username, email, avatar_url, account_state from public.users where id = %s"
_END = "update public.users set account_state = 'deactivated' where id = %s and account_state in ('active', 'suspended')"
# A name shows who somebody was: nobody takes it for a time, by its hash.
_RESERVE = """
    insert into chatschema.erased_names (name_hash, reserved_until)
    select sha256(convert_to(username, 'UTF8')), clock_timestamp() + make_interval(months => %(months)s, days => %(days)s)
    from public.users where id = %(subject)s and account_state <> 'erased'
    on conflict (name_hash) do update set reserved_until = greatest(erased_names.reserved_until, excluded.reserved_until)
"""
_ERASE = """
    update public.users
    set username = 'deleted-' || id, email = null, display_name = null, avatar_url = null, password_hash = null, status = 'offline',
        last_seen_at = null, account_state = 'erased', erased_at = coalesce(erased_at, clock_timestamp())
    where id = %(subject)s
"""
_UNWRAP = """
    update public.conversation_participants set encrypted_key = null, key_nonce = null, public_key_id = null
    where user_id = %(subject)s and (encrypted_key is not null or key_nonce is not null or public_key_id is not null)
"""
_KEYS = "delete from public.user_public_keys where user_id = %(subject)s"
_SESSIONS = "delete from public.auth_sessions where user_id = %(subject)s"


def values(connection: Connection, id: UUID) -> Values:
    """Return what names the person, and must not be left."""
    username, email, avatar_url, state = postgres.fetch_one(connection, _READ, (id,))
    return Values(username, () if state == "erased" else tuple(value for value in (username, email, avatar_url) if value))


def end(connection: Connection, id: UUID) -> None:
    """End the account: no sign-in, no session; within the caller's transaction."""
    postgres.execute(connection, _END, (id,))


def remove_secrets(connection: Connection, id: UUID) -> dict[str, int]:
    """Remove wrapped conversation keys, public keys and sessions; return how many of each. Within the caller's transaction."""
    queries = {"wrapped_keys": _UNWRAP, "public_keys": _KEYS, "sessions": _SESSIONS}
    counts = {name: postgres.execute(connection, query, {"subject": id}).rowcount for name, query in queries.items()}
    if any(counts.values()):
        audit.record(connection, "privacy.erase_batch", "user", str(id), **counts)
    return counts


def erase(connection: Connection, id: UUID, *, reserved_months: int, reserved_days: int) -> None:
    """Reserve the name, and erase the row; within the caller's transaction."""
    values = {"subject": id, "months": reserved_months, "days": reserved_days}
    postgres.execute(connection, _RESERVE, values)
    postgres.execute(connection, _ERASE, values)
